/// Makes text of a tool short and harmless to show: what a tool prints may hold terminal escapes, or be megabytes.
enum BoundedText {
    private static let mark = " … [cut]"

    /// Text of several lines: newline and tab stay, other control characters do not.
    ///
    /// The answer has at most `limit` bytes, and ends in a mark where something was cut. No more of `text` is read than
    /// is needed.
    static func block(_ text: some StringProtocol, limit: Int) -> String {
        bounded(text, limit: limit) { scalar in
            switch scalar {
            case "\n", "\t": scalar
            case "\r": nil
            default: isHarmful(scalar) ? "\u{FFFD}" : scalar
            }
        }
    }

    /// Text of one line: every kind of line break and tab becomes a space. Otherwise as ``block(_:limit:)``.
    static func line(_ text: some StringProtocol, limit: Int) -> String {
        bounded(text, limit: limit) { scalar in
            switch scalar {
            case "\n", "\r", "\t", "\u{85}", "\u{2028}", "\u{2029}": " "
            default: isHarmful(scalar) ? "\u{FFFD}" : scalar
            }
        }
    }

    /// C0, DEL and C1 drive terminals; the bidirectional overrides and isolates make text read as what it is not.
    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    private static func bounded(
        _ text: some StringProtocol, limit: Int, _ map: (Unicode.Scalar) -> Unicode.Scalar?
    ) -> String {
        var kept = ""
        // What still fits, but would have to go to make room for the mark.
        var spare = ""
        var bytes = 0
        for scalar in text.unicodeScalars {
            guard let mapped = map(scalar) else { continue }
            bytes += UTF8.width(mapped)
            if bytes > limit { return kept + mark }
            if bytes <= limit - mark.utf8.count {
                kept.unicodeScalars.append(mapped)
            } else {
                spare.unicodeScalars.append(mapped)
            }
        }
        return kept + spare
    }
}
