import Glibc
import IPC
import JobStore
import Linux
import Logging

/// The supervisor: one thread, one event loop. It owns the store, the queue and the socket, and forks nothing itself.
public final class Supervisor {
    let loop: EventLoop
    let places: Places
    let account: ServiceAccount
    let store: JobStore
    let spool: FileSpool
    let spawner: SpawnerClient
    let admission: Admission
    let sources: ConfigurationSources
    var configuration: Configuration
    let startedAt = wallClockMilliseconds()

    /// Runs by slot.
    var runs: [Int: JobRun] = [:]
    var sessions: [ObjectIdentifier: ControlSession] = [:]
    /// Bundles on their way into the spool.
    var spooling = 0
    var drainWaiters: [() -> Void] = []

    private let log: Logger
    private let lock: StateLock
    private var listeners: [Listener] = []
    private var signals: Descriptor?
    private var exitCode: Int32?
    private var isDiskFailing = false
    private var diskTimer: EventLoop.Timer?
    private var retryTimer: EventLoop.Timer?

    /// - Throws: `StoreError`, `SystemError`
    init(
        configuration: Configuration, sources: ConfigurationSources, account: ServiceAccount, places: Places,
        lock: StateLock, spawnerChannel: Descriptor, log: Logger
    ) throws {
        self.configuration = configuration
        self.sources = sources
        self.account = account
        self.places = places
        self.lock = lock
        self.log = log
        loop = try EventLoop()
        store = try JobStore(directory: places.state)
        spool = try FileSpool(directory: places.state)
        admission = try Admission(store: store, loop: loop)
        spawner = SpawnerClient()
        store.events.onTornTail = { job, bytes in
            log.warning("events of job \(job): \(bytes) bytes at the end were torn and are cut")
        }
        try failInterrupted()
        spool.sweep { [store] name in (try? store.job(name))??.state == .queued }
        connectSpawner()
        try spawner.serve(spawnerChannel, loop: loop)
    }

    /// Serves until a signal ends it.
    /// - Returns: the process's exit code.
    /// - Throws: `SystemError`
    func run() throws -> Int32 {
        try listen()
        admission.onResume = { [weak self] in self?.schedule() }
        signals = try loop.onSignals([SIGTERM, SIGINT, SIGHUP, SIGCHLD]) { [weak self] signal, _ in self?.handle(signal)
        }
        loop.afterRound = { [weak self] in self?.commit() }
        log.info("ready", metadata: ["socket": "\(places.socket)", "state": "\(places.state)", "pid": "\(getpid())"])
        while exitCode == nil { try loop.runOnce(maximumWait: -1) }
        for listener in listeners { listener.close() }
        spawner.close()
        store.close()
        places.remove()
        return exitCode ?? 0
    }

    // MARK: doors

    private func listen() throws {
        let control = try Listener(places.control, loop: loop, role: .control, refusal: controlRefusal) {
            [weak self] _, connection, _, uid in
            self?.admit(connection, uid: uid)
        }
        control.admitted = { [weak self] in self?.sessions.count ?? 0 }
        let workers = try Listener(places.workers, loop: loop, role: .worker, refusal: workerRefusal) {
            [weak self] hello, connection, pid, uid in
            guard let run = self?.runs.values.first(where: { $0.id == hello.job }), run.isSecret(hello.secret ?? "")
            else {
                return connection.fail(ProtocolError(.notPermitted, "no job waits for this worker"))
            }
            run.adopt(connection, pid: pid, uid: uid)
        }
        listeners = [control, workers]
    }

    private var jobIDs: Range<Int64>? {
        guard let abilities = spawner.abilities, abilities.isSplit else { return nil }
        return abilities.firstUID..<(abilities.firstUID + Int64(4 * configuration.slots))
    }

    /// A uid of a job can only ever be a worker.
    private func controlRefusal(_ uid: UInt32) -> String? {
        jobIDs?.contains(Int64(uid)) ?? false ? "uid \(uid) belongs to a job" : nil
    }

    private func workerRefusal(_ uid: UInt32) -> String? {
        if let jobIDs { return jobIDs.contains(Int64(uid)) ? nil : "uid \(uid) is no worker's" }
        return uid == geteuid() ? nil : "uid \(uid) is no worker's"
    }

    private func admit(_ connection: Connection, uid: UInt32) {
        let session = ControlSession(connection, uid: uid, store: store, loop: loop) {
            [weak self] session, request, descriptors in
            try self?.handle(session, request, descriptors)
        }
        let key = ObjectIdentifier(session)
        sessions[key] = session
        session.onEnd = { [weak self] in self?.sessions[key] = nil }
    }

    // MARK: the spawner

    private func connectSpawner() {
        spawner.onReady = { [weak self] abilities in
            guard let self else { return }
            self.log.info("spawner ready", metadata: ["tier": "\(abilities.tier)"])
            if let problem = abilities.problem { self.log.warning("spawner: \(problem)") }
            for warning in self.warnings() { self.log.warning("\(warning)") }
            for layer in self.missingLayers() { self.log.warning("isolation layer not complete: \(layer)") }
            self.schedule()
        }
        spawner.onSpawned = { [weak self] message in self?.runs[message.slot]?.spawned(message) }
        spawner.onRefused = { [weak self] message in self?.runs[message.slot]?.refused(message.message) }
        spawner.onExited = { [weak self] message in self?.runs[message.slot]?.exited(message) }
        spawner.onLost = { [weak self] reason in self?.spawnerLost(reason) }
    }

    /// Its death ended the jobs, and this process could not start another with the same rights.
    private func spawnerLost(_ reason: String) {
        log.error("the spawner ended (\(reason)); running jobs ended with it. Start the supervisor again")
        stop(1)  // first: nothing is to be started from the queue any more
        for run in runs.values { run.lostSpawner() }
    }

    // MARK: scheduling

    /// Fills the free slots from the queue.
    func schedule() {
        guard exitCode == nil, let abilities = spawner.abilities, !abilities.unusable, isolationRefusal() == nil else {
            return
        }
        while admission.blocksStarts == nil, let slot = (0..<configuration.slots).first(where: { runs[$0] == nil }) {
            do {
                guard let next = try store.nextQueued() else { return }
                try start(next, slot: slot)
            } catch {
                // A full disk, no free descriptor: the queue is looked at again when that may be over.
                log.error("a queued job could not be started, trying again: \(error)")
                loop.cancel(retryTimer)
                retryTimer = loop.after(milliseconds: 1000) { [weak self] in self?.schedule() }
                return
            }
        }
    }

    private func start(_ record: JobRecord, slot: Int) throws {
        let context = JobRun.Context(
            store: store, spool: spool, loop: loop, spawner: spawner, configuration: configuration)
        let run: JobRun
        do {
            run = try JobRun(record, slot: slot, context: context)
        } catch let error as JobRun.Unstartable {
            return try end(
                record, .failed,
                JobInfo.Outcome(
                    reason: "fault", message: "the job cannot be started: \(error.reason)".cut(toBytes: 1000)))
        }
        runs[slot] = run
        run.log = { [log] in log.warning("\($0)") }
        run.onEnd = { [weak self] run in self?.ended(run) }
        log.info("job started", metadata: ["job": "\(record.id)", "slot": "\(slot)"])
    }

    private func ended(_ run: JobRun) {
        runs[run.slot] = nil
        if let record = try? store.job(run.id) {
            log.info(
                "job ended",
                metadata: [
                    "job": "\(run.id)", "state": "\(record.state.rawValue)",
                    "reason": "\(JobInfo(record).outcome?.reason ?? "")",
                ])
        }
        try? store.events.sync()
        pumpSessions()
        try? store.events.closeJob(run.id)
        retire()
        schedule()
        settleDrain()
    }

    func accept(_ spec: JobSpec, text: String, job: String, submitter: UInt32, priority: Int) throws(StoreError)
        -> JobRecord
    {
        let record = try store.insert(
            NewJob(
                id: job, tenant: "local", plane: "local", submitter: Int64(submitter), priority: priority,
                harness: spec.harness,
                title: spec.title, spec: text), at: wallClockMilliseconds())
        loop.after(milliseconds: 0) { [weak self] in self?.schedule() }
        return record
    }

    /// Ten letters and digits, never twice in a store.
    func newJobID() -> String {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789")
        return String((0..<10).compactMap { _ in alphabet.randomElement() })
    }

    func cancel(_ record: JobRecord, grace: Int64?, by uid: UInt32) throws -> JobRecord {
        let reason = "cancelled by uid \(uid)"
        if let run = runs.values.first(where: { $0.id == record.id }) {
            run.cancel(reason: reason, grace: grace)
        } else if !record.state.isFinal {
            try end(record, .cancelled, JobInfo.Outcome(reason: "cancelled", message: reason))
            pumpSessions()
        }
        return try store.job(record.id) ?? record
    }

    /// Ends a job that no run has.
    private func end(_ record: JobRecord, _ state: JobState, _ outcome: JobInfo.Outcome) throws {
        let text = String(decoding: try JSON(encoding: JobOutcome(outcome: outcome)).bytes(), as: UTF8.self)
        try store.transition(
            record.id, from: [record.state], to: state, at: wallClockMilliseconds(), reason: outcome.reason
        ) {
            $0.outcome = text
            $0.cancelRequested = state == .cancelled
        }
        // Followers wait for an event, not for a row.
        let event: JSON = ["type": "state", "state": .string(state.rawValue), "reason": .string(outcome.reason)]
        _ = try? store.events.append(job: record.id, count: 1, at: wallClockMilliseconds(), payload: event.bytes())
        spool.removeAll(record.id)
    }

    func cancelRunning(reason: String) {
        for run in runs.values { run.cancel(reason: reason, grace: nil) }
    }

    // MARK: rounds

    /// Once a round of the loop: what was appended goes to disk, then it is acknowledged and shown.
    private func commit() {
        do {
            try store.events.sync()
            isDiskFailing = false
        } catch {
            // Once for each time that it begins: this runs in every round.
            if !isDiskFailing { log.error("events cannot be written, jobs wait: \(error)") }
            isDiskFailing = true
            loop.cancel(diskTimer)
            diskTimer = loop.after(milliseconds: 1000) {}  // a round, and with it another try, if nothing else happens
        }
        for run in runs.values { run.acknowledge() }
        pumpSessions()
    }

    private func pumpSessions() {
        for session in sessions.values { session.pump() }
    }

    /// Forgets the oldest ended jobs beyond store.retention-jobs.
    private func retire() {
        do {
            guard let newest = try store.jobs(states: nil, limit: 1).first else { return }
            let before = newest.number - Int64(configuration.storeRetentionJobs) + 1
            guard before > 0 else { return }
            for record in try store.jobs(states: [.completed, .failed, .cancelled], limit: 20, before: before) {
                try store.remove(record.id)
                spool.removeAll(record.id)
            }
        } catch {
            log.warning("old jobs cannot be removed: \(error)")
        }
    }

    /// What a crash interrupted is told failed: its worker ended with the spawner.
    private func failInterrupted() throws {
        for record in try store.unfinished() where record.state != .queued {
            try end(
                record, .failed,
                JobInfo.Outcome(
                    reason: "supervisor-restarted",
                    message:
                        "the supervisor ended while the job was \(record.state.rawValue), and the job with it; run it again"
                ))
            log.warning("job \(record.id) was \(record.state.rawValue) when the last supervisor ended: failed")
        }
    }

    // MARK: ends

    private func handle(_ signal: Int32) {
        switch signal {
        case SIGHUP: reload()
        case SIGCHLD:
            while waitpid(-1, nil, WNOHANG) > 0 {}  // the spawner; its channel tells the rest
        default:
            if admission.isStopping {
                log.warning("second signal: ending at once")
                return stop(0)
            }
            admission.isStopping = true
            log.info(
                "stopping: no new jobs, \(runs.count) running", metadata: ["within": "\(configuration.drainTimeout)"])
            loop.after(milliseconds: configuration.drainTimeout.milliseconds) { [weak self] in
                self?.cancelRunning(reason: "the supervisor stopped")
            }
            settleDrain()
        }
    }

    /// Reads the configuration again; a bad one changes nothing.
    private func reload() {
        do {
            var next = try Configuration.load(sources)
            for key in ["slots", "socket", "state-directory", "uid-range"] where changes(key, next) {
                log.warning("\(key) changes with the next start only")
            }
            next.slots = configuration.slots
            configuration = next
            log.info("configuration read again")
        } catch {
            log.error("the configuration was not changed:\n\(error)")
        }
    }

    private func changes(_ key: String, _ next: Configuration) -> Bool {
        func value(_ configuration: Configuration) -> [String] {
            configuration.listing().filter { $0.key.hasPrefix(key) }.map(\.value)
        }
        return value(configuration) != value(next)
    }

    /// Tells who waits that nothing runs any more, and ends if that was the point.
    func settleDrain() {
        guard runs.isEmpty, admission.mode(idle: true) == "drained" else { return }
        let waiters = drainWaiters
        drainWaiters = []
        for waiter in waiters { waiter() }
        if admission.isStopping { stop(0) }
    }

    private func stop(_ code: Int32) {
        if exitCode == nil { exitCode = code }
    }
}
