import Testing

@testable import JobStore

@Suite struct EventLogTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func open(_ change: (inout EventLog.Options) -> Void = { _ in }) throws -> JobStore {
        var options = JobStore.Options()
        change(&options.events)
        return try JobStore(directory: directory.state, options: options)
    }

    @Test("Sequence numbers start at 1 and have no gaps, also over a reopen")
    func sequence() throws {
        var store = try open()
        var expected: Int64 = 1
        for count in [1, 3, 1_048_576, 2] {
            #expect(try store.events.append(job: "ab12", count: count, at: 5, payload: "x".utf8) == expected)
            expected += Int64(count)
        }
        #expect(try store.events.lastSequence(job: "ab12") == expected - 1)
        try store.events.sync()
        store.close()
        store = try open()
        #expect(try store.events.lastSequence(job: "ab12") == expected - 1)
        #expect(try store.events.append(job: "ab12", count: 1, at: 5, payload: "x".utf8) == expected)
        #expect(try store.events.append(job: "cd34", count: 1, at: 5, payload: "x".utf8) == 1)
    }

    @Test("Nothing counts as durable before a sync, and everything does after it")
    func durable() throws {
        let store = try open()
        _ = try store.events.append(job: "ab12", count: 4, at: 5, payload: "x".utf8)
        #expect(try store.events.lastSequence(job: "ab12") == 4)
        #expect(try store.events.durableSequence(job: "ab12") == 0)
        try store.events.sync()
        #expect(try store.events.durableSequence(job: "ab12") == 4)
    }

    @Test("A reader sees synced and buffered records, with their bytes, counts and times")
    func readBoth() throws {
        let store = try open()
        _ = try store.events.append(job: "ab12", count: 2, at: 10, payload: [0, 255, 10])
        try store.events.sync()
        _ = try store.events.append(job: "ab12", count: 3, at: 11, payload: AnyCollection([1, 2]))
        let all = [
            StoredEvent(first: 1, count: 2, at: 10, payload: [0, 255, 10]),
            StoredEvent(first: 3, count: 3, at: 11, payload: [1, 2]),
        ]
        #expect(try store.events.read(job: "ab12", from: 1, maxBytes: 1 << 20) == all)
        #expect(try store.events.read(job: "ab12", from: -7, maxBytes: 1 << 20) == all)
        #expect(try store.events.read(job: "ab12", from: 6, maxBytes: 1 << 20).isEmpty)
        #expect(try store.events.read(job: "none", from: 1, maxBytes: 1 << 20).isEmpty)
        #expect(TemporaryDirectory.entries(directory.state + "/events") == ["ab"])
    }

    @Test("The first record returned is the one that holds the number asked for")
    func inside() throws {
        let store = try open()
        for _ in 0..<3 { _ = try store.events.append(job: "ab12", count: 10, at: 1, payload: "x".utf8) }
        try store.events.sync()
        for (sequence, first) in [(1, 1), (10, 1), (11, 11), (20, 11), (21, 21), (30, 21)] as [(Int64, Int64)] {
            #expect(try store.events.read(job: "ab12", from: sequence, maxBytes: 0).map(\.first) == [first])
        }
    }

    @Test("Any page size and any start give the same records, before and after sync and reopen")
    func pages() throws {
        var random = SeededGenerator(state: 1)
        var store = try open { $0.writeThreshold = 20_000 }
        var all: [StoredEvent] = []
        for _ in 0..<600 {
            let payload = (0..<Int.random(in: 0...4_000, using: &random)).map { UInt8(truncatingIfNeeded: $0) }
            let count = Int.random(in: 1...9, using: &random)
            let first = try store.events.append(job: "ab12", count: count, at: 1, payload: payload)
            all.append(StoredEvent(first: first, count: count, at: 1, payload: payload))
            if Int.random(in: 0..<50, using: &random) == 0 { try store.events.sync() }
        }
        for round in 0..<2 {
            let last = try store.events.lastSequence(job: "ab12")
            for maxBytes in [0, 100, 10_000, 300_000, Int.max] {
                var next = Int64.random(in: 1...last, using: &random)
                var found: [StoredEvent] = []
                let wanted = all.filter { $0.last >= next }
                while next <= last {
                    let page = try store.events.read(job: "ab12", from: next, maxBytes: maxBytes)
                    let end = try #require(page.last)
                    let size = page.reduce(0) { $0 + $1.payload.count + EventHeader.size }
                    #expect(page.count == 1 || size <= maxBytes)
                    found += page
                    next = end.last + 1
                }
                #expect(found == wanted, "round \(round), \(maxBytes) bytes")
            }
            store.close()
            store = try open()
        }
    }

    @Test("A record over a limit is refused and takes no number")
    func limits() throws {
        let store = try open()
        let big = [UInt8](repeating: 1, count: (1 << 20) + 1)
        for count in [0, -1, (1 << 20) + 1] {
            let error = failure { try store.events.append(job: "ab12", count: count, at: 1, payload: []) }
            #expect(error?.code == .invalid, "\(count)")
        }
        #expect(failure { try store.events.append(job: "ab12", count: 1, at: 1, payload: big) }?.code == .invalid)
        #expect(failure { try store.events.append(job: "ab12", count: 1, at: -1, payload: []) }?.code == .invalid)
        #expect(try store.events.append(job: "ab12", count: 1, at: 1, payload: big.dropLast()) == 1)
    }

    @Test("A full buffer is written before a sync is asked for, and does not grow beyond its bound")
    func bounded() throws {
        let store = try open {
            $0.writeThreshold = 1_000
            $0.maxPending = 5_000
        }
        let payload = [UInt8](repeating: 7, count: 900)
        for _ in 0..<2 { _ = try store.events.append(job: "ab12", count: 1, at: 1, payload: payload) }
        #expect(try Disk.read(directory.state + "/events/ab/ab12.log").count == 2 * 928)
        #expect(try store.events.durableSequence(job: "ab12") == 0)
        for _ in 0..<10 { _ = try store.events.append(job: "ab12", count: 1, at: 1, payload: payload) }
        #expect(try store.events.durableSequence(job: "ab12") == 10)
        #expect(try store.events.read(job: "ab12", from: 1, maxBytes: 1 << 20).count == 12)
    }

    @Test("Many jobs share few open files and a small table, and lose nothing", arguments: [1, 2, 64])
    func manyJobs(files: Int) throws {
        let store = try open {
            $0.maxOpenFiles = files
            $0.maxKnownJobs = 3
            $0.writeThreshold = 50
        }
        let jobs = (0..<9).map { "job\($0)" }
        for round in 0..<12 {
            for job in jobs {
                _ = try store.events.append(job: job, count: 1, at: 1, payload: "\(job) round \(round)".utf8)
                #expect(store.events.openFiles <= files)
            }
            if round % 4 == 3 { try store.events.sync() }
        }
        #expect(store.events.openFiles <= files)
        for job in jobs {
            #expect(try store.events.durableSequence(job: job) == 12)
            let found = try store.events.read(job: job, from: 1, maxBytes: 1 << 20)
            #expect(found.map { String(decoding: $0.payload, as: UTF8.self) } == (0..<12).map { "\(job) round \($0)" })
        }
    }

    @Test("Closing a job makes its events durable; removing it leaves nothing")
    func closeAndRemove() throws {
        let store = try open()
        _ = try store.events.append(job: "ab12", count: 1, at: 1, payload: "x".utf8)
        try store.events.closeJob("ab12")
        #expect(store.events.openFiles == 0)
        #expect(try store.events.durableSequence(job: "ab12") == 1)
        _ = try store.events.append(job: "ab12", count: 1, at: 1, payload: "y".utf8)
        try store.events.remove(job: "ab12")
        try store.events.remove(job: "ab12")
        try store.events.sync()
        #expect(TemporaryDirectory.entries(directory.state + "/events/ab").isEmpty)
        #expect(try store.events.append(job: "ab12", count: 1, at: 1, payload: "z".utf8) == 1)
    }

    @Test("A reader that follows the tail starts where it stopped")
    func tail() {
        var index = SparseIndex()
        for record in 0..<10 { index.add(first: Int64(record + 1), offset: Int64(record * 100)) }
        #expect(index.start(for: 9).offset == 0)
        index.resume(first: 8, offset: 700)
        #expect(index.start(for: 9).offset == 700)
        #expect(index.start(for: 7).offset == 0)
    }

    @Test("The index of a huge file stays small and still leads close to every record")
    func hugeIndex() {
        var index = SparseIndex()
        for record in 0..<20_000 { index.add(first: Int64(record + 1), offset: Int64(record) << 16) }
        for record in stride(from: 0, to: 20_000, by: 777) {
            let start = index.start(for: Int64(record + 1))
            #expect(start.first <= Int64(record + 1))
            #expect(start.offset == (start.first - 1) << 16)
            #expect((Int64(record) << 16) - start.offset <= 8 << 16)
        }
    }
}
