import CLinux
import Glibc
import IPC
import Linux
import Testing

@Suite("Connection")
struct ConnectionTests {
    let loop: EventLoop

    init() throws { loop = try EventLoop() }

    @Test("However the stream is cut into three pieces, the same frames come in the same order")
    func everyCut() throws {
        let texts = [#"{"type":"a"}"#, #"{"n":1,"type":"b"}"#, #"{"text":"\#u{1F680}","type":"c"}"#]
        let stream = try texts.flatMap { try wire($0) }
        for first in 0...stream.count {
            for second in first...stream.count {
                let link = try TestLink(loop)
                try link.write(stream[..<first])
                try loop.runOnce(maximumWait: 0)
                try link.write(stream[first..<second])
                try loop.runOnce(maximumWait: 0)
                try link.write(stream[second...])
                try loop.drive { link.frames.count == texts.count }
                #expect(link.frames.map(\.bytes) == texts.map { Array($0.utf8) })
                link.connection.close()
            }
        }
    }

    @Test("A stream that comes byte by byte gives the same frames")
    func byteByByte() throws {
        let link = try TestLink(loop)
        for byte in try wire(#"{"type":"a"}"#) + wire(#"{"type":"b"}"#) {
            try link.write([byte])
            try loop.runOnce(maximumWait: 0)
        }
        #expect(link.frames.map(\.type) == ["a", "b"])
    }

    @Test("A frame of exactly 1 MiB passes in both directions between two connections")
    func largestFrame() throws {
        let payload = Array(#"{"type":"x"}"#.utf8) + [UInt8](repeating: 0x20, count: (1 << 20) - 12)
        let (ours, theirs) = try Descriptor.socketPair()
        let ends = [
            try Connection(ours, loop: loop, limits: .standard), try Connection(theirs, loop: loop, limits: .standard),
        ]
        var received: [[UInt8]] = []
        for end in ends { end.onFrame = { frame in received.append(frame.bytes) } }
        for end in ends { try end.send(payload: payload) }
        try loop.drive { received.count == 2 }
        #expect(received == [payload, payload])
    }

    @Test("A message over 1 MiB is its sender's error, and nothing of it is sent")
    func oversizedSend() throws {
        let link = try TestLink(loop)
        let text = String(repeating: "x", count: 1 << 20)
        #expect(throws: ProtocolError.self) {
            try link.connection.send(Cancel(reason: text, interrupt: 1, terminate: 1))
        }
        try link.connection.send(Acknowledge(through: 1))
        try loop.drive { try link.readFrames().count == 1 }
        #expect(link.told.map { $0["type"] } == ["ack"])
    }

    @Test("The peer is known by what the kernel says of it")
    func peerCredentials() throws {
        let peer = try TestLink(loop).connection.peer()
        #expect(peer.pid == getpid() && peer.uid == getuid() && peer.gid == getgid())
    }

    @Test("A peer that does not read is cut off over maximumQueued, what waited for it is freed, its neighbour goes on")
    func slowPeer() throws {
        let (slow, neighbour) = (try TestLink(loop), try TestLink(loop))
        slow.connection.maximumQueued = 1 << 20
        let probe = try LeakProbe()
        let payload = Array(#"{"type":"x"}"#.utf8) + [UInt8](repeating: 0x20, count: 64 << 10)
        while slow.connection.queuedBytes == 0 { try slow.connection.send(payload: payload) }
        try slow.connection.send(Transfer(kind: .bundle, size: 1), descriptors: [try probe.takeWriteEnd()])
        var sent = 0
        while slow.connection.isOpen, sent < 100 {
            #expect(slow.connection.queuedBytes <= 1 << 20)
            try slow.connection.send(payload: payload)
            try loop.runOnce(maximumWait: 0)
            sent += 1
        }
        #expect(slow.endings == ["failed stalled"])
        #expect(slow.connection.queuedBytes == 0)
        #expect(probe.isReleased())
        #expect(loop.watchedCount == 1)
        try neighbour.write(wire(#"{"type":"still"}"#))
        try loop.drive { neighbour.frames.count == 1 }
        #expect(neighbour.endings.isEmpty)
    }

    @Test("A peer that reads, however little at a time, is not cut off by the total")
    func readingPeer() throws {
        let link = try TestLink(loop)
        link.connection.maximumQueued = 1 << 20
        let payload = Array(#"{"type":"x"}"#.utf8) + [UInt8](repeating: 0x20, count: 64 << 10)
        for _ in 0..<80 {
            try link.connection.send(payload: payload)
            try loop.drive {
                try link.readFrames(); return link.connection.queuedBytes <= 512 << 10
            }
        }
        try loop.drive { try link.readFrames().count == 80 }
        #expect(link.connection.isOpen)
    }

    @Test("While reading is off nothing is read, so the peer's own sends stop; switched on, all of it comes")
    func backPressure() throws {
        let link = try TestLink(loop)
        link.connection.setReading(false)
        var sent = 0
        while try link.tryWrite(wire(#"{"n":\#(100_000 + sent),"type":"a"}"#)) { sent += 1 }
        for _ in 0..<20 { try loop.runOnce(maximumWait: 0) }
        #expect(link.frames.isEmpty && sent > 0)
        #expect(try !link.tryWrite(wire(#"{"type":"late"}"#)))
        link.connection.setReading(true)
        try loop.drive { link.frames.count == sent }
        #expect(link.frames.map { $0.json["n"] } == (0..<sent).map { .int(Int64(100_000 + $0)) })
        #expect(link.connection.isOpen)
    }

    @Test("Reading switched off inside a handler holds back frames that were already read")
    func pauseInsideHandler() throws {
        let link = try TestLink(loop)
        link.onFrame = { [link = link.connection] _ in link.setReading(false) }
        try link.write(try ["a", "b", "c"].flatMap { try wire(#"{"type":"\#($0)"}"#) })
        for count in 1...3 {
            try loop.drive { link.frames.count == count }
            for _ in 0..<5 { try loop.runOnce(maximumWait: 0) }
            #expect(link.frames.count == count)
            link.connection.setReading(true)
        }
        #expect(link.frames.map(\.type) == ["a", "b", "c"])
    }

    @Test("A handler that switches reading off and on is not entered again before it has returned")
    func noNestedDelivery() throws {
        let link = try TestLink(loop)
        var depth = 0
        var deepest = 0
        link.onFrame = { [link = link.connection] _ in
            depth += 1
            deepest = max(deepest, depth)
            link.setReading(false)
            link.setReading(true)
            depth -= 1
        }
        try link.write(try (0..<50).flatMap { _ in try wire(#"{"type":"a"}"#) })
        try loop.drive { link.frames.count == 50 }
        #expect(deepest == 1)
    }

    @Test("A hangup while reading is off is noticed, after what the peer had sent", arguments: [0, 2])
    func hangupWhilePaused(_ count: Int) throws {
        let link = try TestLink(loop)
        link.connection.setReading(false)
        for _ in 0..<count { try link.write(wire(#"{"type":"a"}"#)) }
        link.peer.close()
        try loop.drive { !link.endings.isEmpty }
        #expect(link.frames.count == count)
        #expect(link.endings == ["closed"])
        #expect(loop.watchedCount == 0)
    }

    @Test("closeAfterSending delivers all that was queued, then closes, and delivers no frame any more")
    func closeAfterSending() throws {
        let link = try TestLink(loop)
        let payload = Array(#"{"type":"x"}"#.utf8) + [UInt8](repeating: 0x20, count: 500 << 10)
        for _ in 0..<6 { try link.connection.send(payload: payload) }
        link.connection.closeAfterSending()
        #expect(link.connection.isOpen)
        try link.write(wire(#"{"type":"late"}"#))
        try link.connection.send(Acknowledge(through: 1))
        try loop.drive {
            try link.readFrames(); return link.sawEnd
        }
        #expect(link.told.map { $0["type"] } == [JSON](repeating: "x", count: 6))
        #expect(!link.connection.isOpen && link.frames.isEmpty && link.endings.isEmpty)
        #expect(loop.watchedCount == 0)
    }

    @Test("closeAfterSending closes at once where nothing waits, and where the peer is gone")
    func closeAfterSendingAtOnce() throws {
        let idle = try TestLink(loop)
        idle.connection.closeAfterSending()
        #expect(!idle.connection.isOpen)
        let gone = try TestLink(loop)
        while gone.connection.queuedBytes == 0 { try gone.connection.send(Acknowledge(through: 1)) }
        gone.connection.closeAfterSending()
        gone.peer.close()
        try loop.drive { !gone.connection.isOpen }
        #expect(loop.watchedCount == 0)
    }

    @Test("A handler that closes gets no further frame and no end")
    func closeInsideHandler() throws {
        let link = try TestLink(loop)
        link.onFrame = { [link = link.connection] _ in link.close() }
        try link.write(try wire(#"{"type":"a"}"#) + wire(#"{"type":"b"}"#))
        try loop.drive {
            try link.readFrames(); return link.sawEnd
        }
        #expect(link.frames.count == 1 && link.endings.isEmpty)
    }

    @Test("What the peer said before it went is read, though a send to it has failed")
    func lastWords() throws {
        let link = try TestLink(loop)
        try link.write(wire(#"{"type":"last"}"#))
        link.peer.close()
        try link.connection.send(Acknowledge(through: 1))
        try loop.drive { !link.endings.isEmpty }
        #expect(link.frames.map(\.type) == ["last"])
        #expect(link.endings == ["closed"])
    }

    @Test("onDrained is not called for frames that were thrown away because the peer is gone")
    func drainedOnlyWhenSent() throws {
        let link = try TestLink(loop)
        while link.connection.queuedBytes == 0 { try link.connection.send(Acknowledge(through: 1)) }
        var calls = 0
        link.connection.onDrained = { calls += 1 }
        link.peer.close()
        try loop.drive { !link.endings.isEmpty }
        #expect(calls == 0)
    }

    @Test("Who produces as long as the connection is open and little waits stops when the peer is gone")
    func producerStops() throws {
        let link = try TestLink(loop)
        link.peer.close()
        var sent = 0
        while link.connection.isOpen, link.connection.queuedBytes < 1 << 20, sent < 10_000 {
            try link.connection.send(Acknowledge(through: 1))
            sent += 1
        }
        #expect(sent < 10_000)
        try loop.drive { !link.endings.isEmpty }
    }

    @Test("onDrained is called once all that waited was sent")
    func drained() throws {
        let link = try TestLink(loop)
        var calls = 0
        link.connection.onDrained = { calls += 1 }
        while link.connection.queuedBytes == 0 { try link.connection.send(Acknowledge(through: 1)) }
        try loop.drive {
            try link.readFrames(); return calls > 0
        }
        #expect(link.connection.queuedBytes == 0 && calls == 1)
    }

    @Test("Letting go of a connection closes its socket and ends its watch")
    func released() throws {
        let (ours, theirs) = try Descriptor.socketPair()
        do {
            let connection = try Connection(ours, loop: loop, limits: .standard)
            #expect(connection.isOpen && loop.watchedCount == 1)
        }
        #expect(loop.watchedCount == 0 && ours.raw == -1)
        #expect(try theirs.read(1).isEmpty)
    }
}
