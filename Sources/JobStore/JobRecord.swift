/// One job as the store holds it.
///
/// `let` properties never change after `insert`; the others change through `transition` and `update` only.
public struct JobRecord: Codable, Sendable, Equatable {
    /// 2 to 64 characters of `a-z` and `0-9`, chosen by the caller.
    public let id: String
    /// Given by the store in order of arrival, never used twice: the smaller, the older.
    public let number: Int64
    /// Changed by `transition` only.
    public var state: JobState
    /// The phase of a running job; at most 64 bytes.
    public var phase: String?
    /// The slot whose uids, cgroup and directories the job uses.
    public var slot: Int?
    /// The tenant whose policy applies.
    public let tenant: String
    /// The control plane that sent the job.
    public let plane: String
    /// The uid that submitted the job.
    public let submitter: Int64
    /// The greater, the earlier it runs.
    public let priority: Int
    /// The harness that drives the agent.
    public let harness: String
    /// A line for people; at most 1 KiB. It comes from outside: escape it before it meets a terminal.
    public let title: String
    /// Opaque JSON text; at most 512 KiB.
    public let spec: String
    /// When the job was accepted, in milliseconds since the epoch.
    public let createdAt: Int64
    /// When it first ran, in milliseconds since the epoch.
    public var startedAt: Int64?
    /// When it ended, in milliseconds since the epoch.
    public var endedAt: Int64?
    /// Opaque JSON text that tells how it ended; at most 256 KiB.
    public var outcome: String?
    /// Opaque JSON text that tells which confinement it really had; at most 256 KiB.
    public var isolation: String?
    /// Whether somebody has asked for its end.
    public var cancelRequested: Bool

    /// This record with the changeable fields, except the state, taken from `other`.
    func takingChanges(of other: JobRecord) -> JobRecord {
        var result = self
        result.phase = other.phase
        result.slot = other.slot
        result.startedAt = other.startedAt
        result.endedAt = other.endedAt
        result.outcome = other.outcome
        result.isolation = other.isolation
        result.cancelRequested = other.cancelRequested
        return result
    }
}

/// A job to be inserted. The limits are those of `JobRecord`.
public struct NewJob: Sendable, Equatable {
    /// 2 to 64 characters of `a-z` and `0-9`; it names the job's event file too.
    public var id: String
    /// The tenant whose policy applies; 1 to 128 bytes.
    public var tenant: String
    /// The control plane that sent the job; 1 to 128 bytes.
    public var plane: String
    /// The uid that submitted the job.
    public var submitter: Int64
    /// The greater, the earlier it runs.
    public var priority: Int
    /// The harness that drives the agent; 1 to 128 bytes.
    public var harness: String
    /// A line for people; at most 1 KiB.
    public var title: String
    /// Opaque JSON text; at most 512 KiB.
    public var spec: String

    /// A job as it came from a control plane or an operator.
    public init(
        id: String, tenant: String, plane: String, submitter: Int64, priority: Int = 0, harness: String, title: String,
        spec: String
    ) {
        self.id = id
        self.tenant = tenant
        self.plane = plane
        self.submitter = submitter
        self.priority = priority
        self.harness = harness
        self.title = title
        self.spec = spec
    }
}

/// One change of state, written in the same transaction as the job's row.
public struct Transition: Codable, Sendable, Equatable {
    /// The job's id.
    public let job: String
    /// When, in milliseconds since the epoch.
    public let at: Int64
    /// The state before.
    public let from: JobState
    /// The state after; the same as `from` for a change of phase.
    public let to: JobState
    /// Why, for people; at most 4 KiB.
    public let reason: String?
}
