import IPC
import Testing

private func text(_ json: JSON) -> String { String(decoding: json.bytes(), as: UTF8.self) }

@Suite("JSON writer")
struct JSONWriterTests {
    @Test("Text is compact, and an object's keys are in the order of their bytes")
    func compact() {
        let json: JSON = ["b": [1, -2, 1.5, true, false, nil], "a": "x", "B": [:], "\u{E9}": [], "aa": 1e300, "": ""]
        #expect(
            text(json)
                == "{\"\":\"\",\"B\":{},\"a\":\"x\",\"aa\":1e+300,\"b\":[1,-2,1.5,true,false,null],\"\u{E9}\":[]}")
    }

    @Test("Quotes, backslashes and control characters are escaped, other characters are not")
    func escapes() {
        #expect(
            text("\"\\/\u{8}\u{C}\n\r\t\u{0}\u{1F}\u{7F}\u{E9}\u{2028}\u{1F680}")
                == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u{7F}\u{E9}\u{2028}\u{1F680}\"")
    }

    @Test("A double stays a double when it is a whole number")
    func wholeDoubles() throws {
        for value in [0.0, 1, -1, 1e15, 1e16, 1e22, -Double.leastNonzeroMagnitude, Double.greatestFiniteMagnitude] {
            #expect(try JSON(parsing: JSON.double(value).bytes()) == .double(value))
        }
    }

    @Test("A double that is not finite is written as null")
    func nonFinite() {
        #expect(text([.double(.nan), .double(.infinity), .double(-.infinity)]) == "[null,null,null]")
    }

    @Test("Bytes appended as a string are what the String would give")
    func appendString() {
        let line = "a\u{1B}[31m \"q\" \\ \u{E9}\n"
        let bytes = Array(line.utf8)
        var outputs: [[UInt8]] = Array(repeating: [0x5B], count: 5)
        JSONWriter.appendString(utf8: bytes, into: &outputs[0])
        JSONWriter.appendString(utf8: bytes[...], into: &outputs[1])
        JSONWriter.appendString(utf8: bytes.span.bytes, into: &outputs[2])
        bytes.withUnsafeBytes { JSONWriter.appendString(utf8: $0, into: &outputs[3]) }
        JSONWriter.appendString(line, into: &outputs[4])
        for output in outputs { #expect(output == [0x5B] + JSON.string(line).bytes()) }
    }

    @Test("A log batch of 256 KiB comes back unchanged")
    func longString() throws {
        let line = "\u{1B}[32mok\u{1B}[0m a line of a log, \"quoted\", caf\u{E9}\t\\ and more of it\n"
        let batch = String(repeating: line, count: 256 * 1024 / line.utf8.count)
        let json: JSON = ["t": "log", "text": .string(batch)]
        #expect(try JSON(parsing: json.bytes()) == json)
    }

    @Test("Pretty text has two spaces a level, and is JSON of the same value")
    func pretty() throws {
        let json: JSON = ["b": [1, ["c": nil]], "a": "x", "e": [], "o": [:]]
        #expect(
            json.pretty() == """
                {
                  "a": "x",
                  "b": [
                    1,
                    {
                      "c": null
                    }
                  ],
                  "e": [],
                  "o": {}
                }
                """)
        #expect(try JSON(parsing: json.pretty()) == json)
    }

    @Test("Pretty text holds nothing that steers a terminal or turns the direction of writing")
    func prettyIsSafe() throws {
        let nasty = "\u{1B}[2J\u{9B}2J\u{7F}\u{202E}evil\u{2066}\u{200B}\u{FEFF}\u{2028}\u{E0041}\u{E000}"
        let json: JSON = [.string(nasty), [nasty: 1], "caf\u{E9} \u{1F680} \u{65E5}"]
        let pretty = json.pretty()
        for scalar in nasty.unicodeScalars where !scalar.isASCII || scalar.value == 0x7F {
            #expect(!pretty.unicodeScalars.contains(scalar))
        }
        #expect(!pretty.contains("\u{1B}"))
        #expect(pretty.contains("caf\u{E9} \u{1F680} \u{65E5}"))
        #expect(try JSON(parsing: pretty) == json)
    }

    @Test("Random values come back unchanged, compact and pretty", arguments: UInt64(1)...40)
    func roundTrip(_ seed: UInt64) throws {
        var random = JSONTestSeed(state: seed)
        for _ in 0..<25 {
            let json = Self.value(&random, depth: 0)
            let bytes = json.bytes()
            let parsed = try JSON(parsing: bytes)
            #expect(parsed == json)
            #expect(parsed.bytes() == bytes)
            #expect(try JSON(parsing: json.pretty()) == json)
        }
    }

    @Test("No damaged text traps, and what is still read is written the same", arguments: UInt64(1)...20)
    func damaged(_ seed: UInt64) throws {
        var random = JSONTestSeed(state: seed)
        var refused = 0
        for _ in 0..<200 {
            var bytes = Self.value(&random, depth: 0).bytes()
            for _ in 0...Int.random(in: 0..<3, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                if Bool.random(using: &random) { bytes.remove(at: place) } else { bytes[place] = .random(in: 0...255) }
            }
            guard let json = try? JSON(parsing: bytes) else {
                refused += 1
                continue
            }
            #expect(try JSON(parsing: json.bytes()) == json)
        }
        #expect(refused > 0)
    }

    static func value(_ random: inout JSONTestSeed, depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth < 5 ? 9 : 6), using: &random) {
        case 0: return nil
        case 1: return .bool(.random(using: &random))
        case 2: return .int(Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random))
        case 3:
            let double = Double(bitPattern: random.next())
            return .double(double.isFinite ? double : 0.25)
        case 4, 5: return .string(Self.string(&random))
        case 6: return .array((0..<Int.random(in: 0..<6, using: &random)).map { _ in value(&random, depth: depth + 1) })
        default:
            var members: [String: JSON] = [:]
            for _ in 0..<Int.random(in: 0..<6, using: &random) {
                members[Self.string(&random)] = value(&random, depth: depth + 1)
            }
            return .object(members)
        }
    }

    private static func string(_ random: inout JSONTestSeed) -> String {
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<30, using: &random) {
            let range: ClosedRange<UInt32> = [0...0x7F, 0...0x7F, 0x20...0x7E, 0x80...0xFFFF, 0...0x10FFFF][
                Int.random(in: 0..<5, using: &random)]
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { scalars.append(scalar) }
        }
        return String(scalars)
    }
}
