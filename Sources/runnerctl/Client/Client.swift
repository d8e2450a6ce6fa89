import IPC
import Linux

/// A conversation with the supervisor, one call at a time, on the calling thread. A subscription's items are taken by
/// credit, so that a slow terminal slows the sender and nothing is buffered beyond `Client.credit` items.
final class Client {
    /// Items that may be under way.
    static let credit = 64
    private static let helloTimeout: Int64 = 5_000
    private static let callTimeout: Int64 = 60_000

    /// An answer: the report as it came, and the descriptors with it.
    struct Reply {
        let result: JSON
        let descriptors: [Descriptor]
    }

    private struct Subscription {
        let id: Int64
        var granted: Int
        var items: [Item] = []
        var end: String?
    }

    private let loop: EventLoop
    private let connection: Connection
    private let interrupts: Interrupts?
    private var nextID: Int64 = 1
    private var waiting: Set<Int64> = []
    private var replies: [Int64: Result<Reply, ProtocolError>] = [:]
    private var subscription: Subscription?
    private var ending: CommandFailure?
    private var deadline: Int64?

    /// What the supervisor said of itself.
    private(set) var welcome: Welcome?

    /// Says hello on a connected socket and waits for the welcome, at most 5 seconds.
    /// - Throws: `CommandFailure` with exit code 3.
    init(socket: Descriptor, interrupts: Interrupts? = nil) throws {
        loop = try EventLoop()
        connection = try Connection(socket, loop: loop, limits: .hello)
        self.interrupts = interrupts
        connection.onFrame = { [weak self] frame throws(ProtocolError) in try self?.receive(frame) }
        connection.onEnd = { [weak self] ending in self?.ended(ending) }
        if let interrupts { try loop.watch(interrupts.descriptor.raw, .readable) { _ in interrupts.collect() } }
        try connection.send(Hello(role: .control, client: "runnerctl \(bulkheadVersion)"))
        try within(Client.helloTimeout) { while welcome == nil { try pump() } }
    }

    /// Asks and waits for the answer.
    /// - Parameter timeout: milliseconds; nil waits for ever.
    /// - Throws: `CommandFailure` for an error answer, a lost connection and one that does not come in time;
    ///   `Interrupted` at the second interrupt.
    func call(
        _ method: ControlMethod, _ params: some Encodable, descriptors: [Descriptor] = [],
        timeout: Int64? = Client.callTimeout
    ) throws -> Reply {
        let id = try post(method, try JSON(encoding: params), descriptors: descriptors)
        return try within(timeout) { try reply(to: id) }
    }

    /// As `call`, for a method without parameters.
    func call(_ method: ControlMethod) throws -> Reply {
        let id = try post(method, nil)
        return try within(Client.callTimeout) { try reply(to: id) }
    }

    /// Sends a request whose answer nobody waits for.
    func tell(_ method: ControlMethod, _ params: some Encodable) throws {
        let id = try post(method, try JSON(encoding: params))
        waiting.remove(id)
    }

    /// Hands each stored event of a job to `onItem`, in order, until the subscription ends.
    /// - Parameters:
    ///   - onReport: called once, with the last number at the time of the request.
    ///   - onWake: called before each wait, for instance to act on an interrupt.
    /// - Returns: why it ended: `finished`, `caught-up` or `cancelled`.
    func subscribe(
        _ request: EventsRequest, onReport: (EventsReport) throws -> Void = { _ in }, onWake: () throws -> Void = {},
        onItem: (Item) throws -> Void
    ) throws -> String {
        let id = try post(.events, try JSON(encoding: request))
        subscription = Subscription(id: id, granted: request.credit)
        defer { subscription = nil }
        let report = try within(Client.callTimeout) { try reply(to: id) }
        try onReport(try report.decode(EventsReport.self))
        var consumed = 0
        while true {
            while let item = nextItem() {
                try onItem(item)
                consumed += 1
                if consumed >= request.credit / 2, subscription?.end == nil {
                    try connection.send(Credit(id: id, items: consumed))
                    subscription?.granted += consumed
                    consumed = 0
                }
            }
            if let end = subscription?.end { return end }
            try onWake()
            try pump()
        }
    }

    // MARK: sending and waiting

    private func post(_ method: ControlMethod, _ params: JSON?, descriptors: [Descriptor] = []) throws -> Int64 {
        let id = nextID
        nextID += 1
        waiting.insert(id)
        let count = descriptors.isEmpty ? nil : descriptors.count
        try connection.send(
            Request(id: id, method: method.rawValue, params: params, fds: count), descriptors: descriptors)
        return id
    }

    private func reply(to id: Int64) throws -> Reply {
        while true {
            if let reply = replies.removeValue(forKey: id) {
                switch reply {
                case .success(let reply): return reply
                case .failure(let error): throw CommandFailure(error)
                }
            }
            try pump()
        }
    }

    private func nextItem() -> Item? {
        guard let items = subscription?.items, !items.isEmpty else { return nil }
        return subscription?.items.removeFirst()
    }

    private func within<Result>(_ milliseconds: Int64?, _ body: () throws -> Result) throws -> Result {
        deadline = milliseconds.map { monotonicMilliseconds() + $0 }
        defer { deadline = nil }
        return try body()
    }

    /// One wait. What came before a lost connection is still handed out: the loss shows at the next wait.
    private func pump() throws {
        if let ending { throw ending }
        let remaining = deadline.map { $0 - monotonicMilliseconds() }
        if let remaining, remaining <= 0 {
            throw CommandFailure.lost(
                "the supervisor did not answer in time; see its log (journalctl -u bulkhead) and `runnerctl doctor`")
        }
        try loop.runOnce(maximumWait: remaining ?? -1)
        if let interrupts, interrupts.count >= 2 { throw Interrupted() }
    }

    // MARK: receiving

    private func receive(_ frame: Frame) throws(ProtocolError) {
        if frame.type == Failure.type {
            ending = CommandFailure(try frame.decode(Failure.self).error)
            return
        }
        guard welcome != nil else {
            let accepted = try frame.decode(Welcome.self)
            guard accepted.protocol == protocolVersion else {
                throw ProtocolError(
                    .wrongVersion,
                    "the supervisor speaks protocol \(accepted.protocol), this runnerctl \(protocolVersion)")
            }
            welcome = accepted
            connection.limit = FrameLimits.standard.maximumLength
            return
        }
        switch frame.type {
        case Response.type: try take(try frame.decode(Response.self), frame.descriptors)
        case Item.type: try take(try frame.decode(Item.self))
        case End.type:
            let end = try frame.decode(End.self)
            guard subscription?.id == end.id else { return }
            subscription?.end = end.reason
        default: throw ProtocolError(.unexpected, "the supervisor sent an unknown \(frame.type.prefix(40)) frame")
        }
    }

    private func take(_ response: Response, _ descriptors: [Descriptor]) throws(ProtocolError) {
        guard response.id > 0, response.id < nextID else {
            throw ProtocolError(.unexpected, "a response to a request that was never made")
        }
        guard waiting.remove(response.id) != nil else { return }
        if let problem = response.error {
            replies[response.id] = .failure(ProtocolError(.init(rawValue: problem.code), problem.message))
        } else {
            replies[response.id] = .success(Reply(result: response.result ?? .null, descriptors: descriptors))
        }
    }

    private func take(_ item: Item) throws(ProtocolError) {
        guard var current = subscription, current.id == item.id, current.end == nil else {
            // Of a subscription that this side has left.
            guard item.id > 0, item.id < nextID else { throw ProtocolError(.unexpected, "an item nobody asked for") }
            return
        }
        guard current.granted > 0 else { throw ProtocolError(.unexpected, "an item without credit") }
        subscription = nil  // so that the array below has one owner and appending copies nothing
        current.granted -= 1
        current.items.append(item)
        subscription = current
    }

    private func ended(_ ending: Connection.Ending) {
        guard self.ending == nil else { return }
        switch ending {
        case .closed:
            self.ending = .lost("the supervisor closed the connection; look at `runnerctl status` and try again")
        case .failed(let error):
            self.ending = .lost("the supervisor's answer cannot be read: \(error)")
        case .lost(let error):
            self.ending = .lost("the connection to the supervisor was lost: \(error)")
        }
    }
}

extension Client.Reply {
    /// The result as this report.
    /// - Throws: `CommandFailure` for a report that lacks something: the supervisor is of another version.
    func decode<Report: Decodable>(_ type: Report.Type) throws(CommandFailure) -> Report {
        do {
            return try result.decode(type)
        } catch {
            throw .failed("the supervisor's answer cannot be read (is it of another version?): \(error)")
        }
    }
}
