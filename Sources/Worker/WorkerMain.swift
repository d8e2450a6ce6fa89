import CLinux
import Glibc
import IPC
import Linux
import Sandbox

/// The modes of `bulkhead-worker`. Without an argument it is pid 1 of a job; the others serve the spawner (`probe`,
/// `export-filters`) and the job itself (`step`).
public enum WorkerMain {
    /// - Returns: the exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        do {
            switch arguments.first {
            case nil: try runJob()
            case "probe": try probe()
            case "export-filters":
                try Descriptor(owning: dup(1)).writeAll(try SeccompFilters.compile())
            case "step": return StepMain.run(Array(arguments.dropFirst()))
            case "--version": print("bulkhead-worker \(bulkheadVersion)")
            default:
                complain(
                    "bulkhead-worker: unknown mode \(arguments[0]). It is started by bulkhead-spawner, never by hand.")
                return 2
            }
            return 0
        } catch {
            complain("bulkhead-worker: \(error)")
            return 1
        }
    }

    private static func runJob() throws {
        // Before a descriptor is touched: run by hand, 3 to 7 could be anything.
        guard getpid() == 1 else {
            throw SandboxError(
                "namespaces", "this process is not pid 1 of a pid namespace",
                remedy: "bulkhead-worker is started by bulkhead-spawner, never by hand")
        }
        for fd in WorkerDescriptor.order...WorkerDescriptor.executable where fcntl(fd, F_GETFD) < 0 {
            throw SandboxError(
                "start", "descriptor \(fd) was not passed",
                remedy: "bulkhead-worker is started by bulkhead-spawner, never by hand")
        }
        for fd in WorkerDescriptor.order...WorkerDescriptor.input { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
        let filters = Descriptor(owning: WorkerDescriptor.filters)
        let executable = Descriptor(owning: WorkerDescriptor.executable)
        let handoverPipe = Descriptor(owning: WorkerDescriptor.handover)
        let input = fcntl(WorkerDescriptor.input, F_GETFD) >= 0 ? Descriptor(owning: WorkerDescriptor.input) : nil

        let handover = try JSON(parsing: try readLine(handoverPipe)).decode(Handover.self)
        let order = try readOrder()
        let identities = Identities(worker: handover.worker, git: handover.git, agent: handover.agent)
        let policy = SandboxPolicy(
            strict: order.isolation == .strict, identities: identities, trees: order.root.trees,
            writableBytes: order.root.workspaceBytes, writableFiles: order.root.workspaceFiles,
            limits: ResourceLimits(
                processes: UInt64(clamping: order.limits.processes),
                openFiles: UInt64(clamping: order.limits.openFiles),
                fileSize: UInt64(clamping: order.limits.fileSize)),
            outsideNamespaces: handover.namespaces)

        // The working directory is the one that holds the supervisor's socket. Its detached copy leads to that socket
        // and nowhere else; a plain directory descriptor would lead out of the sandbox by `..`.
        try Sandbox.requireOwnNamespaces(policy)
        let raw = try check("open_tree", "the supervisor's socket directory") { bh_open_tree(AT_FDCWD, ".", 0) }
        let socketTree = Descriptor(owning: raw)
        let layers = try Sandbox.enter(policy, filters: filters)
        filters.close()

        // The spawner may have died before its death signal was asked for.
        guard bh_hung_up(handoverPipe.raw) == 0 else { throw SystemError("spawner", "is gone", code: ESRCH) }
        try check("fchdir") { fchdir(socketTree.raw) }
        let socket = try check("connect", "the supervisor's socket") { bh_unix_connect("supervisor.sock") }
        try check("chdir") { chdir("/") }
        socketTree.close()

        let loop = try EventLoop()
        let connection = try Connection(Descriptor(owning: socket), loop: loop, limits: .hello)
        let session = WorkerSession(
            order: order, identities: identities, loop: loop, connection: connection, executable: executable,
            input: input, layers: layers)
        try loop.watch(handoverPipe.raw, .readable) { _ in session.job.abandon() }
        let signals = try loop.onSignals([SIGCHLD]) { _, _ in session.job.reap() }
        try connection.send(
            Hello(role: .worker, client: "bulkhead-worker \(bulkheadVersion)", job: order.job, secret: handover.secret))
        try loop.run()
        signals.close()
    }

    /// A trial for the spawner: enters a sandbox of nothing and reports the layers in the file given as the order.
    private static func probe() throws {
        for fd in WorkerDescriptor.order...WorkerDescriptor.executable where fcntl(fd, F_GETFD) < 0 {
            throw SystemError("probe", "descriptor \(fd)", code: EBADF)
        }
        let report = Descriptor(owning: WorkerDescriptor.order)
        let handover = try JSON(parsing: try readLine(Descriptor(owning: WorkerDescriptor.handover))).decode(
            Handover.self)
        let policy = SandboxPolicy(
            strict: false, identities: Identities(worker: handover.worker, git: handover.git, agent: handover.agent),
            trees: ["/usr"], writableBytes: 1 << 20, writableFiles: 64,
            limits: ResourceLimits(processes: 64, openFiles: 256, fileSize: 1 << 20),
            outsideNamespaces: handover.namespaces)
        let layers = try Sandbox.enter(policy, filters: Descriptor(owning: WorkerDescriptor.filters))
        try report.writeAll(try JSON(encoding: layers).bytes())
    }

    /// The handover is one line; the pipe stays open after it.
    private static func readLine(_ pipe: Descriptor) throws -> [UInt8] {
        var line: [UInt8] = []
        while line.last != 0x0a {
            let chunk = try pipe.read(4096)
            guard !chunk.isEmpty, line.count + chunk.count <= 4096 else {
                throw SystemError("read", "the handover of the spawner", code: EPROTO)
            }
            line += chunk
        }
        return Array(line.dropLast())
    }

    private static func readOrder() throws -> Order {
        let file = Descriptor(owning: WorkerDescriptor.order)
        try check("lseek", "order") { lseek(file.raw, 0, SEEK_SET) }
        return try JSON(parsing: try file.readAll(limit: 1 << 20)).decode(Order.self)
    }
}

/// The worker's side of the socket: a table of what may come when.
final class WorkerSession {
    enum State: Hashable { case greeting, serving }

    let job: Job
    private let connection: Connection
    private let layers: [Layer]
    private var state = State.greeting
    private var table = DispatchTable<State>([
        Welcome.type: .once(.greeting), Failure.type: .in(.greeting, .serving), PhaseOpen.type: .in(.serving),
        Acknowledge.type: .in(.serving), Cancel.type: .in(.serving),
    ])

    init(
        order: Order, identities: Identities, loop: EventLoop, connection: Connection, executable: Descriptor,
        input: Descriptor?, layers: [Layer]
    ) {
        self.connection = connection
        self.layers = layers
        job = Job(
            order: order, identities: identities, loop: loop, connection: connection, executable: executable,
            input: input)
        connection.onFrame = { [weak self] frame throws(ProtocolError) in try self?.handle(frame) }
        // Without a supervisor there is nobody to report to: the job ends with it.
        connection.onEnd = { [job] _ in job.abandon() }
    }

    private func handle(_ frame: Frame) throws(ProtocolError) {
        try table.admit(frame.type, in: state)
        switch frame.type {
        case Welcome.type:
            guard try frame.decode(Welcome.self).protocol == protocolVersion else {
                throw ProtocolError(.wrongVersion, "the supervisor speaks another protocol version")
            }
            connection.limit = FrameLimits.standard.maximumLength
            state = .serving
            job.start(layers: layers)
        case PhaseOpen.type: try job.open(try frame.decode(PhaseOpen.self).phase)
        case Acknowledge.type: try job.sender.acknowledge(try frame.decode(Acknowledge.self).through)
        case Cancel.type: job.cancel(try frame.decode(Cancel.self))
        default:
            complain("bulkhead-worker: the supervisor says: \(try frame.decode(Failure.self).message)")
            job.abandon()
        }
    }
}
