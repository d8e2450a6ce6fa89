/// The requests that an operator may make, with their parameters and results. Names are the wire's; times are
/// milliseconds since the epoch, durations milliseconds, sizes bytes.
public enum ControlMethod: String, CaseIterable, Sendable {
    /// `SubmitRequest` (+ the bundle where there is a repository) → `JobInfo`
    case submit
    /// nothing → `StatusReport`
    case status
    /// `JobsRequest` → `JobsReport`
    case jobs
    /// `JobReference` → `JobInfo`
    case show
    /// `EventsRequest` → `EventsReport`, then `item` frames as credit allows, then `end`
    case events
    /// `CancelRequest` → `JobInfo`
    case cancel
    /// `PauseRequest` → `StatusReport`
    case pause
    /// nothing → `StatusReport`
    case resume
    /// `DrainRequest` → `StatusReport`; with `wait` when nothing runs any more
    case drain
    /// `JobReference` → `WhyReport`
    case why
    /// nothing → `ConfigReport`
    case config
    /// nothing → `ConfigCheckReport`: reads the files again without using them
    case configCheck = "config-check"
    /// nothing → `DoctorReport`
    case doctor
    /// `JobReference` → `FileReport` and one descriptor: the bundle of the new branch
    case result
    /// `JobReference` → `FileReport` and one descriptor: the archive of the work that was refused
    case artifact
}

/// A job to run. What only the operator of this host may choose is here; nothing of it comes from a control plane.
public struct SubmitRequest: Codable, Sendable, Equatable {
    public struct Repository: Codable, Sendable, Equatable {
        /// The commit that the bundle's branch stands on (40 or 64 hexadecimal digits).
        public var base: String
        public var baseBranch: String
        /// The branch to make; nil is `bulkhead/<job>`.
        public var branch: String?
        public init(base: String, baseBranch: String, branch: String?) {
            self.base = base
            self.baseBranch = baseBranch
            self.branch = branch
        }
    }

    public var harness: String
    public var argv: [String]?
    public var prompt: String?
    public var title: String?
    /// -100 to 100; higher first.
    public var priority: Int?
    public var timeout: Int64?
    public var repository: Repository?

    public init(
        harness: String, argv: [String]? = nil, prompt: String? = nil, title: String? = nil, priority: Int? = nil,
        timeout: Int64? = nil, repository: Repository? = nil
    ) {
        self.harness = harness
        self.argv = argv
        self.prompt = prompt
        self.title = title
        self.priority = priority
        self.timeout = timeout
        self.repository = repository
    }
}

/// A job by its id or a unique prefix of it.
public struct JobReference: Codable, Sendable, Equatable {
    public var job: String
    public init(job: String) { self.job = job }
}

public struct JobsRequest: Codable, Sendable, Equatable {
    /// Only these states; nil is all.
    public var states: [String]?
    /// Newest first; at most 1000.
    public var limit: Int
    public init(states: [String]? = nil, limit: Int = 50) {
        self.states = states
        self.limit = limit
    }
}

public struct JobsReport: Codable, Sendable, Equatable {
    public var jobs: [JobInfo]
    /// Older jobs were left out, because an answer has at most 1 MiB.
    public var truncated: Bool?
    public init(jobs: [JobInfo], truncated: Bool? = nil) {
        self.jobs = jobs
        self.truncated = truncated
    }
}

public struct EventsRequest: Codable, Sendable, Equatable {
    public var job: String
    /// First sequence number wanted; nil with `last` for the newest ones.
    public var from: Int64?
    /// Start this many numbers before the end.
    public var last: Int64?
    /// Go on until the job is over.
    public var follow: Bool
    public var credit: Int
    public init(job: String, from: Int64? = nil, last: Int64? = nil, follow: Bool, credit: Int) {
        self.job = job
        self.from = from
        self.last = last
        self.follow = follow
        self.credit = credit
    }
}

public struct EventsReport: Codable, Sendable, Equatable {
    public var job: String
    public var last: Int64
    public init(job: String, last: Int64) {
        self.job = job
        self.last = last
    }
}

public struct CancelRequest: Codable, Sendable, Equatable {
    public var job: String
    /// Time for the tool to end by itself after SIGTERM; nil is the configured ladder.
    public var grace: Int64?
    public init(job: String, grace: Int64? = nil) {
        self.job = job
        self.grace = grace
    }
}

public struct PauseRequest: Codable, Sendable, Equatable {
    /// Resume by itself after this time; nil is never.
    public var duration: Int64?
    public init(duration: Int64? = nil) { self.duration = duration }
}

public struct DrainRequest: Codable, Sendable, Equatable {
    public var wait: Bool
    /// Cancel what still runs after this time; nil is never.
    public var deadline: Int64?
    public init(wait: Bool, deadline: Int64? = nil) {
        self.wait = wait
        self.deadline = deadline
    }
}
