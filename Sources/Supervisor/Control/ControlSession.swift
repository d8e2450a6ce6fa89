import Glibc
import IPC
import JobStore
import Linux

/// One operator's connection: requests, answers, subscriptions.
final class ControlSession {
    /// Requests that may wait for their answer (`drain --wait`) and subscriptions, each.
    static let maximumOpen = 16
    /// Bytes that may wait for a slow operator before its subscriptions pause.
    private static let highWater = 1 << 20

    private struct Subscription {
        let job: String
        var next: Int64
        var credit: Int
        let follow: Bool
        /// The last number at which the job was seen not to be over.
        var checked: Int64 = -1
    }

    let uid: UInt32
    private let connection: Connection
    private let store: JobStore
    private let loop: EventLoop
    private var isPumping = false
    private let handler: (ControlSession, Request, [Descriptor]) throws -> Void
    private var subscriptions: [Int64: Subscription] = [:]
    private var waiting: Set<Int64> = []
    private var table = DispatchTable<Bool>([
        Request.type: .in(true), Credit.type: .in(true), Unsubscribe.type: .in(true),
    ])
    var onEnd: (() -> Void)?

    init(
        _ connection: Connection, uid: UInt32, store: JobStore, loop: EventLoop,
        handler: @escaping (ControlSession, Request, [Descriptor]) throws -> Void
    ) {
        self.connection = connection
        self.uid = uid
        self.store = store
        self.loop = loop
        self.handler = handler
        connection.limit = FrameLimits.standard.maximumLength
        connection.onFrame = { [weak self] frame throws(ProtocolError) in try self?.handle(frame) }
        connection.onEnd = { [weak self] _ in self?.onEnd?() }
        connection.onDrained = { [weak self] in self?.pump() }
        try? connection.send(Welcome(server: "bulkhead-supervisor \(bulkheadVersion)", pid: Int(getpid())))
    }

    func close() { connection.closeAfterSending() }

    // MARK: requests

    private func handle(_ frame: Frame) throws(ProtocolError) {
        try table.admit(frame.type, in: true)
        switch frame.type {
        case Request.type:
            let request = try frame.decode(Request.self)
            guard request.id > 0, !waiting.contains(request.id), subscriptions[request.id] == nil else {
                throw ProtocolError(.invalid, "request id \(request.id) is in use")
            }
            guard waiting.count < Self.maximumOpen else {
                throw ProtocolError(.overloaded, "at most \(Self.maximumOpen) requests may wait")
            }
            waiting.insert(request.id)
            do {
                try handler(self, request, frame.descriptors)
            } catch let error as ProtocolError {
                answer(request.id, error)
            } catch let error as StoreError {
                answer(request.id, ControlSession.translate(error))
            } catch {
                answer(request.id, ProtocolError(.unavailable, "\(error)"))
            }
        case Credit.type:
            let credit = try frame.decode(Credit.self)
            guard (1...10_000).contains(credit.items) else { throw ProtocolError(.invalid, "credit is 1 to 10000") }
            guard var subscription = subscriptions[credit.id] else { return }  // it ended meanwhile
            subscription.credit = min(10_000, subscription.credit + credit.items)
            subscriptions[credit.id] = subscription
            pump()
        default:
            let id = try frame.decode(Unsubscribe.self).id
            if subscriptions.removeValue(forKey: id) != nil { send(End(id: id, reason: "cancelled")) }
        }
    }

    static func translate(_ error: StoreError) -> ProtocolError {
        switch error.code {
        case .notFound: ProtocolError(.notFound, error.message)
        case .invalid, .duplicate: ProtocolError(.invalid, error.message)
        case .conflict, .illegalTransition: ProtocolError(.refused, error.message)
        default: ProtocolError(.unavailable, error.message)
        }
    }

    /// Answers a request; every request is answered once.
    func answer(_ id: Int64, _ result: some Encodable, descriptors: [Descriptor] = []) {
        guard waiting.remove(id) != nil else { return }
        do {
            let json = try JSON(encoding: result)
            try connection.send(
                Response(id: id, result: json, fds: descriptors.isEmpty ? nil : descriptors.count),
                descriptors: descriptors)
        } catch {
            send(
                Response(
                    id: id,
                    error: ProtocolError(.unavailable, "the answer does not fit a frame; ask for less (--limit)")))
        }
    }

    func answer(_ id: Int64, _ error: ProtocolError) {
        guard waiting.remove(id) != nil else { return }
        send(Response(id: id, error: error))
    }

    private func send<M: Message>(_ message: M) {
        do {
            try connection.send(message)
        } catch {
            connection.fail(error)
        }
    }

    // MARK: subscriptions

    /// Begins to send a job's events from `next` on.
    /// - Throws: `ProtocolError.overloaded`
    func subscribe(_ id: Int64, job: String, from next: Int64, follow: Bool, credit: Int, last: Int64)
        throws(ProtocolError)
    {
        guard subscriptions.count < Self.maximumOpen else {
            throw ProtocolError(.overloaded, "at most \(Self.maximumOpen) subscriptions a connection")
        }
        answer(id, EventsReport(job: job, last: last))
        subscriptions[id] = Subscription(
            job: job, next: max(1, next), credit: max(0, min(credit, 10_000)), follow: follow)
        pump()
    }

    /// Sends a piece of what the subscriptions have credit for, as far as the operator keeps up; the next piece comes
    /// in the next round, so that one fast reader does not keep everybody else waiting.
    func pump() {
        var isMore = false
        for id in subscriptions.keys.sorted() where connection.isOpen && connection.queuedBytes < Self.highWater {
            if sendNext(id) { isMore = true }
        }
        guard isMore, !isPumping else { return }
        isPumping = true
        loop.after(milliseconds: 0) { [weak self] in
            self?.isPumping = false
            self?.pump()
        }
    }

    private func sendNext(_ id: Int64) -> Bool {
        guard var subscription = subscriptions[id], subscription.credit > 0 else { return false }
        do {
            let events = try store.events.read(job: subscription.job, from: subscription.next, maxBytes: 256 << 10)
            if events.isEmpty {
                // A job's end is an event too: without a new one there is nothing to ask the store.
                let last = try store.events.lastSequence(job: subscription.job)
                guard subscription.checked != last else { return false }
                subscriptions[id]?.checked = last
                return endIfOver(id, subscription)
            }
            for event in events.prefix(subscription.credit) {
                try send(event, id)
                subscription.next = event.last + 1
                subscription.credit -= 1
            }
            subscriptions[id] = subscription
            return true
        } catch {
            subscriptions[id] = nil
            send(End(id: id, reason: "unreadable: \(error)"))
            return false
        }
    }

    /// One record that cannot be sent hides itself, not what comes after it.
    private func send(_ event: StoredEvent, _ id: Int64) throws {
        do {
            let payload = try JSON(parsing: event.payload)
            try connection.send(Item(id: id, seq: event.first, count: event.count, at: event.at, event: payload))
        } catch {
            let note: JSON = [
                "type": "event", "kind": "notice",
                "data": ["text": .string("an event of \(event.payload.count) bytes cannot be shown")],
            ]
            try connection.send(Item(id: id, seq: event.first, count: event.count, at: event.at, event: note))
        }
    }

    private func endIfOver(_ id: Int64, _ subscription: Subscription) -> Bool {
        let isFinal = (try? store.job(subscription.job))?.map { $0.state.isFinal } ?? true
        guard isFinal || !subscription.follow else { return false }
        subscriptions[id] = nil
        send(End(id: id, reason: isFinal ? "finished" : "caught-up"))
        return false
    }
}
