import Testing

@testable import runnerctl

@Suite struct OptionTests {
    private static func parse(_ arguments: [String]) throws -> RunCommand {
        try #require(try Runnerctl.parseAsRoot(["run"] + arguments) as? RunCommand)
    }

    @Test("What follows -- is the command, options of its own included, and the harness is exec")
    func command() throws {
        let run = try Self.parse(["--repo", ".", "--timeout", "30m", "--", "make", "--json", "-x", "--", "y"])
        #expect(run.command == ["make", "--json", "-x", "--", "y"])
        #expect(run.chosenHarness == "exec")
        #expect(run.timeout?.milliseconds == 1_800_000)
        #expect(!run.supervisor.json)
        #expect(try Self.parse(["--prompt", "do it"]).chosenHarness == "claude")
        #expect(try Self.parse(["--harness", "noop"]).chosenHarness == "noop")
    }

    @Test(
        "Options that contradict each other are refused",
        arguments: [
            [], ["--harness", "exec"], ["--harness", "claude", "--prompt", "x", "--", "ls"],
            ["--base", "b", "--", "ls"],
            ["--branch", "b", "--", "ls"], ["--priority", "101", "--", "ls"], ["--timeout", "0", "--", "ls"],
            ["--timeout", "soon", "--", "ls"], ["ls"],
        ])
    func contradictions(arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try Self.parse(arguments) }
    }

    @Test("Durations are read with and without units, and only whole")
    func durations() {
        let good: [String: Int64] = [
            "90": 90_000, "90s": 90_000, "30m": 1_800_000, "1h30m": 5_400_000, "500ms": 500, "2d": 172_800_000, "0": 0,
        ]
        for (text, value) in good { #expect(TimeSpan(argument: text)?.milliseconds == value, "\(text)") }
        for text in ["", "m", "1.5h", "-3", "3x", "99999999999999999999", "9999999d", " 3s", "3 s", "٣s"] {
            #expect(TimeSpan(argument: text) == nil, "\(text)")
        }
    }

    @Test("--socket and --json before the subcommand mean the same as after it")
    func hoisting() {
        #expect(Runnerctl.hoisted(["--socket", "/s", "status"]) == ["status", "--socket", "/s"])
        #expect(
            Runnerctl.hoisted(["--socket=/s", "--json", "run", "--", "x"]) == [
                "run", "--socket=/s", "--json", "--", "x",
            ])
        #expect(Runnerctl.hoisted(["run", "--", "--socket", "x"]) == ["run", "--", "--socket", "x"])
        #expect(Runnerctl.hoisted(["--help"]) == ["--help"])
    }

    @Test("A prompt is text, or a file, bounded and UTF-8")
    func prompts() throws {
        let place = try TestRepository(commits: 0)
        try place.write("prompt", "from a file")
        try place.write("large", String(repeating: "x", count: Prompt.maximum + 1))
        #expect(try Prompt.read("text") == "text")
        #expect(try Prompt.read("@\(place.path)/prompt") == "from a file")
        expectFailure(2, "more than") { _ = try Prompt.read("@\(place.path)/large") }
        expectFailure(2, "No such file") { _ = try Prompt.read("@\(place.path)/none") }
        expectFailure(2, "empty") { _ = try Prompt.read(" \n") }
        expectFailure(2, "NUL") { _ = try Prompt.read("a\u{0}b") }
    }

    @Test("Each shell gets a completion script that knows the commands", arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) throws {
        let command = try #require(try Runnerctl.parseAsRoot(["completion", shell]) as? CompletionCommand)
        #expect(command.shell.rawValue == shell)
        #expect(Runnerctl.completionScript(for: .init(shellName: shell)).contains("artifact"))
    }
}

import ArgumentParser

extension CompletionShell {
    fileprivate init(shellName: String) {
        self =
            switch shellName {
            case "zsh": .zsh
            case "fish": .fish
            default: .bash
            }
    }
}
