import Harnesses
import IPC
import Testing

@testable import Supervisor

@Suite("Job spec")
struct JobSpecTests {
    private static let base = String(repeating: "0a", count: 20)

    private func spec(_ request: SubmitRequest, environment: [String: String] = [:]) throws -> JobSpec {
        let configuration = try ConfigurationTestSupport.load(environment: environment)
        return try JobSpec(request, configuration)
    }

    private func change(branch: String? = nil, baseBranch: String = "main", base: String = base) -> SubmitRequest {
        SubmitRequest(
            harness: "noop", repository: SubmitRequest.Repository(base: base, baseBranch: baseBranch, branch: branch))
    }

    // MARK: names of branches

    @Test(
        "An ordinary branch name is taken",
        arguments: [
            "main", "bulkhead/abc", "feature/a-b_c.d", "v1.0", "a", "release/2026.01", "x@y", "ünïcode", "a{b}",
            "refs/heads/x",
            "lock", "HEAD/x", "a-", "@x",
        ])
    func goodBranch(name: String) throws {
        #expect(JobSpec.isBranchName(name))
        #expect(try spec(change(branch: name, baseBranch: "base")).repository?.branch == name)
    }

    @Test(
        "A branch name that some tool on the way would take for something else is refused",
        arguments: [
            "", "-", "-d", "--help", "/", "/a", "a/", "a//b", ".", "..", ".a", "a/.b", "a..b", "a.", "a/b.", "a.lock",
            "a.lock/b",
            "HEAD", "@", "a@{1}", "@{-1}", "a b", " a", "a\t", "a\n", "a\u{0}b", "a\u{1b}[2J", "a\u{7f}", "a~1", "a^",
            "a:b",
            "a?", "a*", "[a", "a\\b", "a/../b", "refs/heads/../x",
        ])
    func badBranch(name: String) throws {
        #expect(!JobSpec.isBranchName(name))
        #expect(refusal { try spec(change(branch: name, baseBranch: "base")) }?.code == .invalid)
        #expect(refusal { try spec(change(baseBranch: name)) }?.code == .invalid)
    }

    @Test(
        "A combining mark does not hide what a name holds: tools look at bytes",
        arguments: [
            "-\u{301}x", "/\u{301}x", ".\u{301}x", "a/.\u{301}x", "a.\u{301}.b", "a..\u{301}b", "a@\u{301}{b",
            "a@{\u{301}b", "x/\u{301}",
            "a/\u{301}.\u{301}b",
        ].filter { name in
            // Kept are those whose bytes git refuses, or that begin like an option.
            let bytes = Array(name.utf8)
            func holds(_ text: String) -> Bool { bytes.firstRange(of: Array(text.utf8)) != nil }
            return name.utf8.first == 0x2d || name.utf8.first == 0x2f || name.utf8.first == 0x2e || holds("..")
                || holds("@{")
                || holds("/.")
        })
    func combiningMarks(name: String) {
        #expect(!JobSpec.isBranchName(name), "\(Array(name.utf8))")
    }

    @Test("A branch name has at most 200 bytes")
    func branchLength() {
        #expect(JobSpec.isBranchName(String(repeating: "x", count: 200)))
        #expect(!JobSpec.isBranchName(String(repeating: "x", count: 201)))
        #expect(!JobSpec.isBranchName(String(repeating: "é", count: 101)))
    }

    @Test("The new branch cannot be the one it starts from")
    func sameBranch() {
        #expect(refusal { try spec(change(branch: "main", baseBranch: "main")) }?.code == .invalid)
    }

    @Test("A refused name is shown in part only")
    func boundedQuote() {
        let error = refusal { try spec(change(branch: String(repeating: "x ", count: 5000))) }
        #expect((error?.message.utf8.count ?? .max) < 300)
    }

    @Test(
        "The base is a full object id in small letters",
        arguments: [
            "", "HEAD", "0a0a", "--all", base + "0", String(base.dropLast()), base.uppercased(), "g" + base.dropFirst(),
            base + "\n", "refs/heads/main",
        ])
    func badBase(base: String) {
        #expect(refusal { try spec(change(base: base)) }?.code == .invalid)
    }

    @Test("Object ids of both hash functions are taken")
    func goodBase() throws {
        #expect(try spec(change()).repository?.base == Self.base)
        let long = String(repeating: "f0", count: 32)
        #expect(try spec(change(base: long)).repository?.base == long)
    }

    // MARK: harness and limits

    @Test(
        "An unknown harness is refused, with those that are known", arguments: ["", "Claude", "exec ", "sh", "../exec"])
    func unknownHarness(name: String) {
        let error = refusal { try spec(SubmitRequest(harness: name)) }
        #expect(error?.code == .invalid)
        #expect(error?.message.contains("claude, exec, noop") == true)
    }

    @Test("Where exec is switched off it is refused by policy, and other harnesses are not")
    func execSwitchedOff() throws {
        let off = ["BULKHEAD_HARNESS_EXEC": "false"]
        let request = SubmitRequest(harness: "exec", argv: ["true"])
        #expect(refusal { try spec(request, environment: off) }?.code == .refused)
        #expect(try spec(request).argv == ["true"])
        #expect(try spec(SubmitRequest(harness: "noop"), environment: off).harness == "noop")
        #expect(try spec(SubmitRequest(harness: "claude", prompt: "hello"), environment: off).harness == "claude")
    }

    @Test("A timeout above the host's limit is refused by policy, one below a second is invalid")
    func timeouts() throws {
        let limit = ["BULKHEAD_LIMITS_WALL_CLOCK": "10m"]
        func timeout(_ value: Int64?) throws -> Int64 {
            try spec(SubmitRequest(harness: "noop", timeout: value), environment: limit).timeout
        }
        #expect(try timeout(nil) == 600_000)
        #expect(try timeout(600_000) == 600_000)
        #expect(try timeout(1000) == 1000)
        for value in [600_001, .max] as [Int64] {
            #expect(refusal { try timeout(value) }?.code == .refused, "\(value)")
        }
        for value in [999, 0, -1, .min] as [Int64] {
            #expect(refusal { try timeout(value) }?.code == .invalid, "\(value)")
        }
    }

    @Test("A priority is -100 to 100")
    func priorities() throws {
        for value in [-100, 0, 100] { _ = try spec(SubmitRequest(harness: "noop", priority: value)) }
        for value in [-101, 101, .max, .min] {
            #expect(refusal { try spec(SubmitRequest(harness: "noop", priority: value)) }?.code == .invalid)
        }
    }

    @Test("What a harness cannot run is refused before it is queued")
    func plans() {
        for request in [
            SubmitRequest(harness: "exec"), SubmitRequest(harness: "exec", argv: [""]),
            SubmitRequest(harness: "exec", argv: ["a\u{0}b"]),
            SubmitRequest(harness: "exec", argv: ["a"], prompt: "p"), SubmitRequest(harness: "claude"),
            SubmitRequest(harness: "claude", prompt: "  \n"),
            SubmitRequest(harness: "claude", argv: ["x"], prompt: "p"),
            SubmitRequest(harness: "noop", argv: ["x"]),
        ] {
            #expect(refusal { try spec(request) }?.code == .invalid, "\(request)")
        }
    }

    @Test("claude runs by the host's command, model and permission mode")
    func claudeSettings() throws {
        let settings = [
            "BULKHEAD_HARNESS_CLAUDE_COMMAND": "/opt/claude/bin/claude", "BULKHEAD_HARNESS_CLAUDE_MODEL": "some-model",
            "BULKHEAD_HARNESS_CLAUDE_PERMISSION_MODE": "plan",
        ]
        let configuration = try ConfigurationTestSupport.load(environment: settings)
        let plan = try JobSpec(SubmitRequest(harness: "claude", prompt: "do it"), configuration).plan(configuration)
        #expect(plan.argv.first == "/opt/claude/bin/claude")
        #expect(plan.argv.contains("--model=some-model"))
        #expect(plan.argv.contains("plan"))
        #expect(plan.stdin == Array("do it".utf8))
        #expect(!plan.argv.contains { $0.contains("do it") })
    }

    // MARK: titles

    @Test("A title is the given one, or made of the prompt or the command")
    func titles() throws {
        #expect(try spec(SubmitRequest(harness: "noop", title: "T")).title == "T")
        #expect(try spec(SubmitRequest(harness: "exec", argv: ["make", "test"])).title == "make test")
        #expect(try spec(SubmitRequest(harness: "noop")).title == "noop")
        let prompt = String(repeating: "p", count: 300)
        #expect(try spec(SubmitRequest(harness: "claude", prompt: prompt)).title == String(repeating: "p", count: 200))
    }

    @Test("A title that is given has at most 1024 bytes and no NUL")
    func badTitles() throws {
        _ = try spec(SubmitRequest(harness: "noop", title: String(repeating: "x", count: 1024)))
        for title in [String(repeating: "x", count: 1025), "a\u{0}b"] {
            #expect(refusal { try spec(SubmitRequest(harness: "noop", title: title)) }?.code == .invalid)
        }
    }

    @Test("A long command, or a prompt of long characters, is no reason to refuse a job that gave no title")
    func longCommand() throws {
        let script = "echo " + String(repeating: "x", count: 4000)
        #expect(try spec(SubmitRequest(harness: "exec", argv: ["sh", "-c", script])).title.utf8.count <= 1024)
        let marks = String(repeating: "e" + String(repeating: "\u{301}", count: 20), count: 60)
        #expect(try spec(SubmitRequest(harness: "claude", prompt: marks)).title.utf8.count <= 1024)
    }

    @Test("A spec survives being stored")
    func storing() throws {
        let spec = try spec(change(branch: "b"))
        let stored = try JSON(parsing: try JSON(encoding: spec).bytes(), limits: .stored).decode(JobSpec.self)
        #expect(stored.harness == spec.harness)
        #expect(stored.timeout == spec.timeout)
        #expect(stored.repository == spec.repository)
        #expect(stored.title == spec.title)
    }
}
