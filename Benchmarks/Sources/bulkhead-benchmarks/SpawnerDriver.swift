import CBenchmarks
import Glibc
import IPC

/// Plays the supervisor to a real spawner and its workers, and keeps nothing: what is measured is the sandbox alone.
final class SpawnerDriver {
    let program: Program
    let isSplit: Bool
    private let channel: FrameSocket
    private let listener: FileHandleOwner
    private let work: WorkDirectory

    /// As root: an account and ids that nobody has, beside those that a supervisor without an account takes.
    private static let serviceID = 1_900_100_000
    private static let firstJobID = 1_900_101_000
    private static let patience = 20.0

    /// - Throws: `Failure`
    init(binaries: String, work: WorkDirectory) throws {
        self.work = work
        let directory = work.path + "/spawner"
        if access(directory, F_OK) != 0 { try work.makeDirectory("spawner") }
        let socket = directory + "/supervisor.sock"
        unlink(socket)
        let raw = bench_listen(socket)
        guard raw >= 0 else { throw Failure.system("listen", socket) }
        listener = FileHandleOwner(owning: raw)

        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure.system("socketpair") }
        let theirs = FileHandleOwner(owning: ends[1])
        channel = FrameSocket(owning: ends[0])
        var arguments = [
            binaries + "/bulkhead-spawner", "--channel", "3", "--worker", binaries + "/bulkhead-worker", "--directory",
            directory, "--slots", "1",
        ]
        if geteuid() == 0 {
            let id = "\(Self.serviceID)"
            arguments += ["--first-uid", "\(Self.firstJobID)", "--user", id, "--group", id]
        }
        let null = try FileHandleOwner.open("/dev/null", O_RDWR)
        let log = try FileHandleOwner.open(work.log, O_WRONLY | O_CREAT | O_APPEND)
        program = try Program(arguments, environment: [], descriptors: [null.raw, null.raw, log.raw, theirs.raw])
        let ready: SpawnerReady
        do {
            ready = try channel.receive(Deadline(seconds: Self.patience)).decode(SpawnerReady.self)
        } catch {
            throw Failure("bulkhead-spawner did not become ready (\(error)): \(work.logTail())")
        }
        if ready.unusable ?? false { throw Failure("no sandbox can be made on this host: \(ready.problem ?? "")") }
        isSplit = ready.tier == "multi-uid"
    }

    /// Moments of one start, in ns of CLOCK_MONOTONIC.
    struct Times {
        var requested: Int64 = 0
        var spawned: Int64 = 0
        var connected: Int64 = 0
        var opened: Int64 = 0
        var firstInstruction: Int64 = 0
    }

    /// Runs the tool once in a fresh sandbox.
    /// - Parameter hold: called with the worker's pid while the tool waits in the agent phase; the job is killed then.
    /// - Throws: `Failure` with what the worker said.
    func run(hold: ((Int32) throws -> Void)? = nil) throws -> Times {
        let deadline = Deadline(seconds: Self.patience)
        let order = try FileHandleOwner.memory(
            "order", JSON(encoding: makeOrder(arguments: hold == nil ? [] : ["hold"])).bytes())
        let diagnostics = try FileHandleOwner.pipe()
        let descriptors = [order, diagnostics.write]
        let secret = String(repeating: "0123456789abcdef", count: 4)

        var times = Times()
        times.requested = Clock.now()
        try channel.send(Spawn(slot: 0, secret: secret, fds: descriptors.count), descriptors: descriptors)
        do {
            let spawned = try channel.receive(deadline).decode(Spawned.self)
            times.spawned = Clock.now()
            let link = try accept(deadline)
            times.connected = Clock.now()
            try serve(link, &times, isHeld: hold != nil, deadline)
            if let hold {
                try hold(Int32(clamping: spawned.pid))
                try channel.send(Kill(slot: 0))
            } else {
                try finish(link, deadline)
            }
            _ = try channel.receive(deadline).decode(Exited.self)
        } catch {
            try? channel.send(Kill(slot: 0))
            throw Failure("a sandbox did not run: \(error). \(diagnostics.read.readNow())")
        }
        return times
    }

    /// Ends the spawner, which goes with its channel.
    func stop() {
        shutdown(channel.raw, Int32(SHUT_RDWR))
        if (try? program.wait(Deadline(seconds: 5))) == nil { program.kill() }
    }

    private func makeOrder(arguments: [String]) -> Order {
        Order(
            job: "benchmark0", kind: .prompt, isolation: .available,
            root: Order.Root(
                trees: ["/usr", work.tools], path: ["/usr/local/bin", "/usr/bin", "/bin"], workspaceBytes: 2 << 30,
                workspaceFiles: 500_000),
            limits: Order.Limits(
                wallClock: 60_000, idleOutput: 0, processes: 512, openFiles: 4096, fileSize: 4 << 30, output: 1 << 30,
                line: 64 << 10),
            ladder: Order.Ladder(interrupt: 100, terminate: 100),
            tool: Order.Tool(argv: [work.tool] + arguments, environment: [:], stdin: ""), repository: nil)
    }

    /// The worker's connection. The spawner has nothing to say meanwhile, unless that the worker has ended.
    private func accept(_ deadline: Deadline) throws -> FrameSocket {
        while !deadline.hasPassed {
            var entries = [listener.raw, channel.raw].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&entries, 2, deadline.milliseconds) > 0 else { continue }
            if entries[0].revents != 0 {
                let raw = bench_accept(listener.raw)
                guard raw >= 0 else { throw Failure.system("accept") }
                return FrameSocket(owning: raw)
            }
            throw Failure("the worker ended: \(try channel.receive(deadline).json)")
        }
        throw Failure("the worker did not connect in time")
    }

    /// From the hello to the tool's first line.
    private func serve(_ link: FrameSocket, _ times: inout Times, isHeld: Bool, _ deadline: Deadline) throws {
        _ = try link.receive(deadline).decode(Hello.self)
        try link.send(Welcome(server: "bulkhead-benchmarks", pid: Int(getpid())))
        while times.firstInstruction == 0 {
            let frame = try link.receive(deadline)
            switch frame.type {
            case PhaseReady.type:
                try link.send(PhaseOpen(phase: try frame.decode(PhaseReady.self).phase))
                times.opened = Clock.now()
            case LogBatch.type:
                let batch = try frame.decode(LogBatch.self)
                guard let stamp = Int64((batch.text ?? "").prefix { $0 != "\n" }) else {
                    throw Failure("the tool printed no time but \"\(batch.text ?? "")\"")
                }
                times.firstInstruction = stamp
                try link.send(Acknowledge(through: batch.seq + Int64(batch.n) - 1))
            default: try take(frame, link)
            }
        }
    }

    /// From the tool's line to the worker's end.
    private func finish(_ link: FrameSocket, _ deadline: Deadline) throws {
        while try !take(try link.receive(deadline), link) {}
    }

    /// Acknowledges an event.
    /// - Returns: whether it was the last one.
    @discardableResult
    private func take(_ frame: FrameSocket.Received, _ link: FrameSocket) throws -> Bool {
        let event = try frame.decode(WorkerEvent.self)
        try link.send(Acknowledge(through: event.seq))
        guard event.kind == .finished else { return false }
        guard event.data["outcome"]?.stringValue == "done" else { throw Failure("the job ended badly: \(event.data)") }
        return true
    }
}
