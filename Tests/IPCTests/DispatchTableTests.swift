import CLinux
import Glibc
import IPC
import Linux
import Testing

private enum Stage: Hashable { case greeting, serving }

/// A connection of the supervisor's kind: hello once, then requests; whatever is wrong ends it.
private final class Session {
    let link: TestLink
    private var stage = Stage.greeting
    private var table = DispatchTable<Stage>([Hello.type: .once(.greeting, .serving), Request.type: .in(.serving)])

    init(_ loop: EventLoop) throws {
        link = try TestLink(loop, limits: .hello)
        link.onFrame = { [weak self] frame throws(ProtocolError) in try self?.handle(frame) }
    }

    private func handle(_ frame: Frame) throws(ProtocolError) {
        try table.admit(frame.type, in: stage)
        guard frame.type == Hello.type else {
            let id = try frame.decode(Request.self).id
            return try link.connection.send(Response(id: id, result: .bool(true)))
        }
        guard try frame.decode(Hello.self).protocol == protocolVersion else {
            throw ProtocolError(.wrongVersion, "this supervisor speaks protocol \(protocolVersion)")
        }
        link.connection.limit = FrameLimits.standard.maximumLength
        stage = .serving
        try link.connection.send(Welcome(server: "test", pid: 1))
    }
}

/// One thing that a peer may not do.
struct BadInput: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: String
    let bytes: [UInt8]
    /// The peer then closes its sending side.
    var ends = false

    init(_ name: String, _ code: String, _ bytes: [UInt8], ends: Bool = false) {
        testDescription = name
        self.code = code
        self.bytes = bytes
        self.ends = ends
    }

    init(_ name: String, _ code: String, text: String) {
        self.init(name, code, BadInput.framed(Array(text.utf8)))
    }

    private static func framed(_ payload: [UInt8]) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: payload.count >> $0) } + payload
    }

    static let anywhere = [
        BadInput("length 0", "bad-frame", [0, 0, 0, 0]),
        BadInput("the largest length there is", "bad-frame", [0xFF, 0xFF, 0xFF, 0xFF]),
        BadInput("the end inside a length", "bad-frame", [0, 0], ends: true),
        BadInput("the end inside a payload", "bad-frame", [0, 0, 0, 9, 0x7B], ends: true),
        BadInput("not UTF-8", "malformed", framed(Array(#"{"type":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8))),
        BadInput("UTF-16", "malformed", framed([0xFF, 0xFE, 0x7B, 0, 0x7D, 0])),
        BadInput("a byte-order mark", "malformed", text: "\u{FEFF}{\"type\":\"hello\"}"),
        BadInput("a key twice", "malformed", text: #"{"type":"hello","type":"hello"}"#),
        BadInput("a key twice, one of them escaped", "malformed", text: #"{"type":"hello","typ\u0065":"hello"}"#),
        BadInput("no type", "malformed", text: #"{"id":1}"#),
        BadInput("a type that is no string", "malformed", text: #"{"type":1}"#),
        BadInput("an array", "malformed", text: #"["type","hello"]"#),
        BadInput("two values", "malformed", text: #"{"type":"hello"}{"type":"hello"}"#),
        BadInput(
            "17 levels", "malformed",
            text: "{\"type\":" + String(repeating: "[", count: 16) + String(repeating: "]", count: 16) + "}"),
        BadInput("an integer over 64 bits", "malformed", text: #"{"n":9223372036854775808,"type":"hello"}"#),
        BadInput("a comment", "malformed", text: #"{"type":"hello"/**/}"#),
        BadInput("an unknown type", "unexpected", text: #"{"type":"surprise"}"#),
        BadInput("a message of another channel", "unexpected", text: #"{"slot":0,"type":"kill"}"#),
        BadInput("a number of descriptors that is no integer", "malformed", text: #"{"fds":"1","type":"hello"}"#),
    ]
    static let greeting = [
        BadInput("4097 bytes before the welcome", "bad-frame", [0, 0, 0x10, 1]),
        BadInput("a request before the hello", "unexpected", text: #"{"id":1,"method":"status","type":"request"}"#),
        BadInput(
            "a wrong version", "wrong-version", text: #"{"client":"x","protocol":99,"role":"control","type":"hello"}"#),
        BadInput("a hello without version", "malformed", text: #"{"client":"x","role":"control","type":"hello"}"#),
        BadInput("an unknown role", "malformed", text: #"{"client":"x","protocol":1,"role":"root","type":"hello"}"#),
    ]
    static let serving = [
        BadInput("1 MiB and a byte", "bad-frame", [0, 0x10, 0, 1]),
        BadInput("a second hello", "unexpected", text: hello),
        BadInput("a request without id", "malformed", text: #"{"method":"status","type":"request"}"#),
        BadInput("an id with a fraction", "malformed", text: #"{"id":1.0,"method":"status","type":"request"}"#),
    ]
    static let hello = #"{"client":"test","protocol":1,"role":"control","type":"hello"}"#
}

@Suite("Dispatch and bad input")
struct DispatchTableTests {
    private let loop: EventLoop

    init() throws { loop = try EventLoop() }

    @Test(
        "Before the welcome, bad input gets an error with its code and the end, and a neighbour goes on",
        arguments: BadInput.anywhere + BadInput.greeting)
    func beforeWelcome(_ bad: BadInput) throws {
        try expectCutOff(bad, greeted: false)
    }

    @Test(
        "After the welcome, bad input gets an error with its code and the end, and a neighbour goes on",
        arguments: BadInput.anywhere + BadInput.serving)
    func afterWelcome(_ bad: BadInput) throws {
        try expectCutOff(bad, greeted: true)
    }

    private func expectCutOff(_ bad: BadInput, greeted: Bool) throws {
        let (victim, neighbour) = (try Session(loop), try Session(loop))
        try greet(neighbour.link)
        if greeted { try greet(victim.link) }
        let link = victim.link
        // What follows the mistake must not be looked at.
        try link.write(bad.bytes + (bad.ends ? [] : wire(#"{"id":9,"method":"status","type":"request"}"#)))
        if bad.ends { shutdown(link.peer.raw, Int32(SHUT_WR)) }
        try loop.drive {
            try link.readFrames(); return link.sawEnd
        }
        #expect(link.told.dropFirst(greeted ? 1 : 0).map { $0["type"] } == ["error"])
        let failure = try #require(link.told.last).decode(Failure.self)
        #expect(failure.code == bad.code)
        #expect(!failure.message.isEmpty)
        #expect(link.endings == ["failed \(bad.code)"])
        #expect(loop.watchedCount == 1)
        try neighbour.link.write(wire(#"{"id":1,"method":"status","type":"request"}"#))
        try loop.drive { try neighbour.link.readFrames().count == 2 }
        #expect(neighbour.link.told.last?["type"] == "response")
        #expect(neighbour.link.connection.isOpen)
    }

    private func greet(_ link: TestLink) throws {
        try link.write(wire(BadInput.hello))
        try loop.drive { try link.readFrames().count == 1 }
        #expect(link.told.last?["type"] == "welcome")
    }

    @Test("A hello of exactly 4096 bytes is taken, and 4097 bytes once it is accepted")
    func limitsAreInclusive() throws {
        let session = try Session(loop)
        func padded(_ text: String, to count: Int) -> String {
            text + String(repeating: " ", count: count - text.utf8.count)
        }
        let request = #"{"id":1,"method":"status","type":"request"}"#
        // In one write: the raised limit holds from the very next frame on.
        try session.link.write(try wire(padded(BadInput.hello, to: 4096)) + wire(padded(request, to: 4097)))
        try loop.drive { try session.link.readFrames().count == 2 }
        #expect(session.link.told.map { $0["type"] } == ["welcome", "response"])
    }

    @Test(
        "An error stays short and printable however long and strange the peer's text is",
        arguments: ["long", "a terminal's escape", "one character of many bytes"], ["", #""fds":9,"#, #""fds":"x","#])
    func errorsAreBounded(_ kind: String, _ member: String) throws {
        let session = try Session(loop)
        try greet(session.link)
        let types = [
            "long": String(repeating: "x", count: 1 << 19), "a terminal's escape": "\u{1B}]0;title\u{7}",
            "one character of many bytes": "e" + String(repeating: "\u{301}", count: 100_000),
        ]
        let name = String(decoding: JSON.string(try #require(types[kind])).bytes(), as: UTF8.self)
        let frame = try wire("{\(member)\"type\":\(name)}")
        try session.link.writeAll(frame, loop)
        try loop.drive {
            try session.link.readFrames(); return session.link.sawEnd
        }
        #expect(session.link.told.count == 2)
        let failure = try #require(session.link.told.last).decode(Failure.self)
        let length = failure.message.utf8.count
        #expect(length <= 1024)
        let isPrintable = failure.message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        #expect(isPrintable)
    }

    @Test("A table passes a message in its states only, and names what is wrong otherwise")
    func states() throws {
        var table = DispatchTable<Stage>(["a": .in(.serving), "b": .in(.greeting, .serving)])
        #expect(table.types == ["a", "b"])
        for _ in 0..<3 {
            try table.admit("b", in: .greeting)
            try table.admit("a", in: .serving)
            try table.admit("b", in: .serving)
        }
        #expect(refusal { () throws(ProtocolError) in try table.admit("a", in: .greeting) } == .unexpected)
        #expect(refusal { () throws(ProtocolError) in try table.admit("c", in: .serving) } == .unexpected)
        #expect(refusal { () throws(ProtocolError) in try table.admit("", in: .serving) } == .unexpected)
    }

    @Test("A once-only message passes once, and one refused for its state does not count")
    func onceOnly() throws {
        var table = DispatchTable<Stage>(["a": .once(.serving), "b": .once(.serving)])
        #expect(refusal { () throws(ProtocolError) in try table.admit("a", in: .greeting) } == .unexpected)
        try table.admit("a", in: .serving)
        #expect(refusal { () throws(ProtocolError) in try table.admit("a", in: .serving) } == .unexpected)
        try table.admit("b", in: .serving)
    }

    @Test("A copy of a table has a memory of its own")
    func copies() throws {
        let fresh = DispatchTable<Stage>(["a": .once(.serving)])
        var (first, second) = (fresh, fresh)
        try first.admit("a", in: .serving)
        try second.admit("a", in: .serving)
    }
}

/// The code of the error that `body` throws, or nil.
func refusal(_ body: () throws(ProtocolError) -> Void) -> ProtocolError.Code? {
    do {
        try body()
        return nil
    } catch {
        return error.code
    }
}
