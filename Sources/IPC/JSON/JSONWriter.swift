/// Writes JSON text; see `JSON.write(into:)` for whole values.
public enum JSONWriter {
    /// Appends a quoted string made of bytes that are **already known to be valid UTF-8**, without a `String` between.
    ///
    /// For log batches: check once with `isValidUTF8(_:)`, then call this. Other bytes are not repaired and make a text
    /// that every strict parser refuses; debug builds trap on them.
    public static func appendString(utf8 bytes: RawSpan, into output: inout [UInt8]) {
        assert(isValidUTF8(bytes), "appendString needs bytes that were checked to be UTF-8")
        output.append(UInt8(ascii: "\""))
        let count = bytes.byteCount
        var start = 0
        while true {
            let end = bytes.endOfPlainRun(from: start)
            bytes.append(start..<end, to: &output)
            guard end < count else { break }
            appendEscape(of: bytes.byte(at: end), into: &output)
            start = end + 1
        }
        output.append(UInt8(ascii: "\""))
    }

    /// Appends a quoted string, as `appendString(utf8:into:)` of a span.
    public static func appendString(utf8 bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) {
        appendString(utf8: bytes.bytes, into: &output)
    }

    /// Appends a quoted string, as `appendString(utf8:into:)` of a span.
    public static func appendString(utf8 bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        appendString(utf8: bytes.span.bytes, into: &output)
    }

    /// Appends a quoted string, as `appendString(utf8:into:)` of a span.
    public static func appendString(utf8 bytes: [UInt8], into output: inout [UInt8]) {
        appendString(utf8: bytes.span.bytes, into: &output)
    }

    /// Appends a quoted string.
    public static func appendString(_ string: String, into output: inout [UInt8]) {
        var string = string
        string.withUTF8 { appendString(utf8: UnsafeRawBufferPointer($0).bytes, into: &output) }
    }

    private static func appendEscape(of byte: UInt8, into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: output.append(UInt8(ascii: "n"))
        case 0x09: output.append(UInt8(ascii: "t"))
        case 0x0D: output.append(UInt8(ascii: "r"))
        case 0x08: output.append(UInt8(ascii: "b"))
        case 0x0C: output.append(UInt8(ascii: "f"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
        default: appendHexadecimal(UInt16(byte), into: &output)
        }
    }

    /// Appends `uXXXX`, the part of an escape after its backslash.
    static func appendHexadecimal(_ unit: UInt16, into output: inout [UInt8]) {
        output.append(UInt8(ascii: "u"))
        for shift in [12, 8, 4, 0] {
            let digit = UInt8(truncatingIfNeeded: unit >> UInt16(shift)) & 0xF
            output.append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
        }
    }
}

extension JSON {
    /// Appends the value's compact text: no space, keys in the order of their bytes, so equal values give equal texts.
    ///
    /// Never fails: a `Double` that is not finite, which JSON cannot say, becomes `null` (`JSON(encoding:)` refuses it
    /// earlier, and the parser makes none).
    public func write(into output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): output.append(contentsOf: value.description.utf8)
        // Swift's shortest description is valid JSON and reads back as the same number.
        case .double(let value): output.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        case .string(let value): JSONWriter.appendString(value, into: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            var first = true
            for element in elements {
                if !first { output.append(UInt8(ascii: ",")) }
                first = false
                element.write(into: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            var first = true
            for (key, value) in Self.sorted(members) {
                if !first { output.append(UInt8(ascii: ",")) }
                first = false
                JSONWriter.appendString(key, into: &output)
                output.append(UInt8(ascii: ":"))
                value.write(into: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// The value's compact text; see `write(into:)`.
    public func bytes() -> [UInt8] {
        var output: [UInt8] = []
        write(into: &output)
        return output
    }

    /// Members by the bytes of their keys: unlike `String`'s own order it depends on no version of Unicode.
    static func sorted(_ members: [String: JSON]) -> [(key: String, value: JSON)] {
        members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }
}
