/// Where a job stands between its acceptance and its end.
///
/// The raw values are on disk and on the wire: a case is never renamed.
public enum JobState: String, Codable, Sendable, CaseIterable {
    /// Accepted and durable; waits for a slot.
    case queued
    /// Chosen by the scheduler; its slot is being prepared.
    case claimed
    /// Its worker has been asked of the spawner.
    case starting
    /// Its worker is in a phase.
    case running
    /// The last phase has ended; results are being delivered and the slot cleaned.
    case finishing
    /// Ended as it should.
    case completed
    /// Ended for a reason that its outcome tells.
    case failed
    /// Ended because somebody asked for that.
    case cancelled

    /// Whether the job has ended for good: no edge leads out of such a state.
    public var isFinal: Bool {
        switch self {
        case .completed, .failed, .cancelled: true
        case .queued, .claimed, .starting, .running, .finishing: false
        }
    }

    /// Whether a job may go from this state to `next`.
    ///
    /// The path is `queued → claimed → starting → running → finishing → completed`. A job that has not ended may
    /// always fail or be cancelled, and `running → running` stands for a change of phase.
    public func allows(_ next: JobState) -> Bool {
        switch (self, next) {
        case (.queued, .claimed), (.claimed, .starting), (.starting, .running), (.running, .running),
            (.running, .finishing), (.finishing, .completed):
            true
        case (_, .failed), (_, .cancelled):
            !isFinal
        default:
            false
        }
    }
}
