import Glibc

/// From the request for a sandbox to the first instruction of the tool in it, against bubblewrap, and against nothing.
struct ColdStart {
    let surroundings: Surroundings
    private static let warmUp = 20

    /// - Returns: rows, and notes for below the table.
    /// - Throws: `Failure`
    func measure() throws -> ([Row], [String]) {
        let work = surroundings.work
        let spawner = try SpawnerDriver(binaries: surroundings.binaries, work: work)
        defer { spawner.stop() }
        let bubblewrap = try Bubblewrap(tools: work.tools)
        var ours = Samples()
        var peer = Samples()
        var floor = Samples()
        var stages = [Samples](repeating: Samples(), count: 4)
        for round in 0..<(Self.warmUp + surroundings.options.rounds) {
            let times = try spawner.run()
            let other = try stamp(bubblewrap.arguments(["/tool/tool"]))
            let bare = try stamp([work.tool])
            guard round >= Self.warmUp else { continue }
            ours.add(Self.milliseconds(times.firstInstruction - times.requested))
            peer.add(other)
            floor.add(bare)
            let moments = [times.requested, times.spawned, times.connected, times.opened, times.firstInstruction]
            for index in stages.indices { stages[index].add(Self.milliseconds(moments[index + 1] - moments[index])) }
        }
        let names = [
            "fork, id map, exec", "start, sandbox, connect", "hello to phase opened", "opened to first instruction",
        ]
        let parts = zip(names, stages).map { "\($0) \(Row.number($1.p50))" }.joined(separator: ", ")
        return (
            [
                Row(what: "cold start to first instruction", unit: "ms", ours: ours, peer: peer, target: .ratio(0.8)),
                Row(what: "  floor: the tool without a sandbox", unit: "ms", ours: floor),
            ], ["cold start, ours, p50 of each part in ms: \(parts)"]
        )
    }

    /// Milliseconds from the fork to the tool's own time stamp.
    private func stamp(_ arguments: [String]) throws -> Double {
        let output = try FileHandleOwner.pipe()
        let null = try FileHandleOwner.open("/dev/null", O_RDWR)
        let writer = output.write
        let program = try Program(arguments, descriptors: [null.raw, writer.raw, 2])
        let deadline = Deadline(seconds: 20)
        // Its end is awaited first: one line always fits the pipe.
        let code = try program.wait(deadline)
        let text = output.read.readNow()
        guard code == 0, let time = Int64(text.prefix { $0 != "\n" }) else {
            throw Failure("\(arguments[0]) ended with \(code) and printed \"\(text)\"")
        }
        return Self.milliseconds(time - program.startedAt)
    }

    private static func milliseconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1e6 }
}
