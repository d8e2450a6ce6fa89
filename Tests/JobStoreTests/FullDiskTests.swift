import Testing

@testable import JobStore

@Suite(.requiresMount) struct FullDiskTests {
    private let disk: SmallDisk
    private var state: String { disk.path + "/state" }

    init() throws { disk = try SmallDisk(kibibytes: 4_096) }

    private static let payload = [UInt8](repeating: 0x5A, count: 3_000)

    /// Appends and syncs until the disk is full; returns the last number that a sync has acknowledged.
    private func appendUntilFull(_ store: JobStore, job: String) throws -> Int64 {
        var acknowledged: Int64 = 0
        while acknowledged < 10_000 {
            let last = try store.events.append(job: job, count: 1, at: 1, payload: Self.payload)
            do {
                try store.events.sync()
                acknowledged = last
            } catch {
                #expect(error.code == .full)
                return acknowledged
            }
        }
        Issue.record("the disk never filled")
        return acknowledged
    }

    @Test("A full disk loses no acknowledged event and shows no half of one; freed, everything is written")
    func events() throws {
        var store = try JobStore(directory: state)
        try disk.fill(leaving: 100_000)
        let acknowledged = try appendUntilFull(store, job: "ab12")
        #expect(acknowledged > 0)
        #expect(try store.events.durableSequence(job: "ab12") == acknowledged)
        let size = Int(acknowledged) * (EventHeader.size + Self.payload.count)
        #expect(try Disk.read(state + "/events/ab/ab12.log").count == size)
        #expect(failure { try store.events.sync() }?.code == .full)
        // The one that could not be written waits in memory, and readers see it.
        let pending = try store.events.read(job: "ab12", from: acknowledged + 1, maxBytes: 1 << 20)
        #expect(pending.map(\.first) == [acknowledged + 1])
        disk.free()
        try store.events.sync()
        #expect(try store.events.durableSequence(job: "ab12") == acknowledged + 1)
        store.close()
        store = try JobStore(directory: state)
        #expect(try store.events.recover(job: "ab12") == 0)
        var next: Int64 = 1
        while true {
            let page = try store.events.read(job: "ab12", from: next, maxBytes: 1 << 20)
            guard let last = page.last else { break }
            #expect(page.allSatisfy { $0.payload == Self.payload })
            next = last.last + 1
        }
        #expect(next == acknowledged + 2)
    }

    @Test("A crash while the disk is full leaves exactly what was acknowledged")
    func crash() throws {
        let store = try JobStore(directory: state)
        try disk.fill(leaving: 100_000)
        let acknowledged = try appendUntilFull(store, job: "ab12")
        let other = try TemporaryDirectory()
        try TemporaryDirectory.copy(state, other.state)
        let copy = try JobStore(directory: other.state)
        #expect(try copy.events.recover(job: "ab12") == 0)
        #expect(try copy.events.lastSequence(job: "ab12") == acknowledged)
    }

    @Test("On a full disk a job keeps a bounded amount in memory, then refuses without taking a number")
    func bounded() throws {
        var options = JobStore.Options()
        options.events.writeThreshold = 5_000
        options.events.maxPending = 20_000
        let store = try JobStore(directory: state, options: options)
        try disk.fill()
        var taken: Int64 = 0
        var error: StoreError?
        while error == nil, taken < 100 {
            error = failure {
                taken = try store.events.append(job: "cd34", count: 1, at: 1, payload: Self.payload)
            }
        }
        #expect(error?.code == .full)
        #expect(error?.message.contains(state) == true)
        #expect(taken == 6)
        #expect(try store.events.lastSequence(job: "cd34") == taken)
        disk.free()
        #expect(try store.events.append(job: "cd34", count: 1, at: 1, payload: Self.payload) == taken + 1)
        try store.events.sync()
        #expect(try store.events.durableSequence(job: "cd34") == taken + 1)
    }

    @Test("A sync that fails with few open files names the failure and loses nothing")
    func evictionOnFullDisk() throws {
        var options = JobStore.Options()
        options.events.maxOpenFiles = 1
        options.events.writeThreshold = 2_000
        let store = try JobStore(directory: state, options: options)
        try disk.fill(leaving: 20_000)
        let jobs = (0..<8).map { "job\($0)" }
        for job in jobs {
            for _ in 0..<3 { _ = try store.events.append(job: job, count: 1, at: 1, payload: Self.payload) }
        }
        #expect(failure { try store.events.sync() }?.code == .full)
        let durable = try jobs.map { try store.events.durableSequence(job: $0) }
        #expect(durable.contains(0))
        disk.free()
        try store.events.sync()
        for job in jobs {
            #expect(try store.events.durableSequence(job: job) == 3)
            #expect(try store.events.read(job: job, from: 1, maxBytes: 1 << 20).count == 3)
        }
    }

    @Test("A full disk loses no inserted job; freed, jobs are taken again")
    func jobs() throws {
        var store = try JobStore(directory: state)
        try disk.fill(leaving: 300_000)
        var taken: [String] = []
        var error: StoreError?
        while error == nil, taken.count < 1_000 {
            var job = NewJob.sample("job\(taken.count)")
            job.spec = String(repeating: "s", count: 10_000)
            error = failure { taken.append(try store.insert(job, at: 1).id) }
        }
        #expect(error?.code == .full)
        #expect(!taken.isEmpty)
        #expect(try store.jobs(states: nil, limit: 1_000).map(\.id) == taken.reversed())
        disk.free()
        taken.append(try store.insert(.sample("later"), at: 2).id)
        try store.transition("later", from: [.queued], to: .claimed, at: 3)
        store.close()
        store = try JobStore(directory: state)
        #expect(try store.jobs(states: nil, limit: 1_000).map(\.id) == taken.reversed())
        #expect(try store.job("later")?.state == .claimed)
    }

    @Test("A store that cannot be opened for lack of space says so, and opens when there is some")
    func open() throws {
        try JobStore(directory: state).close()
        try disk.fill()
        #expect(failure { try JobStore(directory: state) }?.code == .full)
        disk.free()
        #expect(try JobStore(directory: state).counts()[.queued] == 0)
    }
}
