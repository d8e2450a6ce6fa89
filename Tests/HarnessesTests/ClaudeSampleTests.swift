import Harnesses
import Testing

@Suite("claude: recorded streams")
struct ClaudeSampleTests {
    @Test(
        "Every line of every recorded stream is understood, and the events come in order",
        arguments: [
            ("claude-stream.jsonl", ["started", "text", "tool_use", "tool_result", "text", "result"]),
            (
                "claude-stream-bypass-all-tools.jsonl",
                [
                    "started", "text", "tool_use", "tool_result", "tool_use", "tool_result", "tool_use", "tool_result",
                    "tool_use", "tool_result", "text", "result",
                ]
            ),
            (
                "claude-stream-in-sandbox.jsonl",
                [
                    "started", "text", "tool_use", "tool_result", "tool_use", "tool_result", "tool_use", "tool_result",
                    "text", "result",
                ]
            ),
            ("claude-stream-partial.jsonl", ["started", "text", "result"]),
            (
                "claude-stream-interrupt.jsonl",
                ["started", "tool_use", "tool_result", "result", "started", "text", "result", "notice"]
            ),
        ])
    func kinds(sample: (name: String, kinds: [String])) throws {
        var parser = try claudeParser()
        #expect(try events(sampleLines(sample.name), &parser).map(\.kind) == sample.kinds)
        #expect(parser.verdict(.exited(0)) == .succeeded)
    }

    @Test("A recorded run's values are read field by field")
    func values() throws {
        var parser = try claudeParser()
        let read = try events(sampleLines("claude-stream.jsonl"), &parser)
        let session = "1cdaf4ea-ebab-47e6-911b-39cffaea3818"
        let tool = "toolu_fake_da00c79c82514ac2"
        #expect(
            read == [
                .started(sessionID: session, model: "claude-opus-5-5"),
                .text("I will write the file."),
                .toolUse(id: tool, name: "Write", summary: "HELLO.md"),
                .toolResult(
                    id: tool, isError: false,
                    summary: "File created successfully at: HELLO.md "
                        + "(file state is current in your context — no need to Read it back)"),
                .text("Done: HELLO.md is written."),
                .result(
                    HarnessResult(
                        text: "Done: HELLO.md is written.", isError: false, subtype: "success", costUSD: 0.00188,
                        turns: 2, sessionID: session, durationMilliseconds: 621, inputTokens: 50, outputTokens: 84,
                        terminalReason: "completed", apiErrorStatus: nil)),
            ])
    }

    @Test("A tool's error and its output reach the events")
    func toolErrors() throws {
        var parser = try claudeParser()
        let read = try events(sampleLines("claude-stream-in-sandbox.jsonl"), &parser)
        #expect(
            read.contains(
                .toolResult(
                    id: "toolu_fake_2f97e80692fe4c75", isError: true,
                    summary: "File does not exist. Note: your current working directory is /workspace.")))
        #expect(
            read.contains(
                .toolUse(
                    id: "toolu_fake_6623d6f29a1e4338", name: "Bash",
                    summary: "echo built > built.txt && cat README.md | head -3")))
    }

    @Test("An interrupted turn is a failure although claude exits with 0, and the next turn's result replaces it")
    func interrupt() throws {
        let lines = try sampleLines("claude-stream-interrupt.jsonl")
        var interrupted = try claudeParser()
        let read = events(Array(lines.prefix(6)), &interrupted)
        guard case .result(let result)? = read.last else {
            Issue.record("the sixth line gave no result")
            return
        }
        #expect(result.isError)
        #expect(result.subtype == "error_during_execution")
        #expect(result.terminalReason == "aborted_tools")
        #expect(result.text?.hasPrefix("[ede_diagnostic]") == true)
        #expect(failureReason(interrupted.verdict(.exited(0)))?.contains("interrupted") == true)

        _ = events(Array(lines.dropFirst(6)), &interrupted)
        #expect(interrupted.verdict(.exited(0)) == .succeeded)
    }

    @Test("A stream cut at any line before its result is a failure")
    func cut() throws {
        for name in ["claude-stream.jsonl", "claude-stream-bypass-all-tools.jsonl", "claude-stream-partial.jsonl"] {
            let lines = try sampleLines(name)
            for count in 0..<lines.count {
                var parser = try claudeParser()
                _ = events(Array(lines.prefix(count)), &parser)
                #expect(parser.verdict(.exited(0)) != .succeeded, "\(name) cut after \(count) lines")
            }
        }
    }

    @Test("A stream cut at any byte of its last line is a failure, and never more than a notice")
    func cutInsideResult() throws {
        let last = try #require(try sampleLines("claude-stream.jsonl").last)
        for count in stride(from: 1, to: last.count, by: 7) {
            var parser = try claudeParser()
            let read = parser.consume(line: last.prefix(count), stream: .stdout)
            #expect(read.map(\.kind) == ["notice"])
            #expect(parser.verdict(.exited(0)) != .succeeded)
        }
    }
}
