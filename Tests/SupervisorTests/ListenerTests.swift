import CLinux
import Glibc
import IPC
import Linux
import Testing

@testable import Supervisor

@Suite("Listener")
struct ListenerTests {
    /// A listener with the loop that it and its peers share.
    private final class Rig {
        let directory: TemporaryDirectory
        let loop: EventLoop
        let listener: Listener
        private(set) var admitted: [(hello: Hello, connection: Connection, pid: Int32, uid: UInt32)] = []
        private let path: String

        init(role: Hello.Role = .control, refusal: @escaping (UInt32) -> String? = { _ in nil }) throws {
            directory = try TemporaryDirectory()
            loop = try EventLoop()
            let path = directory.path + "/s"
            self.path = path
            let socket = Descriptor(owning: try check("listen", path) { bh_unix_listen(path, 64, 0o600) })
            var admit: ((Hello, Connection, Int32, UInt32) -> Void)?
            listener = try Listener(socket, loop: loop, role: role, refusal: refusal) { admit?($0, $1, $2, $3) }
            admit = { [weak self] in self?.admitted.append(($0, $1, $2, $3)) }
        }

        func connect() throws -> Peer {
            Peer(
                try Connection(
                    Descriptor(owning: try check("connect", path) { bh_unix_connect(path) }), loop: loop,
                    limits: .standard))
        }
    }

    /// The other end, with what it was told and whether it was closed.
    private final class Peer {
        let connection: Connection
        private(set) var told: [Failure] = []
        private(set) var isOver = false

        init(_ connection: Connection) {
            self.connection = connection
            connection.onFrame = { [weak self] frame throws(ProtocolError) in
                self?.told.append(try frame.decode(Failure.self))
            }
            connection.onEnd = { [weak self] _ in self?.isOver = true }
        }
    }

    private func hello(_ role: Hello.Role = .control, version: Int = protocolVersion) -> Hello {
        Hello(protocol: version, role: role, client: "test")
    }

    /// What a peer is told before it is closed, for a first frame of this kind.
    private func answer(_ rig: Rig, _ payload: [UInt8]) throws -> ProtocolError? {
        let peer = try rig.connect()
        try peer.connection.send(payload: payload)
        try rig.loop.drive { peer.isOver }
        #expect(rig.admitted.isEmpty)
        #expect(peer.told.count == 1)
        return peer.told.first?.error
    }

    @Test("A proper hello is admitted, with the peer as the kernel knows it")
    func admits() throws {
        let rig = try Rig()
        let peer = try rig.connect()
        try peer.connection.send(hello())
        try rig.loop.drive { rig.admitted.count == 1 }
        #expect(rig.admitted.first?.hello.client == "test")
        #expect(rig.admitted.first?.pid == getpid())
        #expect(rig.admitted.first?.uid == geteuid())
        #expect(rig.admitted.first?.connection.isOpen == true)
        #expect(!peer.isOver)
    }

    @Test("A peer that says nothing holds nobody else up")
    func silentPeer() throws {
        let rig = try Rig()
        let silent = try (0..<20).map { _ in try rig.connect() }
        let second = try rig.connect()
        try second.connection.send(hello())
        try rig.loop.drive { rig.admitted.count == 1 }
        #expect(silent.allSatisfy { !$0.isOver })
    }

    @Test("A peer that says half a hello holds nobody else up")
    func halfHello() throws {
        let rig = try Rig()
        let half = try (
            rig.connect(), Descriptor(owning: try check("connect") { bh_unix_connect(rig.directory.path + "/s") })
        )
        try half.1.writeAll(Array(try FrameEncoder.frame(try hello().payload()).dropLast()))
        let second = try rig.connect()
        try second.connection.send(hello())
        try rig.loop.drive { rig.admitted.count == 1 }
        try half.1.writeAll([UInt8(ascii: "}")])
        try rig.loop.drive { rig.admitted.count == 2 }
    }

    @Test("Another version of the protocol is told so", arguments: [0, 2, -1, .max])
    func wrongVersion(version: Int) throws {
        let error = try answer(try Rig(), try hello(version: version).payload())
        #expect(error?.code == .wrongVersion)
        #expect(error?.message.contains("install the same version") == true)
    }

    @Test("A role that the socket does not serve is refused")
    func wrongRole() throws {
        #expect(try answer(try Rig(), try hello(.worker).payload())?.code == .notPermitted)
        #expect(try answer(try Rig(role: .worker), try hello(.control).payload())?.code == .notPermitted)
    }

    @Test("A uid that may not speak here is refused before it says anything")
    func refusedUID() throws {
        let rig = try Rig { uid in uid == geteuid() ? "uid \(uid) belongs to a job" : nil }
        let peer = try rig.connect()
        try rig.loop.drive { peer.isOver }
        #expect(peer.told.first?.error.code == .notPermitted)
        #expect(peer.told.first?.message.contains("belongs to a job") == true)
        #expect(rig.admitted.isEmpty)
    }

    @Test(
        "What is no hello is refused",
        arguments: [
            "{\"type\":\"request\",\"id\":1,\"method\":\"status\"}", "{\"type\":\"hello\"}", "{}", "[]", "x",
            "GET / HTTP/1.1\r\n\r\n",
            "{\"type\":\"hello\",\"protocol\":\"1\",\"role\":\"control\",\"client\":\"x\"}",
            "{\"type\":\"hello\",\"protocol\":1,\"role\":\"root\",\"client\":\"x\"}",
            "{\"type\":\"hello\",\"type\":\"hello\",\"protocol\":1,\"role\":\"control\",\"client\":\"x\"}",
        ])
    func noHello(text: String) throws {
        let code = try answer(try Rig(), Array(text.utf8))?.code
        #expect(code == .malformed || code == .unexpected)
    }

    @Test("A hello is at most 4 KiB")
    func largeHello() throws {
        let large = Hello(role: .control, client: String(repeating: "x", count: 4096))
        #expect(try answer(try Rig(), try large.payload())?.code == .badFrame)
    }

    @Test(
        "Connections are limited, those that have not said hello included, and a place that becomes free is given again"
    )
    func tooMany() throws {
        let rig = try Rig()
        rig.listener.admitted = { Listener.maximumConnections - 1 }
        let first = try rig.connect()
        try rig.loop.runOnce(maximumWait: 100)
        let second = try rig.connect()
        try rig.loop.drive { second.isOver }
        #expect(second.told.first?.error.code == .overloaded)
        #expect(!first.isOver)
        first.connection.close()
        for _ in 0..<3 { try rig.loop.runOnce(maximumWait: 5) }
        let third = try rig.connect()
        try third.connection.send(hello())
        try rig.loop.drive { rig.admitted.count == 1 }
        rig.listener.admitted = { Listener.maximumConnections }
        let fourth = try rig.connect()
        try rig.loop.drive { fourth.isOver }
        #expect(fourth.told.first?.error.code == .overloaded)
    }

    @Test("A peer that leaves before its hello is forgotten")
    func leaves() throws {
        let rig = try Rig()
        let before = rig.loop.watchedCount
        for _ in 0..<10 {
            let peer = Descriptor(owning: try check("connect") { bh_unix_connect(rig.directory.path + "/s") })
            try rig.loop.runOnce(maximumWait: 100)
            peer.close()
            try rig.loop.drive { rig.loop.watchedCount == before }
        }
        #expect(rig.admitted.isEmpty)
    }

    @Test("Closed, it takes no more connections and drops those that have not said hello")
    func closed() throws {
        let rig = try Rig()
        let peer = try rig.connect()
        try rig.loop.runOnce(maximumWait: 100)
        rig.listener.close()
        try rig.loop.drive { peer.isOver }
        #expect(throws: SystemError.self) { try rig.connect() }
    }
}
