import Harnesses
import Testing

@Suite("Plans")
struct PlanTests {
    @Test("The built-in harnesses are noop, exec and claude, found by their exact names only")
    func names() {
        #expect(Harness.builtIn.map(\.name) == ["noop", "exec", "claude"])
        #expect(Harness.named("claude")?.name == "claude")
        #expect(Harness.named("Claude") == nil)
        #expect(Harness.named("") == nil)
        #expect(Harness.builtIn.allSatisfy { !$0.summary.isEmpty })
    }

    @Test("noop runs /bin/true with nothing on standard input")
    func noop() throws {
        let plan = try harness("noop").plan(HarnessRequest(prompt: "ignored", model: "ignored"))
        #expect(plan == HarnessPlan(argv: ["/bin/true"]))
    }

    @Test("exec runs the operator's words as they are, and no shell reads them")
    func exec() throws {
        let argv = ["make", "", "a b", "$(id)", "--model=x", "\n"]
        #expect(try harness("exec").plan(HarnessRequest(argv: argv)) == HarnessPlan(argv: argv))
    }

    @Test("exec refuses a command that is empty, holds a NUL or is too large")
    func execBounds() throws {
        let exec = try harness("exec")
        let refused: [[String]] = [
            [], [""], ["", "x"], ["a", "b\0c"], Array(repeating: "x", count: 4097),
            ["x", String(repeating: "y", count: 128 * 1024 - 2)],
        ]
        for argv in refused {
            let error = #expect(throws: HarnessError.self) { try exec.plan(HarnessRequest(argv: argv)) }
            #expect(error?.field == .argv)
        }
        _ = try exec.plan(HarnessRequest(argv: Array(repeating: "x", count: 4096)))
        _ = try exec.plan(HarnessRequest(argv: ["x", String(repeating: "y", count: 128 * 1024 - 3)]))
    }

    @Test("claude gets the prompt on standard input, and no element of its command holds it")
    func claudePrompt() throws {
        let prompt = "--dangerously-skip-permissions $(id)\nsecond line"
        let plan = try harness("claude").plan(HarnessRequest(prompt: prompt, title: "a title"))
        #expect(plan.stdin == Array(prompt.utf8))
        #expect(
            plan.argv == [
                "claude", "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits",
                "--setting-sources", "user", "--settings",
                #"{"includeCoAuthoredBy":false,"attribution":{"commit":"","pr":""}}"#,
            ])
    }

    @Test("Model and turn limit reach claude as one element each, so that no value can be an option")
    func claudeOptions() throws {
        let plan = try harness("claude").plan(
            HarnessRequest(
                prompt: "x", model: "--vendor/Model-1.5:latest[1m]_x", permissionMode: "bypassPermissions",
                maxTurns: 7))
        #expect(plan.argv.suffix(2) == ["--model=--vendor/Model-1.5:latest[1m]_x", "--max-turns=7"])
        #expect(plan.argv.contains("bypassPermissions"))
        #expect(!plan.argv.contains("acceptEdits"))
    }

    @Test("claude's environment holds a placeholder for the key and an address where nothing listens")
    func claudeEnvironment() throws {
        let plan = try harness("claude").plan(HarnessRequest(prompt: "x"))
        #expect(
            plan.environment == [
                "ANTHROPIC_API_KEY": "placeholder",
                "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
                "CLAUDE_CODE_MAX_RETRIES": "1",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
                "CLAUDE_CODE_TMPDIR": "/tmp",
            ])
    }

    @Test(
        "Every permission mode of claude is accepted",
        arguments: ["acceptEdits", "bypassPermissions", "dontAsk", "default", "plan"])
    func permissionModes(mode: String) throws {
        let argv = try harness("claude").plan(HarnessRequest(prompt: "x", permissionMode: mode)).argv
        let option = try #require(argv.firstIndex(of: "--permission-mode"))
        #expect(argv[option + 1] == mode)
    }

    @Test(
        "Any other permission mode is refused", arguments: ["", "auto", "AcceptEdits", "plan ", "plan\0", "--model=x"])
    func badPermissionModes(mode: String) throws {
        let claude = try harness("claude")
        let error = #expect(throws: HarnessError.self) {
            try claude.plan(HarnessRequest(prompt: "x", permissionMode: mode))
        }
        #expect(error?.field == .permissionMode)
    }

    @Test(
        "A model's name with other characters, or of more than 128 bytes, is refused",
        arguments: [
            "", "a b", "a\nb", "a\0", "é", "x;y", "x'y", "\u{212A}", "a=b", String(repeating: "m", count: 129),
        ])
    func badModels(model: String) throws {
        let claude = try harness("claude")
        let error = #expect(throws: HarnessError.self) { try claude.plan(HarnessRequest(prompt: "x", model: model)) }
        #expect(error?.field == .model)
        _ = try claude.plan(HarnessRequest(prompt: "x", model: String(repeating: "m", count: 128)))
    }

    @Test("A turn limit outside 1 to 10000 is refused", arguments: [0, -1, 10_001, Int.min, Int.max])
    func badTurns(turns: Int) throws {
        let claude = try harness("claude")
        let error = #expect(throws: HarnessError.self) { try claude.plan(HarnessRequest(prompt: "x", maxTurns: turns)) }
        #expect(error?.field == .maxTurns)
    }

    @Test("claude refuses a prompt that is missing, blank, over 256 KiB or holds a NUL")
    func badPrompts() throws {
        let claude = try harness("claude")
        for prompt in [nil, "", " \n\t", "a\0b", String(repeating: "é", count: 128 * 1024) + "x"] {
            let error = #expect(throws: HarnessError.self) { try claude.plan(HarnessRequest(prompt: prompt)) }
            #expect(error?.field == .prompt)
        }
        let largest = try claude.plan(HarnessRequest(prompt: String(repeating: "é", count: 128 * 1024)))
        #expect(largest.stdin.count == 256 * 1024)
    }

    @Test("A command for a harness that takes none, and a prompt for exec, are refused rather than dropped")
    func misfits() throws {
        for name in ["noop", "claude"] {
            let misfit = try harness(name)
            let error = #expect(throws: HarnessError.self) {
                try misfit.plan(HarnessRequest(prompt: "x", argv: ["make"]))
            }
            #expect(error?.field == .argv)
        }
        let exec = try harness("exec")
        let error = #expect(throws: HarnessError.self) { try exec.plan(HarnessRequest(prompt: "x", argv: ["make"])) }
        #expect(error?.field == .prompt)
    }

    @Test("A refusal quotes little of what was sent, and no control character of it")
    func quietErrors() throws {
        let claude = try harness("claude")
        let hostile = "\u{1B}]0;x\u{7}\u{202E}" + String(repeating: "A", count: 100_000)
        for request in [
            HarnessRequest(prompt: "x", model: hostile), HarnessRequest(prompt: "x", permissionMode: hostile),
        ] {
            let error = #expect(throws: HarnessError.self) { try claude.plan(request) }
            let message = try #require(error?.message)
            #expect(message.utf8.count < 400)
            #expect(!message.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
        }
    }
}
