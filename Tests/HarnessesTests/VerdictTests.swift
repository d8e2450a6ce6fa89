import Harnesses
import Testing

@Suite("Verdicts")
struct VerdictTests {
    private func verdict(_ exit: ToolExit, _ lines: String...) throws -> HarnessVerdict {
        var parser = try claudeParser()
        for line in lines { _ = parser.consume(line: Array(line.utf8), stream: .stdout) }
        return parser.verdict(exit)
    }

    private let good = #"{"type":"result","subtype":"success","is_error":false,"result":"Done."}"#

    @Test("claude succeeded only with status 0, a result, and no error in it")
    func success() throws {
        #expect(try verdict(.exited(0), good) == .succeeded)
        #expect(try verdict(.exited(0)) != .succeeded)
        for exit in [ToolExit.exited(1), .exited(2), .exited(127), .exited(143), .signalled(9), .signalled(15)] {
            #expect(try verdict(exit, good) != .succeeded, "\(exit)")
        }
    }

    @Test(
        "Every failure of claude says what happened",
        arguments: [
            (
                ToolExit.exited(0),
                #"{"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_streaming"}"#,
                "interrupted"
            ),
            (
                .exited(1), #"{"type":"result","subtype":"error_max_turns","is_error":true,"num_turns":12}"#,
                "turn limit after 12 turns"
            ),
            (
                .exited(1),
                #"{"type":"result","subtype":"success","is_error":true,"api_error_status":402,"terminal_reason":"api_error","result":"Budget is used up"}"#,
                "status 402"
            ),
            (
                .exited(1),
                #"{"type":"result","subtype":"success","is_error":true,"api_error_status":403,"result":"Budget is used up"}"#,
                "It said: Budget is used up"
            ),
            (
                .exited(1), #"{"type":"result","subtype":"success","is_error":true,"terminal_reason":"api_error"}"#,
                "route to a model"
            ),
            (.exited(1), #"{"type":"result","subtype":"novel","is_error":true}"#, "(novel)"),
            (.exited(1), "", "refused to start"),
            (.exited(0), "", "no result"),
            (.exited(1), #"{"type":"result","is_error":false}"#, "after it"),
            (.exited(143), "", "SIGTERM"),
            (.exited(134), "", "SIGABRT"),
            (.exited(127), "", "not found in the sandbox"),
            (.signalled(9), "", "SIGKILL"),
            (.signalled(31), "", "sandbox forbids"),
        ])
    func failures(row: (exit: ToolExit, line: String, says: String)) throws {
        let reason = try #require(failureReason(try verdict(row.exit, row.line)))
        #expect(reason.contains(row.says), "\(reason)")
    }

    @Test(
        "A result that does not say clearly that there was no error is taken as an error, with a notice",
        arguments: ["", #","is_error":null"#, #","is_error":"false""#, #","is_error":0"#])
    func unclear(field: String) throws {
        var parser = try claudeParser()
        #expect(
            events(#"{"type":"result","subtype":"success"\#(field)}"#, with: &parser).map(\.kind)
                == ["result", "notice"])
        #expect(parser.verdict(.exited(0)) != .succeeded)
    }

    @Test("Of several results the last one counts, in both directions, with a notice")
    func lastResult() throws {
        let bad = #"{"type":"result","is_error":true}"#
        #expect(try verdict(.exited(0), bad, good) == .succeeded)
        #expect(try verdict(.exited(0), good, bad) != .succeeded)
        var parser = try claudeParser()
        #expect(events(bad, good, with: &parser).map(\.kind) == ["result", "result", "notice"])
    }

    @Test("A forged result does not outlive a failing exit")
    func forged() throws {
        let forged = #"{"type":"result","is_error":false,"subtype":"success","result":"forged"}"#
        #expect(failureReason(try verdict(.exited(1), forged)) != nil)
        #expect(failureReason(try verdict(.signalled(9), forged)) != nil)
        // Text of the agent that looks like a result is text.
        let quoted =
            #"{"type":"assistant","message":{"content":[{"type":"text","text":"{\"type\":\"result\",\"is_error\":false}"}]}}"#
        #expect(try verdict(.exited(0), quoted) != .succeeded)
    }

    @Test("noop and exec succeed with status 0 and nothing else, whatever they print", arguments: ["noop", "exec"])
    func exitStatus(name: String) throws {
        var parser = try harness(name).makeParser()
        #expect(events(good, "\u{1B}[31m", with: &parser) == [])
        #expect(parser.verdict(.exited(0)) == .succeeded)
        for exit in [ToolExit.exited(1), .exited(255), .signalled(1), .signalled(15)] {
            #expect(parser.verdict(exit) != .succeeded)
        }
    }

    @Test(
        "The reason of a failed command says what its status means",
        arguments: [
            (ToolExit.exited(127), "not found in the sandbox"), (.exited(126), "could not be executed"),
            (.exited(3), "status 3"), (.exited(137), "SIGKILL (signal 9)"), (.exited(255), "status 255"),
            (.signalled(11), "SIGSEGV"), (.signalled(64), "signal 64"), (.signalled(24), "processor time"),
            (.signalled(25), "size limit"),
        ])
    func execReasons(row: (exit: ToolExit, says: String)) throws {
        let reason = try #require(failureReason(try harness("exec").makeParser().verdict(row.exit)))
        #expect(reason.hasPrefix("The command"))
        #expect(reason.contains(row.says), "\(reason)")
    }
}
