import IPC
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// All frames of a stream, given to the decoder in pieces.
private func frames(_ pieces: [[UInt8]], limits: FrameLimits = .standard) throws(FrameError) -> [[UInt8]] {
    var decoder = FrameDecoder(limits: limits)
    var frames: [[UInt8]] = []
    for piece in pieces {
        decoder.append(piece)
        while let frame = try decoder.next() { frames.append(frame) }
    }
    try decoder.finish()
    return frames
}

@Suite("Frame codec")
struct FrameCodecTests {
    @Test("A frame is its length in four big-endian bytes, then the payload")
    func layout() throws {
        #expect(try FrameEncoder.frame(bytes("{}")) == [0, 0, 0, 2, 0x7B, 0x7D])
        let long = [UInt8](repeating: 0x20, count: 0x01_02_03)
        #expect(try FrameEncoder.frame(long).prefix(5) == [0, 1, 2, 3, 0x20])
    }

    @Test("An empty payload and one over the limit make no frame, one at the limit does")
    func encoderRefusals() throws {
        #expect(throws: FrameError.zeroLength) { try FrameEncoder.frame([], limit: 9) }
        #expect(throws: FrameError.tooLong(length: 10, limit: 9)) {
            try FrameEncoder.frame([UInt8](repeating: 1, count: 10), limit: 9)
        }
        #expect(try FrameEncoder.frame([UInt8](repeating: 1, count: 9), limit: 9).count == 13)
        let standard = 1 << 20
        #expect(throws: FrameError.tooLong(length: standard + 1, limit: standard)) {
            try FrameEncoder.frame([UInt8](repeating: 1, count: standard + 1))
        }
    }

    @Test("The limits are 4 KiB for a hello and 1 MiB after it")
    func limits() {
        #expect(FrameLimits.hello.maximumLength == 4096)
        #expect(FrameLimits.standard.maximumLength == 1_048_576)
        #expect(FrameDecoder(limits: .hello).limit == 4096)
    }

    @Test("Every way to cut a stream in two or three gives the same frames")
    func everyCut() throws {
        let payloads = [bytes("{}"), bytes("{\"a\":1}"), [0x31], bytes("\"\u{1F680}\"")]
        let stream = try payloads.flatMap { try FrameEncoder.frame($0) }
        for first in 0...stream.count {
            for second in first...stream.count {
                let pieces = [Array(stream[..<first]), Array(stream[first..<second]), Array(stream[second...])]
                #expect(try frames(pieces) == payloads)
            }
        }
        #expect(try frames(stream.map { [$0] }) == payloads)
    }

    @Test("Random frames in random pieces come out whole and in order", arguments: 1...30)
    func randomCuts(_ seed: Int) throws {
        var random = JSONTestSeed(state: UInt64(seed))
        let payloads = (0..<40).map { _ in
            [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: .random(in: 1...5000, using: &random))
        }
        var rest = try payloads.flatMap { try FrameEncoder.frame($0) }[...]
        var pieces: [[UInt8]] = []
        while !rest.isEmpty {
            let count = min(rest.count, .random(in: 1...9000, using: &random))
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(try frames(pieces) == payloads)
    }

    @Test("Frames may be taken after many were appended, and appending may go on between")
    func lateTaking() throws {
        var decoder = FrameDecoder(limits: .standard)
        var taken = 0
        for index in 0..<2000 {
            decoder.append(try FrameEncoder.frame(bytes("{\"n\":\(index)}")))
            if index % 3 == 0 {
                #expect(try decoder.next() == bytes("{\"n\":\(taken)}"))
                taken += 1
            }
        }
        while let frame = try decoder.next() {
            #expect(frame == bytes("{\"n\":\(taken)}"))
            taken += 1
        }
        #expect(taken == 2000)
        #expect(decoder.pendingBytes == 0)
        try decoder.finish()
    }

    @Test("A zero length is refused as soon as its four bytes are there")
    func zeroLength() throws {
        var decoder = FrameDecoder(limits: .standard)
        decoder.append([0, 0, 0])
        #expect(try decoder.next() == nil)
        decoder.append([0])
        #expect(throws: FrameError.zeroLength) { try decoder.next() }
    }

    @Test(
        "A length over the limit is refused as soon as its four bytes are there",
        arguments: [
            ([0, 0, 0x10, 0x01], 4097), ([0, 0x10, 0, 1], 0x10_0001), ([0x7F, 0xFF, 0xFF, 0xFF], 0x7FFF_FFFF),
            ([0x80, 0, 0, 0], 0x8000_0000), ([0xFF, 0xFF, 0xFF, 0xFF], 0xFFFF_FFFF),
        ] as [([UInt8], Int)])
    func tooLong(_ prefix: [UInt8], _ length: Int) throws {
        var decoder = FrameDecoder(limits: .hello)
        decoder.append(prefix.dropLast())
        #expect(try decoder.next() == nil)
        decoder.append([prefix[3]])
        #expect(throws: FrameError.tooLong(length: length, limit: 4096)) { try decoder.next() }
    }

    @Test("A frame of exactly the limit is accepted, and a raised limit holds from the next frame on")
    func limitIsInclusive() throws {
        let hello = [UInt8](repeating: 0x20, count: 4096)
        let longer = [UInt8](repeating: 0x20, count: 4097)
        var decoder = FrameDecoder(limits: .hello)
        decoder.append(try FrameEncoder.frame(hello) + FrameEncoder.frame(longer))
        #expect(try decoder.next() == hello)
        decoder.limit = FrameLimits.standard.maximumLength
        #expect(try decoder.next() == longer)
    }

    @Test("After an error the decoder repeats it, keeps no byte and takes none")
    func poisoned() throws {
        var decoder = FrameDecoder(limits: .hello)
        decoder.append(try FrameEncoder.frame(bytes("{}")) + [0, 0, 0, 0] + FrameEncoder.frame(bytes("{}")))
        #expect(try decoder.next() == bytes("{}"))
        #expect(throws: FrameError.zeroLength) { try decoder.next() }
        decoder.limit = 1 << 20
        decoder.append(try FrameEncoder.frame(bytes("{}")))
        #expect(decoder.pendingBytes == 0)
        #expect(throws: FrameError.zeroLength) { try decoder.next() }
        #expect(throws: FrameError.zeroLength) { try decoder.finish() }
    }

    @Test("A stream that ends inside a frame is truncated, at every place", arguments: 1..<12)
    func truncated(_ count: Int) throws {
        let frame = try FrameEncoder.frame(bytes("{\"a\":10}"))
        var decoder = FrameDecoder(limits: .standard)
        decoder.append(frame + frame.prefix(count))
        #expect(try decoder.next() != nil)
        #expect(try decoder.next() == nil)
        #expect(decoder.pendingBytes == count)
        #expect(throws: FrameError.truncated(expected: count < 4 ? 4 : 12, got: count)) { try decoder.finish() }
    }

    @Test("A stream may end between frames, also when the last ones were not taken")
    func cleanEnd() throws {
        var decoder = FrameDecoder(limits: .standard)
        try decoder.finish()
        decoder.append(try FrameEncoder.frame(bytes("{}")) + FrameEncoder.frame(bytes("[]")))
        try decoder.finish()
        decoder.append([0])
        #expect(throws: FrameError.truncated(expected: 4, got: 1)) { try decoder.finish() }
    }

    @Test("An unsafe buffer, also an empty one, is taken like an array")
    func unsafeBuffer() throws {
        var decoder = FrameDecoder(limits: .standard)
        decoder.append(UnsafeRawBufferPointer(start: nil, count: 0))
        try FrameEncoder.frame(bytes("[1]")).withUnsafeBytes { decoder.append($0) }
        #expect(try decoder.next() == bytes("[1]"))
    }

    @Test("Every error says what happened in numbers")
    func descriptions() {
        #expect(FrameError.zeroLength.description.contains("empty"))
        #expect(FrameError.tooLong(length: 9, limit: 4).description.contains("9 bytes is over the limit of 4 bytes"))
        #expect(FrameError.truncated(expected: 12, got: 5).description.contains("after 5 of at least 12 bytes"))
    }
}
