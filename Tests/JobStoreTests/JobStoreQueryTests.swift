import GRDB
import Testing

@testable import JobStore

@Suite struct JobStoreQueryTests {
    private let directory: TemporaryDirectory
    private let store: JobStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try JobStore(directory: directory.state)
    }

    @Test("The next job is the one of highest priority, and among equals the oldest")
    func order() throws {
        for (id, priority) in [("aa", 0), ("bb", 5), ("cc", -1), ("dd", 5), ("ee", 0)] {
            _ = try store.insert(.sample(id, priority: priority), at: 1)
        }
        #expect(try ["bb", "dd", "aa", "ee", "cc"].map { try store.position(of: $0) } == [0, 1, 2, 3, 4])
        var order: [String] = []
        while let next = try store.nextQueued() {
            order.append(next.id)
            try store.transition(next.id, from: [.queued], to: .claimed, at: 2)
        }
        #expect(order == ["bb", "dd", "aa", "ee", "cc"])
        #expect(try store.position(of: "bb") == nil)
        #expect(try store.position(of: "zz") == nil)
    }

    @Test("The next job is found by the index of the queue, without sorting")
    func plan() throws {
        let plan = try store.read { db in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + JobStore.nextQueuedSQL)
                .map { try $0.decode(String.self, forColumn: "detail") }
        }
        #expect(plan.count == 1)
        #expect(plan.allSatisfy { $0.contains("USING INDEX job_queue") })
    }

    @Test("A prefix finds the ids that start with it; a wildcard is a character like any other")
    func prefix() throws {
        for id in ["ab1", "ab2", "abz", "ac1", "zz9"] { _ = try store.insert(.sample(id), at: 1) }
        #expect(try store.matching(prefix: "ab", limit: 10) == ["ab1", "ab2", "abz"])
        #expect(try store.matching(prefix: "ab", limit: 2) == ["ab1", "ab2"])
        #expect(try store.matching(prefix: "z", limit: 10) == ["zz9"])
        #expect(try store.matching(prefix: "", limit: 10).count == 5)
        for text in ["%", "a_", "a*", "AB", "ab1 "] { #expect(try store.matching(prefix: text, limit: 10).isEmpty) }
        #expect(try store.matching(prefix: "ab", limit: -1).isEmpty)
    }

    @Test("Jobs are listed newest first, in pages, and by state")
    func listing() throws {
        for id in ["aa", "bb", "cc", "dd"] { _ = try store.insert(.sample(id), at: 1) }
        try store.transition("bb", from: [.queued], to: .failed, at: 2)
        #expect(try store.jobs(states: nil, limit: 2).map(\.id) == ["dd", "cc"])
        #expect(try store.jobs(states: nil, limit: 10, before: 3).map(\.id) == ["bb", "aa"])
        #expect(try store.jobs(states: [.failed, .running], limit: 10).map(\.id) == ["bb"])
        #expect(try store.jobs(states: [], limit: 10).isEmpty)
        #expect(try store.jobs(states: [.queued], limit: 10, before: 4).map(\.id) == ["cc", "aa"])
    }

    @Test("Counts and the unfinished jobs follow the states")
    func counts() throws {
        for id in ["aa", "bb", "cc"] { _ = try store.insert(.sample(id), at: 1) }
        try store.transition("aa", from: [.queued], to: .claimed, at: 2)
        try store.transition("bb", from: [.queued], to: .cancelled, at: 2)
        let counts = try store.counts()
        #expect(counts.count == JobState.allCases.count)
        #expect(counts[.queued] == 1)
        #expect(counts[.claimed] == 1)
        #expect(counts[.cancelled] == 1)
        #expect(counts[.running] == 0)
        #expect(try store.count(.queued) == 1)
        #expect(try store.unfinished().map(\.id) == ["aa", "cc"])
    }

    @Test("A database of a newer version is refused by name, and left alone")
    func newerSchema() throws {
        try store.write { db in try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('v9-future')") }
        store.close()
        let error = failure { try JobStore(directory: directory.state) }
        #expect(error?.code == .newerSchema)
        #expect(error?.message.contains("v9-future") == true)
    }

    @Test("Commits wait for the disk, and a foreign key holds")
    func pragmas() throws {
        #expect(try store.read { db in try Int.fetchOne(db, sql: "PRAGMA synchronous") } == 2)
        #expect(try store.read { db in try String.fetchOne(db, sql: "PRAGMA journal_mode") } == "wal")
        let sql = "INSERT INTO transition (job, at, from_state, to_state) VALUES ('none', 1, 'queued', 'claimed')"
        #expect(failure { try store.write { db in try db.execute(sql: sql) } }?.code == .io)
    }
}
