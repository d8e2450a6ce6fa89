import CBenchmarks
import Glibc
import IPC

/// A socket that carries frames, read and written in turn: a measurement does one thing at a time.
final class FrameSocket {
    let raw: Int32
    private var decoder = FrameDecoder(limits: .standard)

    /// Takes over a connected socket.
    init(owning raw: Int32) {
        self.raw = raw
        var bound = timeval(tv_sec: 10, tv_usec: 0)
        // A peer that does not read ends the measurement instead of stalling it.
        setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(raw) }

    /// - Throws: `Failure`
    static func connect(_ path: String) throws -> FrameSocket {
        let raw = bench_connect(path)
        guard raw >= 0 else { throw Failure.system("connect", path) }
        return FrameSocket(owning: raw)
    }

    /// A frame: its type, and its object.
    struct Received {
        let type: String
        let json: JSON

        /// - Throws: `Failure` when it is another message.
        func decode<M: Message>(_ message: M.Type) throws -> M {
            guard type == M.type else { throw Failure("a frame \(type) came where \(M.type) is due: \(json)") }
            return try json.decode(M.self)
        }
    }

    /// - Throws: `Failure`
    func send<M: Message>(_ message: M, descriptors: [FileHandleOwner] = []) throws {
        let frame = try FrameEncoder.frame(try message.payload())
        let fds = descriptors.map(\.raw)
        guard bench_send(raw, frame, frame.count, fds, Int32(fds.count)) == 0 else {
            throw Failure.system("send", M.type)
        }
    }

    /// The next frame.
    /// - Throws: `Failure` when the peer closes or the deadline passes.
    func receive(_ deadline: Deadline) throws -> Received {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            if let frame = try take() { return frame }
            var entry = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, deadline.milliseconds)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { throw Failure("no frame came in time") }
            let count = read(raw, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure("the peer closed the connection") }
            buffer.withUnsafeBytes { decoder.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    private func take() throws -> Received? {
        guard let payload = try decoder.next() else { return nil }
        let json = try JSON(parsing: payload)
        return Received(type: json["type"]?.stringValue ?? "", json: json)
    }
}
