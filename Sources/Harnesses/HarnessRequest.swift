/// What a job asks of a harness. Nothing in it is trusted: ``Harness/plan(_:)`` checks every field that it uses.
public struct HarnessRequest: Sendable, Equatable {
    /// What the agent is to do. Given to the tool on its standard input, never as an argument.
    public var prompt: String?
    /// An operator's command. Only the `exec` harness takes one.
    public var argv: [String]
    /// A title for people. No built-in harness passes it to a tool.
    public var title: String?
    /// The model to use; `nil` leaves the choice to the tool.
    public var model: String?
    /// How the tool treats its own permission questions; `nil` is the harness's default.
    public var permissionMode: String?
    /// The most turns that the agent may take, 1 to ``HarnessLimits/maxTurns``; `nil` sets no limit.
    public var maxTurns: Int?

    /// Makes a request. Nothing is checked here.
    public init(
        prompt: String? = nil, argv: [String] = [], title: String? = nil, model: String? = nil,
        permissionMode: String? = nil, maxTurns: Int? = nil
    ) {
        self.prompt = prompt
        self.argv = argv
        self.title = title
        self.model = model
        self.permissionMode = permissionMode
        self.maxTurns = maxTurns
    }
}
