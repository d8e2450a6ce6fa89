import Harnesses
import IPC
import Testing

@Suite("claude: lines")
struct ClaudeParserTests {
    @Test("Retries, denials and a line before init are read")
    func systemLines() throws {
        var parser = try claudeParser()
        let read = events(
            #"{"type":"system","subtype":"ui_invalidate","session_id":"s"}"#,
            #"{"type":"system","subtype":"init","session_id":"s-1","model":"m"}"#,
            #"{"attempt":2,"max_retries":10,"retry_delay_ms":5.5,"error_status":529,"subtype":"api_retry","type":"system"}"#,
            #"{"type":"system","subtype":"api_retry","attempt":1,"error_status":null}"#,
            #"{"type":"system","subtype":"permission_denied","tool_name":"Bash","tool_use_id":"t"}"#,
            with: &parser)
        #expect(
            read == [
                .started(sessionID: "s-1", model: "m"), .retry(attempt: 2, status: 529),
                .retry(attempt: 1, status: nil), .permissionDenied(tool: "Bash"),
            ])
    }

    @Test(
        "Unknown types, unknown blocks and fields of other types give no event and no notice",
        arguments: [
            #"{"type":"control_response","response":{}}"#, #"{"type":"stream_event","event":{"type":"x"}}"#,
            #"{"type":"from_the_future"}"#, #"{"type":"system"}"#, #"{"type":"system","subtype":7}"#,
            #"{"type":"assistant"}"#, #"{"type":"assistant","message":7}"#,
            #"{"type":"assistant","message":{"content":"text"}}"#,
            #"{"type":"assistant","message":{"content":[7,null,{},{"type":"thinking","thinking":"x"}]}}"#,
            #"{"type":"assistant","message":{"content":[{"type":"text","text":7}]}}"#,
            #"{"type":"user","message":{"content":"a prompt"}}"#,
            #"{"type":"user","message":{"content":[{"type":"text","text":"x"}]}}"#, "", "  \r",
        ])
    func tolerated(line: String) throws {
        var parser = try claudeParser()
        #expect(events(line, with: &parser) == [])
        #expect(parser.verdict(.exited(0)) != .succeeded)
    }

    @Test(
        "A line that is not a JSON object with a type is a notice",
        arguments: [
            "Segmentation fault", "null", "[]", "7", #""result""#, "{}", #"{"type":7}"#, #"{"type":"result""#,
            #"{"type":"result","is_error":false} x"#, #"{"type":"result","type":"result","is_error":false}"#,
            #"{"type":"result","is_error":true,"is_error":false}"#, "\u{FEFF}{\"type\":\"result\",\"is_error\":false}",
        ])
    func garbage(line: String) throws {
        var parser = try claudeParser()
        #expect(events(line, with: &parser).map(\.kind) == ["notice"])
        #expect(parser.verdict(.exited(0)) != .succeeded)
    }

    @Test("A line that is not UTF-8 is a notice, also inside a string")
    func notUTF8() throws {
        var parser = try claudeParser()
        let line = Array(#"{"type":"result","is_error":false,"result":""#.utf8) + [0xFF] + Array(#""}"#.utf8)
        #expect(events([line, [0xC0, 0xAF], [0]], &parser).map(\.kind) == ["notice", "notice", "notice"])
        #expect(parser.verdict(.exited(0)) != .succeeded)
    }

    @Test("A line of 1 MiB is read, and its text cut to 64 KiB with a mark")
    func longLine() throws {
        var parser = try claudeParser()
        let long = String(repeating: "é", count: 1 << 19)
        let read = events(
            #"{"type":"assistant","message":{"content":[{"type":"text","text":"\#(long)"}]}}"#,
            #"{"type":"result","is_error":false,"result":"\#(long)"}"#, with: &parser)
        try #require(read.count == 2)
        guard case .text(let text) = read[0], case .result(let result) = read[1] else {
            Issue.record("other events: \(read.map(\.kind))")
            return
        }
        for shown in [text, result.text ?? ""] {
            #expect(shown.utf8.count <= HarnessLimits.textBytes)
            #expect(shown.utf8.count > HarnessLimits.textBytes - 32)
            #expect(shown.hasSuffix("[cut]"))
        }
        #expect(parser.verdict(.exited(0)) == .succeeded)
    }

    @Test("A line over 4 MiB is a notice that tells its length")
    func tooLongLine() throws {
        var parser = try claudeParser()
        let padding = String(repeating: " ", count: HarnessLimits.lineBytes)
        let read = events(#"{"type":"result","is_error":false}"# + padding, with: &parser)
        #expect(read.map(\.kind) == ["notice"])
        #expect("\(read)".contains("\(HarnessLimits.lineBytes + 34) bytes"))
        #expect(parser.verdict(.exited(0)) != .succeeded)
    }

    @Test("JSON nested 100 deep is read; nested 129 or a million deep is a notice and no crash")
    func deep() throws {
        func line(_ depth: Int) -> String {
            let open = String(repeating: "[", count: depth), close = String(repeating: "]", count: depth)
            return #"{"type":"result","is_error":false,"x":\#(open)\#(close)}"#
        }
        for (depth, kind) in [(100, "result"), (127, "result"), (128, "notice"), (1_000_000, "notice")] {
            var parser = try claudeParser()
            #expect(events(line(depth), with: &parser).map(\.kind) == [kind], "depth \(depth)")
        }
    }

    @Test("More than 65,536 values in a line are a notice")
    func manyValues() throws {
        var parser = try claudeParser()
        let values = String(repeating: "0,", count: 70_000) + "0"
        #expect(
            events(#"{"type":"result","is_error":false,"x":[\#(values)]}"#, with: &parser).map(\.kind) == ["notice"])
    }

    @Test("Standard error is not parsed")
    func standardError() throws {
        var parser = try claudeParser()
        let result = Array(#"{"type":"result","is_error":false}"#.utf8)
        #expect(parser.consume(line: result, stream: .stderr) == [])
        #expect(parser.consume(line: [0xFF], stream: .stderr) == [])
        #expect(parser.verdict(.exited(0)) != .succeeded)
    }

    @Test("One line gives at most 256 events, and a notice tells of the rest")
    func manyBlocks() throws {
        var parser = try claudeParser()
        let block = #"{"type":"text","text":"x"}"#
        func line(_ count: Int) -> String {
            let blocks = Array(repeating: block, count: count).joined(separator: ",")
            return #"{"type":"assistant","message":{"content":[\#(blocks)]}}"#
        }
        #expect(events(line(255), with: &parser).count { $0.kind == "text" } == 255)
        let read = events(line(1000), with: &parser)
        #expect(read.count == HarnessLimits.eventsPerLine)
        #expect(read.last.map(isNotice) == true)
        #expect("\(read)".contains("745 more"))
    }

    @Test("A stream of garbage gives 64 notices, the last of which says so, and events go on")
    func floods() throws {
        var parser = try claudeParser()
        let read = events(Array(repeating: Array("garbage".utf8), count: 10_000), &parser)
        #expect(read.count == HarnessLimits.notices)
        #expect("\(read.suffix(1))".contains("Further notices"))
        #expect(!"\(read.dropLast())".contains("Further notices"))
        #expect(events(#"{"type":"result","is_error":false}"#, with: &parser).map(\.kind) == ["result"])
        #expect(parser.verdict(.exited(0)) == .succeeded)
    }

    @Test("Summaries of tool use and results are cut to 2 KiB")
    func summaries() throws {
        var parser = try claudeParser()
        let long = String(repeating: "x", count: 100_000)
        let read = events(
            #"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"i","name":"N","input":{"command":"\#(long)"}},{"type":"tool_use","id":"i","name":"N","input":{"b":"\#(long)","a":"\#(long)","c":"\#(long)"}}]}}"#,
            #"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"i","content":"\#(long)"},{"type":"tool_result","tool_use_id":"i","content":[{"type":"text","text":"\#(long)"},{"type":"text","text":"\#(long)"}]}]}}"#,
            with: &parser)
        #expect(read.count == 4)
        for event in read {
            let summary = try #require(event.json["summary"]?.stringValue)
            #expect(summary.utf8.count <= HarnessLimits.summaryBytes)
            #expect(summary.hasSuffix("[cut]"))
        }
    }

    @Test("A tool's inputs without a telling one are listed by name, and blocks of a result by type")
    func summaryForms() throws {
        var parser = try claudeParser()
        let read = events(
            #"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"i","name":"N","input":{"b":true,"a":1,"c":{"d":1},"e":"x\ny"}},{"type":"tool_use"}]}}"#,
            #"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"i","is_error":true,"content":[{"type":"text","text":"t"},{"type":"image","source":{}}]},{"type":"tool_result"}]}}"#,
            with: &parser)
        #expect(
            read == [
                .toolUse(id: "i", name: "N", summary: "a=1, b=true, e=x y"),
                .toolUse(id: "", name: "unknown", summary: ""),
                .toolResult(id: "i", isError: true, summary: "t\n[image]"),
                .toolResult(id: "", isError: false, summary: ""),
            ])
    }
}
