import CLinux
import Glibc
import IPC
import Linux

/// The supervisor's side of the spawner's channel.
final class SpawnerClient {
    /// What the spawner said of this host.
    struct Abilities {
        var tier: String
        var firstUID: Int64
        var problem: String?
        var unusable: Bool
        var layers: [JobInfo.Isolation.Layer]
        var isSplit: Bool { tier == "multi-uid" }
    }

    private var connection: Connection?
    private(set) var abilities: Abilities?

    var onReady: ((Abilities) -> Void)?
    var onSpawned: ((Spawned) -> Void)?
    var onRefused: ((SpawnRefused) -> Void)?
    var onExited: ((Exited) -> Void)?
    var onLost: ((String) -> Void)?

    private var table = DispatchTable<Bool>([
        SpawnerReady.type: .once(false), Spawned.type: .in(true), SpawnRefused.type: .in(true), Exited.type: .in(true),
        Failure.type: .in(false, true),
    ])

    /// Starts a spawner as a child, in directory and with ids of its own. Its end of the socket pair dies with it.
    /// - Throws: `StartupError`
    static func start(
        executable: String, worker: String, directory: String, slots: Int, account: ServiceAccount
    ) throws -> Descriptor {
        let (ours, theirs) = try Descriptor.socketPair()
        var arguments = [
            "bulkhead-spawner", "--channel", "3", "--worker", worker, "--directory", directory, "--slots", "\(slots)",
        ]
        if geteuid() == 0, let first = account.firstJobUID {
            arguments += ["--first-uid", "\(first)", "--user", "\(account.uid)", "--group", "\(account.gid)"]
        }
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let file = try Descriptor.open(executable, O_RDONLY)
        var child = Child(argv: arguments, environment: [], descriptors: [null.raw, null.raw, 2, theirs.raw])
        child.executable = file.raw
        do {
            _ = try child.start()
        } catch {
            throw StartupError("the spawner \(executable) does not start: \(error)")
        }
        return ours
    }

    /// Connects to a spawner that a service manager runs.
    /// - Throws: `StartupError`
    static func connect(_ path: String, account: ServiceAccount) throws -> Descriptor {
        do {
            let socket = Descriptor(owning: try check("connect", path) { bh_unix_connect(path) })
            var pid: Int32 = 0
            var uid: UInt32 = 0
            var gid: UInt32 = 0
            try check("SO_PEERCRED", path) { bh_peer_credentials(socket.raw, &pid, &uid, &gid) }
            guard uid == account.uid || uid == 0 else {
                throw SystemError("connect", "\(path) is served by uid \(uid), which is no spawner's", code: EPERM)
            }
            return socket
        } catch {
            throw StartupError(
                "no spawner answers on spawner-socket: \(error). Start bulkhead-spawner.service, or remove the setting")
        }
    }

    /// - Throws: `SystemError`
    func serve(_ channel: Descriptor, loop: EventLoop) throws {
        let connection = try Connection(channel, loop: loop, limits: .standard)
        self.connection = connection
        connection.onFrame = { [weak self] frame throws(ProtocolError) in try self?.handle(frame) }
        connection.onEnd = { [weak self] ending in
            self?.connection = nil
            self?.onLost?("\(ending)")
        }
    }

    func spawn(slot: Int, secret: String, descriptors: [Descriptor]) throws(ProtocolError) {
        try connection?.send(Spawn(slot: slot, secret: secret, fds: descriptors.count), descriptors: descriptors)
    }

    func kill(slot: Int) { try? connection?.send(Kill(slot: slot)) }

    /// Ends the channel: the spawner kills every job, and itself when it is a child.
    func close() {
        connection?.close()
        connection = nil
    }

    private func handle(_ frame: Frame) throws(ProtocolError) {
        try table.admit(frame.type, in: abilities != nil)
        switch frame.type {
        case SpawnerReady.type:
            let ready = try frame.decode(SpawnerReady.self)
            let report = ready.report.flatMap { try? JSON(parsing: Array($0.utf8)) }
            let layers = report.flatMap { try? $0.decode([JobInfo.Isolation.Layer].self) } ?? []
            let abilities = Abilities(
                tier: ready.tier, firstUID: ready.firstUID, problem: ready.problem, unusable: ready.unusable ?? false,
                layers: layers)
            self.abilities = abilities
            onReady?(abilities)
        case Spawned.type: onSpawned?(try frame.decode(Spawned.self))
        case SpawnRefused.type: onRefused?(try frame.decode(SpawnRefused.self))
        case Exited.type: onExited?(try frame.decode(Exited.self))
        default: throw ProtocolError(.unexpected, try frame.decode(Failure.self).message)
        }
    }
}
