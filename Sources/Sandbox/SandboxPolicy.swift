/// What a sandbox is to be, as a value: built by the worker from its order, applied by `Sandbox`, verified by reading
/// back. It knows Linux and knows no jobs.
public struct SandboxPolicy: Sendable {
    /// Strict refuses to go on without every layer; available goes on and reports what is missing.
    public var strict: Bool
    public var identities: Identities
    /// Directories of the host that are shown read-only, at the same place.
    public var trees: [String]
    /// Size of the one memory file system that holds everything writable.
    public var writableBytes: Int64
    public var writableFiles: Int64
    public var limits: ResourceLimits
    /// The namespaces of the process outside, as `/proc/self/ns/*` reads there: none may be the same here.
    public var outsideNamespaces: [String: String]

    public init(
        strict: Bool, identities: Identities, trees: [String], writableBytes: Int64, writableFiles: Int64,
        limits: ResourceLimits, outsideNamespaces: [String: String]
    ) {
        self.strict = strict
        self.identities = identities
        self.trees = trees
        self.writableBytes = writableBytes
        self.writableFiles = writableFiles
        self.limits = limits
        self.outsideNamespaces = outsideNamespaces
    }
}

/// The ids of the three parties inside the job's user namespace.
public struct Identities: Sendable, Equatable {
    public var worker: UInt32
    public var git: UInt32
    public var agent: UInt32

    public init(worker: UInt32, git: UInt32, agent: UInt32) {
        self.worker = worker
        self.git = git
        self.agent = agent
    }

    /// The parties are told apart by uid. Without it (single-uid tier) only phases and Landlock stand between them.
    public var isSplit: Bool { worker != git && git != agent && worker != agent }
}

/// Limits by setrlimit(2), inherited by every tool.
public struct ResourceLimits: Sendable {
    public var processes: UInt64
    public var openFiles: UInt64
    /// Bytes of one file.
    public var fileSize: UInt64

    public init(processes: UInt64, openFiles: UInt64, fileSize: UInt64) {
        self.processes = processes
        self.openFiles = openFiles
        self.fileSize = fileSize
    }
}

/// Where things are inside. One place, so that policy, phases and documentation agree.
public enum SandboxPath {
    public static let workspace = "/workspace"
    public static let agentHome = "/home/agent"
    public static let temporary = "/tmp"
    /// The pristine git directory's party: reachable by uid G only.
    public static let git = "/git"
    /// Where the agent's uid makes the pack, out of reach of the agent phase and of its disk budget.
    public static let importing = "/import"
    /// Files that pass between phases: reachable by the worker only.
    public static let handover = "/handover"
}

/// A layer that could not be put in place: which, why, and how to get it.
public struct SandboxError: Error, CustomStringConvertible {
    public let layer: String
    public let problem: String
    public let remedy: String

    public init(_ layer: String, _ problem: String, remedy: String) {
        self.layer = layer
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String { "\(layer): \(problem). \(remedy)" }
}

/// One layer of isolation as it was read back.
public struct Layer: Codable, Sendable, Equatable {
    public enum State: String, Codable, Sendable { case on, partial, missing }
    public var name: String
    public var state: State
    public var detail: String

    public init(_ name: String, _ state: State, _ detail: String) {
        self.name = name
        self.state = state
        self.detail = detail
    }
}
