import CLinux
import Glibc
import IPC
import Linux

/// Both output streams of a running tool, from its pipes to the event sender.
final class ToolOutput {
    /// How long the first line of a batch waits for more.
    private static let batchMilliseconds: Int64 = 20
    private static let readBytes = 64 << 10

    private final class Source {
        let pipe: Descriptor
        let stream: LogBatch.Stream
        var batcher: LineBatcher
        init(_ pipe: Descriptor, _ stream: LogBatch.Stream, lineLimit: Int) {
            self.pipe = pipe
            self.stream = stream
            batcher = LineBatcher(lineLimit: lineLimit)
        }
    }

    private let loop: EventLoop
    private let sender: EventSender
    private let phase: String
    private let budget: OutputBudget
    private var sources: [Source] = []
    private var timer: EventLoop.Timer?
    private var paused: Bool

    /// Called for every piece of output that arrives.
    var onActivity: (() -> Void)?
    /// Called once when both streams have ended and everything was handed on.
    var onEnd: (() -> Void)?

    init(
        loop: EventLoop, sender: EventSender, phase: String, budget: OutputBudget, lineLimit: Int,
        stdout: Descriptor, stderr: Descriptor
    ) throws {
        self.loop = loop
        self.sender = sender
        self.phase = phase
        self.budget = budget
        paused = sender.isStopped
        sources = [Source(stdout, .stdout, lineLimit: lineLimit), Source(stderr, .stderr, lineLimit: lineLimit)]
        for source in sources {
            try source.pipe.setNonBlocking()
            if !paused { watch(source) }
        }
    }

    /// Back-pressure: an unread pipe makes the tool wait.
    func setPaused(_ on: Bool) {
        guard paused != on else { return }
        paused = on
        for source in sources { on ? loop.unwatch(source.pipe.raw) : watch(source) }
    }

    /// Unwatched while paused, not only uninterested: a pipe whose writers are gone is reported either way.
    private func watch(_ source: Source) {
        do {
            try loop.watch(source.pipe.raw, .readable) { [weak self] _ in self?.read(source) }
        } catch {
            complain("bulkhead-worker: a tool's output cannot be read: \(error)")
            end(source)
        }
    }

    private func read(_ source: Source) {
        if paused { return }
        let chunk: [UInt8]
        do {
            chunk = try source.pipe.read(ToolOutput.readBytes)
        } catch {
            if error.code == EAGAIN { return }
            chunk = []
        }
        if chunk.isEmpty { return end(source) }
        onActivity?()
        source.batcher.append(budget.admit(chunk)) { emit($0, source) }
        // Streams are interleaved as they come: a switch sends what the other one holds.
        for other in sources where other !== source { other.batcher.flush { emit($0, other) } }
        if timer == nil, sources.contains(where: { !$0.batcher.isEmpty }) {
            timer = loop.after(milliseconds: ToolOutput.batchMilliseconds) { [weak self] in self?.flush() }
        }
    }

    private func flush() {
        timer = nil
        for source in sources { source.batcher.flush { emit($0, source) } }
    }

    private func emit(_ batch: LineBatcher.Batch, _ source: Source) {
        do {
            try sender.send(batch, phase: phase, stream: source.stream)
        } catch {
            complain("bulkhead-worker: output could not be sent: \(error)")
        }
    }

    private func end(_ source: Source) {
        loop.unwatch(source.pipe.raw)
        source.batcher.finish { emit($0, source) }
        sources.removeAll { $0 === source }
        guard sources.isEmpty else { return }
        loop.cancel(timer)
        onEnd?()
    }
}

/// The job's budget of log bytes. What exceeds it is counted and dropped, and said once.
final class OutputBudget {
    private let limit: Int64
    private(set) var used: Int64 = 0
    private(set) var dropped: Int64 = 0
    /// Called when the first byte is dropped.
    var onExceeded: (() -> Void)?

    init(limit: Int64) { self.limit = limit }

    func admit(_ chunk: [UInt8]) -> [UInt8] {
        let room = max(0, limit - used)
        used += Int64(chunk.count)
        guard Int64(chunk.count) > room else { return chunk }
        if dropped == 0 { onExceeded?() }
        dropped += Int64(chunk.count) - room
        return Array(chunk.prefix(Int(room)))
    }
}
