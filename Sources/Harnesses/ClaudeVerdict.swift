/// Judges a run of claude: it succeeded only if it ended with status 0, and printed a result, and that says it is no
/// error. Each of the three alone lies: the status is 0 after an interrupt, a result comes before an API error's status
/// of 1, and its `subtype` is `success` then.
enum ClaudeVerdict {
    static func of(_ exit: ToolExit, _ result: HarnessResult?) -> HarnessVerdict {
        switch (exit, result) {
        case (.exited(0), .some(let result)) where !result.isError: .succeeded
        case (.exited(0), .none):
            .failed(
                reason: "claude ended with status 0 but printed no result: it was stopped early, or this version of "
                    + "claude writes another format. See the end of the log.")
        case (.exited(0), .some(let result)): .failed(reason: reason(result))
        case (.exited(1), .some(let result)) where result.isError: .failed(reason: reason(result))
        case (.exited(1), .none):
            .failed(
                reason: "claude ended with status 1 before any result: it refused to start or to go on, and its error "
                    + "output in the log says why.")
        case (.exited(1), .some):
            .failed(
                reason:
                    "claude ended with status 1, although its result says that there was no error: something failed "
                    + "after it, or another program printed that result. See the end of the log.")
        default: .failed(reason: ExitReasons.reason(tool: "claude", exit))
        }
    }

    /// Why a run failed whose result says so.
    private static func reason(_ result: HarnessResult) -> String {
        let said = said(result)
        if result.subtype == "error_max_turns" {
            let turns = result.turns.map { " after \($0) turns" } ?? ""
            return "claude reached its turn limit\(turns): raise the limit, or ask for less in one job."
        }
        if result.terminalReason?.hasPrefix("aborted") == true {
            return "claude was interrupted and did not finish: start the job again if that was not meant.\(said)"
        }
        if let status = result.apiErrorStatus {
            return "claude gave up because the model's API answered with status \(status): \(advice(status))\(said)"
        }
        if result.terminalReason == "api_error" {
            return "claude gave up because it could not talk to the model's API: check that the job has a route to a "
                + "model.\(said)"
        }
        let kind = result.subtype.flatMap { $0 == "success" ? nil : " (\($0))" } ?? ""
        return "claude reported an error\(kind): see the end of the log.\(said)"
    }

    private static func advice(_ status: Int) -> String {
        switch status {
        case 401: "check the key that the gateway has for this tenant."
        case 402: "the budget or the account's credit is used up."
        case 403: "the tenant's policy or the account does not allow this request."
        case 404: "check the model's name."
        case 429: "the account's rate limit is reached; run the job again later."
        case 500...: "the service has a fault; run the job again later."
        default: "the request was refused; what it said may tell why."
        }
    }

    /// What claude said, marked as its words.
    private static func said(_ result: HarnessResult) -> String {
        guard let text = result.text, !text.isEmpty else { return "" }
        return " It said: \(BoundedText.line(text, limit: 512))"
    }
}
