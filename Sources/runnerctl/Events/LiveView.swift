import IPC

/// Shows a job's events as they come: what its tool wrote as output, all else as dim lines on standard error.
struct LiveView {
    let console: Console
    /// Standard output is kept for one JSON object: logs go to standard error.
    var logsToError = false
    /// The tool's standard output is a protocol whose events are shown instead.
    var hidesProtocol = false

    func show(_ event: JSON) {
        if let bytes = EventText.logBytes(event) {
            let isProtocol = event["phase"]?.stringValue == "agent" && !EventText.isStandardError(event)
            if hidesProtocol, isProtocol { return }
            LiveView.show(log: event, bytes, console, logsToError: logsToError)
        } else if event["type"]?.stringValue == "harness", event["kind"]?.stringValue == "text" {
            let text = Sanitizer.text(event["text"]?.stringValue ?? "")
            (logsToError ? console.err : console.out).line(text)
        } else if let summary = EventText.summary(event) {
            summary.contains("MISSING: ") ? console.warn("-- " + summary) : console.progress("-- " + summary)
        }
    }

    /// Writes a log batch to the stream it came from.
    static func show(log event: JSON, _ bytes: [UInt8], _ console: Console, logsToError: Bool = false) {
        var text = Sanitizer.bytes(bytes)
        if !text.isEmpty, text.last != 0x0a { text.append(0x0a) }
        let output = EventText.isStandardError(event) || logsToError ? console.err : console.out
        output.write(text)
        if let cut = event["cut"]?.intValue, cut > 0 { console.progress("-- \(cut) bytes of longer lines were cut") }
    }
}

extension Item {
    /// The item as one JSON object of the `--json` output.
    var object: JSON { ["seq": .int(seq), "count": .int(Int64(count)), "at": .int(at), "event": event] }

    /// The number after this item's.
    var following: Int64 {
        let (after, overflow) = seq.addingReportingOverflow(Int64(max(1, count)))
        return overflow ? seq : after
    }
}
