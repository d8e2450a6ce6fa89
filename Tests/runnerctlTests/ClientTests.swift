import CLinux
import Glibc
import IPC
import Linux
import Testing

@testable import runnerctl

/// The supervisor's side of a socket. It can answer before it reads: request ids are known.
private struct Script {
    let near: Descriptor
    let far: Descriptor

    init(welcome: Bool = true) throws {
        (near, far) = try Descriptor.socketPair()
        if welcome { try say(Welcome(server: "test", pid: 7)) }
    }

    func say(_ message: some Message, _ descriptors: [Descriptor] = []) throws {
        let frame = try FrameEncoder.frame(try message.payload())
        let raw = descriptors.map(\.raw)
        let target = far.raw
        let sent = try check("send") {
            frame.withUnsafeBytes { bh_send(target, $0.baseAddress, $0.count, raw, Int32(raw.count)) }
        }
        try #require(sent == frame.count)
    }

    func heard() throws -> [JSON] {
        try far.setNonBlocking()
        var decoder = FrameDecoder(limits: .standard)
        while let bytes = try? far.read(1 << 20), !bytes.isEmpty { decoder.append(bytes) }
        var frames: [JSON] = []
        while let frame = try decoder.next() { frames.append(try JSON(parsing: frame)) }
        return frames
    }
}

@Suite struct ClientTests {
    @Test("A call says hello as a control client, and gives the result with its descriptors")
    func call() throws {
        let script = try Script()
        let client = try Client(socket: script.near)
        let file = try Descriptor.sealed("f", [1, 2, 3])
        try script.say(Response(id: 1, result: ["job": "j", "size": 3], fds: 1), [file])
        let reply = try client.call(.result, JobReference(job: "j"))
        #expect(try reply.decode(FileReport.self) == FileReport(job: "j", size: 3))
        #expect(try #require(reply.descriptors.first).readAll(limit: 10) == [1, 2, 3])
        let heard = try script.heard()
        #expect(heard.first?["role"] == "control" && heard.first?["protocol"] == .int(Int64(protocolVersion)))
        #expect(heard.last?["method"] == "result" && heard.last?["params"] == ["job": "j"])
    }

    @Test("An error answer is the failure of that call alone")
    func error() throws {
        let script = try Script()
        let client = try Client(socket: script.near)
        try script.say(Response(id: 1, error: ProtocolError(.notFound, "no job x")))
        expectFailure(2, "no job x") { _ = try client.call(.show, JobReference(job: "x")) }
        try script.say(Response(id: 2, result: ["job": "j", "size": 1]))
        #expect(try client.call(.result, JobReference(job: "j")).result["size"] == 1)
    }

    @Test("A connection that ends, breaks the protocol or speaks another version exits 3")
    func lost() throws {
        let closing = try Script()
        let client = try Client(socket: closing.near)
        closing.far.close()
        expectFailure(3, "connection") { _ = try client.call(.status) }

        let garbage = try Script(welcome: false)
        try garbage.far.writeAll(Array("HTTP/1.1 400\r\n".utf8))
        expectFailure(3, "cannot be read") { _ = try Client(socket: garbage.near) }

        let other = try Script(welcome: false)
        try other.say(Failure(ProtocolError(.wrongVersion, "speak 2")))
        other.far.close()
        expectFailure(3, "speak 2") { _ = try Client(socket: other.near) }

        let strange = try Script()
        let asking = try Client(socket: strange.near)
        try strange.say(Response(id: 9, result: nil))
        expectFailure(3, "never made") { _ = try asking.call(.status) }
    }

    @Test("Items come in order, and credit is given back as they are consumed")
    func subscription() throws {
        let script = try Script()
        let client = try Client(socket: script.near)
        try script.say(Response(id: 1, result: ["job": "j", "last": 6]))
        for number in 1...6 { try script.say(Item(id: 1, seq: Int64(number), count: 1, at: 0, event: [:])) }
        var seen: [Int64] = []
        let reason = try client.subscribe(EventsRequest(job: "j", from: 1, follow: true, credit: 8)) { item in
            seen.append(item.seq)
            if item.seq == 6 { try script.say(End(id: 1, reason: "finished")) }
        }
        #expect(reason == "finished")
        #expect(seen == [1, 2, 3, 4, 5, 6])
        let credits = try script.heard().filter { $0["type"] == "credit" }
        #expect(credits.map { $0["items"]?.intValue } == [4])
    }

    @Test("A supervisor that sends more items than it has credit for is cut off")
    func flood() throws {
        let script = try Script()
        let client = try Client(socket: script.near)
        try script.say(Response(id: 1, result: ["job": "j", "last": 6]))
        for number in 1...9 { try script.say(Item(id: 1, seq: Int64(number), count: 1, at: 0, event: [:])) }
        expectFailure(3, "without credit") {
            _ = try client.subscribe(EventsRequest(job: "j", from: 1, follow: true, credit: 4)) { _ in }
        }
    }

    @Test("The first interrupt cancels the job and says so, the second leaves")
    func interrupts() throws {
        let script = try Script()
        let interrupts = try Interrupts([SIGUSR1])
        let client = try Client(socket: script.near, interrupts: interrupts)
        try script.say(Response(id: 1, result: ["job": "j", "last": 0]))
        let test = TestConsole()
        raise(SIGUSR1)
        try script.say(Item(id: 1, seq: 1, count: 1, at: 0, event: [:]))
        #expect(throws: Interrupted.self) {
            _ = try Follower(client: client, interrupts: interrupts, console: test.console).follow("j") { event in
                // The first was acted on by the time of the second event.
                if event["second"] != nil { raise(SIGUSR1) }
                try? script.say(Item(id: 1, seq: 2, count: 1, at: 0, event: ["second": 1]))
            }
        }
        #expect(test.err.text.contains("cancelling job j; interrupt again to leave"))
        #expect(try script.heard().contains { $0["method"] == "cancel" && $0["params"]?["job"] == "j" })
    }
}
