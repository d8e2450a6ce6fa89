import ArgumentParser
import IPC

/// `doctor`: whether a job could run here, and what to do where not.
struct DoctorCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check whether jobs can run, layer by layer.",
        discussion: "Exit code 1 when no job could run, 3 when no supervisor answers.")

    @OptionGroup var supervisor: SupervisorOptions

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.doctor)
        let report = try reply.decode(DoctorReport.self)
        supervisor.json ? console.json(reply.result) : DoctorCommand.show(report, on: console)
        if !report.ok {
            try console.finish()
            throw ExitCode(ExitStatus.failed)
        }
    }

    static func show(_ report: DoctorReport, on console: Console) {
        var table = Table(["CHECK", "STATE", "DETAIL"])
        for check in report.checks { table.add([check.name, check.state.rawValue, check.detail]) }
        let lines = table.lines(columns: console.columns)
        let out = console.out
        for (index, line) in lines.enumerated() {
            let check = index == 0 ? nil : report.checks[index - 1]
            let style: Output.Style =
                switch check?.state {
                case .failed: .red
                case .warning: .yellow
                case .ok: .plain
                case nil: .bold
                }
            out.line(out.styled(line, style))
            if let check, check.state != .ok {
                // A table cuts; what is wrong and what to do about it are said in full.
                if line.contains("…") { out.line("    " + Sanitizer.line(check.detail)) }
                if let remedy = check.remedy { out.line("    -> " + Sanitizer.line(remedy)) }
            }
        }
        out.line(report.ok ? "a job could run" : out.styled("no job could run", .red))
    }
}

/// `version`: of this program and of the supervisor, where one answers.
struct VersionCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Show versions.")

    @OptionGroup var supervisor: SupervisorOptions

    func run(_ console: Console) throws {
        let welcome = try? supervisor.connect().welcome
        if supervisor.json {
            return console.json([
                "client": .string(bulkheadVersion), "protocol": .int(Int64(protocolVersion)),
                "supervisor": welcome.map { .string($0.server) } ?? .null,
                "pid": welcome.map { .int(Int64($0.pid)) } ?? .null,
            ])
        }
        console.out.line("runnerctl \(bulkheadVersion), protocol \(protocolVersion)")
        console.out.line(
            welcome.map { Sanitizer.line("supervisor \($0.server), pid \($0.pid)") } ?? "no supervisor answers")
    }
}

/// `completion`: a script for the shell.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print a completion script: bash, zsh or fish.",
        discussion: "For bash: runnerctl completion bash > ~/.local/share/bash-completion/completions/runnerctl")

    enum Shell: String, CaseIterable, ExpressibleByArgument { case bash, zsh, fish }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell
    @Flag(help: "Print the script as a member of a JSON object.")
    var json = false

    mutating func run() throws {
        let console = Console.standard()
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        let script = Runnerctl.completionScript(for: kind)
        json ? console.json(["shell": .string(shell.rawValue), "script": .string(script)]) : console.out.line(script)
        try console.finish()
    }
}
