import Glibc
import Harnesses
import IPC
import JobStore
import Linux

extension JobInfo {
    /// A stored job as an operator sees it.
    init(_ record: JobRecord) {
        self.init(
            id: record.id, number: record.number, state: record.state.rawValue, tenant: record.tenant,
            plane: record.plane,
            submitter: record.submitter, priority: record.priority, harness: record.harness, title: record.title,
            createdAt: record.createdAt, cancelRequested: record.cancelRequested)
        phase = record.state == .running ? record.phase : nil
        slot = record.state.isFinal ? nil : record.slot
        startedAt = record.startedAt
        endedAt = record.endedAt
        func stored<T: Decodable>(_ text: String?, _ type: T.Type) -> T? {
            text.flatMap { try? JSON(parsing: Array($0.utf8), limits: .stored).decode(type) }
        }
        isolation = stored(record.isolation, Isolation.self)
        if let repository = stored(record.spec, JobSpec.self)?.repository {
            base = repository.base
            baseBranch = repository.baseBranch
        }
        guard let kept = stored(record.outcome, JobOutcome.self) else { return }
        outcome = kept.outcome
        branch = kept.branch
        commit = kept.commit
        commits = kept.commits
        diffstat = kept.diffstat
        usage = kept.usage
        if let started = record.startedAt, let ended = record.endedAt { usage?.wallMilliseconds = ended - started }
        notes = kept.notes
        resultBytes = kept.resultBytes
        artifactBytes = kept.artifactBytes
    }
}

extension Supervisor {
    func statusReport() throws -> StatusReport {
        let slots = try (0..<configuration.slots).map { slot in
            guard let run = runs[slot] else {
                return StatusReport.Slot(slot: slot, job: nil, phase: nil, since: nil, title: nil)
            }
            let record = try store.job(run.id)
            return StatusReport.Slot(
                slot: slot, job: run.id, phase: record?.phase ?? record?.state.rawValue,
                since: record?.startedAt ?? record?.createdAt,
                title: record?.title)
        }
        let counts = try store.counts()
        return StatusReport(
            version: bulkheadVersion, pid: Int(getpid()), startedAt: startedAt,
            mode: admission.mode(idle: runs.isEmpty),
            pausedUntil: admission.pausedUntil, tier: spawner.abilities?.tier ?? "starting",
            isolation: configuration.isolation.rawValue,
            missingLayers: missingLayers(), slots: slots,
            jobs: Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) }),
            stateDirectory: places.state, socket: places.socket, warnings: warnings(), connections: sessions.count)
    }

    func jobsReport(_ request: JobsRequest) throws -> JobsReport {
        guard (1...1000).contains(request.limit) else { throw ProtocolError(.invalid, "limit is 1 to 1000") }
        var states: Set<JobState>?
        if let names = request.states {
            states = []
            for name in names {
                guard let state = JobState(rawValue: name) else {
                    throw ProtocolError(
                        .invalid,
                        "there is no state \"\(name.prefix(40))\"; known: \(JobState.allCases.map(\.rawValue).joined(separator: ", "))"
                    )
                }
                states?.insert(state)
            }
        }
        // A list shows no layers: they are most of a record, and an answer must fit a frame.
        var jobs: [JobInfo] = []
        var bytes = 0
        for record in try store.jobs(states: states, limit: request.limit) {
            var info = JobInfo(record)
            info.isolation = nil
            info.notes = nil
            bytes += try JSON(encoding: info).bytes().count
            guard bytes <= Self.maximumReport else { return JobsReport(jobs: jobs, truncated: true) }
            jobs.append(info)
        }
        return JobsReport(jobs: jobs)
    }

    /// Bytes of an answer with many rows: below the frame limit.
    private static let maximumReport = 900 << 10

    func why(_ record: JobRecord) throws -> WhyReport {
        var reasons: [String] = []
        switch record.state {
        case .queued:
            if let blocked = admission.blocksStarts { reasons.append(blocked) }
            let ahead = try store.position(of: record.id) ?? 0
            if ahead > 0 {
                reasons.append(
                    "\(ahead) queued job\(ahead == 1 ? " is" : "s are") ahead of it, by priority and then by age")
            }
            if runs.count >= configuration.slots {
                reasons.append(
                    "all \(configuration.slots) slots are taken: \(runs.values.map(\.id).sorted().joined(separator: ", "))"
                )
            }
            if reasons.isEmpty { reasons.append("it starts next") }
        case .completed, .failed, .cancelled:
            if let outcome = JobInfo(record).outcome { reasons.append("\(outcome.reason): \(outcome.message)") }
        default:
            reasons.append("it is \(record.state.rawValue)" + (record.phase.map { " in phase \($0)" } ?? ""))
            if record.cancelRequested { reasons.append("its cancellation was requested; the kill ladder is running") }
        }
        return WhyReport(job: record.id, state: record.state.rawValue, reasons: reasons)
    }

    func configReport() -> ConfigReport {
        ConfigReport(
            settings: configuration.listing().map {
                ConfigReport.Setting(key: $0.key, value: $0.value, origin: "\($0.origin)", doc: $0.doc)
            })
    }

    func configCheckReport() -> ConfigCheckReport {
        do {
            let read = try Configuration.load(sources)
            return ConfigCheckReport(ok: true, problems: [], warnings: read.warnings)
        } catch {
            return ConfigCheckReport(ok: false, problems: error.problems.map(\.description), warnings: [])
        }
    }

    /// What the trial worker found missing or partial, by name.
    func missingLayers() -> [String] {
        guard let abilities = spawner.abilities else { return [] }
        return abilities.layers.filter { $0.state != "on" }.map { "\($0.name): \($0.detail)" }
    }

    /// Why no job may start here, in strict mode or at all.
    func isolationRefusal() -> String? {
        guard let abilities = spawner.abilities else { return nil }
        if abilities.unusable {
            return
                "no job can run on this host: \(abilities.problem ?? "namespaces are not to be had"); see `runnerctl doctor`"
        }
        guard configuration.isolation == .strict, let missing = abilities.layers.first(where: { $0.state == "missing" })
        else { return nil }
        return
            "isolation: strict needs the layer \(missing.name): \(missing.detail). \(Doctor.remedy(missing.name)), or accept less with isolation: available"
    }

    func warnings() -> [String] {
        var warnings = configuration.warnings
        if let reason = isolationRefusal() { warnings.append(reason) }
        return warnings
    }
}
