import CLinux
import Glibc

/// One thread's wait for descriptors, signals and time (epoll). Everything it calls runs on the thread that is in
/// `run()`, one handler at a time, so the code on top of it needs no lock.
public final class EventLoop {
    /// What a descriptor is ready for.
    public struct Readiness: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let readable = Readiness(rawValue: 0x001)
        public static let writable = Readiness(rawValue: 0x004)
        public static let failed = Readiness(rawValue: 0x008)
        public static let hungUp = Readiness(rawValue: 0x010)
    }

    /// A timer that has not fired yet.
    public struct Timer: Hashable, Sendable { let number: UInt64 }

    private struct Due {
        let at: Int64
        let timer: Timer
        let action: () -> Void
    }

    private let epoll: Descriptor
    private struct Watch {
        /// Tells an event of this watch from one of an earlier watch of the same descriptor number.
        let token: UInt64
        let handler: (Readiness) -> Void
    }
    private var watches: [Int32: Watch] = [:]
    private var nextToken: UInt32 = 0
    private var due: [Due] = []  // by time, latest first
    private var nextTimer: UInt64 = 0
    private var running = false

    /// Called after each round of handlers, before the next wait: the place for work that is cheaper done once for
    /// many events, such as one fsync for all that was written.
    public var afterRound: (() -> Void)?

    /// - Throws: `SystemError`
    public init() throws(SystemError) {
        epoll = Descriptor(owning: try check("epoll_create1") { bh_epoll_create() })
    }

    /// How many descriptors are watched.
    public var watchedCount: Int { watches.count }

    /// Calls `handler` whenever `fd` is ready for one of `interest` (or failed, or hung up), until `unwatch`.
    /// - Throws: `SystemError`, such as EPERM for a regular file.
    public func watch(_ fd: Int32, _ interest: Readiness, _ handler: @escaping (Readiness) -> Void) throws(SystemError)
    {
        nextToken &+= 1
        let token = UInt64(nextToken) << 32 | UInt64(UInt32(bitPattern: fd))
        try check("epoll_ctl") { bh_epoll_set(epoll.raw, fd, interest.rawValue, 1, token) }
        watches[fd] = Watch(token: token, handler: handler)
    }

    /// Changes what a watched descriptor is waited for. With an empty set only failures are reported.
    public func modify(_ fd: Int32, _ interest: Readiness) {
        guard let watch = watches[fd] else { return }
        _ = bh_epoll_set(epoll.raw, fd, interest.rawValue, 3, watch.token)
    }

    /// Ends a watch. Must be called before the descriptor is closed.
    public func unwatch(_ fd: Int32) {
        guard watches.removeValue(forKey: fd) != nil else { return }
        _ = bh_epoll_set(epoll.raw, fd, 0, 2, 0)
    }

    /// Calls `action` once, after this many milliseconds of the monotonic clock.
    @discardableResult
    public func after(milliseconds: Int64, _ action: @escaping () -> Void) -> Timer {
        nextTimer += 1
        let timer = Timer(number: nextTimer)
        let (sum, overflow) = bh_monotonic_ms().addingReportingOverflow(max(0, milliseconds))
        let at = overflow ? .max : sum
        let place = due.firstIndex { $0.at <= at } ?? due.endIndex
        due.insert(Due(at: at, timer: timer, action: action), at: place)
        return timer
    }

    public func cancel(_ timer: Timer?) {
        guard let timer else { return }
        due.removeAll { $0.timer == timer }
    }

    /// Runs until `stop()`.
    /// - Throws: `SystemError` when waiting itself fails.
    public func run() throws(SystemError) {
        running = true
        while running { try runOnce(maximumWait: -1) }
    }

    /// Waits for at most this many milliseconds (-1: without bound) and runs what is due.
    /// - Throws: `SystemError`
    public func runOnce(maximumWait: Int64) throws(SystemError) {
        var tokens = [UInt64](repeating: 0, count: 64)
        var events = [UInt32](repeating: 0, count: 64)
        let count = try check("epoll_wait") {
            bh_epoll_wait(epoll.raw, &tokens, &events, 64, Int32(clamping: wait(maximumWait)))
        }
        for index in 0..<Int(count) {
            // A handler of this round may have ended the watch of a later one, and begun another of the same number.
            let fd = Int32(bitPattern: UInt32(truncatingIfNeeded: tokens[index]))
            guard let watch = watches[fd], watch.token == tokens[index] else { continue }
            watch.handler(Readiness(rawValue: events[index]))
        }
        let now = bh_monotonic_ms()
        while let next = due.last, next.at <= now {
            due.removeLast()
            next.action()
        }
        afterRound?()
    }

    public func stop() { running = false }

    private func wait(_ maximum: Int64) -> Int64 {
        guard let next = due.last else { return maximum }
        let untilDue = max(0, next.at - bh_monotonic_ms())
        return maximum < 0 ? untilDue : min(maximum, untilDue)
    }

    /// Delivers these signals to `handler` instead of to their default actions: number and sender's pid.
    /// - Throws: `SystemError`
    public func onSignals(_ signals: [Int32], _ handler: @escaping (Int32, Int32) -> Void) throws(SystemError)
        -> Descriptor
    {
        let raw = try check("signalfd") { bh_signalfd(signals, Int32(signals.count)) }
        let source = Descriptor(owning: raw)
        try watch(source.raw, .readable) { _ in
            while true {
                var sender: Int32 = 0
                let signal = bh_signalfd_read(raw, &sender)
                if signal == 0 { return }
                handler(signal, sender)
            }
        }
        return source
    }
}

/// Milliseconds of the monotonic clock: for timeouts.
public func monotonicMilliseconds() -> Int64 { bh_monotonic_ms() }

/// Milliseconds since the epoch: for stamps.
public func wallClockMilliseconds() -> Int64 { bh_realtime_ms() }
