/// Whether the bytes are well-formed UTF-8 (Unicode 15, table 3-7): no overlong form, no encoded surrogate, nothing
/// above U+10FFFF, no sequence cut short. The empty input is valid, and so is a byte-order mark.
public func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    firstInvalidUTF8(in: bytes.bytes) == nil
}

/// Whether the bytes are well-formed UTF-8, as `isValidUTF8(_:)` of a buffer pointer.
public func isValidUTF8(_ bytes: RawSpan) -> Bool {
    firstInvalidUTF8(in: bytes) == nil
}

/// Whether the bytes are well-formed UTF-8, as `isValidUTF8(_:)` of a buffer pointer.
public func isValidUTF8(_ bytes: [UInt8]) -> Bool {
    firstInvalidUTF8(in: bytes.span.bytes) == nil
}

/// The offset at which the first ill-formed sequence begins, or nil if there is none.
func firstInvalidUTF8(in bytes: RawSpan) -> Int? {
    let count = bytes.byteCount
    var offset = 0
    while offset < count {
        // Logs are mostly ASCII: eight bytes without a high bit need no decoding.
        while count - offset >= 8, bytes.word(at: offset) & 0x8080_8080_8080_8080 == 0 { offset += 8 }
        guard offset < count else { return nil }
        let length = lengthOfSequence(in: bytes, at: offset)
        guard length > 0 else { return offset }
        offset += length
    }
    return nil
}

/// The length of the well-formed sequence at an offset, 0 if it is ill-formed.
@inline(__always)
private func lengthOfSequence(in bytes: RawSpan, at offset: Int) -> Int {
    let first = bytes.byte(at: offset)
    // The second byte's range excludes overlong forms (E0, F0), surrogates (ED) and what is above U+10FFFF (F4).
    let second: ClosedRange<UInt8>
    let length: Int
    switch first {
    case 0x00...0x7F: return 1
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return 0
    }
    guard bytes.byteCount - offset >= length, second.contains(bytes.byte(at: offset + 1)) else { return 0 }
    for index in 2..<max(length, 2) where bytes.byte(at: offset + index) & 0xC0 != 0x80 { return 0 }
    return length
}
