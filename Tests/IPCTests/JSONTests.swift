import IPC
import Testing

/// SplitMix64: random cases that repeat, for the tests of JSON and frames.
struct JSONTestSeed: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

private func refusal(_ bytes: [UInt8], limits: JSONLimits = .frame) -> JSONError? {
    do {
        _ = try JSON(parsing: bytes, limits: limits)
        return nil
    } catch {
        return error
    }
}

private func refusal(_ text: String, limits: JSONLimits = .frame) -> JSONError? {
    refusal(Array(text.utf8), limits: limits)
}

@Suite("JSON parser")
struct JSONParserTests {
    @Test("Every kind of value is read, with space around it")
    func values() throws {
        let parsed = try JSON(
            parsing: " {\"a\" : [1, -2.5,\t1e3, true, false, null, \"x\", [], {}],\r\n\"b\":{\"c\":\"\"}} \n")
        #expect(
            parsed == [
                "a": [1, .double(-2.5), .double(1000), true, false, nil, "x", [], [:]], "b": ["c": ""],
            ])
        #expect(parsed["b"]?["c"]?.stringValue == "")
        #expect(parsed["a"]?.arrayValue?.count == 9)
        #expect(parsed["none"] == nil)
        #expect(JSON.int(1)["a"] == nil)
    }

    @Test("An accessor answers only for its own kind of value")
    func accessors() {
        let all: [JSON] = [nil, true, 1, 1.5, "s", [1], ["k": 1]]
        #expect(all.map(\.isNull) == [true, false, false, false, false, false, false])
        #expect(all.map(\.boolValue) == [nil, true, nil, nil, nil, nil, nil])
        #expect(all.map(\.intValue) == [nil, nil, 1, nil, nil, nil, nil])
        #expect(all.map(\.doubleValue) == [nil, nil, 1, 1.5, nil, nil, nil])
        #expect(all.map(\.stringValue) == [nil, nil, nil, nil, "s", nil, nil])
        #expect(all.map { $0.arrayValue?.count } == [nil, nil, nil, nil, nil, 1, nil])
        #expect(all.map { $0.objectValue?.count } == [nil, nil, nil, nil, nil, nil, 1])
    }

    @Test("All byte sources give the same value")
    func sources() throws {
        let bytes = Array("{\"a\":1}".utf8)
        let padded = [0x21] + bytes + [0x21]
        #expect(try JSON(parsing: bytes) == ["a": 1])
        #expect(try JSON(parsing: padded[1..<(padded.count - 1)]) == ["a": 1])
        #expect(try JSON(parsing: bytes.span.bytes) == ["a": 1])
        #expect(try bytes.withUnsafeBytes { try JSON(parsing: $0) } == ["a": 1])
    }

    @Test(
        "What is not JSON is refused with its reason and place",
        arguments: [
            ("", .unexpectedEnd, 0), ("  ", .unexpectedEnd, 2), ("nul", .unexpectedEnd, 3),
            ("nulx", .unexpectedByte, 3),
            ("True", .unexpectedByte, 0), ("NaN", .unexpectedByte, 0), ("Infinity", .unexpectedByte, 0),
            ("-Infinity", .unexpectedByte, 1), ("'a'", .unexpectedByte, 0), ("// c\n1", .unexpectedByte, 0),
            ("[1,]", .unexpectedByte, 3), ("[,1]", .unexpectedByte, 1), ("[1 2]", .unexpectedByte, 3),
            ("[1", .unexpectedEnd, 2), ("[1}", .unexpectedByte, 2), ("]", .unexpectedByte, 0),
            ("{\"a\":1,}", .unexpectedByte, 7), ("{a:1}", .unexpectedByte, 1), ("{1:1}", .unexpectedByte, 1),
            ("{\"a\" 1}", .unexpectedByte, 5), ("{\"a\":}", .unexpectedByte, 5), ("{\"a\":1", .unexpectedEnd, 6),
            ("{\"a\":1]", .unexpectedByte, 6), ("{", .unexpectedEnd, 1), ("{\"a\"", .unexpectedEnd, 4),
            ("\u{0B}1", .unexpectedByte, 0), ("\u{A0}1", .unexpectedByte, 0),
        ] as [(String, JSONError.Reason, Int)])
    func syntax(_ text: String, _ reason: JSONError.Reason, _ offset: Int) {
        #expect(refusal(text) == JSONError(reason: reason, offset: offset))
    }

    @Test(
        "Anything after the value is refused",
        arguments: [("1 2", 2), ("{}{}", 2), ("null,", 4), ("\"a\"\u{0}", 3), ("[]]", 2), ("1\u{FEFF}", 1)])
    func trailing(_ text: String, _ offset: Int) {
        #expect(refusal(text) == JSONError(reason: .trailingBytes, offset: offset))
    }

    @Test("A byte-order mark and UTF-16 are refused")
    func byteOrderMark() {
        #expect(refusal([0xEF, 0xBB, 0xBF] + Array("{}".utf8)) == JSONError(reason: .byteOrderMark, offset: 0))
        #expect(refusal([0xFF, 0xFE, 0x31, 0x00])?.reason == .invalidUTF8)
        #expect(refusal([0x31, 0x00])?.reason == .trailingBytes)
        #expect(refusal([0x00, 0x31])?.reason == .unexpectedByte)
    }

    @Test("A mark inside a string is a character like others")
    func markInside() throws {
        #expect(try JSON(parsing: "\"\u{FEFF}\"") == "\u{FEFF}")
    }

    @Test("16 levels are read and 17 are refused, of arrays and of objects")
    func depth() {
        let array = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
        let object = { String(repeating: "{\"a\":", count: $0) + "1" + String(repeating: "}", count: $0) }
        #expect(refusal(array(16)) == nil)
        #expect(refusal(object(16)) == nil)
        #expect(refusal(array(17)) == JSONError(reason: .tooDeep(limit: 16), offset: 16))
        #expect(refusal(object(17)) == JSONError(reason: .tooDeep(limit: 16), offset: 80))
        #expect(refusal(String(repeating: "[", count: 1 << 20))?.reason == .tooDeep(limit: 16))
    }

    @Test("A depth limit above 128 counts as 128, so that the stack is bounded")
    func depthClamp() {
        var limits = JSONLimits(maximumLength: 1 << 20, maximumDepth: .max, maximumValues: .max, maximumKeyLength: 9)
        #expect(refusal(String(repeating: "[", count: 1000), limits: limits)?.reason == .tooDeep(limit: 128))
        limits.maximumDepth = 5000
        #expect(limits.maximumDepth == 128)
    }

    @Test("65,536 values are read and one more is refused")
    func valueLimit() {
        let list = { "[" + String(repeating: "0,", count: $0 - 2) + "0]" }
        #expect(refusal(list(65_536)) == nil)
        #expect(refusal(list(65_537))?.reason == .tooManyValues(limit: 65_536))
        let limits = JSONLimits(maximumLength: 99, maximumDepth: 9, maximumValues: 3, maximumKeyLength: 9)
        #expect(refusal("{\"a\":[1]}", limits: limits) == nil)
        #expect(refusal("{\"a\":[1],\"b\":2}", limits: limits)?.reason == .tooManyValues(limit: 3))
    }

    @Test("A text over the length limit is refused before it is read")
    func lengthLimit() {
        let limits = JSONLimits(maximumLength: 4, maximumDepth: 9, maximumValues: 9, maximumKeyLength: 9)
        #expect(refusal("1234", limits: limits) == nil)
        #expect(refusal("12345", limits: limits) == JSONError(reason: .tooLong(limit: 4), offset: 4))
        #expect(refusal([UInt8](repeating: 0xFF, count: (1 << 20) + 1))?.reason == .tooLong(limit: 1 << 20))
    }

    @Test("A key over 256 bytes is refused, a string value of that length is not")
    func keyLimit() {
        let long = String(repeating: "k", count: 257)
        #expect(refusal("{\"\(long.dropLast())\":1}") == nil)
        #expect(refusal("{\"\(long)\":1}") == JSONError(reason: .keyTooLong(limit: 256), offset: 1))
        #expect(refusal("{\"a\":\"\(long)\"}") == nil)
    }

    @Test(
        "A duplicate key is refused, however it is written",
        arguments: [
            ("{\"a\":1,\"a\":1}", 7), ("{\"a\":1,\"\\u0061\":2}", 7), ("{\"x\":{\"a\":1, \"a\":2}}", 13),
            ("{\"\":1,\"\":2}", 6),
            ("{\"\u{E9}\":1,\"e\u{301}\":2}", 8),
        ])
    func duplicateKey(_ text: String, _ offset: Int) {
        #expect(refusal(text) == JSONError(reason: .duplicateKey, offset: offset))
    }

    @Test("The same key in different objects is no duplicate")
    func sameKeyElsewhere() {
        #expect(refusal("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}") == nil)
    }
}

@Suite("JSON numbers")
struct JSONNumberTests {
    @Test(
        "An integer of 64 bits is read exactly",
        arguments: [
            ("0", 0), ("7", 7), ("-1", -1), ("9007199254740993", 9_007_199_254_740_993),
            ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
        ])
    func integers(_ text: String, _ value: Int64) throws {
        #expect(try JSON(parsing: text) == .int(value))
    }

    @Test(
        "An integer that does not fit in 64 bits is refused",
        arguments: [
            "9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999",
            String(repeating: "9", count: 5000),
        ])
    func overflow(_ text: String) {
        #expect(refusal("[" + text + "]") == JSONError(reason: .integerOverflow, offset: 1))
    }

    @Test(
        "A number with a fraction or exponent is a double, never an integer",
        arguments: [
            ("1.0", 1), ("1e3", 1000), ("1E+3", 1000), ("-0.0", 0), ("-0e0", 0), ("0.5", 0.5), ("1.5e-3", 0.0015),
            ("5e-324", .leastNonzeroMagnitude), ("1.7976931348623157e308", .greatestFiniteMagnitude), ("1e-400", 0),
            ("0.1", 0.1), ("123456789012345678901234567890.0", 123_456_789_012_345_678_901_234_567_890.0),
        ])
    func doubles(_ text: String, _ value: Double) throws {
        let parsed = try JSON(parsing: text)
        #expect(parsed == .double(value))
        #expect(parsed.intValue == nil)
    }

    @Test("-0 as an integer is refused", arguments: ["-0", "[-0]", "{\"a\":-0 }"])
    func negativeZero(_ text: String) {
        #expect(refusal(text)?.reason == .negativeZero)
    }

    @Test("A leading zero is refused", arguments: ["00", "01", "-01", "00.5", "007e1"])
    func leadingZero(_ text: String) {
        #expect(refusal(text) == JSONError(reason: .leadingZero, offset: 0))
    }

    @Test("A number that is not finite is refused", arguments: ["1e309", "-1e309", "1e400", "1.0e99999"])
    func nonFinite(_ text: String) {
        #expect(refusal(text) == JSONError(reason: .nonFinite, offset: 0))
    }

    @Test("A floating-point number of more than 64 characters is refused")
    func longNumber() {
        #expect(refusal("0." + String(repeating: "1", count: 62)) == nil)
        #expect(refusal("0." + String(repeating: "1", count: 63))?.reason == .numberTooLong(limit: 64))
    }

    @Test(
        "A number cut short or decorated is refused",
        arguments: [
            ("-", .unexpectedEnd), ("1.", .unexpectedEnd), ("1e", .unexpectedEnd), ("1e+", .unexpectedEnd),
            ("+1", .unexpectedByte), (".5", .unexpectedByte), ("1.e3", .unexpectedByte), ("1e+-2", .unexpectedByte),
            ("--1", .unexpectedByte), ("0x10", .trailingBytes), ("1_000", .trailingBytes), ("1.5.5", .trailingBytes),
            ("- 1", .unexpectedByte), ("1f", .trailingBytes),
        ] as [(String, JSONError.Reason)])
    func malformed(_ text: String, _ reason: JSONError.Reason) {
        #expect(refusal(text)?.reason == reason)
    }
}
