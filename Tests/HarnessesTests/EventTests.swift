import Harnesses
import IPC
import Testing

@Suite("Events as JSON")
struct EventTests {
    @Test("Each kind of event has exactly these fields, and what is unknown is null")
    func fields() {
        let all: [(HarnessEvent, JSON)] = [
            (.started(sessionID: "s", model: nil), ["kind": "started", "session_id": "s", "model": nil]),
            (.text("t"), ["kind": "text", "text": "t"]),
            (
                .toolUse(id: "i", name: "n", summary: "s"),
                ["kind": "tool_use", "id": "i", "name": "n", "summary": "s"]
            ),
            (
                .toolResult(id: "i", isError: true, summary: "s"),
                ["kind": "tool_result", "id": "i", "is_error": true, "summary": "s"]
            ),
            (.permissionDenied(tool: "t"), ["kind": "permission_denied", "tool": "t"]),
            (.retry(attempt: 2, status: 529), ["kind": "retry", "attempt": 2, "status": 529]),
            (.retry(attempt: 0, status: nil), ["kind": "retry", "attempt": 0, "status": nil]),
            (.notice("n"), ["kind": "notice", "text": "n"]),
        ]
        for (event, json) in all { #expect(event.json == json) }
    }

    @Test("A result carries every field")
    func result() {
        let result = HarnessResult(
            text: "t", isError: true, subtype: "s", costUSD: 0.5, turns: 3, sessionID: "id", durationMilliseconds: 4,
            inputTokens: 5, outputTokens: 6, terminalReason: "r", apiErrorStatus: 429)
        #expect(
            HarnessEvent.result(result).json == [
                "kind": "result", "text": "t", "is_error": true, "subtype": "s", "cost_usd": 0.5, "turns": 3,
                "session_id": "id", "duration_ms": 4, "input_tokens": 5, "output_tokens": 6, "terminal_reason": "r",
                "api_error_status": 429,
            ])
        #expect(
            HarnessEvent.result(HarnessResult(isError: false)).json == [
                "kind": "result", "text": nil, "is_error": false, "subtype": nil, "cost_usd": nil, "turns": nil,
                "session_id": nil, "duration_ms": nil, "input_tokens": nil, "output_tokens": nil,
                "terminal_reason": nil, "api_error_status": nil,
            ])
    }
}
