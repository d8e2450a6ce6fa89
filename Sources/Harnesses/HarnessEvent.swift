/// Something that a tool says it did. A claim, for people to follow a job by; see ``HarnessParser``.
public enum HarnessEvent: Sendable, Equatable {
    /// A session began. claude says so once a turn, so more than one may come.
    case started(sessionID: String?, model: String?)
    /// The agent wrote text; at most ``HarnessLimits/textBytes``.
    case text(String)
    /// The agent used a tool. The summary is its command, file or other telling input, at most
    /// ``HarnessLimits/summaryBytes``.
    case toolUse(id: String, name: String, summary: String)
    /// A tool answered. The summary is the beginning of its output, at most ``HarnessLimits/summaryBytes``.
    case toolResult(id: String, isError: Bool, summary: String)
    /// The agent's own permission mode denied a tool.
    case permissionDenied(tool: String)
    /// A request to the model's API failed and is tried again. `attempt` counts from 1 (0: not told); `status` is the
    /// HTTP status, `nil` where there was no answer.
    case retry(attempt: Int, status: Int?)
    /// The run ended, as the tool says. If several come, the last one counts.
    case result(HarnessResult)
    /// Something in the output that a person may want to know of, such as a line that could not be read.
    case notice(String)

    /// The event's stable name.
    public var kind: String {
        switch self {
        case .started: "started"
        case .text: "text"
        case .toolUse: "tool_use"
        case .toolResult: "tool_result"
        case .permissionDenied: "permission_denied"
        case .retry: "retry"
        case .result: "result"
        case .notice: "notice"
        }
    }
}
