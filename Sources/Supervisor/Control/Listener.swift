import CLinux
import Glibc
import IPC
import Linux

/// Accepts on one socket and sees to it that each peer says a proper hello in time.
final class Listener {
    /// How long a peer may take for its hello.
    static let helloMilliseconds: Int64 = 5_000
    /// Connections at once on one socket; further ones are told so and closed.
    static let maximumConnections = 256

    private let socket: Descriptor
    private let loop: EventLoop
    private let role: Hello.Role
    private let refusal: (UInt32) -> String?
    private let admit: (Hello, Connection, _ pid: Int32, _ uid: UInt32) -> Void
    private var greeting: [ObjectIdentifier: Connection] = [:]
    /// Connections that were admitted and are still open, as their owner counts them.
    var admitted: () -> Int = { 0 }

    /// - Parameters:
    ///   - role: the only role that this socket serves.
    ///   - refusal: why a peer of this uid may not speak here, or nil.
    /// - Throws: `SystemError`
    init(
        _ socket: Descriptor, loop: EventLoop, role: Hello.Role, refusal: @escaping (UInt32) -> String?,
        admit: @escaping (Hello, Connection, Int32, UInt32) -> Void
    ) throws {
        self.socket = socket
        self.loop = loop
        self.role = role
        self.refusal = refusal
        self.admit = admit
        try loop.watch(socket.raw, .readable) { [weak self] _ in self?.accept() }
    }

    func close() {
        loop.unwatch(socket.raw)
        socket.close()
        for connection in greeting.values { connection.close() }
        greeting = [:]
    }

    private func accept() {
        let raw = bh_accept(socket.raw)
        guard raw >= 0 else {
            // EMFILE and the like: the peer stays in the backlog while other work frees descriptors. Waiting for the
            // socket meanwhile would spin.
            if ![EAGAIN, EINTR, ECONNABORTED].contains(bh_errno()) {
                loop.modify(socket.raw, [])
                loop.after(milliseconds: 200) { [weak self] in
                    guard let self else { return }
                    self.loop.modify(self.socket.raw, .readable)
                }
            }
            return
        }
        do {
            let connection = try Connection(Descriptor(owning: raw), loop: loop, limits: .hello)
            guard greeting.count + admitted() < Self.maximumConnections else {
                return connection.fail(ProtocolError(.overloaded, "too many connections; try again later"))
            }
            let peer = try connection.peer()
            if let reason = refusal(peer.uid) { return connection.fail(ProtocolError(.notPermitted, reason)) }
            greet(connection, pid: peer.pid, uid: peer.uid)
        } catch {
            return  // the peer is gone already
        }
    }

    private func greet(_ connection: Connection, pid: Int32, uid: UInt32) {
        let key = ObjectIdentifier(connection)
        greeting[key] = connection
        let timer = loop.after(milliseconds: Self.helloMilliseconds) { [weak self] in
            self?.greeting[key] = nil
            connection.fail(ProtocolError(.stalled, "no hello within \(Self.helloMilliseconds / 1000) s"))
        }
        let settle = { [weak self] in
            self?.loop.cancel(timer)
            self?.greeting[key] = nil
        }
        connection.onEnd = { _ in settle() }
        connection.onFrame = { [weak self, weak connection] frame throws(ProtocolError) in
            guard let self, let connection else { return }
            let hello = try frame.decode(Hello.self)
            guard hello.protocol == protocolVersion else {
                throw ProtocolError(
                    .wrongVersion,
                    "this supervisor speaks protocol \(protocolVersion), the peer \(hello.protocol): install the same version"
                )
            }
            guard hello.role == self.role else {
                throw ProtocolError(.notPermitted, "this socket does not serve the role \(hello.role.rawValue)")
            }
            settle()
            self.admit(hello, connection, pid, uid)
        }
    }
}
