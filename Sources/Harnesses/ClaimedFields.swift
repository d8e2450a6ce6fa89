import IPC

/// Reads fields that a tool claims: what is absent, of another type or out of range is `nil`, and text comes out
/// bounded and harmless to show.
extension JSON {
    /// A short name or identifier on one line.
    func claimedName(_ key: String) -> String? {
        self[key]?.stringValue.map { BoundedText.line($0, limit: HarnessLimits.nameBytes) }
    }

    /// A count, a duration or a number of tokens: an integer from 0 to `limit`.
    func claimedCount(_ key: String, limit: Int64 = .max) -> Int64? {
        guard let value = self[key]?.intValue, (0...limit).contains(value) else { return nil }
        return value
    }

    /// An HTTP status from 100 to 599.
    func claimedStatus(_ key: String) -> Int? {
        guard let value = self[key]?.intValue, (100...599).contains(value) else { return nil }
        return Int(value)
    }

    /// An amount of money: finite and not negative.
    func claimedAmount(_ key: String) -> Double? {
        guard let value = self[key]?.doubleValue, value.isFinite, value >= 0 else { return nil }
        return value
    }

    /// A session that may be handed back to the tool as an argument: 1 to 128 of `A-Z a-z 0-9 - _`, not beginning with
    /// a dash, for then it would be read as an option.
    func claimedSessionID(_ key: String) -> String? {
        guard let text = self[key]?.stringValue, (1...128).contains(text.utf8.count), text.utf8.allSatisfy(isIDByte),
            text.utf8.first != UInt8(ascii: "-")
        else { return nil }
        return text
    }
}

private func isIDByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
    default: false
    }
}
