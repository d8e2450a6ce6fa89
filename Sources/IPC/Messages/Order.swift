/// What the supervisor orders a worker to do: one job, complete. It reaches the worker as a sealed memfd through the
/// spawner, which does not read it. It holds no credential.
public struct Order: Codable, Sendable, Equatable {
    /// `change` takes a repository and gives a branch back; `prompt` only runs the harness.
    public enum Kind: String, Codable, Sendable { case change, prompt }
    public enum Isolation: String, Codable, Sendable { case strict, available }

    public struct Root: Codable, Sendable, Equatable {
        /// Directories of the host, shown read-only.
        public var trees: [String]
        /// The tools' PATH.
        public var path: [String]
        /// Bytes and files of the memory-backed workspace.
        public var workspaceBytes: Int64
        public var workspaceFiles: Int64

        public init(trees: [String], path: [String], workspaceBytes: Int64, workspaceFiles: Int64) {
            self.trees = trees
            self.path = path
            self.workspaceBytes = workspaceBytes
            self.workspaceFiles = workspaceFiles
        }
    }

    /// Milliseconds and bytes; 0 means no limit where the comment says so.
    public struct Limits: Codable, Sendable, Equatable {
        public var wallClock: Int64
        /// Time without a byte of output; 0 is no limit.
        public var idleOutput: Int64
        public var processes: Int64
        public var openFiles: Int64
        public var fileSize: Int64
        /// Log bytes of the whole job; what exceeds it is counted and dropped with a `limit` event.
        public var output: Int64
        public var line: Int64

        public init(
            wallClock: Int64, idleOutput: Int64, processes: Int64, openFiles: Int64, fileSize: Int64, output: Int64,
            line: Int64
        ) {
            self.wallClock = wallClock
            self.idleOutput = idleOutput
            self.processes = processes
            self.openFiles = openFiles
            self.fileSize = fileSize
            self.output = output
            self.line = line
        }
    }

    /// The kill ladder: SIGINT, after `interrupt` ms SIGTERM, after `terminate` ms more SIGKILL of everything.
    public struct Ladder: Codable, Sendable, Equatable {
        public var interrupt: Int64
        public var terminate: Int64
        public init(interrupt: Int64, terminate: Int64) {
            self.interrupt = interrupt
            self.terminate = terminate
        }
    }

    public struct Tool: Codable, Sendable, Equatable {
        public var argv: [String]
        public var environment: [String: String]
        public var stdin: String
        public init(argv: [String], environment: [String: String], stdin: String) {
            self.argv = argv
            self.environment = environment
            self.stdin = stdin
        }
    }

    public struct Repository: Codable, Sendable, Equatable {
        /// The commit to start from, and the branch name it is checked out as.
        public var base: String
        public var baseBranch: String
        /// The branch to make.
        public var branch: String
        /// Message of the commit that holds what the agent left uncommitted.
        public var message: String
        public var committerName: String
        public var committerEmail: String
        public var maximumFiles: Int64
        public var maximumBytes: Int64
        public var maximumPath: Int64
        public var maximumBundle: Int64
        public var maximumArtifact: Int64

        public init(
            base: String, baseBranch: String, branch: String, message: String, committerName: String,
            committerEmail: String, maximumFiles: Int64, maximumBytes: Int64, maximumPath: Int64,
            maximumBundle: Int64, maximumArtifact: Int64
        ) {
            self.base = base
            self.baseBranch = baseBranch
            self.branch = branch
            self.message = message
            self.committerName = committerName
            self.committerEmail = committerEmail
            self.maximumFiles = maximumFiles
            self.maximumBytes = maximumBytes
            self.maximumPath = maximumPath
            self.maximumBundle = maximumBundle
            self.maximumArtifact = maximumArtifact
        }
    }

    public var job: String
    public var kind: Kind
    public var isolation: Isolation
    public var root: Root
    public var limits: Limits
    public var ladder: Ladder
    public var tool: Tool
    public var repository: Repository?

    public init(
        job: String, kind: Kind, isolation: Isolation, root: Root, limits: Limits, ladder: Ladder, tool: Tool,
        repository: Repository?
    ) {
        self.job = job
        self.kind = kind
        self.isolation = isolation
        self.root = root
        self.limits = limits
        self.ladder = ladder
        self.tool = tool
        self.repository = repository
    }
}

/// What the spawner tells its worker on a pipe that it then keeps open: the pipe's end is the spawner's death.
public struct Handover: Codable, Sendable {
    public var secret: String
    /// Ids inside the job's namespace; all equal in the single-uid tier.
    public var worker: UInt32
    public var git: UInt32
    public var agent: UInt32
    /// The spawner's own namespaces (`/proc/self/ns/*`): the worker's must all be others.
    public var namespaces: [String: String]

    public init(secret: String, worker: UInt32, git: UInt32, agent: UInt32, namespaces: [String: String]) {
        self.secret = secret
        self.worker = worker
        self.git = git
        self.agent = agent
        self.namespaces = namespaces
    }
}

/// The descriptors that a worker starts with.
public enum WorkerDescriptor {
    public static let order: Int32 = 3
    public static let handover: Int32 = 4
    public static let filters: Int32 = 5
    public static let executable: Int32 = 6
    public static let input: Int32 = 7
}
