import ArgumentParser
import IPC

/// `jobs`: a list, newest first.
struct JobsCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(commandName: "jobs", abstract: "List jobs, newest first.")

    @OptionGroup var supervisor: SupervisorOptions
    @Option(help: ArgumentHelp("Only jobs in this state; may be given again.", valueName: "state"))
    var state: [String] = []
    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("At most so many (1 to 1000).", valueName: "number"))
    var limit = 50

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit is a number from 1 to 1000.") }
    }

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.jobs, JobsRequest(states: state.isEmpty ? nil : state, limit: limit))
        if supervisor.json { return console.json(reply.result) }
        let jobs = try reply.decode(JobsReport.self).jobs
        if jobs.isEmpty { return console.progress("no jobs; start one with `runnerctl run`") }
        JobsCommand.table(jobs).show(on: console)
    }

    static func table(_ jobs: [JobInfo]) -> Table {
        var table = Table(["JOB", "STATE", "AGE", "TOOK", "HARNESS", "BRANCH", "TITLE"])
        for job in jobs {
            let took = job.startedAt.map { start in
                job.endedAt.map { Words.duration(milliseconds: Words.between(start, $0)) } ?? Words.age(since: start)
            }
            table.add([
                Words.short(job.id), JobText.state(job), Words.age(since: job.createdAt), took ?? "-", job.harness,
                job.branch ?? "-", job.title,
            ])
        }
        return table
    }
}

/// `show`: all that is known of one job.
struct ShowCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a job.")

    @OptionGroup var supervisor: SupervisorOptions
    @OptionGroup var job: JobArgument

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.show, job.reference)
        if supervisor.json { return console.json(reply.result) }
        ShowCommand.show(try reply.decode(JobInfo.self), on: console)
    }

    static func show(_ job: JobInfo, on console: Console) {
        var facts: [(String, String)] = [
            ("job", job.id), ("state", JobText.state(job)), ("title", job.title), ("harness", job.harness),
            ("plane", job.plane), ("tenant", job.tenant), ("submitter", "uid \(job.submitter)"),
            ("priority", "\(job.priority)"), ("created", Words.age(since: job.createdAt) + " ago"),
        ]
        if let slot = job.slot { facts.append(("slot", "\(slot)")) }
        if let start = job.startedAt {
            facts.append(
                (
                    "ran",
                    job.endedAt.map { Words.duration(milliseconds: Words.between(start, $0)) }
                        ?? Words.age(since: start)
                ))
        }
        if job.cancelRequested { facts.append(("cancel", "requested")) }
        if let outcome = job.outcome {
            let end = outcome.signal.map { " (signal \($0))" } ?? outcome.exitCode.map { " (exit \($0))" } ?? ""
            facts.append(("outcome", "\(outcome.reason)\(end): \(outcome.message)"))
        }
        if let base = job.base { facts.append(("base", "\(base.prefix(12)) (\(job.baseBranch ?? "?"))")) }
        if let branch = job.branch { facts.append(("branch", branch)) }
        if let commit = job.commit { facts.append(("commit", commit)) }
        if let stat = job.diffstat {
            facts.append(("diffstat", "\(Words.count(stat.files, "file")), +\(stat.insertions) -\(stat.deletions)"))
        }
        if let usage = job.usage { facts.append(("usage", usageText(usage))) }
        if let isolation = job.isolation {
            facts.append(("isolation", EventText.layers(isolation.layers, tier: isolation.tier)))
        }
        for note in job.notes ?? [] { facts.append(("note", note)) }
        if let hint = JobText.artifactHint(job) { facts.append(("artifact", hint)) }
        if let bytes = job.resultBytes {
            facts.append(("result", "\(Words.bytes(bytes)): runnerctl fetch \(Words.short(job.id))"))
        }
        for (name, value) in facts {
            let label = name + String(repeating: " ", count: max(1, 11 - name.count))
            console.out.line(console.out.styled(label, .dim) + Sanitizer.line(value))
        }
        for layer in job.isolation?.layers ?? [] {
            let label = "  " + layer.state + String(repeating: " ", count: max(1, 9 - layer.state.count))
            console.out.line(console.out.styled(label, .dim) + Sanitizer.line("\(layer.name): \(layer.detail)"))
        }
    }

    private static func usageText(_ usage: JobInfo.Usage) -> String {
        var parts: [String] = []
        if let wall = usage.wallMilliseconds { parts.append("wall \(Words.duration(milliseconds: wall))") }
        if let cpu = usage.cpuMilliseconds { parts.append("cpu \(Words.duration(milliseconds: cpu))") }
        if let peak = usage.peakRSSKiB {
            parts.append("peak \(Words.bytes(peak.multipliedReportingOverflow(by: 1024).partialValue))")
        }
        if let output = usage.outputBytes { parts.append("output \(Words.bytes(output))") }
        if let dropped = usage.droppedBytes, dropped > 0 { parts.append("dropped \(Words.bytes(dropped))") }
        if let cost = usage.claimedCostUSD { parts.append("claimed cost \(cost) USD") }
        if let turns = usage.claimedTurns { parts.append("claimed turns \(turns)") }
        return parts.joined(separator: ", ")
    }
}

/// `why`: what a job waits for, or why it ended.
struct WhyCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Tell what a job waits for, or why it ended.")

    @OptionGroup var supervisor: SupervisorOptions
    @OptionGroup var job: JobArgument

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.why, job.reference)
        if supervisor.json { return console.json(reply.result) }
        let report = try reply.decode(WhyReport.self)
        console.out.line(Sanitizer.line("job \(Words.short(report.job)) is \(report.state)"))
        for reason in report.reasons { console.out.line("  " + Sanitizer.line(reason)) }
    }
}

/// `cancel`: ends a job.
struct CancelCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Cancel a job.")

    @OptionGroup var supervisor: SupervisorOptions
    @OptionGroup var job: JobArgument
    @Option(help: ArgumentHelp("Time for the tool to end by itself; a plain number is seconds.", valueName: "duration"))
    var grace: TimeSpan?

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.cancel, CancelRequest(job: job.job, grace: grace?.milliseconds))
        if supervisor.json { return console.json(reply.result) }
        let info = try reply.decode(JobInfo.self)
        let text = info.isFinal ? JobText.state(info) : "is being cancelled"
        console.out.line(Sanitizer.line("job \(Words.short(info.id)) \(text)"))
    }
}
