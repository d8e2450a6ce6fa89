import Glibc
import IPC

/// Empty jobs through the whole path (queue, sandbox, events and states on disk), against as many sandboxes of
/// bubblewrap, of which nothing is kept.
struct JobRate {
    let surroundings: Surroundings
    private static let lanes = 2

    /// - Throws: `Failure`
    func measure() throws -> ([Row], [String]) {
        let work = surroundings.work
        let count = surroundings.options.jobs
        let bubblewrap = try Bubblewrap(tools: work.tools)
        let slots = [2, 4]
        let hosts = try slots.map {
            try SupervisorHost(binaries: surroundings.binaries, work: work, name: "jobs-\($0)", slots: $0)
        }
        defer { for host in hosts { host.stop() } }
        var ours = [Samples](repeating: Samples(moreIsBetter: true), count: slots.count)
        var peer = Samples(moreIsBetter: true)
        for round in 0...surroundings.options.jobRounds {
            // The first round warms up, with fewer.
            let jobs = round == 0 ? min(20, count) : count
            let rates = try hosts.map { try rate($0, jobs) }
            let other = try self.peer(bubblewrap, jobs)
            guard round > 0 else { continue }
            for index in rates.indices { ours[index].add(rates[index]) }
            peer.add(other)
        }
        let rows = zip(slots, ours).map { slots, rates in
            Row(what: "\(count) empty jobs, \(slots) slots (more is better)", unit: "jobs/s", ours: rates, peer: peer)
        }
        return (rows, [])
    }

    /// Jobs a second from the first submission to the last end, by the supervisor's own times.
    private func rate(_ host: SupervisorHost, _ count: Int) throws -> Double {
        let client = host.client
        let before = try client.status().jobs["completed"] ?? 0
        let start = Clock.now()
        for _ in 0..<count { try client.send(.submit, SubmitRequest(harness: "noop")) }
        for _ in 0..<count { _ = try client.answer(JobInfo.self) }
        let deadline = Deadline(seconds: 120)
        while true {
            let jobs = try client.status().jobs
            if jobs["completed"] ?? 0 >= before + count { break }
            if jobs["failed"] ?? 0 > 0 { throw Failure("an empty job failed; run one by hand to see why") }
            guard !deadline.hasPassed else { throw Failure("\(count) empty jobs did not end within 120 s") }
            usleep(10_000)
        }
        let wall = Double(Clock.now() - start) / 1e9
        return Double(count) / wall
    }

    private func peer(_ bubblewrap: Bubblewrap, _ count: Int) throws -> Double {
        let null = try FileHandleOwner.open("/dev/null", O_RDWR)
        let command = bubblewrap.arguments(["/usr/bin/true"]).map { "'\($0)'" }.joined(separator: " ")
        let start = Clock.now()
        let loops = try (0..<Self.lanes).map { lane in
            let share = count / Self.lanes + (lane < count % Self.lanes ? 1 : 0)
            let script = "i=0; while [ $i -lt \(share) ]; do \(command) || exit 1; i=$((i + 1)); done"
            return try Program(["/bin/sh", "-c", script], descriptors: [null.raw, null.raw, 2])
        }
        for loop in loops {
            let code = try loop.wait(Deadline(seconds: 120))
            guard code == 0 else { throw Failure("bubblewrap failed with \(code)") }
        }
        return Double(count) / (Double(Clock.now() - start) / 1e9)
    }
}
