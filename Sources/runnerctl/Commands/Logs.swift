import ArgumentParser
import IPC

/// `logs`: what a job's tools wrote.
struct LogsCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show what a job's tools wrote.",
        discussion: """
            Control characters are shown as escapes; --json prints the batches as they came, one object a line. With \
            -n, lines that stand far before many events of other kinds may be left out.
            """)

    /// Events that are no log lines and stand between the last lines.
    private static let spare: Int64 = 512

    @OptionGroup var supervisor: SupervisorOptions
    @OptionGroup var job: JobArgument
    @Flag(name: .shortAndLong, help: "Go on until the job is over.")
    var follow = false
    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("Only the last so many lines (0 to 100000).", valueName: "number"))
    var lines: Int?

    func validate() throws {
        if let lines, !(0...100_000).contains(lines) { throw ValidationError("-n is a number from 0 to 100000.") }
    }

    func run(_ console: Console) throws {
        let request = EventsRequest(
            job: job.job, from: lines == nil ? 1 : nil, last: lines.map { Int64($0) + LogsCommand.spare },
            follow: follow,
            credit: Client.credit)
        var tail = lines.map { LineTail(limit: $0) }
        var last: Int64 = 0
        func flush() {
            for line in tail?.last ?? [] { LiveView.show(log: line.event, line.bytes, console) }
            tail = nil
        }
        try supervisor.connect().subscribeUntilClosed(
            request,
            onReport: { report in
                last = report.last
                if last == 0 { flush() }
            },
            onItem: { item in
                guard !console.out.isClosed else { throw Closed() }
                if tail != nil, item.seq > last { flush() }
                if let bytes = EventText.logBytes(item.event) {
                    if supervisor.json {
                        console.out.line(item.object.line)
                    } else if tail != nil {
                        tail?.add(item.event, bytes)
                    } else {
                        LiveView.show(log: item.event, bytes, console)
                    }
                }
                if tail != nil, item.following > last { flush() }
            })
        flush()
    }
}

/// The reader of the output went away: there is nothing left to do, and nothing to say.
struct Closed: Error {}

extension Client {
    /// As `subscribe`, ending quietly when nobody reads the output any more.
    func subscribeUntilClosed(
        _ request: EventsRequest, onReport: (EventsReport) throws -> Void = { _ in }, onItem: (Item) throws -> Void
    ) throws {
        do {
            _ = try subscribe(request, onReport: onReport, onItem: onItem)
        } catch is Closed {}
    }
}

/// The last lines of a log, in order, whichever stream they came from.
struct LineTail {
    let limit: Int
    private var lines: [(event: JSON, bytes: [UInt8])] = []

    init(limit: Int) { self.limit = limit }

    mutating func add(_ event: JSON, _ bytes: [UInt8]) {
        guard limit > 0 else { return }
        var content = bytes[...]
        if content.last == 0x0a { content.removeLast() }
        // Only what says where a line goes is kept of its batch.
        let stream: JSON = ["stream": event["stream"] ?? .null]
        for line in content.split(separator: 0x0a, omittingEmptySubsequences: false).suffix(limit) {
            lines.append((stream, Array(line) + [0x0a]))
        }
        // Dropped in bulk, so that each line is moved a constant number of times.
        if lines.count > 2 * limit { lines.removeFirst(lines.count - limit) }
    }

    /// The lines to show.
    var last: ArraySlice<(event: JSON, bytes: [UInt8])> { lines.suffix(limit) }
}
