import Foundation
import Glibc
import Testing

/// Bytes on the control socket, and how they must be answered.
struct BadBytes: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// The code of the error frame; nil where the peer is cut off without one.
    let code: String?
    var endsSending = false

    var testDescription: String { name }

    private static let hello = RawPeer.frame(#"{"type":"hello","protocol":1,"role":"control","client":"test"}"#)

    private static func afterHello(_ name: String, _ bytes: [UInt8], _ code: String) -> BadBytes {
        BadBytes(name: name, bytes: hello + bytes, code: code)
    }

    static let all = [
        BadBytes(name: "raw bytes", bytes: [UInt8](repeating: 0xff, count: 100), code: "bad-frame"),
        BadBytes(
            name: "an HTTP request", bytes: Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8), code: "bad-frame"),
        BadBytes(name: "a frame of no length", bytes: RawPeer.length(0), code: "bad-frame"),
        BadBytes(name: "a hello over its limit", bytes: RawPeer.length(4097), code: "bad-frame"),
        BadBytes(name: "half a length", bytes: [0, 0], code: nil, endsSending: true),
        BadBytes(name: "half a frame", bytes: RawPeer.length(100) + [0x7b], code: nil, endsSending: true),
        BadBytes(name: "nothing", bytes: [], code: nil, endsSending: true),
        BadBytes(name: "no JSON", bytes: RawPeer.frame("hello"), code: "malformed"),
        BadBytes(name: "no object", bytes: RawPeer.frame("[1]"), code: "malformed"),
        BadBytes(name: "no type", bytes: RawPeer.frame("{}"), code: "malformed"),
        BadBytes(
            name: "bytes that are not UTF-8",
            bytes: RawPeer.frame(Array("{\"type\":\"".utf8) + [0xff] + Array("\"}".utf8)), code: "malformed"),
        BadBytes(
            name: "a key twice",
            bytes: RawPeer.frame(#"{"type":"hello","protocol":1,"role":"control","role":"worker","client":"x"}"#),
            code: "malformed"),
        BadBytes(
            name: "arrays inside each other",
            bytes: RawPeer.frame(
                "{\"type\":\"hello\",\"x\":" + String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)
                    + "}"),
            code: "malformed"),
        BadBytes(
            name: "a hello without a version", bytes: RawPeer.frame(#"{"type":"hello","role":"control","client":"x"}"#),
            code: "malformed"),
        BadBytes(
            name: "another version",
            bytes: RawPeer.frame(#"{"type":"hello","protocol":2,"role":"control","client":"x"}"#), code: "wrong-version"
        ),
        BadBytes(
            name: "a worker",
            bytes: RawPeer.frame(#"{"type":"hello","protocol":1,"role":"worker","client":"x","job":"x","secret":"x"}"#),
            code: "not-permitted"),
        BadBytes(
            name: "an unknown role", bytes: RawPeer.frame(#"{"type":"hello","protocol":1,"role":"root","client":"x"}"#),
            code: "malformed"),
        BadBytes(
            name: "a request before the hello", bytes: RawPeer.frame(#"{"type":"request","id":1,"method":"status"}"#),
            code: "unexpected"),
        afterHello("a second hello", hello, "unexpected"),
        afterHello(
            "a worker's frame", RawPeer.frame(#"{"type":"phase-ready","phase":"agent","listeners":[]}"#), "unexpected"),
        afterHello("an unknown frame", RawPeer.frame(#"{"type":"nonsense"}"#), "unexpected"),
        afterHello("a frame over the limit", RawPeer.length((1 << 20) + 1), "bad-frame"),
        afterHello(
            "a descriptor that is announced and does not come",
            RawPeer.frame(#"{"type":"request","id":1,"method":"submit","fds":1}"#), "bad-descriptor"),
    ]
}

/// Garbage on the socket harms who sends it and nobody else.
@Suite("Bad frames", .serialized)
struct BadFrameTests {
    @Test("Garbage is answered with an error or cut off, while a job runs on undisturbed", arguments: Tier.all)
    func garbage(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let job = try host.start(
            [
                "run", "--json", "--repo", repository.path, "--", "sh", "-c",
                "echo started; sleep 3; echo finished; echo x > new",
            ])
        try #require(job.wait { job.errorsSoFar.contains("started") }, "\(job.errorsSoFar)")
        let before = descriptors(of: host)
        for bad in BadBytes.all { try expectAnswer(host, bad) }
        #expect(try host.runnerctl(["status"]).code == 0)
        let result = try JobResult(job.finish(30))
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.branch != nil)
        #expect(try host.printed(result.id) == "started\nfinished\n")
        #expect(eventually { descriptors(of: host) <= before }, "no descriptor stays behind")
    }

    private func expectAnswer(_ host: TestHost, _ bad: BadBytes) throws {
        let peer = try RawPeer(host.socket)
        peer.send(bad.bytes)
        if bad.endsSending { peer.endSending() }
        let received = try #require(peer.readToEnd(), "\(bad.name): the connection stays open")
        let last = RawPeer.objects(received).last
        if let code = bad.code {
            #expect(last?["type"] as? String == "error", "\(bad.name): \(String(describing: last))")
            #expect(last?["code"] as? String == code, "\(bad.name): \(String(describing: last))")
            #expect((last?["message"] as? String ?? "").isEmpty == false, "\(bad.name)")
        } else {
            #expect(last?["type"] as? String != "welcome", "\(bad.name)")
        }
    }

    private func descriptors(of host: TestHost) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(host.pid)/fd").count) ?? 0
    }

    @Test("A peer that says nothing is told so and cut off within seconds", arguments: Tier.all)
    func silent(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let peers = try (0..<20).map { _ in try RawPeer(host.socket) }
        peers.first?.send([0, 0])
        #expect(try host.runnerctl(["status"]).code == 0)
        for peer in peers {
            let received = try #require(peer.readToEnd(15))
            #expect(RawPeer.objects(received).last?["code"] as? String == "stalled")
        }
    }

    @Test("Connections over the limit are told so, and the others are served again", arguments: Tier.all)
    func crowd(_ tier: Tier) throws {
        let host = try TestHost(tier)
        var peers = try (0..<256).map { _ in try RawPeer(host.socket) }
        let surplus = try RawPeer(host.socket)
        let received = try #require(surplus.readToEnd())
        #expect(RawPeer.objects(received).last?["code"] as? String == "overloaded")
        peers.removeAll()
        let served = try eventually { try host.runnerctl(["status"]).code == 0 }
        #expect(served)
    }

    @Test("A worker's socket serves nobody who does not know a job's secret", arguments: Tier.all)
    func workerSocket(_ tier: Tier) throws {
        let host = try TestHost(tier)
        for role in ["control", "worker"] {
            let peer = try RawPeer(host.socket + ".worker/supervisor.sock")
            peer.send(
                RawPeer.frame(#"{"type":"hello","protocol":1,"role":"\#(role)","client":"x","job":"x","secret":"x"}"#))
            let received = try #require(peer.readToEnd())
            #expect(RawPeer.objects(received).last?["code"] as? String == "not-permitted", "\(role)")
        }
    }
}
