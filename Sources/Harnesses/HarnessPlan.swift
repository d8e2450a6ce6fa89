/// What to run for a request: complete, checked, and holding no secret (keys in it are placeholders).
public struct HarnessPlan: Sendable, Equatable {
    /// The command. The first element is looked up in the sandbox; none contains a NUL.
    public var argv: [String]
    /// Variables that the harness needs, to be laid over the phase's own environment.
    public var environment: [String: String]
    /// What to write to the tool's standard input before closing it; empty means closed at once.
    public var stdin: [UInt8]

    /// Makes a plan of its parts. Nothing is checked here.
    public init(argv: [String], environment: [String: String] = [:], stdin: [UInt8] = []) {
        self.argv = argv
        self.environment = environment
        self.stdin = stdin
    }
}
