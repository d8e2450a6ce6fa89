import IPC

/// claude's `result` line.
enum ClaudeResultLine {
    static func read(_ line: JSON) -> HarnessResult {
        let usage = line["usage"] ?? .null
        return HarnessResult(
            text: text(line),
            // What cannot be read as "no error" is one: subtype says "success" for API errors too.
            isError: line["is_error"]?.boolValue ?? true,
            subtype: line.claimedName("subtype"),
            costUSD: line.claimedAmount("total_cost_usd"),
            turns: line.claimedCount("num_turns", limit: 1_000_000_000).map { Int($0) },
            sessionID: line.claimedSessionID("session_id"),
            durationMilliseconds: line.claimedCount("duration_ms"),
            inputTokens: usage.claimedCount("input_tokens"),
            outputTokens: usage.claimedCount("output_tokens"),
            terminalReason: line.claimedName("terminal_reason"),
            apiErrorStatus: line.claimedStatus("api_error_status"))
    }

    /// The answer; where a run ended without one, its list of errors.
    private static func text(_ line: JSON) -> String? {
        let limit = HarnessLimits.textBytes
        if let text = line["result"]?.stringValue { return BoundedText.block(text, limit: limit) }
        guard let errors = line["errors"]?.arrayValue else { return nil }
        var joined = ""
        for error in errors where joined.utf8.count <= limit {
            guard let text = error.stringValue else { continue }
            joined += (joined.isEmpty ? "" : "\n") + BoundedText.block(text, limit: limit)
        }
        return joined.isEmpty ? nil : BoundedText.block(joined, limit: limit)
    }
}
