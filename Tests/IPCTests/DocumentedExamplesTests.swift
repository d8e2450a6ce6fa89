import CLinux
import Glibc
import IPC
import Linux
import Testing

/// Decodes JSON as one type and encodes it again.
private typealias RoundTrip = @Sendable (JSON) throws -> (JSON, value: any Sendable)

private func document<T: Codable & Sendable>(_ type: T.Type) -> RoundTrip {
    return { json in
        let value = try json.decode(T.self)
        return (try JSON(encoding: value), value)
    }
}

private func message<M: Message>(_ type: M.Type) -> (name: String, type: RoundTrip) {
    (
        M.type,
        { json in
            let value = try json.decode(M.self)
            if json["fds"] != nil { #expect(json["fds"] == .int(Int64(value.descriptorCount))) }
            return (try JSON(parsing: try value.payload()), value)
        }
    )
}

/// The types behind the document. What is missing here is found by reading the sources.
private enum Contract {
    static let messages = Dictionary(uniqueKeysWithValues: [
        message(Hello.self), message(Welcome.self), message(Failure.self), message(Request.self),
        message(Response.self),
        message(Item.self), message(End.self), message(Credit.self), message(Unsubscribe.self),
        message(WorkerEvent.self),
        message(LogBatch.self), message(Acknowledge.self), message(PhaseReady.self), message(PhaseOpen.self),
        message(Transfer.self), message(Cancel.self), message(Spawn.self), message(Kill.self),
        message(SpawnerReady.self),
        message(Spawned.self), message(SpawnRefused.self), message(Exited.self),
    ])

    static let documents = ["Order": document(Order.self), "Handover": document(Handover.self)]

    static func params(_ method: ControlMethod) -> RoundTrip? {
        switch method {
        case .submit: document(SubmitRequest.self)
        case .jobs: document(JobsRequest.self)
        case .show, .why, .result, .artifact: document(JobReference.self)
        case .events: document(EventsRequest.self)
        case .cancel: document(CancelRequest.self)
        case .pause: document(PauseRequest.self)
        case .drain: document(DrainRequest.self)
        case .status, .resume, .config, .configCheck, .doctor: nil
        }
    }

    static func result(_ method: ControlMethod) -> RoundTrip {
        switch method {
        case .submit, .show, .cancel: document(JobInfo.self)
        case .status, .pause, .resume, .drain: document(StatusReport.self)
        case .jobs: document(JobsReport.self)
        case .events: document(EventsReport.self)
        case .why: document(WhyReport.self)
        case .config: document(ConfigReport.self)
        case .configCheck: document(ConfigCheckReport.self)
        case .doctor: document(DoctorReport.self)
        case .result, .artifact: document(FileReport.self)
        }
    }

    static func type(_ example: Example) -> RoundTrip? {
        switch example.kind {
        case "example": messages[example.name]
        case "document": documents[example.name]
        case "params": ControlMethod(rawValue: example.name).flatMap { params($0) }
        case "result": ControlMethod(rawValue: example.name).map { result($0) }
        default: nil
        }
    }
}

/// A marked block of JSON.
private struct Example {
    let kind: String
    let name: String
    let line: Int
    var text = ""
    var place: String { "docs/ipc.md:\(line) (\(kind) \(name))" }
}

/// `docs/ipc.md`, and the sources that it describes.
private struct Page {
    let text: String
    let examples: [Example]
    /// Lines of blocks that no mark stands before.
    let unmarked: [Int]

    init() throws {
        text = try Self.source("docs/ipc.md")
        var examples: [Example] = []
        var unmarked: [Int] = []
        var mark: Example?
        var isInside = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if isInside {
                isInside = line != "```"
                if isInside { mark?.text += line + "\n" } else if let done = mark { examples.append(done) }
                if !isInside { mark = nil }
            } else if line == "```json" {
                isInside = true
                if mark == nil { unmarked.append(index + 1) }
            } else if line.hasPrefix("<!-- "), line.hasSuffix(" -->"), line.contains(": ") {
                let words = line.dropFirst(5).dropLast(4).split(separator: ": ", maxSplits: 1)
                mark = Example(kind: String(words[0]), name: String(words[words.count - 1]), line: index + 1)
            } else {
                // A mark belongs to the block right below it.
                if let lost = mark { unmarked.append(lost.line) }
                mark = nil
            }
        }
        self.examples = examples
        self.unmarked = unmarked
    }

    /// The cells of the rows of the table below a mark, without its head.
    func table(_ mark: String) -> [[String]] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let start = lines.firstIndex(of: "<!-- \(mark) -->") else { return [] }
        return lines[(start + 1)...].prefix { $0.hasPrefix("|") }.dropFirst(2).map { row in
            row.split(separator: "|").map { cell in
                String(cell.drop { $0 == " " || $0 == "`" }.reversed().drop { $0 == " " || $0 == "`" }.reversed())
            }
        }
    }

    static func source(_ path: String, file: String = #filePath) throws -> String {
        let root = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        return try #require(readText("\(root)/\(path)"), "\(path) cannot be read")
    }

    /// What stands in quotation marks behind each occurrence of `prefix`.
    static func quoted(after prefix: String, in text: String) -> Set<String> {
        Set(text.ranges(of: prefix + "\"").map { String(text[$0.upperBound...].prefix { $0 != "\"" }) })
    }
}

@Suite("docs/ipc.md")
struct DocumentedExamplesTests {
    private let page: Page

    init() throws { page = try Page() }

    @Test("Every example is its type's: decoded and encoded again it is the same JSON")
    func examples() throws {
        #expect(page.examples.count >= 50)
        for example in page.examples {
            guard let type = Contract.type(example) else { continue }
            #expect(throws: Never.self, "\(example.place)") {
                let json = try JSON(parsing: Array(example.text.utf8))
                if example.kind == "example" { #expect(json["type"] == .string(example.name), "\(example.place)") }
                let again = try type(json).0
                #expect(again == json, "\(example.place)")
            }
        }
    }

    @Test("No example is without a type, and no block without a mark")
    func nothingUnknown() {
        for example in page.examples { #expect(Contract.type(example) != nil, "\(example.place)") }
        #expect(page.unmarked == [], "lines of docs/ipc.md")
    }

    @Test("Every message, method and document has an example")
    func nothingMissing() {
        let names = Dictionary(grouping: page.examples, by: \.kind).mapValues { Set($0.map(\.name)) }
        #expect(names["example"] == Set(Contract.messages.keys))
        #expect(names["document"] == Set(Contract.documents.keys))
        let methods = ControlMethod.allCases
        #expect(names["params"] == Set(methods.filter { Contract.params($0) != nil }.map(\.rawValue)))
        #expect(names["result"] == Set(methods.map(\.rawValue)))
    }

    @Test("No message in the sources is unknown to this test")
    func everyMessageInTheSources() throws {
        var found: Set<String> = []
        for file in ["Control", "Handshake", "Message", "SpawnerMessages", "WorkerMessages", "Order"] {
            let source = try Page.source("Sources/IPC/Messages/\(file).swift")
            found.formUnion(Page.quoted(after: "static let type = ", in: source))
        }
        #expect(found == Set(Contract.messages.keys))
    }

    @Test("Every member of every type is told of")
    func members() throws {
        for example in page.examples {
            guard let type = Contract.type(example) else { continue }
            let value = try type(try JSON(parsing: Array(example.text.utf8))).value
            for name in Self.memberNames(value) {
                let isTold = page.text.contains("`\(name)`")
                #expect(isTold, "the member \(name) of \(example.place)")
            }
        }
    }

    /// The names of the stored properties, through optionals and arrays. A JSON value has a form of its own.
    private static func memberNames(_ value: Any) -> Set<String> {
        if value is JSON || value is String { return [] }
        let mirror = Mirror(reflecting: value)
        var names: Set<String> = []
        if mirror.displayStyle == .struct { names = Set(mirror.children.compactMap(\.label)) }
        guard mirror.displayStyle != .enum, mirror.displayStyle != .dictionary, !(value is any BinaryInteger) else {
            return []
        }
        for child in mirror.children { names.formUnion(memberNames(child.value)) }
        return names.subtracting(["_storage", "_value"])
    }

    @Test("Every error code is told of, and no other")
    func codes() throws {
        let source = try Page.source("Sources/IPC/Messages/Message.swift")
        let codes = page.table("codes").compactMap(\.first)
        #expect(Set(codes) == Page.quoted(after: "Code(rawValue: ", in: source))
        #expect(Set(codes).count == codes.count && codes.contains(ProtocolError.Code.malformed.rawValue))
    }

    @Test("The numbers in the table of limits are those of the code")
    func limits() throws {
        let connection = try Connection(try Descriptor.socketPair().0, loop: try EventLoop(), limits: .hello)
        let expected = [
            "protocol version": protocolVersion, "payload before the welcome": FrameLimits.hello.maximumLength,
            "payload after the welcome": FrameLimits.standard.maximumLength, "depth": JSONLimits.frame.maximumDepth,
            "values": JSONLimits.frame.maximumValues, "key": JSONLimits.frame.maximumKeyLength,
            "descriptors of a frame": Int(BH_MAX_FDS), "bytes that wait for a peer": connection.maximumQueued,
        ]
        let rows = page.table("limits")
        #expect(rows.count == expected.count)
        for row in rows { #expect(row.count >= 2 && expected[row[0]].map(String.init) == row[1], "\(row)") }
        #expect(FrameLimits.standard.maximumLength == JSONLimits.frame.maximumLength)
    }

    @Test("The bytes of the frame in the text are those of the encoder")
    func frameBytes() throws {
        let frame = try FrameEncoder.frame(try Unsubscribe(id: 7).payload())
        #expect(Array(frame.prefix(4)) == [0, 0, 0, 0x1D])
        #expect(String(decoding: frame.dropFirst(4), as: UTF8.self) == #"{"id":7,"type":"unsubscribe"}"#)
        let sentence = #"`{"id":7,"type":"unsubscribe"}` has 29 bytes, so its frame begins with `00 00 00 1d`"#
        let isTold = page.text.replacing("\n", with: " ").contains(sentence)
        #expect(isTold)
    }
}
