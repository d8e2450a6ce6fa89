import CLinux
import Glibc
import IPC
import Linux
import Sandbox

/// Pid 1 of one job: runs its phases in order, carries their output and ends them by the ladder. It frames bytes and
/// looks at exit codes; what tools print it never interprets.
final class Job {
    let order: Order
    let identities: Identities
    let loop: EventLoop
    let connection: Connection
    let sender: EventSender
    let executable: Descriptor
    let input: Descriptor?
    private let plan: JobPlan
    private let budget: OutputBudget

    private var phaseIndex = -1
    private var taskIndex = 0
    private var running: Int32?
    private var runningTask: JobPlan.Task?
    private var output: ToolOutput?
    private var ended: ProcessEnd?
    private var idle: EventLoop.Timer?
    private var rung: EventLoop.Timer?
    private var ending: Outcome?
    private var finished = false
    private var harnessEnd: ProcessEnd?
    private var files: [String: Descriptor] = [:]

    /// How a job ended, as its worker saw it. The supervisor judges.
    enum Outcome: Equatable {
        case done
        case noChange
        case refused
        case harnessFailed
        case fault(String)
        case cancelled(String)
        case timedOut
        case idle

        var name: String {
            switch self {
            case .done: "done"
            case .noChange: "no-change"
            case .refused: "refused"
            case .harnessFailed: "harness-failed"
            case .fault: "fault"
            case .cancelled: "cancelled"
            case .timedOut: "timed-out"
            case .idle: "idle"
            }
        }

        var detail: String? {
            switch self {
            case .fault(let text), .cancelled(let text): text
            default: nil
            }
        }
    }

    init(
        order: Order, identities: Identities, loop: EventLoop, connection: Connection, executable: Descriptor,
        input: Descriptor?
    ) {
        self.order = order
        self.identities = identities
        self.loop = loop
        self.connection = connection
        self.executable = executable
        self.input = input
        sender = EventSender(connection: connection)
        plan = JobPlan(order.kind)
        budget = OutputBudget(limit: order.limits.output)
    }

    /// Begins with the report of the layers, then the first phase.
    func start(layers: [Layer]) {
        sender.onPressure = { [weak self] on in self?.output?.setPaused(on) }
        sender.onSettled = { [weak self] in self?.settle() }
        budget.onExceeded = { [weak self] in
            guard let self else { return }
            self.event(.limit, ["limit": "output", "bytes": .int(self.order.limits.output)])
        }
        loop.after(milliseconds: order.limits.wallClock) { [weak self] in self?.end(.timedOut) }
        do {
            event(.isolation, ["layers": try JSON(encoding: layers)])
        } catch {
            return finish(.fault("the isolation report has no JSON form: \(error)"))
        }
        nextPhase()
    }

    /// The supervisor opened the phase that this worker said is ready.
    func open(_ phase: String) throws(ProtocolError) {
        if finished { return }  // a cancellation crossed the opening
        guard phaseName == phase, running == nil else {
            throw ProtocolError(.unexpected, "phase \(phase) is not the one that waits")
        }
        event(.phase, ["phase": .string(phase)])
        taskIndex = 0
        runTask()
    }

    func cancel(_ request: Cancel) {
        end(.cancelled(request.reason), Order.Ladder(interrupt: request.interrupt, terminate: request.terminate))
    }

    /// A child ended: reaps every one that has, so that no zombie stays.
    func reap() {
        while true {
            var code: Int32 = 0
            var status: Int32 = 0
            let pid = bh_wait(0, 1, &code, &status)
            guard pid > 0 else { return }
            if pid == running { mainEnded(ProcessEnd(siCode: code, status: status)) }
        }
    }

    /// Ends the job at once and for good; nothing of it survives pid 1.
    func abandon() -> Never {
        _ = KillBarrier.raise(watching: nil)
        exit(0)
    }

    // MARK: phases and tasks

    private var phaseName: String? { plan.phases.indices.contains(phaseIndex) ? plan.phases[phaseIndex].name : nil }

    private func nextPhase() {
        _ = KillBarrier.raise(watching: nil)
        phaseIndex += 1
        guard let name = phaseName else { return finish(ending ?? .done) }
        do {
            try connection.send(PhaseReady(phase: name, listeners: []))
        } catch {
            finish(.fault("\(error)"))
        }
    }

    private func runTask() {
        guard ending == nil else { return finish(ending ?? .done) }
        let tasks = plan.phases[phaseIndex].tasks
        guard tasks.indices.contains(taskIndex) else { return nextPhase() }
        run(tasks[taskIndex])
    }

    private func run(_ task: JobPlan.Task) {
        runningTask = task
        do {
            let stdout = try Descriptor.pipe()
            let stderr = try Descriptor.pipe()
            // /dev/stdout and <(…) open a pipe again by name: as another uid than the one that made it.
            for pipe in [stdout.write.raw, stderr.write.raw] { try check("fchmod") { fchmod(pipe, 0o622) } }
            let launch = try self.launch(task, stdout.write, stderr.write)
            let pipes = try ToolOutput(
                loop: loop, sender: sender, phase: phaseName ?? "", budget: budget, lineLimit: Int(order.limits.line),
                stdout: stdout.read, stderr: stderr.read)
            pipes.onActivity = { [weak self] in self?.restartIdleTimer() }
            pipes.onEnd = { [weak self] in self?.outputEnded() }
            output = pipes
            running = try launch.start(trees: order.root.trees, split: identities.isSplit)
            restartIdleTimer()
        } catch let failure as Child.Failure where task == .harness && failure.isExec {
            // What a shell would say: 127 not found, 126 found and not executable.
            output = nil
            let code: Int32 = failure.error.code == ENOENT ? 127 : 126
            event(
                .notice,
                [
                    "text": .string(
                        "\(order.tool.argv.first ?? ""): \(SystemError.text(failure.error.code)) in the sandbox")
                ])
            taskEnded(ProcessEnd(siCode: 1, status: code))
        } catch {
            output = nil
            finish(.fault("\(task) could not start: \(error)"))
        }
    }

    private func mainEnded(_ end: ProcessEnd) {
        running = nil
        ended = end
        loop.cancel(idle)
        loop.cancel(rung)
        // What it left in the background goes with it, so that its pipes end.
        _ = KillBarrier.raise(watching: nil)
        if output == nil { taskEnded(end) }
    }

    /// Both pipes ended. Usually because the tool did; a tool that only closed its output goes on running.
    private func outputEnded() {
        output = nil
        if let end = ended { taskEnded(end) }
    }

    private func taskEnded(_ end: ProcessEnd) {
        ended = nil
        guard let task = runningTask else { return }
        runningTask = nil
        switch task {
        case .harness:
            harnessEnd = end
            event(.exit, ["code": .integer(end.code), "signal": .integer(end.signal)])
            if let ending { return finish(ending) }
            guard end.code == 0 else { return finish(.harnessFailed) }
        case .step(let step):
            event(.step, stepReport(step, end))
            if let ending { return finish(ending) }
            switch (step, end.code) {
            case (.archive, _):
                if end.code != Step.Exit.done { files["output"] = nil }  // what is there is not the work
                return finish(.refused)
            case (_, Step.Exit.done?): break
            case (.import, Step.Exit.noChange?), (.publish, Step.Exit.noChange?): return finish(.noChange)
            case (.import, _), (.publish, _): return keepWork()
            default:
                return finish(
                    .fault(
                        "the \(step.rawValue) step failed (\(end.code.map { "exit \($0)" } ?? "signal \(end.signal ?? 0)"))"
                    ))
            }
            if step == .publish { return publishBundle() }
        }
        taskIndex += 1
        runTask()
    }

    // MARK: results

    private func stepReport(_ step: Step, _ end: ProcessEnd) -> JSON {
        var report: [String: JSON] = [
            "step": .string(step.rawValue), "code": .integer(end.code), "signal": .integer(end.signal),
        ]
        if let result = files["result"], lseek(result.raw, 0, SEEK_SET) == 0,
            let bytes = try? result.readAll(limit: 64 << 10), let text = String(validating: bytes, as: UTF8.self)
        {
            report["result"] = .string(text)
        }
        return .object(report)
    }

    private func publishBundle() {
        transfer(.bundle, files["output"])
        finish(.done)
    }

    /// What was refused is kept: an archive of the work tree, made as the agent.
    private func keepWork() {
        run(.step(.archive))
    }

    private func transfer(_ kind: Transfer.Kind, _ file: Descriptor?) {
        guard let file else { return }
        var mode: UInt32 = 0
        var size: Int64 = 0
        var access: Int32 = 0
        var isPath: Int32 = 0
        guard bh_fstat_kind(file.raw, &mode, &size, &access, &isPath) == 0, size > 0 else { return }
        do {
            try connection.send(Transfer(kind: kind, size: size), descriptors: [file])
        } catch {
            complain("bulkhead-worker: \(error)")
        }
    }

    private func finish(_ outcome: Outcome) {
        guard !finished else { return }
        finished = true
        loop.cancel(idle)
        loop.cancel(rung)
        _ = KillBarrier.raise(watching: nil)
        if outcome == .refused { transfer(.artifact, files["output"]) }
        var data: [String: JSON] = [
            "outcome": .string(outcome.name), "code": .integer(harnessEnd?.code),
            "signal": .integer(harnessEnd?.signal),
            "outputBytes": .int(budget.used), "droppedBytes": .int(budget.dropped),
        ]
        if let detail = outcome.detail { data["detail"] = .string(detail) }
        var usage = rusage()
        if getrusage(RUSAGE_CHILDREN.rawValue, &usage) == 0 {
            data["cpuMilliseconds"] = .int(
                Int64(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 + Int64(
                    usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000)
            data["peakRSSKiB"] = .int(Int64(usage.ru_maxrss))
        }
        event(.finished, .object(data))
    }

    /// Everything is on disk: the job is over.
    private func settle() {
        if finished { abandon() }
    }

    private func event(_ kind: WorkerEvent.Kind, _ data: JSON) {
        do {
            try sender.send(kind, phase: phaseName, data)
        } catch {
            complain("bulkhead-worker: an event could not be sent: \(error)")
        }
    }

    // MARK: ends

    private func restartIdleTimer() {
        guard order.limits.idleOutput > 0, runningTask == .harness, ending == nil else { return }
        loop.cancel(idle)
        idle = loop.after(milliseconds: order.limits.idleOutput) { [weak self] in self?.end(.idle) }
    }

    private func end(_ outcome: Outcome, _ ladder: Order.Ladder? = nil) {
        guard !finished, ending == nil else { return }
        ending = outcome
        guard let pid = running else {
            // Between two tools: whoever is waited for (output, or the opening of a phase) finds `ending`.
            return output == nil ? finish(outcome) : ()
        }
        let ladder = ladder ?? order.ladder
        guard runningTask == .harness else { return killNow() }
        _ = kill(-pid, SIGINT)
        rung = loop.after(milliseconds: ladder.interrupt) { [weak self] in
            _ = kill(-pid, SIGTERM)
            self?.rung = self?.loop.after(milliseconds: ladder.terminate) { self?.killNow() }
        }
    }

    private func killNow() {
        guard let pid = running else { return }
        let end = KillBarrier.raise(watching: pid)
        mainEnded(end ?? ProcessEnd(siCode: 2, status: SIGKILL))
    }

    // MARK: launches

    private func launch(_ task: JobPlan.Task, _ stdout: Descriptor, _ stderr: Descriptor) throws -> ToolLaunch {
        switch task {
        case .harness:
            let stdin = try Descriptor.sealed("stdin", Array(order.tool.stdin.utf8))
            return ToolLaunch(
                argv: order.tool.argv, environment: agentEnvironment(), directory: SandboxPath.workspace,
                descriptors: [stdin, stdout, stderr], uid: identities.agent, domain: .agent)
        case .step(let step):
            let result = try handoverFile("result")
            var descriptors = [try Descriptor.open("/dev/null", O_RDONLY), stdout, stderr, result]
            let none = descriptors[0]
            let input = self.input ?? none
            switch step {
            case .fetch, .checkout: descriptors.append(input)
            case .import: descriptors += [input, try handoverFile("pack")]
            case .publish:
                let pack = try rewound("pack")
                let claims = try rewound("import-result")
                descriptors += [pack, try handoverFile("output"), claims]
            case .archive: descriptors += [none, try handoverFile("output")]
            }
            if step == .import { files["import-result"] = result }
            return ToolLaunch(
                argv: ["bulkhead-worker", "step", step.rawValue], environment: try stepEnvironment(), directory: "/",
                descriptors: descriptors, uid: step.uid(identities), domain: step.domain, executable: executable)
        }
    }

    /// A fresh, nameless file of the worker's own: other parties get it as a descriptor only.
    private func handoverFile(_ name: String) throws -> Descriptor {
        let path = SandboxPath.handover + "/" + name
        let file = try Descriptor.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        unlink(path)
        files[name] = file
        return file
    }

    private func rewound(_ name: String) throws -> Descriptor {
        guard let file = files[name] else { throw SystemError("open", name, code: ENOENT) }
        try check("lseek", name) { lseek(file.raw, 0, SEEK_SET) }
        return file
    }

    private var basicEnvironment: [String: String] {
        ["PATH": order.root.path.joined(separator: ":"), "LANG": "C.UTF-8", "TERM": "dumb", "TZ": "UTC"]
    }

    private func agentEnvironment() -> [String: String] {
        var environment = basicEnvironment
        environment["HOME"] = SandboxPath.agentHome
        environment["TMPDIR"] = SandboxPath.temporary
        environment["USER"] = "agent"
        environment["LOGNAME"] = "agent"
        environment["SHELL"] = "/bin/sh"
        environment["GIT_TERMINAL_PROMPT"] = "0"
        environment["BULKHEAD_JOB"] = order.job
        environment.merge(order.tool.environment) { _, ordered in ordered }
        return environment
    }

    private func stepEnvironment() throws -> [String: String] {
        var environment = basicEnvironment
        environment["LC_ALL"] = "C"
        guard let repository = order.repository else { throw SystemError("step", "no repository", code: EINVAL) }
        environment[Step.orderVariable] = String(decoding: try JSON(encoding: repository).bytes(), as: UTF8.self)
        return environment
    }
}

extension JSON {
    /// A number, or null.
    static func integer(_ value: Int32?) -> JSON { value.map { .int(Int64($0)) } ?? .null }
}
