import Linux

/// Numbers as people read them.
enum Words {
    /// A duration in at most two units, such as `4m 10s`.
    static func duration(milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds) / 1000
        switch seconds {
        case 0: return milliseconds > 0 ? "\(milliseconds)ms" : "0s"
        case ..<60: return "\(seconds)s"
        case ..<3600: return pair(seconds / 60, "m", seconds % 60, "s")
        case ..<86400: return pair(seconds / 3600, "h", seconds % 3600 / 60, "m")
        default: return pair(seconds / 86400, "d", seconds % 86400 / 3600, "h")
        }
    }

    private static func pair(_ first: Int64, _ large: String, _ second: Int64, _ small: String) -> String {
        second == 0 ? "\(first)\(large)" : "\(first)\(large) \(second)\(small)"
    }

    /// Time since a stamp (milliseconds since the epoch); a stamp of the future is `0s`.
    static func age(since stamp: Int64, now: Int64 = wallClockMilliseconds()) -> String {
        duration(milliseconds: between(stamp, now) / 1000 * 1000)
    }

    /// Milliseconds from one stamp to another, not below 0.
    static func between(_ start: Int64, _ end: Int64) -> Int64 {
        let (difference, overflow) = end.subtractingReportingOverflow(start)
        return overflow ? 0 : max(0, difference)
    }

    static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        for unit in ["B", "KiB", "MiB"] {
            if value < 1024 { return unit == "B" ? "\(count) B" : "\((value * 10).rounded() / 10) \(unit)" }
            value /= 1024
        }
        return "\((value * 10).rounded() / 10) GiB"
    }

    /// `1 file`, `2 files`.
    static func count(_ number: Int64, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// An id as tables show it.
    static func short(_ id: String) -> String { String(id.prefix(8)) }

    /// UTC time of day of a stamp.
    static func time(_ stamp: Int64) -> String {
        let milliseconds = ((stamp % 86_400_000) + 86_400_000) % 86_400_000
        let seconds = milliseconds / 1000
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(two(seconds / 3600)):\(two(seconds % 3600 / 60)):\(two(seconds % 60))"
    }
}
