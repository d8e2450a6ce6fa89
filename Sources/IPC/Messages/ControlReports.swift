/// A job as an operator sees it.
public struct JobInfo: Codable, Sendable, Equatable {
    public struct Outcome: Codable, Sendable, Equatable {
        /// `completed`, `no-change`, `harness-failed`, `publish-refused`, `timed-out`, `idle`, `cancelled`,
        /// `isolation`, `worker-lost`, `supervisor-restarted`, `fault`.
        public var reason: String
        /// What happened and what to do next, for people.
        public var message: String
        public var exitCode: Int?
        public var signal: Int?
        public init(reason: String, message: String, exitCode: Int? = nil, signal: Int? = nil) {
            self.reason = reason
            self.message = message
            self.exitCode = exitCode
            self.signal = signal
        }
    }

    public struct DiffStat: Codable, Sendable, Equatable {
        public var files: Int64
        public var insertions: Int64
        public var deletions: Int64
        public init(files: Int64, insertions: Int64, deletions: Int64) {
            self.files = files
            self.insertions = insertions
            self.deletions = deletions
        }
    }

    public struct Usage: Codable, Sendable, Equatable {
        public var wallMilliseconds: Int64?
        public var cpuMilliseconds: Int64?
        /// Of the largest single process.
        public var peakRSSKiB: Int64?
        public var outputBytes: Int64?
        public var droppedBytes: Int64?
        /// What the harness claims of itself; agent-run code can print the same.
        public var claimedCostUSD: Double?
        public var claimedTurns: Int?
        public init() {}
    }

    public struct Isolation: Codable, Sendable, Equatable {
        public struct Layer: Codable, Sendable, Equatable {
            public var name: String
            /// `on`, `partial` or `missing`.
            public var state: String
            public var detail: String
        }
        /// `multi-uid` or `single-uid`.
        public var tier: String
        public var layers: [Layer]
        public init(tier: String, layers: [Layer]) {
            self.tier = tier
            self.layers = layers
        }
    }

    public var id: String
    public var number: Int64
    public var state: String
    public var phase: String?
    public var slot: Int?
    public var tenant: String
    public var plane: String
    public var submitter: Int64
    public var priority: Int
    public var harness: String
    public var title: String
    public var createdAt: Int64
    public var startedAt: Int64?
    public var endedAt: Int64?
    public var cancelRequested: Bool
    public var outcome: Outcome?
    public var base: String?
    public var baseBranch: String?
    public var branch: String?
    public var commit: String?
    public var commits: Int64?
    public var diffstat: DiffStat?
    public var usage: Usage?
    public var isolation: Isolation?
    public var notes: [String]?
    /// Bytes of the result bundle and of the artifact, where there is one.
    public var resultBytes: Int64?
    public var artifactBytes: Int64?

    public init(
        id: String, number: Int64, state: String, tenant: String, plane: String, submitter: Int64, priority: Int,
        harness: String, title: String, createdAt: Int64, cancelRequested: Bool
    ) {
        self.id = id
        self.number = number
        self.state = state
        self.tenant = tenant
        self.plane = plane
        self.submitter = submitter
        self.priority = priority
        self.harness = harness
        self.title = title
        self.createdAt = createdAt
        self.cancelRequested = cancelRequested
    }

    /// Nothing more will happen to it.
    public var isFinal: Bool { ["completed", "failed", "cancelled"].contains(state) }
}

public struct StatusReport: Codable, Sendable, Equatable {
    public struct Slot: Codable, Sendable, Equatable {
        public var slot: Int
        public var job: String?
        public var phase: String?
        public var since: Int64?
        public var title: String?
        public init(slot: Int, job: String?, phase: String?, since: Int64?, title: String?) {
            self.slot = slot
            self.job = job
            self.phase = phase
            self.since = since
            self.title = title
        }
    }

    public var version: String
    public var pid: Int
    public var startedAt: Int64
    /// `running`, `paused`, `draining`, `drained`.
    public var mode: String
    /// When a pause ends by itself.
    public var pausedUntil: Int64?
    public var tier: String
    /// `strict` or `available`.
    public var isolation: String
    /// What this host cannot give, by name; empty when every layer is there.
    public var missingLayers: [String]
    public var slots: [Slot]
    /// Jobs by state.
    public var jobs: [String: Int]
    public var stateDirectory: String
    public var socket: String
    public var warnings: [String]
    /// Connections and descriptors of the supervisor, for the one who looks for a leak.
    public var connections: Int

    public init(
        version: String, pid: Int, startedAt: Int64, mode: String, pausedUntil: Int64?, tier: String, isolation: String,
        missingLayers: [String], slots: [Slot], jobs: [String: Int], stateDirectory: String, socket: String,
        warnings: [String], connections: Int
    ) {
        self.version = version
        self.pid = pid
        self.startedAt = startedAt
        self.mode = mode
        self.pausedUntil = pausedUntil
        self.tier = tier
        self.isolation = isolation
        self.missingLayers = missingLayers
        self.slots = slots
        self.jobs = jobs
        self.stateDirectory = stateDirectory
        self.socket = socket
        self.warnings = warnings
        self.connections = connections
    }
}

public struct WhyReport: Codable, Sendable, Equatable {
    public var job: String
    public var state: String
    /// What it waits for or why it ended, most important first.
    public var reasons: [String]
    public init(job: String, state: String, reasons: [String]) {
        self.job = job
        self.state = state
        self.reasons = reasons
    }
}

public struct ConfigReport: Codable, Sendable, Equatable {
    public struct Setting: Codable, Sendable, Equatable {
        public var key: String
        public var value: String
        public var origin: String
        public var doc: String
        public init(key: String, value: String, origin: String, doc: String) {
            self.key = key
            self.value = value
            self.origin = origin
            self.doc = doc
        }
    }
    public var settings: [Setting]
    public init(settings: [Setting]) { self.settings = settings }
}

public struct ConfigCheckReport: Codable, Sendable, Equatable {
    public var ok: Bool
    /// `file:line: message`
    public var problems: [String]
    public var warnings: [String]
    public init(ok: Bool, problems: [String], warnings: [String]) {
        self.ok = ok
        self.problems = problems
        self.warnings = warnings
    }
}

public struct DoctorReport: Codable, Sendable, Equatable {
    public struct Check: Codable, Sendable, Equatable {
        public enum State: String, Codable, Sendable { case ok, warning, failed }
        public var name: String
        public var state: State
        public var detail: String
        public var remedy: String?
        public init(_ name: String, _ state: State, _ detail: String, remedy: String? = nil) {
            self.name = name
            self.state = state
            self.detail = detail
            self.remedy = remedy
        }
    }
    /// A job could run.
    public var ok: Bool
    public var checks: [Check]
    public init(ok: Bool, checks: [Check]) {
        self.ok = ok
        self.checks = checks
    }
}

/// A file that comes with the response as a descriptor.
public struct FileReport: Codable, Sendable, Equatable {
    public var job: String
    public var size: Int64
    public init(job: String, size: Int64) {
        self.job = job
        self.size = size
    }
}
