import CLinux
import Glibc
import Linux

/// A stream socket that carries frames and descriptors, driven by an event loop. Reading is bounded by the frame
/// limit, writing by `maximumQueued`: a peer that does not read is cut off, never buffered for.
public final class Connection {
    /// Why a connection ended.
    public enum Ending {
        /// The peer closed between two frames.
        case closed
        /// The peer broke the protocol; it was told so where that was possible.
        case failed(ProtocolError)
        case lost(SystemError)
    }

    private let socket: Descriptor
    private let loop: EventLoop
    private var decoder: FrameDecoder
    private var arrived: [Descriptor] = []
    private var outgoing: [Outgoing] = []
    private var outgoingBytes = 0
    private var paused = false
    private var draining = false
    private var ended = false
    private var delivering = false
    /// A send failed because the peer is gone; what it said before is still to be read.
    private var peerIsGone = false

    private struct Outgoing {
        let bytes: [UInt8]
        var sent = 0
        var descriptors: [Descriptor]
    }

    /// Called for each frame, in order. A `ProtocolError` that it throws ends the connection after an error frame.
    public var onFrame: ((Frame) throws(ProtocolError) -> Void)?
    /// Called once when the connection is over, unless `close()` ended it.
    public var onEnd: ((Ending) -> Void)?
    /// Called when everything that had to wait for the peer was handed to the kernel.
    public var onDrained: (() -> Void)?
    /// Bytes that may wait for a slow peer.
    public var maximumQueued = 8 << 20
    /// Largest frame that is accepted from here on.
    public var limit: Int {
        get { decoder.limit }
        set { decoder.limit = newValue }
    }

    /// What the JSON of a frame may be.
    public var jsonLimits = JSONLimits.frame

    /// Takes over a connected socket.
    /// - Throws: `SystemError`
    public init(_ socket: Descriptor, loop: EventLoop, limits: FrameLimits) throws(SystemError) {
        self.socket = socket
        self.loop = loop
        decoder = FrameDecoder(limits: limits)
        try socket.setNonBlocking()
        try loop.watch(socket.raw, .readable) { [weak self] in self?.ready($0) }
    }

    deinit { close() }

    public var isOpen: Bool { !ended }
    /// Bytes that wait for the peer; more than any limit once it is gone, so that who produces stops.
    public var queuedBytes: Int { peerIsGone ? .max : outgoingBytes }

    /// The peer as the kernel knows it (SO_PEERCRED): the identity at the time of its connect.
    /// - Throws: `SystemError`
    public func peer() throws(SystemError) -> (pid: Int32, uid: UInt32, gid: UInt32) {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        try check("SO_PEERCRED") { bh_peer_credentials(socket.raw, &pid, &uid, &gid) }
        return (pid, uid, gid)
    }

    /// Queues a frame; descriptors travel with its first byte. A peer that left too much unread is cut off.
    /// - Throws: `ProtocolError` when the message is over the frame limit: the caller's mistake, nothing is sent.
    public func send<M: Message>(_ message: M, descriptors: [Descriptor] = []) throws(ProtocolError) {
        let payload: [UInt8]
        do {
            payload = try message.payload()
        } catch {
            throw ProtocolError(.malformed, "\(M.type): \(error)")
        }
        try send(payload: payload, descriptors: descriptors)
    }

    /// Queues an already encoded payload.
    /// - Throws: `ProtocolError` when it is over the frame limit.
    public func send(payload: [UInt8], descriptors: [Descriptor] = []) throws(ProtocolError) {
        guard !ended, !draining, !peerIsGone else { return }
        let bytes: [UInt8]
        do {
            bytes = try FrameEncoder.frame(payload, limit: FrameLimits.standard.maximumLength)
        } catch {
            throw ProtocolError(.badFrame, "\(error)")
        }
        outgoing.append(Outgoing(bytes: bytes, descriptors: descriptors))
        outgoingBytes += bytes.count
        flush()
        if !ended, outgoingBytes > maximumQueued {
            end(.failed(ProtocolError(.stalled, "the peer left \(outgoingBytes) bytes unread")))
        }
    }

    /// Stops and resumes reading: the way back-pressure reaches the peer.
    public func setReading(_ on: Bool) {
        guard !ended, paused == on else { return }
        paused = !on
        updateInterest()
        if on { deliver() }
    }

    /// Tells the peer what it did wrong, then closes.
    public func fail(_ error: ProtocolError) {
        guard !ended else { return }
        try? send(Failure(error))
        end(.failed(error))
    }

    /// Closes once everything queued has been sent (or the peer is gone). No frame is delivered any more.
    public func closeAfterSending() {
        guard !ended else { return }
        if outgoing.isEmpty { return close() }
        draining = true
        paused = true
        updateInterest()
    }

    /// Closes at once, without `onEnd`.
    public func close() {
        guard !ended else { return }
        ended = true
        loop.unwatch(socket.raw)
        socket.close()
        outgoing = []
        arrived = []
        outgoingBytes = 0
    }

    private func end(_ ending: Ending) {
        guard !ended else { return }
        close()
        onEnd?(ending)
    }

    private func updateInterest() {
        var interest: EventLoop.Readiness = []
        if !paused { interest.insert(.readable) }
        if !outgoing.isEmpty { interest.insert(.writable) }
        loop.modify(socket.raw, interest)
    }

    private func ready(_ readiness: EventLoop.Readiness) {
        if readiness.contains(.writable) {
            flush()
            // Only from here, never from within a `send`: who is told may send more.
            if outgoing.isEmpty, !ended, !peerIsGone { onDrained?() }
        }
        if ended { return }
        if !readiness.isDisjoint(with: [.readable, .hungUp, .failed]) {
            if paused, !readiness.isDisjoint(with: [.hungUp, .failed]) {
                // Nobody is left to read what is queued; what the peer sent before is still in the socket, but who
                // paused does not want it now, and a hung-up socket would be reported for ever.
                if draining { return close() }
                setReading(true)
            }
            receive()
        }
    }

    private func receive() {
        // One read a round, so that a flooding peer does not keep the others waiting.
        var descriptors = [Int32](repeating: -1, count: Int(BH_MAX_FDS))
        var count: Int32 = 0
        var truncated: Int32 = 0
        let received = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            let received = bh_receive(socket.raw, buffer.baseAddress, buffer.count, &descriptors, &count, &truncated)
            if received > 0 {
                decoder.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<received]))
            }
            return received
        }
        let code = bh_errno()
        for index in 0..<Int(count) { arrived.append(Descriptor(owning: descriptors[index])) }
        if received < 0 {
            if code == EAGAIN || code == EINTR { return }
            return end(.lost(SystemError("recvmsg", code: code)))
        }
        if truncated != 0 || arrived.count > 2 * Int(BH_MAX_FDS) {
            return fail(ProtocolError(.badDescriptor, "more descriptors than any message carries"))
        }
        deliver()
        // With an incomplete frame, what came may be its own; without one, it is nobody's.
        if !ended, !paused, arrived.count > (decoder.pendingBytes == 0 ? 0 : Int(BH_MAX_FDS)) {
            return fail(ProtocolError(.badDescriptor, "descriptors came that no frame announces"))
        }
        if received == 0, !ended, !paused {
            if decoder.pendingBytes > 0 {
                return fail(ProtocolError(.badFrame, "the connection ended inside a frame"))
            }
            end(.closed)
        }
    }

    /// Hands on the frames that are complete. The decoder never holds more than one incomplete frame and one read.
    private func deliver() {
        // A handler that stops and resumes reading is in here already.
        guard !delivering else { return }
        delivering = true
        defer { delivering = false }
        while !ended, !paused {
            do throws(ProtocolError) {
                guard let frame = try nextFrame() else { return }
                try onFrame?(frame)
            } catch {
                return fail(error)
            }
        }
    }

    private func nextFrame() throws(ProtocolError) -> Frame? {
        let bytes: [UInt8]
        do {
            guard let next = try decoder.next() else { return nil }
            bytes = next
        } catch {
            throw ProtocolError(.badFrame, "\(error)")
        }
        let json: JSON
        do {
            json = try JSON(parsing: bytes, limits: jsonLimits)
        } catch {
            throw ProtocolError(.malformed, "not a strict JSON frame: \(error)")
        }
        guard case .object(let members) = json, case .string(let type)? = members["type"] else {
            throw ProtocolError(.malformed, "a frame is an object with a string member \"type\"")
        }
        let announced = try Connection.announced(type, members)
        guard announced <= arrived.count else {
            throw ProtocolError(.badDescriptor, "\(type) announces \(announced) descriptors and \(arrived.count) came")
        }
        // Descriptors come with the first byte of their frame: with nothing else received, the rest belong to none.
        guard announced == arrived.count || decoder.pendingBytes > 0 else {
            throw ProtocolError(.badDescriptor, "\(type) announces \(announced) descriptors and \(arrived.count) came")
        }
        let descriptors = Array(arrived.prefix(announced))
        arrived.removeFirst(announced)
        return Frame(type: type, json: json, bytes: bytes, descriptors: descriptors)
    }

    private static func announced(_ type: String, _ members: [String: JSON]) throws(ProtocolError) -> Int {
        let count: Int64
        switch (type, members["fds"]) {
        case (Transfer.type, _): count = 1
        case (PhaseReady.type, _):
            guard case .array(let names)? = members["listeners"] else { return 0 }
            count = Int64(names.count)
        case (_, .int(let stated)?): count = stated
        case (_, nil): count = 0
        default: throw ProtocolError(.malformed, "\(type): fds is not an integer")
        }
        guard (0...Int64(BH_MAX_FDS)).contains(count) else {
            throw ProtocolError(.badDescriptor, "\(type) announces \(count) descriptors; at most \(BH_MAX_FDS) travel")
        }
        return Int(count)
    }

    private func flush() {
        while let first = outgoing.first {
            let fds = first.sent == 0 ? first.descriptors.map(\.raw) : []
            let sent = first.bytes.withUnsafeBytes { buffer in
                bh_send(
                    socket.raw, buffer.baseAddress.map { $0 + first.sent }, buffer.count - first.sent, fds,
                    Int32(fds.count))
            }
            if sent < 0 {
                let code = bh_errno()
                if code == EINTR { continue }
                if code == EAGAIN || code == ENOBUFS { break }
                if draining { return close() }
                // What the peer said before it went may explain why: it is read before the end is reported.
                if code == EPIPE || code == ECONNRESET {
                    outgoing = []
                    outgoingBytes = 0
                    peerIsGone = true
                    break
                }
                return end(.lost(SystemError("sendmsg", code: code)))
            }
            outgoingBytes -= sent
            if first.sent + sent == first.bytes.count {
                outgoing.removeFirst()
            } else {
                outgoing[0].sent += sent
                outgoing[0].descriptors = []
            }
        }
        if outgoing.isEmpty, draining { return close() }
        updateInterest()
    }
}
