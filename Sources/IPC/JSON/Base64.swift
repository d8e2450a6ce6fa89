/// Base64 of RFC 4648, section 4: the standard alphabet, padded, without line breaks.
///
/// It carries log batches that are not UTF-8. Decoding accepts exactly what encoding produces, so that two texts never
/// mean the same bytes.
public enum Base64 {
    /// The text of the bytes, four characters for each three bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        let span = bytes.span
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var offset = 0
        while offset < span.count {
            let count = min(3, span.count - offset)
            var group = UInt32(span[offset]) << 16
            if count > 1 { group |= UInt32(span[offset + 1]) << 8 }
            if count > 2 { group |= UInt32(span[offset + 2]) }
            output.append(character(group >> 18))
            output.append(character(group >> 12))
            output.append(count > 1 ? character(group >> 6) : padding)
            output.append(count > 2 ? character(group) : padding)
            offset += count
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// The bytes of a text.
    ///
    /// - Throws: `Base64Error` if the length is no multiple of four, for a character outside the alphabet (spaces, line
    ///   breaks and the URL alphabet too), for padding anywhere but at the end, and for bits set under the padding.
    public static func decode(_ text: String) throws(Base64Error) -> [UInt8] {
        let characters = Array(text.utf8)
        guard characters.count % 4 == 0 else { throw .length(characters.count) }
        guard !characters.isEmpty else { return [] }
        let unpadded = characters.count - (characters.suffix(2).reversed().prefix { $0 == padding }).count
        let span = characters.span
        var output: [UInt8] = []
        output.reserveCapacity(characters.count / 4 * 3)
        var group: UInt32 = 0
        var offset = 0
        while offset < unpadded {
            group = group << 6 | UInt32(try value(of: span[offset], at: offset))
            offset += 1
            guard offset % 4 == 0 else { continue }
            output.append(UInt8(truncatingIfNeeded: group >> 16))
            output.append(UInt8(truncatingIfNeeded: group >> 8))
            output.append(UInt8(truncatingIfNeeded: group))
            group = 0
        }
        // Two characters over are one byte and four spare bits, three are two bytes and two spare bits.
        let spare: UInt32 = offset % 4 == 2 ? 0xF : offset % 4 == 3 ? 0x3 : 0
        guard group & spare == 0 else { throw .spareBits }
        if offset % 4 == 2 { output.append(UInt8(truncatingIfNeeded: group >> 4)) }
        if offset % 4 == 3 {
            output.append(UInt8(truncatingIfNeeded: group >> 10))
            output.append(UInt8(truncatingIfNeeded: group >> 2))
        }
        return output
    }

    private static let padding = UInt8(ascii: "=")

    @inline(__always)
    private static func character(_ bits: UInt32) -> UInt8 {
        let bits = UInt8(truncatingIfNeeded: bits) & 0x3F
        return switch bits {
        case 0..<26: 0x41 + bits
        case 26..<52: 0x61 + bits - 26
        case 52..<62: 0x30 + bits - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }

    @inline(__always)
    private static func value(of character: UInt8, at offset: Int) throws(Base64Error) -> UInt8 {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x61 + 26
        case 0x30...0x39: character - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: throw .character(offset: offset)
        }
    }
}

/// Why a text is not base64; it never quotes the text.
public enum Base64Error: Error, Hashable, Sendable, CustomStringConvertible {
    /// The length in characters is no multiple of four.
    case length(Int)
    /// The character at the offset, counted from 0, is not of the alphabet.
    case character(offset: Int)
    /// Bits that stand for no byte are set in the last character.
    case spareBits

    /// What is wrong, as a sentence.
    public var description: String {
        switch self {
        case .length(let count): "base64 refused: \(count) characters are no multiple of 4; send it with its padding"
        case .character(let offset):
            "base64 refused at character \(offset): only A-Z, a-z, 0-9, + and / may stand here, and = at the end"
        case .spareBits: "base64 refused: the last character has bits set that belong to no byte"
        }
    }
}
