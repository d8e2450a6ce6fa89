import Foundation
import Glibc
import Testing

/// Many jobs through few slots.
@Suite("The queue", .serialized)
struct QueueTests {
    private struct Held: CustomStringConvertible {
        let supervisor: Int?
        let spawner: Int?
        let processes: Int
        let memory: Int

        init(_ host: TestHost) {
            let spawner = host.spawner ?? 0
            supervisor = HostProcess.descriptors(host.pid)
            self.spawner = HostProcess.descriptors(spawner)
            processes = HostProcess.descendants(of: host.pid).count
            memory = HostProcess.memory(host.pid) + HostProcess.memory(spawner)
        }

        var description: String { "fds \(supervisor ?? -1)+\(spawner ?? -1), \(processes) processes, \(memory) KiB" }
    }

    private func isIdle(_ host: TestHost) throws -> Bool {
        let slots = try host.json(["status"])["slots"] as? [[String: Any]] ?? []
        return slots.allSatisfy { $0["job"] == nil || $0["job"] is NSNull }
            && HostProcess.descendants(of: host.pid).count == 1
    }

    private func count(_ host: TestHost, _ state: String) throws -> Int {
        (try host.json(["status"])["jobs"] as? [String: Int])?[state] ?? 0
    }

    /// When a job left the queue, in milliseconds.
    private func claimed(_ host: TestHost, _ job: String) throws -> Int {
        let result = try host.runnerctl(["events", job, "--json"])
        let told = "code \(result.code), signal \(result.signal ?? 0): \(result.errorText)"
        let first = try #require(result.text.split(separator: "\n").first, "\(told)")
        let item = try JSONSerialization.jsonObject(with: Data(first.utf8)) as? [String: Any]
        #expect((item?["event"] as? [String: Any])?["state"] as? String == "claimed")
        return try #require(item?["at"] as? Int)
    }

    @Test("200 jobs through 4 slots all complete, by priority and then by age, and nothing grows", arguments: Tier.all)
    func twoHundred(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "slots: 4\n")
        let repository = try Repository(in: host)
        func submit(_ number: Int, _ priority: Int) throws -> String {
            // One in ten has a repository, and with it files in the state directory.
            let source = number % 10 == 0 ? ["--repo", repository.path] : []
            return try host.detach(
                source + ["--harness", "noop", "--priority=\(priority)", "--title", "job \(number)"], [])
        }
        // Caches and pools fill up first: what comes after that is growth. Events are not read before it is measured:
        // the store keeps up to 64 files open that somebody read.
        for number in 0..<20 { _ = try submit(number, 0) }
        #expect(try eventually(60) { try count(host, "completed") == 20 })
        #expect(try eventually { try isIdle(host) })
        let before = Held(host)

        #expect(try host.runnerctl(["pause"]).code == 0)
        var priorities: [String: Int] = [:]
        for number in 0..<200 {
            let priority = [0, 50, -100, 7, 100, 0, -3][number % 7]
            priorities[try submit(number, priority)] = priority
        }
        #expect(priorities.count == 200, "ids are unique")
        #expect((try host.json(["status"])["jobs"] as? [String: Int])?["queued"] == 200)
        #expect(host.inputs.count == 20)
        #expect(try host.runnerctl(["resume"]).code == 0)
        #expect(try eventually(240) { try count(host, "completed") == 220 })
        #expect(try eventually { try isIdle(host) })

        // A moment of connections closing is no growth.
        #expect(eventually { Held(host).supervisor ?? 0 <= before.supervisor ?? 0 }, "\(before) → \(Held(host))")
        let after = Held(host)
        #expect(after.spawner == before.spawner && after.processes == before.processes, "\(before) → \(after)")
        #expect(after.memory - before.memory < 16 << 10, "\(before) → \(after)")

        let jobs = (try host.json(["jobs", "-n", "1000"])["jobs"] as? [[String: Any]] ?? []).filter {
            priorities[$0["id"] as? String ?? ""] != nil
        }
        #expect(jobs.count == 200)
        #expect(jobs.allSatisfy { $0["state"] as? String == "completed" })
        let order = jobs.sorted { (one: [String: Any], other: [String: Any]) in
            let (a, b) = (one["priority"] as? Int ?? 0, other["priority"] as? Int ?? 0)
            return a != b ? a > b : one["number"] as? Int ?? 0 < other["number"] as? Int ?? 0
        }
        // The claim of a slot is the queue's order; of two that were claimed together either may be ready first.
        let claims = try order.map { try claimed(host, $0["id"] as? String ?? "") }
        #expect(zip(claims, claims.dropFirst()).allSatisfy { $0 <= $1 }, "claimed in the order of the queue")
        #expect(jobs.allSatisfy { $0["startedAt"] is Int && $0["endedAt"] is Int })
        #expect(jobs.allSatisfy { $0["priority"] as? Int == priorities[$0["id"] as? String ?? ""] })

        #expect(host.inputs.isEmpty)
        #expect(
            host.log.contains("error") == false,
            "\(host.log.split(separator: "\n").filter { $0.contains("error") }.prefix(5))")
    }

    @Test("Never do more jobs run than there are slots, and a free slot is taken at once", arguments: Tier.all)
    func slots(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "slots: 2\n")
        let mark = TestHost.mark()
        let jobs = try (0..<3).map { _ in try host.detach([], TestHost.lasting(mark)) }
        _ = try host.started(mark, count: 2)
        #expect(try jobs.map { try host.state($0) } == ["running", "running", "queued"])
        #expect(host.processes(with: mark).count == 2)
        let why = try host.json(["why", jobs[2]])
        #expect((why["reasons"] as? [String])?.contains { $0.contains("all 2 slots") } == true)
        _ = try host.runnerctl(["cancel", jobs[0], "--grace", "0"])
        #expect(try eventually { try host.state(jobs[2]) == "running" })
        for job in jobs { _ = try host.runnerctl(["cancel", job, "--grace", "0"]) }
        for job in jobs { #expect(try host.ended(job) == "cancelled") }
    }

    @Test("A full queue refuses the next job, and says so", arguments: Tier.all)
    func fullQueue(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "queue-limit: 3\n")
        _ = try host.runnerctl(["pause"])
        for _ in 0..<3 { _ = try host.detach(["--harness", "noop"], []) }
        let result = try host.runnerctl(["run", "--detach", "--harness", "noop"])
        #expect(result.code != 0 && result.errorText.contains("queue-limit"))
        _ = try host.runnerctl(["resume"])
        #expect(try eventually { (try host.json(["status"])["jobs"] as? [String: Int])?["completed"] == 3 })
        #expect(try host.runnerctl(["run", "--harness", "noop"]).code == 0)
    }
}
