import Harnesses
import IPC
import Testing

@Suite("claude: claims")
struct ClaudeHostileTests {
    private func result(_ fields: String) throws -> HarnessResult {
        var parser = try claudeParser()
        let read = events(#"{"type":"result",\#(fields)}"#, with: &parser)
        guard case .result(let result)? = read.first else {
            Issue.record("no result for \(fields)")
            return HarnessResult(isError: true)
        }
        return result
    }

    @Test("Amounts that are negative, no numbers or out of range are unknown")
    func amounts() throws {
        let bad = try result(
            #""is_error":false,"total_cost_usd":-1,"num_turns":-3,"duration_ms":"12","api_error_status":99999,"usage":{"input_tokens":-1,"output_tokens":1.5}"#
        )
        #expect(bad == HarnessResult(isError: false))
        let zero = try result(
            #""is_error":false,"total_cost_usd":0,"num_turns":0,"duration_ms":0,"api_error_status":100,"usage":{"input_tokens":0,"output_tokens":9223372036854775807}"#
        )
        #expect(
            zero
                == HarnessResult(
                    isError: false, costUSD: 0, turns: 0, durationMilliseconds: 0, inputTokens: 0,
                    outputTokens: .max, apiErrorStatus: 100))
        #expect(try result(#""is_error":false,"usage":[]"#) == HarnessResult(isError: false))
    }

    @Test(
        "A session id that could be an option, a path or anything but an id is unknown",
        arguments: ["", "--resume", "-x", "../x", "a b", "a\\nb", "é", String(repeating: "a", count: 129)])
    func sessionIDs(id: String) throws {
        #expect(try result(#""is_error":false,"session_id":"\#(id)""#).sessionID == nil)
        var parser = try claudeParser()
        #expect(
            events(#"{"type":"system","subtype":"init","session_id":"\#(id)"}"#, with: &parser)
                == [.started(sessionID: nil, model: nil)])
        #expect(try result(#""is_error":false,"session_id":"a-B_9""#).sessionID == "a-B_9")
    }

    @Test("No string of an event holds a terminal escape, a bidirectional override or another control character")
    func controlCharacters() throws {
        var parser = try claudeParser()
        let evil = #"a\u001b]0;x\u0007\u0000\u009b31m\u202e\u2066\r\n\tb"#
        let read = events(
            #"{"type":"system","subtype":"init","model":"\#(evil)"}"#,
            #"{"type":"system","subtype":"permission_denied","tool_name":"\#(evil)"}"#,
            #"{"type":"assistant","message":{"content":[{"type":"text","text":"\#(evil)"},{"type":"tool_use","id":"\#(evil)","name":"\#(evil)","input":{"\#(evil)":"\#(evil)"}}]}}"#,
            #"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"\#(evil)","content":[{"type":"\#(evil)"},{"type":"text","text":"\#(evil)"}]}]}}"#,
            #"{"type":"result","is_error":true,"result":"\#(evil)","subtype":"\#(evil)","terminal_reason":"\#(evil)"}"#,
            with: &parser)
        #expect(read.map(\.kind) == ["started", "permission_denied", "text", "tool_use", "tool_result", "result"])
        let reason = try #require(failureReason(parser.verdict(.exited(1))))
        var strings = [reason]
        for event in read { strings += event.json.objectValue?.values.compactMap(\.stringValue) ?? [] }
        #expect(strings.count > 12)
        for scalar in strings.joined().unicodeScalars where scalar != "\n" && scalar != "\t" {
            #expect(scalar.properties.generalCategory != .control)
            #expect(!(0x202A...0x202E).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value))
        }
        #expect(!reason.contains("\n"))
    }

    @Test("Names and identifiers are cut to 256 bytes, and a failure's reason stays short")
    func longNames() throws {
        let long = String(repeating: "x", count: 100_000)
        let read = try result(#""is_error":true,"subtype":"\#(long)","terminal_reason":"\#(long)","result":"\#(long)""#)
        #expect(read.subtype?.utf8.count == HarnessLimits.nameBytes)
        #expect(read.terminalReason?.utf8.count == HarnessLimits.nameBytes)
        var parser = try claudeParser()
        _ = events(#"{"type":"result","is_error":true,"subtype":"\#(long)","result":"\#(long)"}"#, with: &parser)
        #expect(try #require(failureReason(parser.verdict(.exited(1)))).utf8.count < 1024)
    }

    @Test("A list of errors stands in for a missing answer")
    func errorList() throws {
        #expect(try result(#""is_error":true,"errors":["one",2,"three"]"#).text == "one\nthree")
        #expect(try result(#""is_error":true,"errors":[]"#).text == nil)
        #expect(try result(#""is_error":true,"result":null"#).text == nil)
    }
}
