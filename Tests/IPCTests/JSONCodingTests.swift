import IPC
import Testing

private enum Kind: String, Codable { case run, stop }

private struct Params: Codable, Equatable {
    var job: String
    var kind: Kind
    var count: Int
    var small: UInt8
    var ratio: Double
    var flag: Bool
    var note: String?
    var lines: [Line]
    var labels: [String: Int]
    var extra: JSON?
}

private struct Line: Codable, Equatable {
    var text: String
    var at: Int64?
}

private struct Request: Codable, Equatable {
    var id: UInt32
    var params: Params
}

private let request = Request(
    id: 7,
    params: Params(
        job: "j1", kind: .run, count: -3, small: 255, ratio: 0.5, flag: true, note: nil,
        lines: [Line(text: "a", at: 5), Line(text: "b", at: nil)], labels: ["x": 1], extra: ["deep": [1, nil]]))

private let requestJSON: JSON = [
    "id": 7,
    "params": [
        "job": "j1", "kind": "run", "count": -3, "small": 255, "ratio": 0.5, "flag": true,
        "lines": [["text": "a", "at": 5], ["text": "b"]], "labels": ["x": 1], "extra": ["deep": [1, nil]],
    ],
]

/// The example with one member of `params` replaced, or removed by nil.
private func changed(_ key: String, _ value: JSON?) -> JSON {
    var members = requestJSON["params"]?.objectValue ?? [:]
    members[key] = value
    return ["id": 7, "params": .object(members)]
}

private func failure<T: Decodable>(_ json: JSON, as type: T.Type = Request.self) -> JSONDecodingError? {
    do {
        _ = try json.decode(type)
        return nil
    } catch {
        return error as? JSONDecodingError
    }
}

@Suite("JSON coding")
struct JSONCodingTests {
    @Test("A message is encoded with its keys, and nil optionals are omitted")
    func encoding() throws {
        #expect(try JSON(encoding: request) == requestJSON)
    }

    @Test("A message comes back equal through bytes")
    func roundTrip() throws {
        #expect(try JSON(parsing: JSON(encoding: request).bytes()).decode(Request.self) == request)
    }

    @Test("An optional may be null as well as absent, and unknown keys are ignored")
    func optionals() throws {
        #expect(try changed("note", .null).decode(Request.self) == request)
        #expect(try changed("note", "n").decode(Request.self).params.note == "n")
        #expect(try changed("unknown", 1).decode(Request.self) == request)
    }

    @Test(
        "What does not fit is refused with its place",
        arguments: [
            ("job", nil, "params.job: the key is missing"),
            ("job", .null, "params.job: expected a string, found null"),
            ("job", 1, "params.job: expected a string, found an integer"),
            ("count", "1", "params.count: expected an integer, found a string"),
            ("count", 1.0, "params.count: expected an integer, found a number with a fraction or exponent"),
            ("count", true, "params.count: expected an integer, found a truth value"),
            ("small", 256, "params.small: the integer is outside the range of UInt8"),
            ("small", -1, "params.small: the integer is outside the range of UInt8"),
            ("ratio", "x", "params.ratio: expected a number, found a string"),
            ("ratio", 9_007_199_254_740_993, "params.ratio: Double cannot hold the number"),
            ("flag", 1, "params.flag: expected a truth value, found an integer"),
            ("note", 5, "params.note: expected a string, found an integer"),
            ("lines", [:], "params.lines: expected an array, found an object"),
            ("lines", [["text": "a"], ["text": 2]], "params.lines[1].text: expected a string, found an integer"),
            ("lines", [1], "params.lines[0]: expected an object, found an integer"),
            ("lines", [["at": 1]], "params.lines[0].text: the key is missing"),
            ("labels", ["a": "b"], "params.labels.a: expected an integer, found a string"),
            ("labels", [], "params.labels: expected an object, found an array"),
        ] as [(String, JSON?, String)])
    func refusals(_ key: String, _ value: JSON?, _ expected: String) {
        #expect(failure(changed(key, value))?.description == expected)
    }

    @Test("An unknown name of an enumeration is refused with its place")
    func enumeration() throws {
        let error = try #require(failure(changed("kind", "fly")))
        #expect(error.path == "params.kind")
    }

    @Test("The whole value has no path")
    func topLevel() {
        #expect(failure([1])?.description == "the message: expected an object, found an array")
        #expect(failure(1, as: String.self)?.path == "")
    }

    @Test("A peer's text reaches an error only as short printable ASCII")
    func hostileText() throws {
        let key = "\u{1B}[2J\u{202E}" + String(repeating: "k", count: 200)
        let labels = try #require(failure(changed("labels", [key: "x"])))
        let kind = try #require(failure(changed("kind", .string(key + key))))
        for text in [labels.description, kind.description] {
            #expect(text.utf8.allSatisfy { (0x20...0x7E).contains($0) })
            #expect(text.utf8.count < 300)
        }
    }

    @Test("Every integer type keeps its bounds and refuses what is beyond")
    func integerBounds() throws {
        func check<Integer: FixedWidthInteger & Codable>(_ type: Integer.Type) throws {
            for value in [Integer.min, Integer.max] where Int64(exactly: value) != nil {
                #expect(try JSON(encoding: value).decode(type) == value)
            }
            if let above = Int64(exactly: Integer.max), above < .max {
                #expect(failure(.int(above + 1), as: type) != nil)
            }
            if let below = Int64(exactly: Integer.min), below > .min {
                #expect(failure(.int(below - 1), as: type) != nil)
            }
        }
        try check(Int8.self)
        try check(Int16.self)
        try check(Int32.self)
        try check(Int64.self)
        try check(Int.self)
        try check(UInt8.self)
        try check(UInt16.self)
        try check(UInt32.self)
        try check(UInt64.self)
        try check(UInt.self)
        try check(Int128.self)
        try check(UInt128.self)
    }

    @Test("An integer over 64 bits and a number that is not finite are not encoded")
    func unencodable() {
        #expect(throws: EncodingError.self) { try JSON(encoding: UInt64.max) }
        #expect(throws: EncodingError.self) { try JSON(encoding: ["a": UInt64.max]) }
        #expect(throws: EncodingError.self) { try JSON(encoding: [Double.nan]) }
        #expect(throws: EncodingError.self) { try JSON(encoding: Float.infinity) }
        #expect(throws: EncodingError.self) { try JSON(encoding: -Double.infinity) }
    }

    @Test("Double and Float accept an integer that they hold exactly, and no other")
    func floats() throws {
        #expect(try JSON.int(3).decode(Double.self) == 3)
        #expect(try JSON.int(0).decode(Float.self) == 0)
        #expect(try JSON.int(.min).decode(Double.self) == -0x1p63)
        #expect(try JSON.int(1 << 60).decode(Float.self) == 0x1p60)
        #expect(try JSON.double(0.1).decode(Float.self) == 0.1)
        #expect(failure(.int(16_777_217), as: Float.self) != nil)
        #expect(failure(.int(.max), as: Double.self) != nil)
        #expect(failure(.double(1e300), as: Float.self) != nil)
        #expect(try JSON(encoding: Float(0.5)) == 0.5)
    }

    @Test("Plain values, arrays with nil, nested arrays and dictionaries have their JSON form")
    func shapes() throws {
        #expect(try JSON(encoding: "s") == "s")
        #expect(try JSON(encoding: [1, nil, 3] as [Int?]) == [1, nil, 3])
        #expect(try JSON.array([1, nil, 3]).decode([Int?].self) == [1, nil, 3])
        #expect(try JSON(encoding: [[1], []]) == [[1], []])
        #expect(try JSON(encoding: [1: "a"]) == ["1": "a"])
        #expect(try JSON.object(["1": "a"]).decode([Int: String].self) == [1: "a"])
        #expect(try JSON(encoding: Int?.none) == nil)
        #expect(try JSON.null.decode(Int?.self) == nil)
        #expect(try JSON(encoding: [UInt8]([1, 2])) == [1, 2])
        #expect(try JSON(encoding: Kind.stop) == "stop")
        struct Empty: Codable {}
        #expect(try JSON(encoding: Empty()) == [:])
        #expect(try JSON(encoding: requestJSON) == requestJSON)
        #expect(try requestJSON.decode(JSON.self) == requestJSON)
    }

    @Test("Hand-written coding with nested containers and super coders works")
    func nestedContainers() throws {
        let json = try JSON(encoding: Nested())
        #expect(json == ["n": ["a": 1], "u": [1, ["a": 2], [3], "s"], "super": "base", "x": nil, "a": "k"])
        _ = try json.decode(Nested.self)
        #expect(failure(["n": ["a": 1], "u": [1]], as: Nested.self)?.path == "u[1]")
    }
}

/// Uses every kind of container in both directions.
private struct Nested: Codable {
    enum Key: String, CodingKey { case n, u, a, x }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        #expect(try container.nestedContainer(keyedBy: Key.self, forKey: .n).decode(Int.self, forKey: .a) == 1)
        var list = try container.nestedUnkeyedContainer(forKey: .u)
        #expect(try !list.decodeNil())
        #expect(try list.decode(Int.self) == 1)
        #expect(try list.nestedContainer(keyedBy: Key.self).decode(Int.self, forKey: .a) == 2)
        var inner = try list.nestedUnkeyedContainer()
        #expect(try inner.decode(Int.self) == 3)
        #expect(try String(from: list.superDecoder()) == "s")
        #expect(list.isAtEnd)
        #expect(try String(from: container.superDecoder()) == "base")
        #expect(try container.decodeNil(forKey: .x))
        #expect(try JSON(from: container.superDecoder(forKey: .a)) == "k")
        #expect(Set(container.allKeys) == [.n, .u, .a, .x])
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        var nested = container.nestedContainer(keyedBy: Key.self, forKey: .n)
        var list = container.nestedUnkeyedContainer(forKey: .u)
        try list.encode(1)
        var second = list.nestedContainer(keyedBy: Key.self)
        var third = list.nestedUnkeyedContainer()
        try "s".encode(to: list.superEncoder())
        try third.encode(3)
        try second.encode(2, forKey: .a)
        try nested.encode(1, forKey: .a)
        try "base".encode(to: container.superEncoder())
        try container.encodeNil(forKey: .x)
        try JSON.string("k").encode(to: container.superEncoder(forKey: .a))
    }
}
