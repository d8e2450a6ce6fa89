import Glibc
import IPC

/// 100 MiB of log lines from a tool in a sandbox to the store, every line durable at the end; against the same bytes
/// through a pipeline into a file of the same file system that is synced once.
struct LogThroughput {
    let surroundings: Surroundings
    private static let bytes = 100 << 20

    /// - Throws: `Failure`
    func measure() throws -> ([Row], [String]) {
        let work = surroundings.work
        let rounds = surroundings.options.logRounds
        try work.requireFree(Int64((rounds + 3) * Self.bytes), for: "the log measurement")
        let host = try SupervisorHost(binaries: surroundings.binaries, work: work, name: "log", slots: 1)
        defer { host.stop() }
        var ours = Samples()
        var peer = Samples()
        for round in 0...rounds {
            let job = try run(host)
            let other = try pipeline(in: host.directory)
            guard round > 0 else { continue }  // the first one warms up
            ours.add(job)
            peer.add(other)
        }
        func speed(_ times: Samples) -> Samples {
            Samples(times.values.map { Double(Self.bytes >> 20) / ($0 / 1000) }, moreIsBetter: true)
        }
        return (
            [
                Row(what: "100 MiB of log lines to the store", unit: "ms", ours: ours, peer: peer),
                Row(what: "  the same as speed (more is better)", unit: "MiB/s", ours: speed(ours), peer: speed(peer)),
            ], []
        )
    }

    /// Milliseconds from the job's start, sandbox included, to its last state on disk.
    private func run(_ host: SupervisorHost) throws -> Double {
        let argv = [surroundings.work.tool, "lines", "\(Self.bytes)"]
        let job = try host.client.run(SubmitRequest(harness: "exec", argv: argv), seconds: 300)
        guard let started = job.startedAt, let ended = job.endedAt else { throw Failure("job \(job.id) has no times") }
        guard job.usage?.outputBytes == Int64(Self.bytes), job.usage?.droppedBytes ?? 0 == 0 else {
            throw Failure("job \(job.id) stored \(job.usage?.outputBytes ?? 0) bytes of \(Self.bytes)")
        }
        return Double(ended - started)
    }

    private func pipeline(in directory: String) throws -> Double {
        let file = directory + "/peer.log"
        let null = try FileHandleOwner.open("/dev/null", O_RDWR)
        let script =
            "'\(surroundings.work.tool)' lines \(Self.bytes) | cat | tee '\(file)' >/dev/null && sync '\(file)'"
        let program = try Program(["/bin/sh", "-c", script], descriptors: [null.raw, null.raw, 2])
        let code = try program.wait(Deadline(seconds: 300))
        let time = Double(Clock.now() - program.startedAt) / 1e6
        var status = stat()
        guard code == 0, stat(file, &status) == 0, status.st_size == Self.bytes else {
            throw Failure("the pipeline for comparison failed with \(code)")
        }
        unlink(file)
        return time
    }
}
