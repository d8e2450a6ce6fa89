import Harnesses
import IPC
import JobStore
import Linux

/// Decides how a job ended, from what its worker reported, what its harness claims and what happened outside. A value
/// with no I/O, so that every case is a test.
struct Judge {
    let change: Bool
    let harness: String
    private var branch: String?
    private var base: String?

    private(set) var isFinished = false
    private var workerOutcome = ""
    private var workerDetail: String?
    private var verdict: HarnessVerdict?
    private var exit: (code: Int?, signal: Int?) = (nil, nil)
    private var refusal: String?
    private var published: (commit: String, commits: Int64, stat: JobInfo.DiffStat)?
    private var notes: [String] = []
    private var usage = JobInfo.Usage()
    private var lost: (reason: String, message: String)?
    private var resultBytes: Int64?
    private var artifactBytes: Int64?
    private var begun: Set<Transfer.Kind> = []

    /// Why an end was asked for from outside.
    var cancelReason: String?

    init(change: Bool, harness: String) {
        self.change = change
        self.harness = harness
    }

    mutating func expect(branch: String?, base: String?) {
        self.branch = branch
        self.base = base
    }

    mutating func note(_ event: HarnessEvent) {
        guard case .result(let result) = event else { return }
        usage.claimedCostUSD = result.costUSD
        usage.claimedTurns = result.turns
    }

    /// Something outside the job decided its end. The first cause stands.
    mutating func lose(_ reason: String, _ message: String) {
        if lost == nil { lost = (reason, message) }
    }

    mutating func takeExit(_ data: JSON) {
        exit = (data["code"]?.intValue.map { Int($0) }, data["signal"]?.intValue.map { Int($0) })
    }

    /// - Throws: `ProtocolError` for a result that is not what its step gives.
    mutating func takeStep(_ data: JSON) throws(ProtocolError) {
        let step = data["step"]?.stringValue ?? ""
        let text = data["result"]?.stringValue ?? ""
        let result: JSON
        do {
            result = text.isEmpty ? [:] : try JSON(parsing: Array(text.utf8))
        } catch {
            throw ProtocolError(.malformed, "the \(step.prefix(20)) step's result is not JSON: \(error)")
        }
        let code = data["code"]?.intValue
        if code != 0 {
            let reason = result["reason"]?.stringValue ?? "it ended with \(code.map { "\($0)" } ?? "a signal")"
            refusal =
                step == "archive"
                ? refusal.map { "\($0); the work could not be kept: \(reason)".cut(toBytes: 1500) }
                : "\(step): \(reason)".cut(toBytes: 1000)
            return
        }
        guard step == "publish" else { return }
        guard change, published == nil, branch != nil, base != nil else {
            throw ProtocolError(.unexpected, "a publish step that this job does not have, or a second one")
        }
        func count(_ name: String) throws(ProtocolError) -> Int64 {
            guard let value = result[name]?.intValue, value >= 0 else {
                throw ProtocolError(.malformed, "the publish step's \(name) is no count")
            }
            return value
        }
        guard let commit = result["commit"]?.stringValue, JobSpec.isObjectID(commit),
            result["branch"]?.stringValue == branch, result["base"]?.stringValue == base
        else { throw ProtocolError(.malformed, "the publish step named no result of this job") }
        let commits = try count("commits")
        let stat = JobInfo.DiffStat(
            files: try count("files"), insertions: try count("insertions"), deletions: try count("deletions"))
        published = (commit, commits, stat)
        notes = (result["notes"]?.arrayValue ?? []).prefix(20).compactMap {
            $0.stringValue.map { $0.cut(toBytes: 400) }
        }
    }

    /// - Throws: `ProtocolError` for an unknown outcome.
    mutating func takeFinish(_ data: JSON, parser: any HarnessParser) throws(ProtocolError) {
        guard let name = data["outcome"]?.stringValue, Self.outcomes.contains(name) else {
            throw ProtocolError(.malformed, "the worker finished with no known outcome")
        }
        isFinished = true
        workerOutcome = name
        workerDetail = data["detail"]?.stringValue.map { $0.cut(toBytes: 1000) }
        usage.cpuMilliseconds = data["cpuMilliseconds"]?.intValue
        usage.peakRSSKiB = data["peakRSSKiB"]?.intValue
        usage.outputBytes = data["outputBytes"]?.intValue
        usage.droppedBytes = data["droppedBytes"]?.intValue
        if let signal = exit.signal {
            verdict = parser.verdict(.signalled(signal))
        } else if let code = exit.code {
            verdict = parser.verdict(.exited(code))
        }
    }

    private static let outcomes: Set = [
        "done", "no-change", "refused", "harness-failed", "fault", "cancelled", "timed-out", "idle",
    ]

    /// The worker says that everything was done.
    var claimsSuccess: Bool { workerOutcome == "done" }

    /// A bundle comes after a publish that named its commit; an artifact after a refusal; each once.
    func mayTransfer(_ kind: Transfer.Kind) -> Bool {
        (kind == .bundle ? published != nil : refusal != nil) && !begun.contains(kind)
    }

    /// A copy has begun: there is no second one, however long it takes.
    mutating func begin(_ kind: Transfer.Kind) { begun.insert(kind) }

    mutating func received(_ kind: Transfer.Kind, bytes: Int64) {
        begun.insert(kind)
        switch kind {
        case .bundle: resultBytes = bytes
        case .artifact: artifactBytes = bytes
        }
    }

    /// The final state and what is kept of it.
    func conclude() -> (state: JobState, outcome: JobOutcome) {
        var (state, outcome) = decide()
        outcome.exitCode = exit.code
        outcome.signal = exit.signal
        var result = JobOutcome(outcome: outcome)
        result.usage = usage
        result.notes = notes.isEmpty ? nil : notes
        result.artifactBytes = artifactBytes
        if state == .completed, let published, let resultBytes {
            result.branch = branch
            result.commit = published.commit
            result.commits = published.commits
            result.diffstat = published.stat
            result.resultBytes = resultBytes
        } else if state == .completed, outcome.reason == "completed", change {
            state = .failed
            result.outcome.reason = "fault"
            result.outcome.message = "the job finished without the branch it announced; run it again"
        }
        return (state, result)
    }

    private func decide() -> (JobState, JobInfo.Outcome) {
        func end(_ state: JobState, _ reason: String, _ message: String) -> (JobState, JobInfo.Outcome) {
            (state, JobInfo.Outcome(reason: reason, message: message))
        }
        if let cancelReason, !isFinished || workerOutcome == "cancelled" {
            return end(.cancelled, "cancelled", cancelReason)
        }
        if let lost { return end(.failed, lost.reason, lost.message) }
        switch workerOutcome {
        case "done", "no-change":
            if case .failed(let reason)? = verdict { return end(.failed, "harness-failed", reason) }
            guard verdict != nil else {
                return end(.failed, "fault", "the job finished without its harness having run")
            }
            return workerOutcome == "done"
                ? end(.completed, "completed", "completed")
                : end(.completed, "no-change", "completed; nothing was changed, so there is no branch")
        case "harness-failed":
            if case .failed(let reason)? = verdict { return end(.failed, "harness-failed", reason) }
            return end(.failed, "harness-failed", "the command failed")
        case "refused":
            let kept = artifactBytes == nil ? "" : "; the work is kept as an artifact"
            return end(.failed, "publish-refused", (refusal ?? "the work was refused") + kept)
        case "timed-out":
            return end(.failed, "timed-out", "the time limit was reached; raise --timeout, or limits.wall-clock")
        case "idle": return end(.failed, "idle", "no output for as long as limits.idle-output allows")
        case "cancelled": return end(.cancelled, "cancelled", workerDetail ?? "cancelled")
        default:
            // A step that refuses before the agent runs, such as a base that fsck does not accept, says why.
            return end(
                .failed, refusal == nil ? "fault" : "fetch-refused", refusal ?? workerDetail ?? "the worker failed")
        }
    }
}
