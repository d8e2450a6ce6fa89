import IPC
import JobStore
import Linux

/// Whether jobs may be taken and started: running, paused (with an end or without), draining. What an operator set
/// survives a restart.
final class Admission {
    private let store: JobStore
    private let loop: EventLoop
    private var timer: EventLoop.Timer?
    private var isPaused = false
    private(set) var pausedUntil: Int64?
    private var isDraining = false
    /// The process is on its way out.
    var isStopping = false
    /// Called when a pause ended by itself.
    var onResume: (() -> Void)?

    private static let pauseKey = "admission.pause"
    private static let drainKey = "admission.drain"

    /// - Throws: `StoreError`
    init(store: JobStore, loop: EventLoop) throws {
        self.store = store
        self.loop = loop
        isDraining = try store.setting(Self.drainKey) != nil
        if let text = try store.setting(Self.pauseKey) {
            isPaused = true
            pausedUntil = Int64(text)
            schedulePauseEnd()
        }
    }

    func mode(idle: Bool) -> String {
        if isDraining || isStopping { return idle ? "drained" : "draining" }
        return isPaused ? "paused" : "running"
    }

    /// Why nothing new is accepted; nil when it is. A pause or a drain keeps accepting: jobs wait in the queue.
    var refusesNewJobs: String? { isStopping ? "the supervisor is stopping; submit again when it is back" : nil }

    /// Why nothing starts; nil when it does.
    var blocksStarts: String? {
        if isStopping { return "the supervisor is stopping" }
        if isDraining { return "the supervisor is draining: `runnerctl resume` ends that" }
        if isPaused {
            return "the supervisor is paused" + (pausedUntil == nil ? "" : " for a time")
                + ": `runnerctl resume` ends that"
        }
        return nil
    }

    func pause(for duration: Int64?) throws {
        let until = duration.map { wallClockMilliseconds() + $0 }
        try store.set(Self.pauseKey, until.map { "\($0)" } ?? "until resumed")
        isPaused = true
        pausedUntil = until
        schedulePauseEnd()
    }

    func drain() throws {
        try store.set(Self.drainKey, "1")
        isDraining = true
    }

    func resume() throws {
        try store.set(Self.pauseKey, nil)
        try store.set(Self.drainKey, nil)
        isPaused = false
        isDraining = false
        pausedUntil = nil
        loop.cancel(timer)
    }

    private func schedulePauseEnd() {
        loop.cancel(timer)
        guard let pausedUntil else { return }
        timer = loop.after(milliseconds: pausedUntil - wallClockMilliseconds()) { [weak self] in
            guard let self, self.isPaused else { return }
            self.isPaused = false
            self.pausedUntil = nil
            try? self.store.set(Self.pauseKey, nil)
            self.onResume?()
        }
    }
}
