import IPC

/// Stored events as lines for people. What they hold comes from a job: all of it is sanitised where it is printed.
enum EventText {
    /// The lines of a log batch as the tool wrote them, or nil for an event that is no log.
    static func logBytes(_ event: JSON) -> [UInt8]? {
        guard event["type"]?.stringValue == LogBatch.type else { return nil }
        if let text = event["text"]?.stringValue { return Array(text.utf8) }
        guard let encoded = event["b64"]?.stringValue, let bytes = try? Base64.decode(encoded) else { return [] }
        return bytes
    }

    static func isStandardError(_ event: JSON) -> Bool {
        event["stream"]?.stringValue == LogBatch.Stream.stderr.rawValue
    }

    /// One line that tells what happened, not sanitised, or nil for a log batch and for what nobody needs to see.
    static func summary(_ event: JSON) -> String? {
        switch event["type"]?.stringValue {
        case "state":
            // A change of phase is told by the worker's own event.
            if event["phase"] != nil { return nil }
            let details = [event["reason"]?.stringValue, event["message"]?.stringValue].compactMap { $0 }
            return (["state \(event["state"]?.stringValue ?? "?")"] + details).joined(separator: ": ")
        case WorkerEvent.type: return workerSummary(event)
        case "harness": return harnessSummary(event)
        case LogBatch.type: return nil
        default: return "event " + limited(event.line)
        }
    }

    private static func workerSummary(_ event: JSON) -> String? {
        let data = event["data"] ?? .null
        switch event["kind"]?.stringValue {
        case "isolation": return isolation(data["layers"])
        case "phase": return "phase \(data["phase"]?.stringValue ?? event["phase"]?.stringValue ?? "?")"
        case "step":
            let end = ending(data)
            return "step \(data["step"]?.stringValue ?? "?")" + (end.map { ": \($0)" } ?? " done")
        case "limit": return "limit reached: \(data["limit"]?.stringValue ?? limited(data.line))"
        case "notice": return "note: \(limited(data["text"]?.stringValue ?? data.line))"
        case "exit": return "the harness ended" + (ending(data).map { ": \($0)" } ?? "")
        case "finished": return "finished: \(data["outcome"]?.stringValue ?? limited(data.line))"
        case let kind: return "\(kind ?? "event") \(limited(data.line))"
        }
    }

    private static func ending(_ data: JSON) -> String? {
        if let signal = data["signal"]?.intValue { return "signal \(signal)" }
        guard let code = data["code"]?.intValue, code != 0 else { return nil }
        return "exit \(code)"
    }

    /// The layers in force on one line: how many, and by name what is partial or missing. `show` lists all of them.
    static func isolation(_ layers: JSON?) -> String {
        // A layer that cannot be read counts as none: the text never says more than is known.
        let all = (layers?.arrayValue ?? []).compactMap { try? $0.decode(JobInfo.Isolation.Layer.self) }
        return isolation(all)
    }

    static func isolation(_ layers: [JobInfo.Isolation.Layer], tier: String? = nil) -> String {
        "isolation" + (tier.map { " (\($0))" } ?? "") + ": " + self.layers(layers)
    }

    static func layers(_ layers: [JobInfo.Isolation.Layer], tier: String? = nil) -> String {
        func names(_ state: String) -> String {
            layers.filter { $0.state == state }.map(\.name).joined(separator: ", ")
        }
        let on = layers.count { $0.state == "on" }
        var parts = [(tier.map { "\($0), " } ?? "") + "\(on) of \(layers.count) layers in force"]
        if !names("partial").isEmpty { parts.append("partial: \(names("partial"))") }
        if !names("missing").isEmpty { parts.append("MISSING: \(names("missing"))") }
        return parts.joined(separator: "; ")
    }

    private static func harnessSummary(_ event: JSON) -> String {
        func text(_ key: String) -> String { limited(event[key]?.stringValue ?? "") }
        switch event["kind"]?.stringValue {
        case "started": return "agent started" + (event["model"]?.stringValue.map { " (\($0))" } ?? "")
        case "text": return event["text"]?.stringValue ?? ""
        case "tool_use": return "> \(text("name")) \(text("summary"))"
        case "tool_result":
            return (event["is_error"]?.boolValue == true ? "< failed: " : "< ") + text("summary")
        case "permission_denied": return "the agent was denied \(text("tool"))"
        case "retry":
            let status = event["status"]?.intValue.map { " (status \($0))" } ?? ""
            return "the model's API failed\(status); attempt \(event["attempt"]?.intValue ?? 0)"
        case "result":
            let turns = event["turns"]?.intValue.map { ", \($0) turns" } ?? ""
            return "the agent says it " + (event["is_error"]?.boolValue == true ? "failed" : "is done") + turns
        case "notice": return "note: \(text("text"))"
        case let kind: return "\(kind ?? "harness") \(limited(event.line))"
        }
    }

    /// A job may send long texts; a line for people holds some hundred characters of one.
    static func limited(_ text: String) -> String {
        text.unicodeScalars.count <= 400
            ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(400))) + "…"
    }
}
