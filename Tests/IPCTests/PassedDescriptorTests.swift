import CLinux
import Glibc
import IPC
import Linux
import Testing

/// A file without a name in the temporary directory.
private func temporaryFile(_ content: [UInt8] = []) throws -> (path: String, file: Descriptor) {
    var template = Array("/tmp/bulkhead-ipc-XXXXXX".utf8CString)
    let file = Descriptor(owning: try check("mkstemp") { mkstemp(&template) })
    let path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    try file.writeAll(content)
    return (path, file)
}

private func listeningSocket(_ family: Int32, _ kind: Int32 = Int32(SOCK_STREAM.rawValue)) throws -> Descriptor {
    let socket = Descriptor(owning: try check("socket") { Glibc.socket(family, kind, 0) })
    // Unbound, TCP takes any port and a Unix socket needs a name of the abstract kind, which the kernel makes up.
    var address = sockaddr()
    address.sa_family = sa_family_t(AF_UNIX)
    if family == AF_UNIX { try check("bind") { bind(socket.raw, &address, 2) } }
    try check("listen") { listen(socket.raw, 1) }
    return socket
}

/// Both sides of a new pseudo-terminal.
private func newTerminal() throws -> (master: Descriptor, other: Descriptor) {
    let master = try Descriptor.open("/dev/ptmx", O_RDWR | O_NOCTTY)
    var locked: Int32 = 0
    try check("TIOCSPTLCK") { ioctl(master.raw, 0x4004_5431, &locked) }
    let other = Descriptor(owning: try check("TIOCGPTPEER") { ioctl(master.raw, 0x5441, O_RDWR | O_NOCTTY) })
    return (master, other)
}

@Suite("Passed descriptors")
struct PassedDescriptorTests {
    let loop: EventLoop
    let link: TestLink

    init() throws {
        loop = try EventLoop()
        link = try TestLink(loop)
    }

    /// Passes descriptors with a frame that announces them, and gives what arrived.
    private func pass(_ sent: [Descriptor]) throws -> [Descriptor] {
        let before = link.frames.count
        try link.write(wire(#"{"fds":\#(sent.count),"type":"x"}"#), sent.map(\.raw))
        try loop.drive { link.frames.count == before + 1 }
        return try #require(link.frames.last).descriptors
    }

    // MARK: what is accepted

    @Test("A sealed memfd and a regular file arrive close-on-exec, with their content, and pass up to their size")
    func bundle() throws {
        let content = Array("# v2 git bundle\n".utf8)
        let (path, file) = try temporaryFile(content)
        defer { unlink(path) }
        lseek(file.raw, 0, SEEK_SET)
        for sent in [try Descriptor.sealed("bundle", content), file] {
            let arrived = try #require(try pass([sent]).first)
            #expect(arrived.raw != sent.raw)
            #expect(fcntl(arrived.raw, F_GETFD) == FD_CLOEXEC)
            #expect(try PassedDescriptor.regularFile(arrived, maximum: Int64(content.count)) == Int64(content.count))
            #expect(try arrived.readAll(limit: 64) == content)
            #expect(throws: ProtocolError.self) {
                try PassedDescriptor.regularFile(arrived, maximum: Int64(content.count) - 1)
            }
        }
    }

    @Test("Listening Unix and TCP sockets arrive and are told from others")
    func listener() throws {
        let arrived = try pass([try listeningSocket(AF_UNIX), try listeningSocket(AF_INET)])
        #expect(arrived.count == 2)
        for socket in arrived { try PassedDescriptor.listener(socket) }
        #expect(refusal { () throws(ProtocolError) in try PassedDescriptor.terminal(arrived[0]) } == .badDescriptor)
    }

    @Test("The master side of a pseudo-terminal arrives and is told from the other side")
    func terminal() throws {
        let (master, other) = try newTerminal()
        let arrived = try pass([master, other])
        try PassedDescriptor.terminal(arrived[0])
        #expect(refusal { () throws(ProtocolError) in try PassedDescriptor.terminal(arrived[1]) } == .badDescriptor)
    }

    @Test("phase-ready carries one descriptor for each name and transfer carries one, without saying so in fds")
    func impliedCounts() throws {
        let sent = try (0..<2).map { _ in try listeningSocket(AF_UNIX) }
        try link.write(wire(#"{"listeners":["api","model"],"phase":"agent","type":"phase-ready"}"#), sent.map(\.raw))
        let file = try Descriptor.sealed("x", [1, 2])
        try link.write(wire(#"{"kind":"bundle","size":2,"type":"transfer"}"#), [file.raw])
        try loop.drive { link.frames.count == 2 }
        withExtendedLifetime((sent, file)) {}
        #expect(link.frames.map(\.descriptors.count) == [2, 1])
        for socket in link.frames[0].descriptors { try PassedDescriptor.listener(socket) }
        #expect(try PassedDescriptor.regularFile(link.frames[1].descriptors[0], maximum: 2) == 2)
    }

    @Test("Each frame of a burst gets its own descriptors, also behind a frame that fills the socket's buffer")
    func association() throws {
        let (ours, theirs) = try Descriptor.socketPair()
        let sender = try Connection(ours, loop: loop, limits: .standard)
        let receiver = try Connection(theirs, loop: loop, limits: .standard)
        var sizes: [[Int64]] = []
        receiver.onFrame = { frame throws(ProtocolError) in
            var found: [Int64] = []
            for file in frame.descriptors { found.append(try PassedDescriptor.regularFile(file, maximum: 100)) }
            sizes.append(found)
        }
        let long = String(repeating: "x", count: 900 << 10)
        var expected: [[Int64]] = []
        for round in 0..<6 {
            let files = try (0..<(round * 3 % 9)).map {
                try Descriptor.sealed("f", [UInt8](repeating: 1, count: 10 * round + $0))
            }
            let message = Request(id: 1, method: round % 2 == 0 ? long : "m", fds: files.count)
            try sender.send(message, descriptors: files)
            expected.append((0..<files.count).map { Int64(10 * round + $0) })
        }
        try loop.drive { sizes.count == expected.count }
        #expect(sizes == expected)
    }

    // MARK: what is refused

    @Test("Nothing but a regular file opened for reading passes as one")
    func wrongKinds() throws {
        let (path, file) = try temporaryFile([1])
        defer { unlink(path) }
        let pipe = try Descriptor.pipe()
        let wrong: [(String, Descriptor)] = [
            ("a directory", try Descriptor.open("/", O_RDONLY | O_DIRECTORY)),
            ("a directory as O_PATH", try Descriptor.open("/", Int32(BH_O_PATH) | O_DIRECTORY)),
            ("a file as O_PATH", try Descriptor.open(path, Int32(BH_O_PATH))),
            ("a write-only file", try Descriptor.open(path, O_WRONLY)),
            ("a file opened for neither reading nor writing", try Descriptor.open(path, O_ACCMODE)),
            ("the read end of a pipe", pipe.read), ("the write end of a pipe", pipe.write),
            ("a device", try Descriptor.open("/dev/zero", O_RDONLY)), ("a socket", try Descriptor.socketPair().0),
            ("a listener", try listeningSocket(AF_UNIX)), ("a terminal", try newTerminal().master),
            ("an epoll instance", Descriptor(owning: bh_epoll_create())), ("a closed one", Descriptor(owning: -1)),
        ]
        for (name, descriptor) in wrong {
            let code = refusal { () throws(ProtocolError) in
                _ = try PassedDescriptor.regularFile(descriptor, maximum: 1 << 40)
            }
            #expect(code == .badDescriptor, "\(name)")
        }
        #expect(try PassedDescriptor.regularFile(file, maximum: 1) == 1)
    }

    @Test("Nothing but a listening Unix or TCP stream socket passes as a listener")
    func wrongListeners() throws {
        let wrong: [(String, Descriptor)] = [
            ("a connected socket", try Descriptor.socketPair().0),
            ("an unconnected socket", Descriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))),
            ("a datagram socket", Descriptor(owning: socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0))),
            ("a netlink socket", Descriptor(owning: socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), 0))),
            ("a listener of packets", try listeningSocket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue))),
            ("a memfd", try Descriptor.sealed("x", [])), ("a terminal", try newTerminal().master),
            ("a directory", try Descriptor.open("/", O_RDONLY)), ("a closed one", Descriptor(owning: -1)),
        ]
        for (name, descriptor) in wrong {
            let code = refusal { () throws(ProtocolError) in try PassedDescriptor.listener(descriptor) }
            #expect(code == .badDescriptor, "\(name)")
        }
    }

    @Test(
        "Descriptors that no frame announces, or more or fewer than announced, end the connection; none is kept",
        arguments: [
            (#"{"type":"x"}"#, 1), (#"{"fds":0,"type":"x"}"#, 1), (#"{"fds":1,"type":"x"}"#, 2),
            (#"{"fds":1,"type":"x"}"#, 0),
            (#"{"fds":3,"type":"x"}"#, 2), (#"{"fds":9,"type":"x"}"#, 8), (#"{"fds":-1,"type":"x"}"#, 1),
            (#"{"kind":"bundle","size":1,"type":"transfer"}"#, 0),
            (#"{"kind":"bundle","size":1,"type":"transfer"}"#, 2),
            (#"{"listeners":["a","b"],"phase":"p","type":"phase-ready"}"#, 1),
            (#"{"listeners":["1","2","3","4","5","6","7","8","9"],"phase":"p","type":"phase-ready"}"#, 8),
        ])
    func counts(_ text: String, _ count: Int) throws {
        let probes = try (0..<count).map { _ in try LeakProbe() }
        try link.write(wire(text), probes.map(\.raw))
        try expectRefusal(probes)
    }

    @Test("A ninth descriptor ends the connection, and neither it nor the eight before it are kept")
    func tooMany() throws {
        let probes = try (0..<9).map { _ in try LeakProbe() }
        try link.write(0, manyDescriptors: probes.map(\.raw))
        try expectRefusal(probes)
    }

    @Test("Descriptors sent with bytes of a frame that never ends are bounded and freed")
    func hoarding() throws {
        try link.write([0, 0, 1, 0])
        let probes = try (0..<20).map { _ in try LeakProbe() }
        for probe in probes where link.connection.isOpen {
            try link.write([0x20], [probe.raw])
            try loop.runOnce(maximumWait: 0)
        }
        try expectRefusal(probes)
    }

    @Test(
        "Descriptors of frames that nobody took are freed when the connection ends, however it ends",
        arguments: [true, false])
    func freedAtTheEnd(_ byPeer: Bool) throws {
        let probes = try (0..<8).map { _ in try LeakProbe() }
        // Four whole and delivered, four with the beginning of a frame.
        try link.write(wire(#"{"fds":4,"type":"x"}"#), probes[..<4].map(\.raw))
        try link.write([0, 0], probes[4...].map(\.raw))
        try loop.drive { link.frames.count == 1 }
        try loop.runOnce(maximumWait: 5)
        if byPeer {
            link.peer.close()
            try loop.drive { !link.endings.isEmpty }
        } else {
            link.connection.close()
        }
        link.forgetFrames()
        for probe in probes { #expect(probe.isReleased()) }
    }

    private func expectRefusal(_ probes: [LeakProbe]) throws {
        try loop.drive { !link.endings.isEmpty || !link.frames.isEmpty }
        try link.readFrames()
        #expect(link.frames.isEmpty)
        #expect(link.told.map { $0["code"] } == ["bad-descriptor"])
        #expect(link.endings == ["failed bad-descriptor"])
        link.connection.close()
        for probe in probes { #expect(probe.isReleased()) }
    }
}
