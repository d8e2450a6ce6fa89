import IPC

/// Reads claude's `--output-format stream-json`.
///
/// Lines are told apart by `type` alone; order of keys and lines, unknown types and unknown fields do not matter, for
/// they change with claude's versions. Standard error is not parsed: it is free text.
struct ClaudeParser: HarnessParser {
    /// The last result line. The only part of the stream that is kept, and it is bounded.
    private(set) var result: HarnessResult?
    private var noticesLeft = HarnessLimits.notices

    static let jsonLimits = JSONLimits(
        maximumLength: HarnessLimits.lineBytes, maximumDepth: HarnessLimits.jsonDepth,
        maximumValues: HarnessLimits.jsonValues, maximumKeyLength: HarnessLimits.jsonKeyBytes)

    mutating func consume(line: ArraySlice<UInt8>, stream: OutputStream) -> [HarnessEvent] {
        guard stream == .stdout, line.contains(where: { !Self.isSpace($0) }) else { return [] }
        // Compared here and not only in the parser, so that the notice can tell how long the line is.
        guard line.count <= HarnessLimits.lineBytes else {
            return notice(
                "A line of claude's output has \(line.count) bytes; only lines of up to "
                    + "\(HarnessLimits.lineBytes) bytes are read. See the log for it.")
        }
        let value: JSON
        do {
            value = try JSON(parsing: line, limits: Self.jsonLimits)
        } catch {
            return notice("A line of claude's output could not be read: \(error). See the log for it.")
        }
        guard let type = value["type"]?.stringValue else {
            return notice("A line of claude's output is JSON but has no type. See the log for it.")
        }
        switch type {
        case "system": return systemEvents(value)
        case "assistant": return bounded(ClaudeBlocks.assistant(value))
        case "user": return bounded(ClaudeBlocks.user(value))
        case "result": return resultEvents(value)
        default: return []
        }
    }

    func verdict(_ exit: ToolExit) -> HarnessVerdict { ClaudeVerdict.of(exit, result) }

    private func systemEvents(_ value: JSON) -> [HarnessEvent] {
        switch value["subtype"]?.stringValue {
        case "init": [.started(sessionID: value.claimedSessionID("session_id"), model: value.claimedName("model"))]
        case "permission_denied": [.permissionDenied(tool: value.claimedName("tool_name") ?? "unknown")]
        case "api_retry":
            [
                .retry(
                    attempt: Int(value.claimedCount("attempt", limit: 1_000_000) ?? 0),
                    status: value.claimedStatus("error_status"))
            ]
        default: []
        }
    }

    private mutating func resultEvents(_ value: JSON) -> [HarnessEvent] {
        let isFirst = result == nil
        let read = ClaudeResultLine.read(value)
        result = read
        var events: [HarnessEvent] = [.result(read)]
        if value["is_error"]?.boolValue == nil {
            events += notice("claude's result does not say whether it is an error: it is taken as one.")
        }
        if !isFirst { events += notice("claude printed more than one result: the last one counts.") }
        return events
    }

    /// At most ``HarnessLimits/eventsPerLine`` of the events of a line.
    private mutating func bounded(_ events: ClaudeBlocks.Events) -> [HarnessEvent] {
        guard events.dropped > 0 else { return events.kept }
        return events.kept
            + notice("A line of claude's output has \(events.dropped) more parts than are shown. See the log for them.")
    }

    private mutating func notice(_ text: String) -> [HarnessEvent] {
        guard noticesLeft > 0 else { return [] }
        noticesLeft -= 1
        let last = noticesLeft == 0 ? " Further notices of this run are left out." : ""
        return [.notice(BoundedText.line(text, limit: HarnessLimits.summaryBytes - last.utf8.count) + last)]
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D: true
        default: false
        }
    }
}
