import ArgumentParser
import IPC
import Linux

/// `run`: a job from the user's repository to a branch in it.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a job and bring its branch back.",
        discussion: """
            A command after -- is run by the exec harness; without one, --prompt goes to the agent. Ctrl-C cancels \
            the job, a second one leaves at once. The repository's index, work tree and HEAD are not touched.
            """)

    @OptionGroup var supervisor: SupervisorOptions

    @Option(help: ArgumentHelp("The git repository to work on; without it the job starts empty.", valueName: "path"))
    var repo: String?
    @Option(help: ArgumentHelp("What to start from (default: the current branch).", valueName: "ref"))
    var base: String?
    @Option(help: ArgumentHelp("The branch to make (default: bulkhead/<job>).", valueName: "name"))
    var branch: String?
    @Option(help: "A title for lists and for the commit.")
    var title: String?
    @Option(help: ArgumentHelp("What the agent is to do: text, - for standard input, or @file.", valueName: "text"))
    var prompt: String?
    @Option(
        help: ArgumentHelp(
            "noop, exec or claude (default: exec with a command after --, else claude).", valueName: "name"))
    var harness: String?
    @Option(help: ArgumentHelp("Longest running time, such as 30m; a plain number is seconds.", valueName: "duration"))
    var timeout: TimeSpan?
    // Unconditional: a negative number is no option.
    @Option(parsing: .unconditional, help: ArgumentHelp("-100 to 100; higher runs first.", valueName: "number"))
    var priority: Int?
    @Flag(help: "Print the job's id and leave it running.")
    var detach = false
    @Argument(parsing: .postTerminator, help: ArgumentHelp("The command to run.", valueName: "argv"))
    var command: [String] = []

    /// The harness that these options mean.
    var chosenHarness: String { harness ?? (command.isEmpty ? "claude" : "exec") }

    func validate() throws {
        if chosenHarness == "exec", command.isEmpty {
            throw ValidationError("exec needs a command: runnerctl run … -- make test")
        }
        if chosenHarness != "exec", !command.isEmpty {
            throw ValidationError("A command after -- is for the exec harness, not for \(chosenHarness).")
        }
        if chosenHarness == "claude", prompt == nil {
            throw ValidationError("Say what to do: --prompt TEXT (or @file, or -), or a command after --.")
        }
        if repo == nil, base != nil || branch != nil { throw ValidationError("--base and --branch need --repo PATH.") }
        if let priority, !(-100...100).contains(priority) {
            throw ValidationError("--priority is a number from -100 to 100.")
        }
        if let timeout, timeout.milliseconds == 0 { throw ValidationError("--timeout 0 would end the job at once.") }
    }

    mutating func run() throws {
        let console = Console.standard()
        let code = try JobRun(options: self, console: console, interrupts: Interrupts()).run()
        try console.finish()
        throw ExitCode(code)
    }
}
