import IPC
import Testing

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

@Suite("JSON strings")
struct JSONStringTests {
    @Test("Every escape is read")
    func escapes() throws {
        #expect(
            try JSON(parsing: #""\"\\\/\b\f\n\r\t\u0041\u00e9\u00E9\u20ac\ud83d\ude80\u0000\uFFFF""#)
                == .string("\"\\/\u{8}\u{C}\n\r\tA\u{E9}\u{E9}\u{20AC}\u{1F680}\u{0}\u{FFFF}"))
        #expect(try JSON(parsing: #""\udbff\udfff\ud800\udc00""#) == "\u{10FFFF}\u{10000}")
    }

    @Test(
        "An unknown or incomplete escape is refused",
        arguments: [
            (#""\a""#, .invalidEscape), (#""\'""#, .invalidEscape), (#""\x41""#, .invalidEscape),
            (#""\U0041""#, .invalidEscape), (#""\u00g0""#, .invalidEscape), (#""\u+041""#, .invalidEscape),
            (#""\u 041""#, .invalidEscape), (#""\u004""#, .invalidEscape), ("\"\\", .unexpectedEnd),
            ("\"\\u", .unexpectedEnd), ("\"\\u00", .unexpectedEnd), ("\"\\\n\"", .invalidEscape),
            ("\"", .unexpectedEnd), ("\"abc", .unexpectedEnd), ("\"abc\\\"", .unexpectedEnd),
        ] as [(String, JSONError.Reason)])
    func badEscapes(_ text: String, _ reason: JSONError.Reason) {
        #expect(refusal(text)?.reason == reason)
    }

    @Test(
        "A lone surrogate escape is refused",
        arguments: [
            #""\ud800""#, #""\udc00""#, #""\udfff\ud800""#, #""\ud800\ud800""#, #""\ud83dx""#, #""\ud83d\n""#,
            #""\ud83d\u0041""#, #""\uDBFF""#, #""ab\udead""#,
        ])
    func loneSurrogate(_ text: String) {
        #expect(refusal(text)?.reason == .loneSurrogate)
    }

    @Test("A raw control character in a string is refused, at every place of a word", arguments: 0..<17)
    func controlCharacters(_ place: Int) {
        for control in UInt8(0)..<0x20 {
            var bytes = Array("\"0123456789abcdefg\"".utf8)
            bytes[1 + place] = control
            #expect(refusal(bytes) == JSONError(reason: .controlCharacter, offset: 1 + place))
        }
        #expect(refusal("\"\u{7F}\u{85}\"") == nil)
    }

    @Test("A quote and a backslash are found at every place of a word", arguments: 0..<20)
    func stops(_ place: Int) throws {
        let run = String(repeating: "\u{E9}a!#[]~", count: 3).unicodeScalars.prefix(place)
        let plain = String(String.UnicodeScalarView(run))
        #expect(
            try JSON(parsing: "[\"\(plain)\",\"\(plain)\\\\\(plain)\\\"\"]") == [
                .string(plain), .string(plain + "\\" + plain + "\""),
            ])
    }

    @Test(
        "Bytes that are not UTF-8 are refused, in strings and elsewhere",
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
            [0xF0, 0x80, 0x80, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xFE], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x9A], [0xC3, 0x28],
            [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28], [0xF0, 0x9F, 0x28, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
        ] as [[UInt8]])
    func invalidUTF8(_ bytes: [UInt8]) {
        for padding in 0..<10 {
            let start = Array(("\"" + String(repeating: "a", count: padding)).utf8)
            #expect(
                refusal(start + bytes + Array("\"".utf8)) == JSONError(reason: .invalidUTF8, offset: start.count))
        }
        #expect(!isValidUTF8(bytes))
        #expect(!bytes.withUnsafeBytes { isValidUTF8($0) })
        #expect(refusal(bytes)?.reason == .invalidUTF8)
    }

    @Test("Every scalar's UTF-8 is valid, and agrees with the standard library on all two-byte beginnings")
    func validUTF8() {
        for value in stride(from: UInt32(0), through: 0x10FFFF, by: 7) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            #expect(isValidUTF8(Array(String(Character(scalar)).utf8)))
        }
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                for tail: [UInt8] in [[], [0x80], [0x80, 0x80], [0x80, 0x41]] {
                    let bytes = [first, second] + tail
                    let expected = String(validating: bytes, as: UTF8.self) != nil
                    if isValidUTF8(bytes) != expected { Issue.record("differs for \(bytes)") }
                }
            }
        }
        #expect(isValidUTF8([UInt8]()))
    }

    @Test("An error names its place and never quotes the text")
    func errorText() throws {
        let error = try #require(refusal("{\"hunter2\":1,\"hunter2\":2}"))
        #expect(error.description == "JSON refused at byte 13: this key is twice in one object; send each key once")
        #expect(!error.description.contains("hunter2"))
    }
}
