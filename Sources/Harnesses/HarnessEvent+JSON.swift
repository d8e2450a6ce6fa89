import IPC

extension HarnessEvent {
    /// The event as an object with stable field names. `kind` is always there, and so is every field of that kind:
    /// what is not known is null.
    public var json: JSON {
        var fields: [String: JSON] = ["kind": .string(kind)]
        switch self {
        case .started(let sessionID, let model):
            fields["session_id"] = .orNull(sessionID)
            fields["model"] = .orNull(model)
        case .text(let text):
            fields["text"] = .string(text)
        case .toolUse(let id, let name, let summary):
            fields["id"] = .string(id)
            fields["name"] = .string(name)
            fields["summary"] = .string(summary)
        case .toolResult(let id, let isError, let summary):
            fields["id"] = .string(id)
            fields["is_error"] = .bool(isError)
            fields["summary"] = .string(summary)
        case .permissionDenied(let tool):
            fields["tool"] = .string(tool)
        case .retry(let attempt, let status):
            fields["attempt"] = .int(Int64(attempt))
            fields["status"] = .orNull(status.map(Int64.init))
        case .result(let result):
            fields.merge(result.jsonFields) { kind, _ in kind }
        case .notice(let text):
            fields["text"] = .string(text)
        }
        return .object(fields)
    }
}

extension HarnessResult {
    fileprivate var jsonFields: [String: JSON] {
        [
            "text": .orNull(text),
            "is_error": .bool(isError),
            "subtype": .orNull(subtype),
            "cost_usd": costUSD.map { .double($0) } ?? .null,
            "turns": .orNull(turns.map(Int64.init)),
            "session_id": .orNull(sessionID),
            "duration_ms": .orNull(durationMilliseconds),
            "input_tokens": .orNull(inputTokens),
            "output_tokens": .orNull(outputTokens),
            "terminal_reason": .orNull(terminalReason),
            "api_error_status": .orNull(apiErrorStatus.map(Int64.init)),
        ]
    }
}

extension JSON {
    fileprivate static func orNull(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    fileprivate static func orNull(_ number: Int64?) -> JSON { number.map { .int($0) } ?? .null }
}
