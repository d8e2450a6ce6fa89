import ArgumentParser
import Glibc
import IPC
import Linux

/// The operator's command. It holds no rights of its own: what it may ask, the supervisor's socket decides, and what
/// it does to a repository it does as the calling user.
struct Runnerctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runnerctl",
        abstract: "Run jobs of coding agents in sandboxes, and look after them.",
        discussion: """
            The supervisor's socket is --socket PATH, else BULKHEAD_SOCKET, else the system's, else the user's own.
            Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no supervisor, 4 refused by policy, 124 timed out, \
            130 cancelled.
            """,
        version: bulkheadVersion,
        subcommands: [
            RunCommand.self, StatusCommand.self, JobsCommand.self, ShowCommand.self, LogsCommand.self,
            EventsCommand.self, CancelCommand.self, PauseCommand.self, ResumeCommand.self, DrainCommand.self,
            WhyCommand.self, DoctorCommand.self, ConfigCommand.self, VersionCommand.self, FetchCommand.self,
            ArtifactCommand.self, CompletionCommand.self,
        ])

    /// Runs one command line.
    /// - Returns: the exit code (`ExitStatus`).
    static func start(_ arguments: [String]) -> Int32 {
        prepareProcess()
        let err = Output.standardError()
        do {
            var command = try parseAsRoot(hoisted(arguments))
            try command.run()
            return ExitStatus.done
        } catch let failure as CommandFailure {
            err.line("runnerctl: " + Sanitizer.text(failure.message))
            return failure.code
        } catch is Interrupted {
            return ExitStatus.cancelled
        } catch let code as ExitCode {
            return code.rawValue
        } catch let error as ProtocolError {
            let failure = CommandFailure(error)
            err.line("runnerctl: " + Sanitizer.text(failure.message))
            return failure.code
        } catch let error as SystemError {
            err.line("runnerctl: " + Sanitizer.text("\(error)"))
            return ExitStatus.failed
        } catch {
            return report(error, err)
        }
    }

    /// ArgumentParser's own errors, help and version.
    private static func report(_ error: any Error, _ err: Output) -> Int32 {
        let code = exitCode(for: error)
        let message = fullMessage(for: error)
        guard !code.isSuccess else {
            Output.standardOutput().line(message)
            return ExitStatus.done
        }
        err.line(Sanitizer.text(message))
        return code == .validationFailure ? ExitStatus.usage : ExitStatus.failed
    }

    /// `runnerctl --socket PATH status` means what `runnerctl status --socket PATH` means.
    static func hoisted(_ arguments: [String]) -> [String] {
        var rest = arguments[...]
        var leading: [String] = []
        while let first = rest.first {
            if first == "--socket", rest.count >= 2 {
                leading += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else if first.hasPrefix("--socket=") || first == "--json" {
                leading.append(first)
                rest = rest.dropFirst()
            } else {
                break
            }
        }
        guard !leading.isEmpty, !rest.isEmpty else { return arguments }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return Array(rest[..<end]) + leading + Array(rest[end...])
    }

    private static func prepareProcess() {
        // A closed stdout is told by EPIPE, so that a job's result is still fetched when nobody reads its log.
        signal(SIGPIPE, SIG_IGN)
        // With 0, 1 or 2 closed, the socket would get that number and output would go into it.
        for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) == -1 {
            _ = open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY)
        }
    }
}

/// What every command that talks to the supervisor takes.
struct SupervisorOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The supervisor's socket.", valueName: "path"))
    var socket: String?

    @Flag(help: "Print JSON with stable names instead of text for people.")
    var json = false

    /// Connects and says hello.
    /// - Throws: `CommandFailure` with exit code 3 when no supervisor answers.
    func connect(interrupts: Interrupts? = nil) throws -> Client {
        try Client(socket: SocketSearch(option: socket).connect(), interrupts: interrupts)
    }
}

/// A command that writes to a console and asks the supervisor.
protocol SupervisorCommand: ParsableCommand {
    var supervisor: SupervisorOptions { get }
    /// Does the command's work.
    func run(_ console: Console) throws
}

extension SupervisorCommand {
    mutating func run() throws {
        let console = Console.standard()
        try run(console)
        try console.finish()
    }
}
