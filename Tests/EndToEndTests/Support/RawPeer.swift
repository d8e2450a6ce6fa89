import Foundation
import Glibc

/// A client of the supervisor's socket that sends whatever bytes it likes. Every wait is bounded.
final class RawPeer {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw POSIXError(.EINVAL)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// Sends what the peer takes; a peer that hung up meanwhile is no error.
    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 5000) == 1 else { return }
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Everything until the peer hangs up, or nil when it does not within the time.
    func readToEnd(_ seconds: Double = 10) -> [UInt8]? {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let end = Date().addingTimeInterval(seconds)
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, Int32(max(0, end.timeIntervalSinceNow * 1000))) == 1 else { return nil }
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return received }  // the end, or a reset
            received += buffer.prefix(count)
        }
    }

    /// A frame of a text.
    static func frame(_ text: String) -> [UInt8] { frame(Array(text.utf8)) }

    static func frame(_ payload: [UInt8]) -> [UInt8] { length(payload.count) + payload }

    static func length(_ count: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } }

    /// The objects of the frames that were received.
    static func objects(_ bytes: [UInt8]) -> [[String: Any]] {
        var rest = bytes[...]
        var objects: [[String: Any]] = []
        while rest.count >= 4 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard rest.count >= length else { break }
            if let object = try? JSONSerialization.jsonObject(with: Data(rest.prefix(length))) as? [String: Any] {
                objects.append(object)
            }
            rest = rest.dropFirst(length)
        }
        return objects
    }
}
