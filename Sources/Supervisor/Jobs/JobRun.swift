import Glibc
import Harnesses
import IPC
import JobStore
import Linux

/// One job in one slot, from its claim to its end, as the supervisor sees it. What comes from the worker is hostile:
/// it moves through a table of states, and every transition is on disk before it is acted on.
final class JobRun {
    /// What a run needs of the supervisor.
    struct Context {
        let store: JobStore
        let spool: FileSpool
        let loop: EventLoop
        let spawner: SpawnerClient
        let configuration: Configuration
    }

    enum State: Hashable { case spawning, connecting, running, finishing, ended }

    let id: String
    let slot: Int
    let spec: JobSpec
    let context: Context
    private(set) var state = State.spawning
    private let secret: String
    private var worker: Spawned?
    private var pendingHello: (Connection, Int32, UInt32)?
    private var link: Connection?
    private var table = DispatchTable<State>([
        WorkerEvent.type: .in(.running), LogBatch.type: .in(.running),
        PhaseReady.type: .in(.running), Transfer.type: .in(.running),
    ])
    private var phases: [String]
    private var parser: any HarnessParser
    var judge: Judge

    /// Worker numbers received, and up to which of them all is on disk.
    private var received: Int64 = 0
    private var acknowledged: Int64 = 0
    private var lastStored: Int64 = 0
    private var isExited: Exited?
    var copies = 0
    /// Work that waits for room on the disk, and what is left of the work under way once its first part is stored.
    private var held: (() throws -> Void)?
    private var rest: (() throws -> Void)?
    private var isWaitingForDisk = false
    private var derived: [[UInt8]] = []
    private var storedBytes: Int64 = 0
    var timers: [EventLoop.Timer] = []
    private let diagnostics: Descriptor
    private var diagnosticText: [UInt8] = []

    /// Called once, after the job's final state is on disk and its slot is free.
    var onEnd: ((JobRun) -> Void)?
    /// Called when events were added that subscribers may want.
    var onEvents: (() -> Void)?
    /// Where the supervisor's log gets a line.
    var log: ((String) -> Void)?

    /// Longest time from the fork to the worker's hello. Cold start is milliseconds; a loaded host gets seconds.
    private static let helloMilliseconds: Int64 = 30_000
    /// How much longer than its own limits a worker may live before it is killed from outside.
    private static let overtimeMilliseconds: Int64 = 10_000
    /// How often a full disk is tried again.
    static let diskRetryMilliseconds: Int64 = 1_000
    /// Room for events beside the output, in bytes.
    private static let eventBytes: Int64 = 64 << 20

    /// A job that can never start here: it fails with this reason, and the queue goes on.
    struct Unstartable: Error { let reason: String }

    /// Claims a queued job for a slot and has its worker forked.
    /// - Throws: `Unstartable`; or `StoreError` or `SystemError` for what may be otherwise later, such as a full disk or
    ///   no free descriptor: the job is then still queued.
    init(_ record: JobRecord, slot: Int, context: Context) throws {
        id = record.id
        self.slot = slot
        self.context = context
        do {
            spec = try JSON(parsing: Array(record.spec.utf8), limits: JSONLimits.stored).decode(JobSpec.self)
        } catch {
            throw Unstartable(reason: "its stored request cannot be read: \(error)")
        }
        secret = (0..<32).map { _ in
            let byte = UInt8.random(in: 0...255)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        phases = spec.repository == nil ? ["agent"] : ["publish", "import", "agent", "fetch"]
        parser = (Harness.named(spec.harness) ?? Harness.builtIn[0]).makeParser()
        judge = Judge(change: spec.repository != nil, harness: spec.harness)
        let pipe = try Descriptor.pipe()
        diagnostics = pipe.read
        try diagnostics.setNonBlocking()
        // Everything that may fail for want of something comes before the claim.
        var descriptors = [try orderFile(), pipe.write]
        if spec.repository != nil { descriptors.append(try inputFile()) }
        try transition(to: .claimed, from: [.queued]) { $0.slot = slot }
        do {
            try transition(to: .starting, from: [.claimed])
            try context.loop.watch(diagnostics.raw, .readable) { [weak self] _ in self?.readDiagnostics() }
            try context.spawner.spawn(slot: slot, secret: secret, descriptors: descriptors)
        } catch {
            // It is claimed: it ends like any other run, once its owner listens.
            startTimer(0) { $0.refused("\(error)") }
        }
        startTimer(Self.helloMilliseconds) { $0.missedHello() }
        let ladder = context.configuration.killInterrupt.milliseconds + context.configuration.killTerminate.milliseconds
        startTimer(spec.timeout + ladder + Self.overtimeMilliseconds) { $0.overtime() }
    }

    func startTimer(_ milliseconds: Int64, _ action: @escaping (JobRun) -> Void) {
        timers.append(
            context.loop.after(milliseconds: milliseconds) { [weak self] in
                if let self { action(self) }
            })
    }

    // MARK: the worker's arrival

    /// The spawner forked it.
    func spawned(_ worker: Spawned) {
        guard state == .spawning else { return }
        self.worker = worker
        state = .connecting
        if let (connection, pid, uid) = pendingHello {
            pendingHello = nil
            adopt(connection, pid: pid, uid: uid)
        }
    }

    func refused(_ message: String) {
        guard state == .spawning else { return }
        judge.lose("isolation", "no worker could be forked: \(message)")
        isExited = Exited(slot: slot, pid: 0, code: nil, signal: nil)
        concludeWhenReady()
    }

    /// Whether a hello's secret is this run's: compared in full, whatever differs.
    func isSecret(_ candidate: String) -> Bool {
        let (a, b) = (Array(secret.utf8), Array(candidate.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// A peer that knows the secret. It must also be the very process that was forked, with the uid of its slot. Its
    /// connect can be seen before the spawner's report: then it waits for that.
    func adopt(_ connection: Connection, pid: Int32, uid: UInt32) {
        guard link == nil, pendingHello == nil, state == .spawning || state == .connecting else {
            return connection.fail(ProtocolError(.unexpected, "this job has a worker"))
        }
        guard let worker else {
            pendingHello = (connection, pid, uid)
            return
        }
        guard Int(pid) == worker.pid, Int64(uid) == worker.uid else {
            return connection.fail(
                ProtocolError(.notPermitted, "pid \(pid), uid \(uid) is not the worker that was started"))
        }
        link = connection
        state = .running
        connection.limit = FrameLimits.stored.maximumLength
        connection.jsonLimits = .worker
        connection.onFrame = { [weak self] frame throws(ProtocolError) in try self?.handle(frame) }
        connection.onEnd = { [weak self] ending in self?.linkEnded(ending) }
        try? connection.send(Welcome(server: "bulkhead-supervisor \(bulkheadVersion)", pid: Int(getpid())))
        if judge.cancelReason != nil { sendCancel(nil) }
    }

    // MARK: what the worker says

    private func handle(_ frame: Frame) throws(ProtocolError) {
        // Frames come while reading is paused only when the worker is gone: its job has failed already.
        guard held == nil else { return }
        do {
            try table.admit(frame.type, in: state)
        } catch {
            throw breach(error)
        }
        try attempt { [weak self] in try self?.take(frame) }
    }

    /// Does what a frame asks. On a full disk it is done again later: nothing is acknowledged and nothing more is read,
    /// so the tool waits. What was already done of it is not done twice: see `rest`.
    private func attempt(_ work: @escaping () throws -> Void) throws(ProtocolError) {
        rest = nil
        do {
            try work()
        } catch let error as StoreError where error.code == .full || error.code == .io {
            hold(rest ?? work, error)
        } catch let error as ProtocolError {
            throw breach(error)
        } catch {
            judge.lose("fault", "the worker's report could not be taken: \(error)")
            context.spawner.kill(slot: slot)
        }
    }

    /// The worker broke the protocol: whoever owns it gets no second chance.
    private func breach(_ error: ProtocolError) -> ProtocolError {
        judge.lose("fault", "the worker broke the protocol: \(error.message)")
        context.spawner.kill(slot: slot)
        return error
    }

    private func hold(_ work: @escaping () throws -> Void, _ error: StoreError) {
        if !isWaitingForDisk { log?("job \(id) waits for the disk: \(error)") }
        held = work
        isWaitingForDisk = true
        link?.setReading(false)
        timers.append(context.loop.after(milliseconds: Self.diskRetryMilliseconds) { [weak self] in self?.takeHeld() })
    }

    private func takeHeld() {
        guard let work = held else { return }
        held = nil
        do throws(ProtocolError) {
            try attempt(work)
        } catch {
            link?.fail(error)
        }
        guard held == nil else { return }
        isWaitingForDisk = false
        link?.setReading(true)
        concludeWhenReady()
    }

    private func take(_ frame: Frame) throws {
        switch frame.type {
        case LogBatch.type:
            let batch = try frame.decode(LogBatch.self)
            guard batch.seq == received + 1, (1...1_000_000).contains(batch.n),
                (batch.text == nil) != (batch.b64 == nil)
            else { throw ProtocolError(.invalid, "log batch \(batch.seq) of \(batch.n) lines after \(received)") }
            lastStored = try store(frame.bytes, count: batch.n) + Int64(batch.n) - 1
            received += Int64(batch.n)
            if parser.readsOutput, batch.phase == "agent", batch.stream == .stdout { parse(try batch.bytes()) }
            rest = { [weak self] in try self?.storeDerived() }
            try storeDerived()
        case WorkerEvent.type:
            let event = try frame.decode(WorkerEvent.self)
            guard event.seq == received + 1 else {
                throw ProtocolError(.invalid, "event \(event.seq) after \(received)")
            }
            lastStored = try store(frame.bytes, count: 1)
            received += 1
            rest = { [weak self] in try self?.take(event) }
            try take(event)
        case PhaseReady.type:
            let ready = try frame.decode(PhaseReady.self)
            guard phases.last == ready.phase, ready.listeners.isEmpty else {
                throw ProtocolError(.unexpected, "phase \(ready.phase.cut(toBytes: 40)) is not the next one")
            }
            try transition(to: .running, from: [.starting, .running], phase: ready.phase)
            phases.removeLast()
            try link?.send(PhaseOpen(phase: ready.phase))
        default:
            try take(try frame.decode(Transfer.self), frame.descriptors)
        }
        onEvents?()
    }

    /// What the harness's parser makes of its output waits in `derived` until it is stored.
    private func parse(_ output: [UInt8]) {
        for line in output.split(separator: 0x0a, omittingEmptySubsequences: true) {
            for event in parser.consume(line: line, stream: .stdout) {
                judge.note(event)
                guard case .object(var members) = event.json else { continue }
                members["type"] = "harness"
                derived.append(JSON.object(members).bytes())
            }
        }
    }

    private func storeDerived() throws {
        while let payload = derived.first {
            lastStored = try store(payload, count: 1)
            derived.removeFirst()
        }
    }

    private func take(_ event: WorkerEvent) throws {
        switch event.kind {
        case .isolation:
            let tier = context.spawner.abilities?.tier ?? ""
            guard let layers = try? event.data["layers"]?.decode([JobInfo.Isolation.Layer].self) else {
                throw ProtocolError(.malformed, "an isolation report without layers")
            }
            let text = String(
                decoding: try JSON(encoding: JobInfo.Isolation(tier: tier, layers: layers)).bytes(), as: UTF8.self)
            try context.store.update(id) { $0.isolation = text }
        case .step: try judge.takeStep(event.data)
        case .exit: judge.takeExit(event.data)
        case .finished:
            try judge.takeFinish(event.data, parser: parser)
            guard phases.isEmpty || !judge.claimsSuccess else {
                throw ProtocolError(
                    .unexpected, "a job that is done without its phases \(phases.reversed().joined(separator: ", "))")
            }
            state = .finishing
            // It has nothing left to do but to hear that all is on disk.
            startTimer(Self.overtimeMilliseconds) { $0.overtime() }
        case .phase, .limit, .notice: break
        }
    }

    // MARK: events and acknowledgement

    /// The worker keeps to limits.output; one that is owned by its job may not. Every byte may take six in JSON.
    private func store(_ payload: [UInt8], count: Int) throws -> Int64 {
        guard storedBytes <= 6 * context.configuration.limitsOutput.bytes + Self.eventBytes else {
            throw ProtocolError(.invalid, "more events than limits.output allows")
        }
        storedBytes += Int64(payload.count)
        return try context.store.events.append(job: id, count: count, at: wallClockMilliseconds(), payload: payload)
    }

    /// Tells the worker what is on disk: called after the group commit.
    func acknowledge() {
        guard received > acknowledged, let link, link.isOpen else { return }
        guard let durable = try? context.store.events.durableSequence(job: id), durable >= lastStored else { return }
        acknowledged = received
        try? link.send(Acknowledge(through: received))
    }

    private func transition(
        to next: JobState, from: Set<JobState>, phase: String? = nil, reason: String? = nil,
        _ update: (inout JobRecord) -> Void = { _ in }
    ) throws(StoreError) {
        try context.store.transition(id, from: from, to: next, at: wallClockMilliseconds(), reason: reason ?? phase) {
            record in
            if let phase { record.phase = phase }
            update(&record)
        }
        var event: [String: JSON] = ["type": "state", "state": .string(next.rawValue)]
        if let phase { event["phase"] = .string(phase) }
        if let reason { event["reason"] = .string(reason) }
        // The row is what counts; an event that finds no room on a full disk is not worth the job.
        if let last = try? store(JSON.object(event).bytes(), count: 1) { lastStored = last }
        onEvents?()
    }

    // MARK: ends

    /// Asks for the job's end. The ladder runs in the worker; this side only makes sure that it ends.
    func cancel(reason: String, grace: Int64?) {
        guard judge.cancelReason == nil, state != .ended else { return }
        judge.cancelReason = reason
        _ = try? context.store.update(id) { $0.cancelRequested = true }
        if link != nil { return sendCancel(grace) }
        // Not confined yet, or on its way: there is nothing to be polite to.
        context.spawner.kill(slot: slot)
    }

    private func sendCancel(_ grace: Int64?) {
        let settings = context.configuration
        let interrupt = min(settings.killInterrupt.milliseconds, grace ?? .max)
        let terminate = grace ?? settings.killTerminate.milliseconds
        try? link?.send(Cancel(reason: judge.cancelReason ?? "", interrupt: interrupt, terminate: terminate))
        timers.append(
            context.loop.after(milliseconds: interrupt + terminate + Self.overtimeMilliseconds) { [weak self] in
                self?.overtime()
            })
    }

    private func missedHello() {
        guard state == .spawning || state == .connecting else { return }
        judge.lose(
            "worker-lost",
            "the worker did not report within \(Self.helloMilliseconds / 1000) s; the host may be overloaded: run it again"
        )
        context.spawner.kill(slot: slot)
    }

    private func overtime() {
        guard state != .ended else { return }
        judge.lose("worker-lost", "the worker did not end in time and was killed")
        context.spawner.kill(slot: slot)
    }

    private func linkEnded(_ ending: Connection.Ending) {
        link = nil
        guard state != .ended, state != .finishing else { return }
        if case .failed(let error) = ending { judge.lose("fault", "the worker broke the protocol: \(error.message)") }
        // A worker without its link ends by itself; what does not is killed.
        context.spawner.kill(slot: slot)
    }

    /// The spawner reports that pid 1 of the job, and so all of it, is gone.
    func exited(_ exit: Exited) {
        readDiagnostics()
        isExited = exit
        concludeWhenReady()
    }

    /// The spawner is gone, and the job with it.
    func lostSpawner() {
        judge.lose("worker-lost", "the spawner ended, and the job with it")
        isExited = isExited ?? Exited(slot: slot, pid: 0, code: nil, signal: nil)
        copies = 0
        concludeWhenReady()
    }

    private func readDiagnostics() {
        guard diagnostics.raw >= 0 else { return }
        do throws(SystemError) {
            let chunk = try diagnostics.read(4096)
            if chunk.isEmpty { context.loop.unwatch(diagnostics.raw) }
            diagnosticText += chunk.prefix(max(0, 4096 - diagnosticText.count))
        } catch {
            if error.code != EAGAIN { context.loop.unwatch(diagnostics.raw) }
        }
    }

    func concludeWhenReady() {
        guard state != .ended, let isExited, copies == 0, held == nil else { return }
        if !judge.isFinished {
            let text = String(decoding: diagnosticText, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
            if link == nil, worker != nil, !text.isEmpty, acknowledged == 0, received == 0 {
                judge.lose("isolation", text.replacing("bulkhead-worker: ", with: ""))
            } else {
                let how = isExited.signal.map { "signal \($0)" } ?? "exit \(isExited.code ?? 0)"
                judge.lose(
                    "worker-lost", "the worker ended without a result (\(how))\(text.isEmpty ? "" : ": \(text)")")
            }
        }
        do {
            try conclude(judge.conclude())
        } catch let error as StoreError where error.code == .full || error.code == .io {
            log?("job \(id): its end cannot be written, trying again: \(error)")
            return startTimer(Self.diskRetryMilliseconds) { $0.concludeWhenReady() }
        } catch {
            // Whatever the worker made of it: the slot is free again, and the job has an end.
            log?("job \(id): \(error)")
            let outcome = JobInfo.Outcome(reason: "fault", message: "the job's outcome could not be kept")
            try? conclude((.failed, JobOutcome(outcome: outcome)))
        }
        state = .ended
        for timer in timers { context.loop.cancel(timer) }
        link?.close()
        context.loop.unwatch(diagnostics.raw)
        diagnostics.close()
        onEnd?(self)
    }

    /// Writes the final state and its outcome.
    private func conclude(_ result: (state: JobState, outcome: JobOutcome)) throws {
        let outcome = String(decoding: try JSON(encoding: result.outcome).bytes(), as: UTF8.self)
        let reason = result.outcome.outcome.reason
        let before = try context.store.job(id)?.state
        if result.state != .cancelled, before == .running { try transition(to: .finishing, from: [.running]) }
        try transition(to: result.state, from: [.claimed, .starting, .running, .finishing], reason: reason) {
            $0.outcome = outcome
        }
        context.spool.remove(.inputs, id)
        if result.outcome.resultBytes == nil { context.spool.remove(.results, id) }
    }
}
