/// Supervisor → spawner: fork the worker of this slot. With it come the order, the worker's diagnostics pipe and,
/// where the job has one, its input bundle.
public struct Spawn: Message {
    public static let type = "spawn"
    public var slot: Int
    /// 64 hexadecimal digits, handed to the worker on a pipe.
    public var secret: String
    public var fds: Int
    public init(slot: Int, secret: String, fds: Int) {
        self.slot = slot
        self.secret = secret
        self.fds = fds
    }
    public var descriptorCount: Int { fds }
}

/// Supervisor → spawner: kill whatever runs in this slot. Killing an empty slot is no error.
public struct Kill: Message {
    public static let type = "kill"
    public var slot: Int
    public init(slot: Int) { self.slot = slot }
}

/// Spawner → supervisor: what it can do, once, at the start.
public struct SpawnerReady: Message {
    public static let type = "ready"
    /// `multi-uid` or `single-uid`.
    public var tier: String
    public var slots: Int
    /// First host uid of slot 0; each slot has four.
    public var firstUID: Int64
    public var pid: Int
    /// Why the higher tier, or any job at all, is not to be had here.
    public var problem: String?
    /// No worker can be forked at all: `problem` says why.
    public var unusable: Bool?
    /// The layers of a trial worker, as that worker wrote them (JSON); the spawner does not read it.
    public var report: String?
    public init(
        tier: String, slots: Int, firstUID: Int64, pid: Int, problem: String?, unusable: Bool, report: String?
    ) {
        self.report = report
        self.tier = tier
        self.slots = slots
        self.firstUID = firstUID
        self.pid = pid
        self.problem = problem
        self.unusable = unusable ? true : nil
    }
}

/// Spawner → supervisor: the worker runs. `uid` is the host uid that it will show as a peer.
public struct Spawned: Message {
    public static let type = "spawned"
    public var slot: Int
    public var pid: Int
    public var uid: Int64
    public init(slot: Int, pid: Int, uid: Int64) {
        self.slot = slot
        self.pid = pid
        self.uid = uid
    }
}

/// Spawner → supervisor: no worker was forked, and why.
public struct SpawnRefused: Message {
    public static let type = "spawn-refused"
    public var slot: Int
    public var message: String
    public init(slot: Int, message: String) {
        self.slot = slot
        self.message = message
    }
}

/// Spawner → supervisor: the worker of this slot has ended, and with it every process of the job.
public struct Exited: Message {
    public static let type = "exited"
    public var slot: Int
    public var pid: Int
    /// Exit code, or nil when a signal ended it.
    public var code: Int?
    public var signal: Int?
    public init(slot: Int, pid: Int, code: Int?, signal: Int?) {
        self.slot = slot
        self.pid = pid
        self.code = code
        self.signal = signal
    }
}
