/// A way to run a tool: how its command is made and how its output is read.
///
/// A harness is data. It does no I/O; the supervisor makes a plan with it, a worker runs the plan in a sandbox, and the
/// supervisor gives the output back to the harness's parser.
public struct Harness: Sendable {
    /// The name that jobs and configuration use.
    public let name: String
    /// One line for people.
    public let summary: String

    let arguments: [ArgumentTemplate]
    let prompt: PromptMode
    let environment: [String: String]
    let parser: ParserKind

    /// What to run for a request.
    /// - Throws: ``HarnessError`` naming the field that is missing, malformed or too large, or that this harness has no
    ///   use for although whoever sent it plainly expected one (a command for claude, a prompt for `exec`). Options
    ///   that do not fit the tool (a model for `exec`) are ignored: they come from defaults too.
    public func plan(_ request: HarnessRequest) throws(HarnessError) -> HarnessPlan {
        if !request.argv.isEmpty, !arguments.contains(.command) {
            throw HarnessError(
                .argv, "The \(name) harness takes no command: use the exec harness to run one.")
        }
        var stdin: [UInt8] = []
        switch prompt {
        case .onStdin: stdin = try RequestChecks.prompt(request.prompt, harness: name)
        case .ignored: break
        case .refused:
            guard request.prompt == nil else {
                throw HarnessError(
                    .prompt, "The \(name) harness takes no prompt: leave it out, or use a harness with an agent.")
            }
        }
        var argv: [String] = []
        for argument in arguments { argv += try argument.elements(for: request) }
        return HarnessPlan(argv: argv, environment: environment, stdin: stdin)
    }

    /// A parser for the output of one run.
    public func makeParser() -> any HarnessParser {
        switch parser {
        case .exitStatus(let tool): ExitStatusParser(tool: tool)
        case .claude: ClaudeParser()
        }
    }

    /// The harness of that exact name, or `nil`.
    public static func named(_ name: String) -> Harness? {
        builtIn.first { $0.name.utf8.elementsEqual(name.utf8) }
    }
}
