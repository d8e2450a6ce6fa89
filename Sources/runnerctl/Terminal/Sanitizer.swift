import IPC

/// Makes text of unknown origin safe to look at. Control characters could move the cursor, retitle the window or
/// answer to the shell; direction marks and invisible characters could make a name read as another. All of them are
/// shown as escapes, also where no terminal is seen: the text may end up on one later.
enum Sanitizer {
    /// Text of several lines: newlines and tabs stay, `\r\n` becomes `\n`.
    static func text(_ text: String) -> String { String(decoding: bytes(Array(text.utf8)), as: UTF8.self) }

    /// Text that must stay on one line: newlines and tabs are escaped too.
    static func line(_ text: String) -> String {
        String(decoding: bytes(Array(text.utf8), oneLine: true), as: UTF8.self)
    }

    /// Bytes that may not even be UTF-8: what is not is shown byte by byte as `\xNN`.
    static func bytes(_ input: [UInt8], oneLine: Bool = false) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(input.count)
        var index = 0
        while index < input.count {
            let byte = input[index]
            if byte < 0x80 {
                defer { index += 1 }
                let isBreak = byte == 0x0a || byte == 0x09
                if byte >= 0x20 && byte < 0x7f || isBreak && !oneLine {
                    output.append(byte)
                } else if byte == 0x0d, !oneLine, index + 1 < input.count, input[index + 1] == 0x0a {
                    continue
                } else {
                    output += escape(byte)
                }
                continue
            }
            let length = min(sequenceLength(byte), input.count - index)
            let sequence = Array(input[index..<(index + max(1, length))])
            guard length > 1, isValidUTF8(sequence), let scalar = scalar(of: sequence) else {
                output += Array("\\x\(hex(UInt32(byte), 2))".utf8)
                index += 1
                continue
            }
            output += isHidden(scalar) ? Array("\\u{\(hex(scalar, 1))}".utf8) : sequence
            index += length
        }
        return output
    }

    /// Whether a character above ASCII has no place in text to be looked at: C1 controls, marks of direction, and
    /// characters that show nothing.
    static func isHidden(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x80...0x9f, 0xad, 0x34f, 0x61c, 0x115f...0x1160, 0x17b4...0x17b5, 0x180b...0x180f, 0x200b...0x200f,
            0x2028...0x202e, 0x2060...0x206f, 0x3164, 0xfeff, 0xffa0, 0xfff0...0xfffb, 0x1d173...0x1d17a,
            0xe0000...0xe0fff:
            true
        default: false
        }
    }

    private static func escape(_ byte: UInt8) -> [UInt8] {
        switch byte {
        case 0x0a: Array("\\n".utf8)
        case 0x09: Array("\\t".utf8)
        default: Array("\\x\(hex(UInt32(byte), 2))".utf8)
        }
    }

    private static func sequenceLength(_ first: UInt8) -> Int {
        switch first {
        case 0xc2...0xdf: 2
        case 0xe0...0xef: 3
        case 0xf0...0xf4: 4
        default: 1
        }
    }

    private static func scalar(of sequence: [UInt8]) -> UInt32? {
        String(validating: sequence, as: UTF8.self)?.unicodeScalars.first?.value
    }

    private static func hex(_ value: UInt32, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension JSON {
    /// The value on one line. Characters that could steer a terminal are escaped as JSON does it, so that it is the
    /// same value for a program.
    var line: String {
        var output = ""
        for scalar in String(decoding: bytes(), as: UTF8.self).unicodeScalars {
            guard scalar.value == 0x7f || Sanitizer.isHidden(scalar.value) else {
                output.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let hex = String(unit, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            }
        }
        return output
    }
}
