import CLinux
import Glibc
import Linux
import Testing

extension EventLoop {
    /// Runs rounds until the condition holds; a test that waits in vain fails here, within ten seconds.
    func drive(_ sourceLocation: SourceLocation = #_sourceLocation, until condition: () throws -> Bool) throws {
        for _ in 0..<2000 {
            if try condition() { return }
            try runOnce(maximumWait: 5)
        }
        Issue.record("the condition did not come true", sourceLocation: sourceLocation)
    }
}

@Suite("Event loop")
struct EventLoopTests {
    let loop: EventLoop

    init() throws { loop = try EventLoop() }

    // MARK: time

    @Test("Timers fire once each, by time, and in the order of their making where the times are equal")
    func timersInOrder() throws {
        var fired: [String] = []
        loop.after(milliseconds: 20) { fired.append("20") }
        loop.after(milliseconds: 1) { fired.append("1") }
        loop.after(milliseconds: -5) { fired.append("past a") }
        loop.after(milliseconds: 0) { fired.append("past b") }
        loop.after(milliseconds: 10) { fired.append("10") }
        try loop.drive { fired.count >= 5 }
        #expect(fired == ["past a", "past b", "1", "10", "20"])
        try loop.runOnce(maximumWait: 0)
        #expect(fired.count == 5)
    }

    @Test("A timer does not fire before its time")
    func notEarly() throws {
        let start = monotonicMilliseconds()
        var at: Int64?
        loop.after(milliseconds: 15) { at = monotonicMilliseconds() }
        try loop.drive { at != nil }
        #expect(try #require(at) - start >= 15)
    }

    @Test("A wait ends when a timer is due, however long it was allowed to be")
    func waitEndsForTimer() throws {
        var fired = false
        loop.after(milliseconds: 5) { fired = true }
        for _ in 0..<3 where !fired { try loop.runOnce(maximumWait: 3_600_000) }
        #expect(fired)
    }

    @Test("A cancelled timer does not fire, not even when another one that is due cancels it")
    func cancelled() throws {
        var fired: [Int] = []
        var second: EventLoop.Timer?
        let first = loop.after(milliseconds: 0) { fired.append(1) }
        loop.after(milliseconds: 0) { [loop] in
            fired.append(2)
            loop.cancel(second)
        }
        second = loop.after(milliseconds: 0) { fired.append(3) }
        loop.cancel(first)
        loop.cancel(first)
        loop.cancel(nil)
        var last = false
        loop.after(milliseconds: 5) { last = true }
        try loop.drive { last }
        #expect(fired == [2])
    }

    @Test("A timer that is made again and again does not keep descriptors from their turn")
    func timersDoNotStarve() throws {
        let pipe = try Descriptor.pipe()
        var (rounds, read) = (0, false)
        func again() {
            loop.after(milliseconds: 0) {
                rounds += 1; again()
            }
        }
        again()
        try loop.watch(pipe.read.raw, .readable) { _ in read = true }
        try pipe.write.writeAll([1])
        try loop.drive { read && rounds > 1 }
        loop.unwatch(pipe.read.raw)
    }

    @Test("The longest time there is makes a timer that never fires, not a crash")
    func longestTimer() async {
        await #expect(processExitsWith: .success) {
            alarm(30)
            let loop = try EventLoop()
            loop.after(milliseconds: .max) { exit(3) }
            try loop.runOnce(maximumWait: 0)
        }
    }

    // MARK: descriptors

    @Test("What cannot be waited for is refused with its reason, and is not counted as watched")
    func regularFileRefused() throws {
        let file = try Descriptor.sealed("file", [1])
        #expect(throws: SystemError("epoll_ctl", code: EPERM)) { try loop.watch(file.raw, .readable) { _ in } }
        #expect(throws: SystemError("epoll_ctl", code: EBADF)) { try loop.watch(-1, .readable) { _ in } }
        #expect(loop.watchedCount == 0)
    }

    @Test("A handler that ends its own watch is not called again")
    func unwatchInsideHandler() throws {
        let pipe = try Descriptor.pipe()
        var calls = 0
        try loop.watch(pipe.read.raw, .readable) { [loop] _ in
            calls += 1
            loop.unwatch(pipe.read.raw)
            loop.unwatch(pipe.read.raw)
        }
        try pipe.write.writeAll([1])
        for _ in 0..<5 { try loop.runOnce(maximumWait: 0) }
        #expect(calls == 1 && loop.watchedCount == 0)
    }

    @Test("A handler that ends another's watch keeps it from being called in the same round")
    func unwatchAnother() throws {
        let pipes = [try Descriptor.pipe(), try Descriptor.pipe()]
        var calls = 0
        for (mine, other) in [(0, 1), (1, 0)] {
            try loop.watch(pipes[mine].read.raw, .readable) { [loop] _ in
                calls += 1
                loop.unwatch(pipes[other].read.raw)
                loop.unwatch(pipes[mine].read.raw)
            }
            try pipes[mine].write.writeAll([1])
        }
        for _ in 0..<5 { try loop.runOnce(maximumWait: 0) }
        #expect(calls == 1)
    }

    @Test("An event of a closed descriptor does not reach the handler of a new one with the same number")
    func reusedNumber() throws {
        let pipes = [try Descriptor.pipe(), try Descriptor.pipe()]
        let empty = try Descriptor.pipe()
        var (replaced, stale) = (false, false)
        for (mine, other) in [(0, 1), (1, 0)] {
            let reused = pipes[other].read.raw
            try loop.watch(pipes[mine].read.raw, .readable) { [loop] _ in
                loop.unwatch(pipes[mine].read.raw)
                if replaced { return }
                replaced = true
                // As close() and then any call that makes a descriptor, without a gap for another test.
                loop.unwatch(reused)
                dup2(empty.read.raw, reused)
                #expect(throws: Never.self) { try loop.watch(reused, .readable) { _ in stale = true } }
            }
            try pipes[mine].write.writeAll([1])
        }
        for _ in 0..<5 { try loop.runOnce(maximumWait: 0) }
        #expect(replaced)
        #expect(!stale, "the new descriptor has nothing to read")
        try empty.write.writeAll([1])
        try loop.drive { stale }
    }

    @Test("What a descriptor is waited for can be changed; with nothing wanted only its end is told")
    func changedInterest() throws {
        let (ours, theirs) = try Descriptor.socketPair()
        var seen: [EventLoop.Readiness] = []
        try loop.watch(ours.raw, .writable) { seen.append($0) }
        try loop.runOnce(maximumWait: 0)
        #expect(seen == [.writable])
        try theirs.writeAll([1])
        loop.modify(ours.raw, .readable)
        try loop.runOnce(maximumWait: 0)
        #expect(seen == [.writable, .readable])
        loop.modify(ours.raw, [])
        for _ in 0..<3 { try loop.runOnce(maximumWait: 0) }
        #expect(seen.count == 2)
        theirs.close()
        try loop.drive { seen.count > 2 }
        #expect(seen.last?.contains(.hungUp) == true)
        loop.unwatch(ours.raw)
        loop.modify(ours.raw, .readable)
        #expect(loop.watchedCount == 0)
    }

    @Test("More descriptors than one wait reports all get their turn")
    func manyDescriptors() throws {
        let pipes = try (0..<150).map { _ in try Descriptor.pipe() }
        var served: Set<Int> = []
        for (index, pipe) in pipes.enumerated() {
            try loop.watch(pipe.read.raw, .readable) { _ in
                served.insert(index)
                _ = try? pipe.read.read(1)
            }
            try pipe.write.writeAll([1])
        }
        try loop.drive { served.count == pipes.count }
        for pipe in pipes { loop.unwatch(pipe.read.raw) }
    }

    @Test("afterRound comes after the handlers and timers of each round")
    func afterRound() throws {
        let pipe = try Descriptor.pipe()
        var order: [String] = []
        try loop.watch(pipe.read.raw, .readable) { _ in order.append("handler") }
        loop.after(milliseconds: 0) { order.append("timer") }
        loop.afterRound = { order.append("round") }
        try pipe.write.writeAll([1])
        try loop.runOnce(maximumWait: 0)
        try loop.runOnce(maximumWait: 0)
        #expect(order == ["handler", "timer", "round", "handler", "round"])
        loop.afterRound = nil
        loop.unwatch(pipe.read.raw)
    }

    @Test("stop() ends run() after the round")
    func stops() throws {
        var rounds = 0
        loop.after(milliseconds: 1) { [loop] in loop.stop() }
        loop.afterRound = { rounds += 1 }
        try loop.run()
        #expect(rounds >= 1)
    }

    // MARK: signals

    @Test("Signals reach their handler with number and sender, and no longer their default action")
    func signals() throws {
        var previous = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var seen: [[Int32]] = []
        let source = try loop.onSignals([SIGUSR1, SIGALRM]) { seen.append([$0, $1]) }
        // raise(3) sends to this thread alone: other tests of the process do not notice.
        raise(SIGUSR1)
        raise(SIGALRM)
        try loop.drive { seen.count == 2 }
        #expect(Set(seen) == [[SIGUSR1, getpid()], [SIGALRM, getpid()]])
        raise(SIGUSR1)
        try loop.drive { seen.count == 3 }
        loop.unwatch(source.raw)
        #expect(loop.watchedCount == 0)
    }
}
