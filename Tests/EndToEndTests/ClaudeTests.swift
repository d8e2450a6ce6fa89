import Foundation
import Testing

/// The real claude, where the machine has it: BULKHEAD_TEST_CLAUDE names the executable.
enum RealClaude {
    static let path = ProcessInfo.processInfo.environment["BULKHEAD_TEST_CLAUDE"]
    static var isWanted: Bool { path != nil || Needs.mustSandbox }
}

@Suite("claude in the sandbox", .serialized, .enabled(if: RealClaude.isWanted), .tags(.sandbox))
struct ClaudeTests {
    @Test(
        "The real claude starts in full confinement, and without a route to its API its refusal is a clear failure",
        arguments: Tier.all)
    func refusalIsClear(tier: Tier) throws {
        let claude = try #require(RealClaude.path, "set BULKHEAD_TEST_CLAUDE to the claude executable")
        let tree = URL(fileURLWithPath: claude).deletingLastPathComponent().path
        let host = try TestHost(
            tier,
            configuration: """
                sandbox:
                  trees: [/usr, \(tree)]
                harness:
                  claude:
                    command: \(claude)
                """)
        let repository = try Repository(in: host)
        let result = try JobResult(
            host.runnerctl(
                ["run", "--json", "--repo", repository.path, "--harness", "claude", "--prompt", "Say hello."],
                seconds: 120))

        #expect(result.code == 1)
        #expect(result.reason == "harness-failed")
        #expect(result.message.contains("could not talk to the model's API"), "\(result.message)")
        #expect(result.branch == nil)
        // Its own stream was understood: a session began, and the result it printed said is_error.
        let events = try host.runnerctl(["events", result.id, "--json"]).text
        #expect(events.contains("\"kind\":\"started\""))
        #expect(events.contains("\"is_error\":true"))
    }
}
