// Loads from a RawSpan check their bounds in release builds too, which an UnsafeRawBufferPointer does not: a slip in
// the parser is then a crash of one process and never a read of its neighbour's memory.

extension RawSpan {
    /// The byte at an offset; traps outside the span.
    @inline(__always)
    func byte(at offset: Int) -> UInt8 {
        unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The eight bytes from an offset, the first one lowest; traps outside the span.
    @inline(__always)
    func word(at offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The end of the run from `start` that a JSON string holds as it is: the offset of the next quote, backslash or
    /// control character, or the span's length.
    ///
    /// Works on eight bytes at a time. A byte of the result's mask may be set wrongly only above one that is set
    /// rightly (a borrow), so the lowest one is exact.
    func endOfPlainRun(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        let count = byteCount
        var offset = start
        while count - offset >= 8 {
            let word = word(at: offset)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let stops =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- (ones &* 0x20)) & ~word)
            if stops & highs != 0 { return offset + (stops & highs).trailingZeroBitCount / 8 }
            offset += 8
        }
        while offset < count {
            let byte = byte(at: offset)
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { return offset }
            offset += 1
        }
        return count
    }

    /// Appends the bytes of a range in one copy.
    @inline(__always)
    func append(_ range: Range<Int>, to output: inout [UInt8]) {
        extracting(range).withUnsafeBytes { output.append(contentsOf: $0) }
    }
}
