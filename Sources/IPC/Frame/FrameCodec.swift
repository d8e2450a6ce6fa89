/// How long a frame's payload may be.
public struct FrameLimits: Hashable, Sendable {
    /// The longest payload in bytes, without the four bytes of its length.
    public let maximumLength: Int

    /// A limit of one's own, in bytes.
    public init(maximumLength: Int) { self.maximumLength = maximumLength }

    /// Until a peer has said who it is: 4 KiB.
    public static let hello = FrameLimits(maximumLength: 4 << 10)
    /// After the hello: 1 MiB.
    public static let standard = FrameLimits(maximumLength: 1 << 20)
}

/// Why a stream of bytes is not a stream of frames. None of them is recoverable: the place of the next frame is lost.
public enum FrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A frame announced no payload.
    case zeroLength
    /// A frame announced, or a payload has, more bytes than the limit.
    case tooLong(length: Int, limit: Int)
    /// The stream ended inside a frame: `got` bytes came of `expected`, the four of the length included. While the
    /// length itself is incomplete, `expected` is 4.
    case truncated(expected: Int, got: Int)

    /// What happened and what to do, as a sentence.
    public var description: String {
        switch self {
        case .zeroLength: "the frame is empty; a frame holds one JSON object, so close the connection"
        case .tooLong(let length, let limit):
            "the frame of \(length) bytes is over the limit of \(limit) bytes; close the connection; send smaller ones"
        case .truncated(let expected, let got):
            "the stream ended inside a frame, after \(got) of at least \(expected) bytes; discard it and reconnect"
        }
    }
}

/// Cuts a stream of bytes into frames (four bytes of big-endian length, then that many bytes), however it arrives.
///
/// Memory follows the bytes that came, never the length that a peer announced. Append what one read gave (its size is
/// the caller's bound), then call `next()` until it gives nil.
public struct FrameDecoder: Sendable {
    /// The longest payload that is accepted, in bytes; raised once the peer's hello is accepted.
    public var limit: Int

    private var buffer: [UInt8] = []
    /// The first byte of `buffer` that no frame has consumed.
    private var start = 0
    private var failure: FrameError?

    private static let prefix = 4
    /// A drained buffer above this is given back, so that one long frame does not cost each connection its memory.
    private static let keptCapacity = 64 << 10

    /// A decoder at the beginning of a stream.
    public init(limits: FrameLimits) { limit = limits.maximumLength }

    /// Bytes that came and belong to no frame given out yet.
    public var pendingBytes: Int { buffer.count - start }

    /// Takes the next bytes of the stream. After an error they are dropped: the stream cannot be read any more.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard failure == nil else { return }
        compact()
        buffer.append(contentsOf: bytes)
    }

    /// Takes the next bytes of the stream, as `append(_:)` of a buffer pointer.
    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// The payload of the next complete frame, or nil until more bytes come.
    ///
    /// - Throws: `FrameError.zeroLength` or `.tooLong` as soon as the four bytes of a bad length are there, and the
    ///   same error from then on.
    public mutating func next() throws(FrameError) -> [UInt8]? {
        if let failure { throw failure }
        do {
            guard let length = try announcedLength(at: start) else { return nil }
            let end = start + Self.prefix + length
            guard end <= buffer.count else { return nil }
            let payload = Array(buffer[(start + Self.prefix)..<end])
            start = end
            if start == buffer.count { compact() }
            return payload
        } catch {
            failure = error
            buffer = []
            start = 0
            throw error
        }
    }

    /// Tells that the stream has ended; call it after `next()` gave nil.
    ///
    /// - Throws: `FrameError.truncated` if bytes of an incomplete frame remain, or the error that `next()` threw or,
    ///   for a frame not taken yet, would throw.
    public func finish() throws(FrameError) {
        if let failure { throw failure }
        var place = start
        while place < buffer.count {
            let got = buffer.count - place
            guard let length = try announcedLength(at: place) else {
                throw .truncated(expected: Self.prefix, got: got)
            }
            guard got >= Self.prefix + length else { throw .truncated(expected: Self.prefix + length, got: got) }
            place += Self.prefix + length
        }
    }

    /// The length of the frame at a place of the buffer, checked, or nil while its four bytes are not all there.
    private func announcedLength(at place: Int) throws(FrameError) -> Int? {
        guard buffer.count - place >= Self.prefix else { return nil }
        let length = buffer[place..<(place + Self.prefix)].reduce(0) { $0 << 8 | Int($1) }
        guard length > 0 else { throw .zeroLength }
        guard length <= limit else { throw .tooLong(length: length, limit: limit) }
        return length
    }

    /// Drops consumed bytes once they are at least as many as those to be moved: each byte is moved O(1) times.
    private mutating func compact() {
        guard start > 0, start >= pendingBytes else { return }
        if start < buffer.count {
            buffer.removeSubrange(..<start)
        } else if buffer.capacity > Self.keptCapacity {
            buffer = []
        } else {
            buffer.removeAll(keepingCapacity: true)
        }
        start = 0
    }
}

/// Makes frames.
public enum FrameEncoder {
    /// The frame of a payload: its length, big-endian in four bytes, and the payload.
    ///
    /// - Throws: `FrameError.zeroLength` for an empty payload, `.tooLong` for one over `limit` bytes.
    public static func frame(
        _ payload: [UInt8], limit: Int = FrameLimits.standard.maximumLength
    ) throws(FrameError) -> [UInt8] {
        guard !payload.isEmpty else { throw .zeroLength }
        let limit = min(limit, Int(UInt32.max))
        guard payload.count <= limit else { throw .tooLong(length: payload.count, limit: limit) }
        var frame: [UInt8] = []
        frame.reserveCapacity(4 + payload.count)
        for shift in [24, 16, 8, 0] { frame.append(UInt8(truncatingIfNeeded: payload.count >> shift)) }
        frame.append(contentsOf: payload)
        return frame
    }
}
