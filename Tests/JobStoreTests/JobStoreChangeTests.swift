import Testing

@testable import JobStore

@Suite struct JobStoreChangeTests {
    private let directory: TemporaryDirectory
    private let store: JobStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try JobStore(directory: directory.state)
    }

    @Test("A job survives a reopen with every field")
    func reopen() throws {
        let inserted = try store.insert(.sample("ab12", priority: 7), at: 100)
        #expect(inserted.number == 1)
        #expect(inserted.state == .queued)
        try store.transition("ab12", from: [.queued], to: .claimed, at: 110, reason: "chosen") { $0.slot = 3 }
        try store.transition("ab12", from: [.claimed], to: .starting, at: 120)
        try store.transition("ab12", from: [.starting], to: .running, at: 130) { $0.phase = "fetch" }
        try store.update("ab12") {
            $0.isolation = #"{"tier":"strict"}"#
            $0.outcome = "{}"
            $0.cancelRequested = true
        }
        let before = try #require(try store.job("ab12"))
        store.close()
        let again = try JobStore(directory: directory.state)
        #expect(try again.job("ab12") == before)
        #expect(before.startedAt == 130)
        #expect(before.slot == 3)
        #expect(before.phase == "fetch")
        #expect(before.cancelRequested)
        #expect(before.title == "Title of ab12")
        #expect(try again.transitions("ab12").map(\.to) == [.claimed, .starting, .running])
        #expect(try again.transitions("ab12").first?.reason == "chosen")
    }

    @Test("What a call has stored is there for a process that starts after a crash")
    func crash() throws {
        _ = try store.insert(.sample("ab12"), at: 1)
        try store.transition("ab12", from: [.queued], to: .claimed, at: 2)
        _ = try store.events.append(job: "ab12", count: 2, at: 3, payload: "a\nb\n".utf8)
        try store.events.sync()
        try TemporaryDirectory.copy(directory.state, directory.path + "/copy")
        let copy = try JobStore(directory: directory.path + "/copy")
        #expect(try copy.job("ab12")?.state == .claimed)
        #expect(try copy.events.lastSequence(job: "ab12") == 2)
    }

    @Test("A duplicate id is refused and the first job stays as it was")
    func duplicate() throws {
        let first = try store.insert(.sample("ab12", priority: 1), at: 1)
        #expect(failure { try store.insert(.sample("ab12", priority: 2), at: 2) }?.code == .duplicate)
        #expect(try store.job("ab12") == first)
    }

    @Test(
        "An id that could leave its folder, or is not lower-case, is refused",
        arguments: ["", "a", "AB12", "../x", "a/b1", "ab.c", "ab\u{0}c", "äöü", String(repeating: "a", count: 65)])
    func badID(id: String) throws {
        #expect(failure { try store.insert(.sample(id), at: 1) }?.code == .invalid)
        #expect(failure { try store.events.append(job: id, count: 1, at: 1, payload: []) }?.code == .invalid)
        #expect(try store.jobs(states: nil, limit: 10).isEmpty)
    }

    @Test("A spec of 512 KiB is stored whole and one byte more is refused")
    func specLimit() throws {
        var job = NewJob.sample("ab12")
        job.spec = String(repeating: "x", count: 512 << 10)
        #expect(try store.insert(job, at: 1).spec.utf8.count == 512 << 10)
        job.id = "ab13"
        job.spec += "x"
        #expect(failure { try store.insert(job, at: 1) }?.code == .invalid)
    }

    @Test("A text with a NUL is refused, because SQLite would store only its start")
    func nul() throws {
        var job = NewJob.sample("ab12")
        job.title = "good\u{0}bad"
        #expect(failure { try store.insert(job, at: 1) }?.code == .invalid)
        _ = try store.insert(.sample("ab12"), at: 1)
        #expect(failure { try store.update("ab12") { $0.outcome = "\u{0}" } }?.code == .invalid)
        #expect(failure { try store.set("drain", "\u{0}") }?.code == .invalid)
    }

    @Test("A transition from another state is a conflict that names both, and writes nothing")
    func conflict() throws {
        let before = try store.insert(.sample("ab12"), at: 1)
        let error = failure {
            try store.transition("ab12", from: [.claimed], to: .starting, at: 2) { $0.slot = 9 }
        }
        #expect(error?.code == .conflict)
        #expect(error?.message.contains("queued") == true)
        #expect(error?.message.contains("claimed") == true)
        #expect(try store.job("ab12") == before)
        #expect(try store.transitions("ab12").isEmpty)
    }

    @Test("A transition without an edge is refused, and writes nothing")
    func illegal() throws {
        let before = try store.insert(.sample("ab12"), at: 1)
        for to in JobState.allCases where !JobState.queued.allows(to) {
            let error = failure {
                try store.transition("ab12", from: Set(JobState.allCases), to: to, at: 2) { $0.slot = 9 }
            }
            #expect(error?.code == .illegalTransition, "\(to)")
        }
        #expect(try store.job("ab12") == before)
        #expect(try store.transitions("ab12").isEmpty)
    }

    @Test("An ended job stays as it ended, and has its time of end")
    func ended() throws {
        _ = try store.insert(.sample("ab12"), at: 1)
        #expect(try store.transition("ab12", from: [.queued], to: .cancelled, at: 5).endedAt == 5)
        for to in JobState.allCases {
            let error = failure { try store.transition("ab12", from: Set(JobState.allCases), to: to, at: 6) }
            #expect(error?.code == .illegalTransition, "\(to)")
        }
        #expect(try store.transitions("ab12").count == 1)
    }

    @Test("An update that touches the state is refused, and so is one that swaps the record")
    func updateGuards() throws {
        let first = try store.insert(.sample("ab12"), at: 1)
        let second = try store.insert(.sample("ab13"), at: 1)
        #expect(failure { try store.update("ab12") { $0.state = .completed } }?.code == .invalid)
        #expect(failure { try store.update("ab12") { $0 = second } }?.code == .invalid)
        let error = failure {
            try store.transition("ab12", from: [.queued], to: .claimed, at: 2) { $0.state = .running }
        }
        #expect(error?.code == .invalid)
        #expect(try store.job("ab12") == first)
        #expect(try store.transitions("ab12").isEmpty)
    }

    @Test("A store that is called from its own closure says so instead of ending the process")
    func reentrancy() throws {
        _ = try store.insert(.sample("ab12"), at: 1)
        var inner: StoreError?
        try store.update("ab12") { _ in inner = failure { try store.job("ab12") } }
        #expect(inner?.code == .invalid)
        #expect(try store.job("ab12") != nil)
    }

    @Test("A job can fail with a reason of any length; the reason is cut at 4 KiB between characters")
    func longReason() throws {
        _ = try store.insert(.sample("ab12"), at: 1)
        let reason = "x\u{0}" + String(repeating: "é", count: 5_000)
        try store.transition("ab12", from: [.queued], to: .failed, at: 2, reason: reason)
        let stored = try #require(try store.transitions("ab12").first?.reason)
        #expect(stored.utf8.count == 4 << 10)
        #expect(stored.hasPrefix("x\u{FFFD}é"))
    }

    @Test("Only an ended job can be removed, and its number never returns")
    func remove() throws {
        _ = try store.insert(.sample("ab12"), at: 1)
        _ = try store.events.append(job: "ab12", count: 1, at: 1, payload: "x".utf8)
        try store.events.sync()
        #expect(failure { try store.remove("ab12") }?.code == .conflict)
        #expect(try store.events.lastSequence(job: "ab12") == 1)
        try store.transition("ab12", from: [.queued], to: .failed, at: 2)
        try store.remove("ab12")
        #expect(try store.job("ab12") == nil)
        #expect(try store.transitions("ab12").isEmpty)
        #expect(try store.events.lastSequence(job: "ab12") == 0)
        #expect(failure { try store.remove("ab12") }?.code == .notFound)
        #expect(try store.insert(.sample("ab12"), at: 3).number == 2)
    }

    @Test("A setting survives a reopen, is replaced, and is removed by nil")
    func settings() throws {
        #expect(try store.setting("drain") == nil)
        try store.set("drain", "1")
        try store.set("drain", "2")
        try store.set("pause", "x")
        try store.set("pause", nil)
        store.close()
        let again = try JobStore(directory: directory.state)
        #expect(try again.setting("drain") == "2")
        #expect(try again.setting("pause") == nil)
    }
}
