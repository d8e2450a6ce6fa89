import IPC

/// The content blocks of claude's `assistant` and `user` lines.
enum ClaudeBlocks {
    /// The events of one line.
    struct Events {
        var kept: [HarnessEvent] = []
        /// How many there were beyond the limit.
        var dropped = 0

        fileprivate mutating func append(_ event: @autoclosure () -> HarnessEvent) {
            // One event is left for the notice that tells of the others.
            if kept.count < HarnessLimits.eventsPerLine - 1 { kept.append(event()) } else { dropped += 1 }
        }
    }

    /// Text and tool uses. Thinking and kinds that are not known give nothing.
    static func assistant(_ line: JSON) -> Events {
        var events = Events()
        for block in line["message"]?["content"]?.arrayValue ?? [] {
            switch block["type"]?.stringValue {
            case "text":
                guard let text = block["text"]?.stringValue, !text.isEmpty else { continue }
                events.append(.text(BoundedText.block(text, limit: HarnessLimits.textBytes)))
            case "tool_use":
                events.append(
                    .toolUse(
                        id: block.claimedName("id") ?? "", name: block.claimedName("name") ?? "unknown",
                        summary: inputSummary(block["input"])))
            default: continue
            }
        }
        return events
    }

    /// Tool results. The user's own text, which claude may repeat, gives nothing.
    static func user(_ line: JSON) -> Events {
        var events = Events()
        // The content is a plain string where it is a prompt.
        for block in line["message"]?["content"]?.arrayValue ?? [] where block["type"]?.stringValue == "tool_result" {
            events.append(
                .toolResult(
                    id: block.claimedName("tool_use_id") ?? "", isError: block["is_error"]?.boolValue ?? false,
                    summary: outputSummary(block["content"])))
        }
        return events
    }

    /// The one input that tells most, or all scalar ones by name.
    private static func inputSummary(_ input: JSON?) -> String {
        let limit = HarnessLimits.summaryBytes
        guard let fields = input?.objectValue else { return "" }
        for key in [
            "command", "file_path", "notebook_path", "path", "pattern", "url", "query", "description", "prompt",
        ] {
            if let text = fields[key]?.stringValue { return BoundedText.block(text, limit: limit) }
        }
        var summary = ""
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) where summary.utf8.count <= limit {
            let text: String? =
                switch value {
                case .string(let text): BoundedText.line(text, limit: limit)
                case .int(let number): String(number)
                case .double(let number): String(number)
                case .bool(let flag): String(flag)
                case .null, .array, .object: nil
                }
            guard let text else { continue }
            summary +=
                (summary.isEmpty ? "" : ", ") + BoundedText.line(key, limit: HarnessLimits.nameBytes) + "=" + text
        }
        return BoundedText.block(summary, limit: limit)
    }

    /// The text of a result, which is a string or a list of blocks.
    private static func outputSummary(_ content: JSON?) -> String {
        let limit = HarnessLimits.summaryBytes
        if let text = content?.stringValue { return BoundedText.block(text, limit: limit) }
        var summary = ""
        for block in content?.arrayValue ?? [] where summary.utf8.count <= limit {
            guard let type = block.claimedName("type") else { continue }
            if !summary.isEmpty { summary += "\n" }
            if type == "text", let text = block["text"]?.stringValue {
                summary += BoundedText.block(text, limit: limit)
            } else {
                summary += "[\(type)]"
            }
        }
        return BoundedText.block(summary, limit: limit)
    }
}
