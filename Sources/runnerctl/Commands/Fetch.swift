import ArgumentParser
import IPC
import Linux

/// Asks for a job's bundle and brings its branch into a repository: the end of `run`, and `fetch`.
struct BranchFetch {
    let client: Client
    var interrupts: Interrupts?

    /// - Throws: `CommandFailure` when the job has no branch, or its bundle is refused.
    func fetch(_ job: JobInfo, into repository: UserRepository) throws -> DiffSummary {
        let branch = try BranchImport(repository: repository, job: job, interrupts: interrupts)
        let reply = try client.call(.result, JobReference(job: job.id))
        guard let bundle = reply.descriptors.first else {
            throw CommandFailure.failed(
                "the supervisor gave no bundle for job \(job.id); see `runnerctl show \(job.id)`")
        }
        return try branch.run(bundle, size: try reply.decode(FileReport.self).size)
    }
}

/// `fetch`: the branch of a job that is over.
struct FetchCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Bring the branch of a job that is over into a repository.")

    @OptionGroup var supervisor: SupervisorOptions
    @OptionGroup var job: JobArgument
    @Option(help: ArgumentHelp("The repository that the job was made from.", valueName: "path"))
    var repo = "."

    func run(_ console: Console) throws {
        let interrupts = try Interrupts()
        let repository = try UserRepository.open(repo, interrupts: interrupts)
        let client = try supervisor.connect(interrupts: interrupts)
        let info = try client.call(.show, job.reference).decode(JobInfo.self)
        let id = Words.short(info.id)
        guard info.isFinal else {
            throw CommandFailure.failed(
                "job \(id) is \(info.state); follow it with `runnerctl logs \(id) -f` and fetch it then")
        }
        guard let size = info.resultBytes, size > 0 else {
            let reason = info.outcome.map { " (\($0.reason): \($0.message))" } ?? ""
            throw CommandFailure.failed(
                "job \(id) made no branch\(reason)" + (JobText.artifactHint(info).map { "; " + $0 } ?? ""))
        }
        var result = RunResult(job: info)
        result.summary = try BranchFetch(client: client, interrupts: interrupts).fetch(info, into: repository)
        if supervisor.json {
            console.out.line(result.object.line)
        } else if let summary = result.summary {
            RunResult.show(summary, of: info, on: console)
        }
    }
}
