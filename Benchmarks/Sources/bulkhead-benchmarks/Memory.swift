import Glibc

/// Memory of processes that wait: a worker in the agent phase, a supervisor and a spawner without jobs; an idle node
/// for scale.
struct Memory {
    let surroundings: Surroundings
    private static let starts = 5
    /// After this long nothing of the start is going on any more.
    private static let settleMicroseconds: UInt32 = 300_000

    private struct Found {
        var resident = Samples()
        var proportional = Samples()

        mutating func add(_ pid: pid_t) throws {
            resident.add(try ProcessMemory.residentKiB(pid) / 1024)
            if let value = ProcessMemory.proportionalKiB(pid) { proportional.add(value / 1024) }
        }
    }

    /// - Throws: `Failure`
    func measure() throws -> ([Row], [String]) {
        var worker = Found()
        var supervisor = Found()
        var spawner = Found()
        var node = Found()
        let path = try findProgram("node", package: "nodejs")
        let driver = try SpawnerDriver(binaries: surroundings.binaries, work: surroundings.work)
        defer { driver.stop() }
        for round in 0..<Self.starts {
            _ = try driver.run { pid in
                usleep(Self.settleMicroseconds)
                try worker.add(pid)
            }
            let host = try SupervisorHost(
                binaries: surroundings.binaries, work: surroundings.work, name: "idle-\(round)", slots: 4)
            defer { host.stop() }
            usleep(Self.settleMicroseconds)
            try supervisor.add(host.program.pid)
            try spawner.add(try host.spawner())

            let null = try FileHandleOwner.open("/dev/null", O_RDWR)
            let peer = try Program(
                [path, "-e", "setInterval(()=>{},1e9)"], descriptors: [null.raw, null.raw, null.raw])
            usleep(Self.settleMicroseconds)
            try node.add(peer.pid)
            peer.kill()
        }
        let processes: [(String, Found, Row.Target)] = [
            ("worker in the agent phase", worker, .atMost(8)), ("idle supervisor", supervisor, .atMost(30)),
            ("idle spawner", spawner, .none),
        ]
        var rows: [Row] = []
        for (name, found, target) in processes {
            rows.append(
                Row(
                    what: "RSS of \(name) (peer: node)", unit: "MiB", ours: found.resident, peer: node.resident,
                    target: target))
            if !found.proportional.isEmpty {
                rows.append(Row(what: "  its PSS", unit: "MiB", ours: found.proportional, peer: node.proportional))
            }
        }
        return (rows, [])
    }
}
