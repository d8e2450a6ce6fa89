extension Configuration {
    /// A span of time in whole milliseconds. It is nested here because the standard library has a `Duration` too.
    public struct Duration: Sendable, Hashable, Comparable {
        /// Never negative when it comes from text.
        public let milliseconds: Int64

        /// Makes a span of so many milliseconds.
        public init(milliseconds: Int64) {
            self.milliseconds = milliseconds
        }

        /// Reads `250ms`, `30s`, `5m`, `1h`, or parts in falling order such as `1h30m`. Nil for anything else,
        /// including a number without a unit, a fraction, a sign, and a span over 2^63-1 milliseconds.
        public init?(_ text: String) {
            var total: Int64 = 0
            var rest = text.utf8[...]
            var nextUnit = 0
            guard !rest.isEmpty else { return nil }
            while !rest.isEmpty {
                guard let number = QuantityText.takeNumber(&rest) else { return nil }
                let name = QuantityText.takeLetters(&rest)
                guard let index = Self.units.firstIndex(where: { $0.name == name }), index >= nextUnit else {
                    return nil
                }
                nextUnit = index + 1
                let (product, tooLarge) = number.multipliedReportingOverflow(by: Self.units[index].milliseconds)
                let (sum, overflow) = total.addingReportingOverflow(product)
                guard !tooLarge, !overflow else { return nil }
                total = sum
            }
            milliseconds = total
        }

        static func seconds(_ count: Int64) -> Self { Self(milliseconds: count * 1_000) }
        static func minutes(_ count: Int64) -> Self { seconds(count * 60) }
        static func hours(_ count: Int64) -> Self { minutes(count * 60) }

        private static let units: [(name: String, milliseconds: Int64)] = [
            ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
        ]

        /// The shorter of two spans comes first.
        public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }
    }

    /// A number of bytes.
    public struct ByteSize: Sendable, Hashable, Comparable {
        /// Never negative when it comes from text.
        public let bytes: Int64

        /// Makes a size of so many bytes.
        public init(bytes: Int64) {
            self.bytes = bytes
        }

        /// Reads plain bytes or a whole number with a unit: `64KiB`, `2GiB`, `100MB`. Nil for anything else, including
        /// fractions, signs, spaces, other spellings of a unit, and a size over 2^63-1 bytes.
        public init?(_ text: String) {
            var rest = text.utf8[...]
            guard let number = QuantityText.takeNumber(&rest) else { return nil }
            let name = QuantityText.takeLetters(&rest)
            guard rest.isEmpty else { return nil }
            if name.isEmpty {
                bytes = number
                return
            }
            guard let unit = Self.units.first(where: { $0.name == name }) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
            guard !overflow else { return nil }
            bytes = product
        }

        static func kibibytes(_ count: Int64) -> Self { Self(bytes: count << 10) }
        static func mebibytes(_ count: Int64) -> Self { Self(bytes: count << 20) }
        static func gibibytes(_ count: Int64) -> Self { Self(bytes: count << 30) }

        // Binary units first and large before small, so that a size is printed in the first that divides it.
        private static let units: [(name: String, bytes: Int64)] = [
            ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
            ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000),
        ]

        /// The smaller of two sizes comes first.
        public static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }
    }
}

extension Configuration.Duration: CustomStringConvertible {
    /// Text that reads back as the same span, such as `1h30m`.
    public var description: String {
        guard milliseconds > 0 else { return "\(milliseconds)ms" }
        var rest = milliseconds
        var text = ""
        for unit in Self.units where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }
}

extension Configuration.ByteSize: CustomStringConvertible {
    /// Text that reads back as the same size, such as `64KiB`.
    public var description: String {
        guard bytes > 0, let unit = Self.units.first(where: { bytes % $0.bytes == 0 }) else { return "\(bytes)" }
        return "\(bytes / unit.bytes)\(unit.name)"
    }
}

enum QuantityText {
    /// Takes the ASCII digits at the front. Nil if there is none or the number is over 2^63-1.
    static func takeNumber(_ rest: inout Substring.UTF8View) -> Int64? {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty else { return nil }
        rest = rest[digits.endIndex...]
        return Int64(String(Substring(digits)))
    }

    /// Takes the ASCII letters at the front; the empty string if there is none.
    static func takeLetters(_ rest: inout Substring.UTF8View) -> String {
        let letters = rest.prefix { byte in
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        }
        rest = rest[letters.endIndex...]
        return String(Substring(letters))
    }
}
