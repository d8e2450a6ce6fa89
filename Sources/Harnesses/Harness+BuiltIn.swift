extension Harness {
    /// The harnesses that every installation has.
    public static let builtIn: [Harness] = [noop, exec, claude]

    /// Runs `/bin/true`: proves that a sandbox can be made and a process started in it.
    static let noop = Harness(
        name: "noop", summary: "Does nothing, in a full sandbox",
        arguments: [.literal("/bin/true")],
        prompt: .ignored, environment: [:], parser: .exitStatus(tool: "/bin/true"))

    /// Runs an operator's command as it is. Whoever accepts requests from servers must not offer it to them.
    static let exec = Harness(
        name: "exec", summary: "Runs an operator's command",
        arguments: [.command],
        prompt: .refused, environment: [:], parser: .exitStatus(tool: "the command"))

    /// Runs Claude Code without a terminal.
    ///
    /// The sandbox is the boundary, not claude: its permission mode and its setting sources are manners, which code
    /// that the agent runs does not need to keep.
    static let claude = Harness(
        name: "claude", summary: "Runs Claude Code on a prompt",
        arguments: [
            .literal("claude"), .literal("-p"),
            // stream-json is refused without --verbose.
            .literal("--output-format"), .literal("stream-json"), .literal("--verbose"),
            // acceptEdits when nothing is asked for: what needs more should say so.
            .literal("--permission-mode"), .permissionMode(default: "acceptEdits"),
            // Without this the repository's own .claude/settings.json runs hooks before the model does, and sets the
            // tools' environment. It also leaves out the repository's CLAUDE.md: a prompt may name that file.
            .literal("--setting-sources"), .literal("user"),
            // No co-author line in commits: the two keys together are known to remove it.
            .literal("--settings"),
            .literal(#"{"includeCoAuthoredBy":false,"attribution":{"commit":"","pr":""}}"#),
            .model(prefix: "--model="),
            .maxTurns(prefix: "--max-turns="),
        ],
        prompt: .onStdin,
        environment: [
            // Tools inherit claude's environment: only a placeholder may be here. The gateway puts the key in.
            "ANTHROPIC_API_KEY": "placeholder",
            // The discard port of the job's own loopback, where nothing listens: the connection is refused at once and
            // claude reports an API error. Without a plain http URL claude asks DNS for its vendor's host, which a
            // sandbox without a network never answers, and hangs. A model route replaces this value.
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
            // By default it tries ten times: a job whose key is refused was still trying after 40 seconds.
            "CLAUDE_CODE_MAX_RETRIES": "1",
            // With this and a base URL claude makes no DNS lookup and reaches for no other host.
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            // The phase's private /tmp: claude ends at start where it cannot make its directory.
            "CLAUDE_CODE_TMPDIR": "/tmp",
        ],
        parser: .claude)
}
