import CLinux
import Glibc
import IPC
import Linux
import Testing

/// A frame's bytes on the wire.
func wire(_ text: String) throws -> [UInt8] { try FrameEncoder.frame(Array(text.utf8)) }

extension EventLoop {
    /// Runs rounds until the condition holds; a test that waits in vain fails here, within ten seconds.
    func drive(_ sourceLocation: SourceLocation = #_sourceLocation, until condition: () throws -> Bool) throws {
        for _ in 0..<2000 {
            if try condition() { return }
            try runOnce(maximumWait: 5)
        }
        Issue.record("the condition did not come true", sourceLocation: sourceLocation)
    }
}

/// A connection under test on one end of a socket pair; the test itself is the peer, with bare bytes.
final class TestLink {
    let connection: Connection
    let peer: Descriptor
    /// What the connection delivered, and how it ended.
    private(set) var frames: [Frame] = []
    private(set) var endings: [String] = []
    /// What the peer was told.
    private(set) var told: [JSON] = []
    /// The peer has read to the end.
    private(set) var sawEnd = false
    private var decoder = FrameDecoder(limits: .standard)

    /// What the owner of the connection does with a frame.
    var onFrame: ((Frame) throws(ProtocolError) -> Void)?

    init(_ loop: EventLoop, limits: FrameLimits = .standard) throws {
        let (ours, theirs) = try Descriptor.socketPair()
        peer = theirs
        try peer.setNonBlocking()
        connection = try Connection(ours, loop: loop, limits: limits)
        connection.onFrame = { [weak self] frame throws(ProtocolError) in
            self?.frames.append(frame)
            try self?.onFrame?(frame)
        }
        connection.onEnd = { [weak self] in self?.endings.append(Self.name($0)) }
    }

    /// Forgets the delivered frames, and with them their descriptors.
    func forgetFrames() { frames = [] }

    /// Sends what must fit into the socket's buffer at once, with these descriptors.
    func write(_ bytes: some Collection<UInt8>, _ descriptors: [Int32] = []) throws {
        let bytes = Array(bytes)
        guard !bytes.isEmpty else { return }
        let count = try check("sendmsg") {
            bh_send(peer.raw, bytes, bytes.count, descriptors, Int32(descriptors.count))
        }
        try #require(count == bytes.count)
    }

    /// Sends bytes of any number while the loop runs; ends early when the connection has cut the peer off.
    func writeAll(_ bytes: [UInt8], _ loop: EventLoop) throws {
        var rest = bytes[...]
        try loop.drive {
            let piece = Array(rest)
            let count = bh_send(peer.raw, piece, piece.count, nil, 0)
            if count > 0 { rest = rest.dropFirst(count) }
            return rest.isEmpty || (count < 0 && bh_errno() != EAGAIN)
        }
    }

    /// Sends a whole small frame, or tells that the socket's buffer is full.
    func tryWrite(_ bytes: [UInt8]) throws -> Bool {
        let count = bh_send(peer.raw, bytes, bytes.count, nil, 0)
        if count < 0, bh_errno() == EAGAIN { return false }
        try #require(count == bytes.count)
        return true
    }

    /// Sends one byte with more descriptors than `bh_send` lets through.
    func write(_ byte: UInt8, manyDescriptors descriptors: [Int32]) throws {
        let header = 16  // struct cmsghdr, which Swift does not make: length, level, type
        let length = header + 4 * descriptors.count
        let control = UnsafeMutableRawBufferPointer.allocate(byteCount: length + 8, alignment: 16)
        defer { control.deallocate() }
        control.initializeMemory(as: UInt8.self, repeating: 0)
        control.storeBytes(of: length, as: Int.self)
        control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
        control.storeBytes(of: 1 /* SCM_RIGHTS */, toByteOffset: 12, as: Int32.self)
        for (index, descriptor) in descriptors.enumerated() {
            control.storeBytes(of: descriptor, toByteOffset: header + 4 * index, as: Int32.self)
        }
        var byte = byte
        let sent = withUnsafeMutablePointer(to: &byte) { start in
            var vector = iovec(iov_base: start, iov_len: 1)
            return withUnsafeMutablePointer(to: &vector) { vector in
                var message = msghdr()
                message.msg_iov = vector
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = (length + 7) & ~7
                return sendmsg(peer.raw, &message, 0)
            }
        }
        try #require(sent == 1)
    }

    /// Reads what the connection has sent so far.
    @discardableResult
    func readFrames() throws -> [JSON] {
        do {
            while !sawEnd {
                let bytes = try peer.read(64 << 10)
                if bytes.isEmpty { sawEnd = true }
                decoder.append(bytes)
                while let payload = try decoder.next() { told.append(try JSON(parsing: payload)) }
            }
        } catch let error as SystemError where error.code == EAGAIN {
        } catch let error as SystemError where error.code == ECONNRESET {
            // The connection was closed with bytes of ours unread; what it said itself was read before this.
            sawEnd = true
        }
        if sawEnd { try decoder.finish() }
        return told
    }

    private static func name(_ ending: Connection.Ending) -> String {
        switch ending {
        case .closed: "closed"
        case .failed(let error): "failed \(error.code.rawValue)"
        case .lost(let error): "lost \(error)"
        }
    }
}

/// Finds out whether a descriptor that was passed on is held by anybody still: the other end of its pipe tells. The
/// descriptors of the process cannot simply be counted, for other tests run in it.
final class LeakProbe {
    private let read: Descriptor
    private var write: Descriptor?

    init() throws {
        let pipe = try Descriptor.pipe()
        read = pipe.read
        write = pipe.write
    }

    /// The descriptor to be passed; the probe keeps its own copy until `isReleased()`.
    var raw: Int32 { write?.raw ?? -1 }

    /// Gives the probe's only copy away.
    func takeWriteEnd() throws -> Descriptor {
        defer { write = nil }
        return try #require(write)
    }

    /// Whether nobody but the probe holds it, in the process or in a socket's queue.
    func isReleased() -> Bool {
        write = nil
        var entry = pollfd(fd: read.raw, events: 0, revents: 0)
        // A copy may live for a moment in a child that a test running beside this one forks.
        return poll(&entry, 1, 5000) == 1 && entry.revents & Int16(POLLHUP) != 0
    }
}
