import ArgumentParser
import Glibc
import IPC
import Linux

/// `artifact`: the archive of work that could not become a branch.
struct ArtifactCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "artifact",
        abstract: "Save the archive of the work that a job's publishing refused.",
        discussion: "The archive is the job's own: list it with `tar -tvf` and extract it where it can do no harm.")

    private static let maximum: Int64 = 64 << 30

    @OptionGroup var supervisor: SupervisorOptions
    @OptionGroup var job: JobArgument
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Where to; - is standard output. An existing file is not replaced.", valueName: "file"))
    var output: String

    func run(_ console: Console) throws {
        let toOutput = output == "-"
        if toOutput, console.out.isTerminal {
            throw CommandFailure.usage("an archive is no text for a terminal; name a file with -o")
        }
        if toOutput, supervisor.json { throw CommandFailure.usage("--json and -o - would both be standard output") }
        let interrupts = try Interrupts()
        let reply = try supervisor.connect(interrupts: interrupts).call(.artifact, job.reference)
        let report = try reply.decode(FileReport.self)
        guard let file = reply.descriptors.first else {
            throw CommandFailure.failed("the supervisor gave no file for job \(job.job)")
        }
        guard try PassedDescriptor.regularFile(file, maximum: ArtifactCommand.maximum) >= report.size, report.size >= 0
        else {
            throw CommandFailure.failed("the supervisor's file is shorter than it said; ask for it again")
        }
        if toOutput {
            let target = Descriptor(owning: try check("dup") { dup(1) })
            do {
                try Scratch.copy(file.raw, size: report.size, to: target, interrupts: interrupts)
            } catch let error as SystemError where error.code == EPIPE {}
            return
        }
        try save(file, report.size, interrupts)
        if supervisor.json {
            console.json(["job": .string(report.job), "size": .int(report.size), "file": .string(output)])
        } else {
            console.out.line("\(Words.bytes(report.size)) in \(Sanitizer.line(output))")
        }
    }

    /// A file that was not there before; half of one never stays.
    private func save(_ file: Descriptor, _ size: Int64, _ interrupts: Interrupts) throws {
        let target: Descriptor
        do throws(SystemError) {
            target = try Descriptor.open(output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        } catch {
            guard error.code == EEXIST else { throw CommandFailure.failed("\(error)") }
            throw CommandFailure.usage("\(output) exists; name another file with -o")
        }
        do {
            try Scratch.copy(file.raw, size: size, to: target, interrupts: interrupts)
        } catch {
            unlink(output)
            throw error
        }
    }
}
