import IPC
import Linux

/// The course of `run`: look at the repository, submit, follow, bring the branch, tell.
struct JobRun {
    let options: RunCommand
    let console: Console
    let interrupts: Interrupts

    /// - Returns: the exit code.
    /// - Throws: `CommandFailure` for everything before the job and for a lost supervisor.
    func run() throws -> Int32 {
        let prompt = try options.prompt.map { text throws(CommandFailure) in try Prompt.read(text) }
        let source = try options.repo.map { try prepare($0) }
        let client = try options.supervisor.connect(interrupts: interrupts)
        let bundle = try source.map { try $0.repository.bundle($0.base) }
        let request = SubmitRequest(
            harness: options.chosenHarness, argv: options.command.isEmpty ? nil : options.command, prompt: prompt,
            title: options.title, priority: options.priority, timeout: options.timeout?.milliseconds,
            repository: source.map {
                SubmitRequest.Repository(base: $0.base.commit, baseBranch: $0.base.branch, branch: options.branch)
            })
        let submitted = try client.call(.submit, request, descriptors: bundle.map { [$0] } ?? [], timeout: 600_000)
            .decode(JobInfo.self)
        bundle?.close()
        if options.detach { return detached(submitted) }

        console.progress("-- job \(submitted.id) \(submitted.state)")
        let view = LiveView(
            console: console, logsToError: options.supervisor.json, hidesProtocol: options.chosenHarness == "claude")
        let follower = Follower(client: client, interrupts: interrupts, console: console)
        var job = try follower.follow(submitted.id) { view.show($0) }
        var result = RunResult(job: job)
        if let source, let size = job.resultBytes, size > 0 {
            do {
                let summary = try BranchFetch(client: client, interrupts: interrupts).fetch(
                    job, into: source.repository)
                result.summary = summary
                if job.diffstat == nil { job.diffstat = summary.totals }
                result.job = job
            } catch let interrupted as Interrupted {
                throw interrupted
            } catch {
                // The job itself is over: its result is told in any case.
                result.problem =
                    "the branch was not brought: \(error) Try again with `runnerctl fetch \(Words.short(job.id)) --repo PATH`."
            }
        }
        options.supervisor.json ? console.out.line(result.object.line) : result.show(on: console)
        if let problem = result.problem { console.warn(problem) }
        return result.exitCode
    }

    private func prepare(_ path: String) throws -> (repository: UserRepository, base: UserRepository.Base) {
        let repository = try UserRepository.open(path, interrupts: interrupts)
        let base = try repository.base(options.base)
        try repository.requireNewBranch(options.branch ?? "bulkhead/job")
        if let note = base.note { console.warn("note: \(note)") }
        if let note = try WorkTreeState.note(repository) { console.warn("note: \(note)") }
        return (repository, base)
    }

    private func detached(_ job: JobInfo) -> Int32 {
        if options.supervisor.json {
            console.out.line(RunResult(job: job).object.line)
        } else {
            console.out.line(Sanitizer.line(job.id))
            let id = Words.short(job.id)
            let fetch = job.branch == nil ? "" : "; when it is over: runnerctl fetch \(id) --repo PATH"
            console.progress("-- follow it: runnerctl logs \(id) -f\(fetch)")
        }
        return ExitStatus.done
    }
}

/// What `run` tells at the end.
struct RunResult {
    var job: JobInfo
    /// The branch as it is in the user's repository; nil where nothing was brought.
    var summary: DiffSummary?
    /// Why the branch could not be brought.
    var problem: String?

    init(job: JobInfo) { self.job = job }

    var exitCode: Int32 {
        let code = ExitStatus.of(job)
        return code == ExitStatus.done && problem != nil ? ExitStatus.failed : code
    }

    /// The one object of `run --json`. Every member is always there; what is not known is null.
    var object: JSON {
        func encoded(_ value: (some Encodable)?) -> JSON { value.flatMap { try? JSON(encoding: $0) } ?? .null }
        let outcome = job.outcome.map { outcome -> JSON in
            [
                "reason": .string(outcome.reason), "message": .string(outcome.message),
                "exitCode": outcome.exitCode.map { .int(Int64($0)) } ?? .null,
                "signal": outcome.signal.map { .int(Int64($0)) } ?? .null,
            ]
        }
        let brought = summary != nil
        return [
            "job": .string(job.id), "state": .string(job.state), "outcome": outcome ?? .null,
            "branch": brought ? encoded(job.branch) : .null, "commit": brought ? encoded(job.commit) : .null,
            "diffstat": encoded(job.diffstat), "usage": encoded(job.usage), "isolation": encoded(job.isolation),
            "notes": encoded((job.notes ?? []) + (problem.map { [$0] } ?? [])),
        ]
    }

    func show(on console: Console) {
        let out = console.out
        out.line(out.styled(Sanitizer.line("job \(Words.short(job.id)) \(JobText.state(job))"), JobText.style(job)))
        if let outcome = job.outcome, !outcome.message.isEmpty { out.line("  " + Sanitizer.line(outcome.message)) }
        for note in job.notes ?? [] { out.line("  note: " + Sanitizer.line(note)) }
        if let isolation = job.isolation {
            console.progress("-- " + EventText.isolation(isolation.layers, tier: isolation.tier))
        }
        if let hint = JobText.artifactHint(job) { out.line("  " + hint) }
        guard let summary else { return }
        RunResult.show(summary, of: job, on: console)
    }

    /// The branch, its commit, what it changes, and how to look at it.
    static func show(_ summary: DiffSummary, of job: JobInfo, on console: Console) {
        let out = console.out
        let branch = Sanitizer.line(job.branch ?? "")
        out.line("branch " + out.styled(branch, .bold))
        out.line("commit \(Sanitizer.line(job.commit ?? ""))")
        for line in summary.lines(columns: console.columns) { out.line(line) }
        let base = Sanitizer.line(String((job.base ?? "").prefix(12)))
        console.progress("-- look at it: git diff --no-ext-diff --no-textconv \(base)...\(ShellWord.quoted(branch))")
    }
}

/// A word that can be pasted into a shell.
enum ShellWord {
    static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || "/._-+@".utf8.contains(byte)
        }
        if plain, !word.isEmpty { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
