import ArgumentParser
import IPC

/// `events`: everything that is stored of a job, in order.
struct EventsCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Show a job's stored events.",
        discussion: "Times are UTC. --json prints each event as it is stored, one object a line.")

    @OptionGroup var supervisor: SupervisorOptions
    @OptionGroup var job: JobArgument
    @Flag(name: .shortAndLong, help: "Go on until the job is over.")
    var follow = false
    @Option(help: ArgumentHelp("Begin at this sequence number.", valueName: "number"))
    var since: Int64 = 1

    func validate() throws {
        guard since >= 1 else { throw ValidationError("--since is a sequence number, from 1.") }
    }

    func run(_ console: Console) throws {
        let request = EventsRequest(job: job.job, from: since, follow: follow, credit: Client.credit)
        try supervisor.connect().subscribeUntilClosed(
            request,
            onItem: { item in
                guard !console.out.isClosed else { throw Closed() }
                console.out.line(
                    supervisor.json ? item.object.line : EventsCommand.line(item, columns: console.columns))
            })
    }

    /// Time, number and what happened; of a log batch its first line.
    static func line(_ item: Item, columns: Int) -> String {
        let text: String
        if let bytes = EventText.logBytes(item.event) {
            let stream = item.event["stream"]?.stringValue ?? "?"
            let first = String(
                decoding: Sanitizer.bytes(Array(bytes.prefix { $0 != 0x0a }.prefix(4096)), oneLine: true), as: UTF8.self
            )
            text = "\(stream), \(Words.count(Int64(item.count), "line")): \(first)"
        } else {
            text = EventText.summary(item.event) ?? ""
        }
        let line = Sanitizer.line("\(Words.time(item.at)) \(item.seq) \(text)")
        return DisplayWidth.truncated(line, to: columns)
    }
}
