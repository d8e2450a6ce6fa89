import CLinux
import Glibc
import IPC
import Linux

/// The privileged half of the supervisor: two requests, `spawn` and `kill`, and reports of exits. It holds no token,
/// speaks no INET, has one thread, and reads nothing of a job. When its supervisor goes, its jobs go.
public final class Spawner {
    private let options: SpawnerOptions
    private let loop: EventLoop
    private let image: WorkerImage
    private var firstUID: UInt32?
    private var problem: String?
    private var unusable = false
    private var report: String?
    private var running: [Int: RunningWorker] = [:]
    private var connection: Connection?
    private var listener: Descriptor?
    private var signals: Descriptor?
    private var stopping = false

    /// Drops privileges and prepares the worker image.
    /// - Throws: `SystemError` or `SpawnerError`
    public init(_ options: SpawnerOptions) throws {
        self.options = options
        let executable = try WorkerImage.openExecutable(options.worker)
        try check("chdir", options.directory) { chdir(options.directory) }
        if case .listen(let path) = options.channel {
            unlink(path)
            let raw = try check("listen", path) { bh_unix_listen(path, 4, 0o600) }
            listener = Descriptor(owning: raw)
            if getuid() == 0, let user = options.user, let group = options.group {
                try check("chown", path) { chown(path, user, group) }
            }
        }
        try Privileges.drop(user: options.user, group: options.group)
        image = try WorkerImage(executable: executable)
        loop = try EventLoop()
        firstUID = options.firstUID
    }

    /// Serves until the supervisor is gone (as its child) or a signal ends it; then no worker is left.
    /// - Throws: `SystemError`
    public func run() throws {
        probe()
        signals = try loop.onSignals([SIGTERM, SIGINT]) { [weak self] _, _ in self?.stop() }
        switch options.channel {
        case .descriptor(let raw):
            try serve(Descriptor(owning: raw))
        case .listen:
            guard let listener else { return }
            try loop.watch(listener.raw, .readable) { [weak self] _ in self?.accept() }
        }
        try loop.run()
    }

    /// Finds out once, with a worker that ends at once, what this host gives.
    private func probe() {
        if firstUID != nil, !Privileges.mayMapRange() {
            firstUID = nil
            problem = "the spawner may not map ids (it was not started as root)"
        }
        while true {
            do {
                let raw = try check("memfd_create") { bh_memfd("bulkhead-report", 0) }
                let report = Descriptor(owning: raw)
                let ids = IDMap.slot(0, first: firstUID)
                let child = try image.spawn(
                    ids: ids, secret: "", order: report, diagnostics: Descriptor(owning: dup(2)), input: nil,
                    arguments: ["bulkhead-worker", "probe"])
                let end = try ProcessEnd.wait(for: child.pid)
                guard end.code == 0 else { throw SpawnerError("a trial worker did not end well: \(end)") }
                try check("lseek") { lseek(report.raw, 0, SEEK_SET) }
                self.report = String(decoding: try report.readAll(limit: 16 << 10), as: UTF8.self)
                return
            } catch {
                problem = "\(error)"
                if firstUID == nil {
                    unusable = true
                    return
                }
                firstUID = nil
            }
        }
    }

    private func accept() {
        guard let listener else { return }
        let raw = bh_accept(listener.raw)
        guard raw >= 0 else { return }
        let socket = Descriptor(owning: raw)
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        guard bh_peer_credentials(raw, &pid, &uid, &gid) == 0, uid == geteuid(), connection == nil else {
            return complain(
                "bulkhead-spawner: refused a connection of uid \(uid) (a supervisor of uid \(geteuid()), one at a time)"
            )
        }
        do {
            try serve(socket)
        } catch {
            complain("bulkhead-spawner: \(error)")
        }
    }

    private func serve(_ socket: Descriptor) throws {
        let connection = try Connection(socket, loop: loop, limits: .hello)
        self.connection = connection
        connection.onFrame = { [weak self] frame throws(ProtocolError) in try self?.handle(frame) }
        connection.onEnd = { [weak self] ending in self?.lost(ending) }
        let ids = IDMap.slot(0, first: firstUID)
        try connection.send(
            SpawnerReady(
                tier: ids.isRange ? "multi-uid" : "single-uid", slots: options.slots,
                firstUID: Int64(firstUID ?? geteuid()), pid: Int(getpid()), problem: problem, unusable: unusable,
                report: report))
    }

    private func handle(_ frame: Frame) throws(ProtocolError) {
        switch frame.type {
        case Spawn.type: try spawn(try frame.decode(Spawn.self), frame.descriptors)
        case Kill.type: kill(slot: try frame.decode(Kill.self).slot)
        default: throw ProtocolError(.unexpected, "the spawner knows spawn and kill, not \(frame.type.prefix(40))")
        }
    }

    private func spawn(_ request: Spawn, _ descriptors: [Descriptor]) throws(ProtocolError) {
        // The supervisor is checked as if it were owned: it parses what tenants send.
        guard (0..<options.slots).contains(request.slot) else {
            throw ProtocolError(.invalid, "there is no slot \(request.slot)")
        }
        guard (2...3).contains(descriptors.count) else {
            throw ProtocolError(.badDescriptor, "a spawn carries two or three descriptors")
        }
        guard request.secret.utf8.count == 64,
            request.secret.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { throw ProtocolError(.invalid, "a secret is 64 hexadecimal digits") }
        guard running[request.slot] == nil else {
            return try reply(SpawnRefused(slot: request.slot, message: "slot \(request.slot) still has a worker"))
        }
        let ids = IDMap.slot(request.slot, first: firstUID)
        do {
            let worker = try image.spawn(
                ids: ids, secret: request.secret, order: descriptors[0], diagnostics: descriptors[1],
                input: descriptors.count > 2 ? descriptors[2] : nil)
            running[request.slot] = worker
            let slot = request.slot
            try loop.watch(worker.pidfd.raw, .readable) { [weak self] _ in self?.ended(slot) }
            try reply(Spawned(slot: slot, pid: Int(worker.pid), uid: Int64(ids.hostUID)))
        } catch let error as ProtocolError {
            throw error
        } catch {
            try reply(SpawnRefused(slot: request.slot, message: "\(error)"))
        }
    }

    private func kill(slot: Int) {
        guard let worker = running[slot] else { return }
        _ = bh_pidfd_kill(worker.pidfd.raw, SIGKILL)
    }

    private func ended(_ slot: Int) {
        guard let worker = running[slot] else { return }
        var code: Int32 = 0
        var status: Int32 = 0
        guard bh_pidfd_wait(worker.pidfd.raw, &code, &status) == 1 else { return }
        loop.unwatch(worker.pidfd.raw)
        running[slot] = nil
        let end = ProcessEnd(siCode: code, status: status)
        try? reply(
            Exited(slot: slot, pid: Int(worker.pid), code: end.code.map(Int.init), signal: end.signal.map(Int.init)))
        if stopping, running.isEmpty { loop.stop() }
    }

    private func reply<M: Message>(_ message: M) throws(ProtocolError) { try connection?.send(message) }

    private func lost(_ ending: Connection.Ending) {
        if case .closed = ending {} else { complain("bulkhead-spawner: the supervisor's channel ended: \(ending)") }
        connection = nil
        for slot in running.keys { kill(slot: slot) }
        if case .descriptor = options.channel { stop() }
    }

    private func stop() {
        stopping = true
        for slot in running.keys { kill(slot: slot) }
        if running.isEmpty { loop.stop() }
    }
}
