import IPC
import Testing

@testable import runnerctl

@Suite struct SanitizerTests {
    private static func isHarmless(_ scalar: Unicode.Scalar, oneLine: Bool) -> Bool {
        if scalar == "\n" || scalar == "\t" { return !oneLine }
        switch scalar.value {
        case 0..<0x20, 0x7f...0x9f, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x2069, 0xfeff, 0x61c: return false
        default: return true
        }
    }

    @Test("No random bytes yield a control character, a direction mark or bytes that are not UTF-8", arguments: 0..<40)
    func randomBytes(seed: UInt64) {
        var random = Repeatable(state: seed)
        for _ in 0..<200 {
            var bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // Pieces that random bytes rarely make.
            for piece in [
                [0x1b, 0x5d], [0xc2, 0x9b], [0xe2, 0x80, 0xae], [0xe2, 0x81], [0xed, 0xa0, 0x80], [0x0d, 0x0a],
            ] as [[UInt8]]
            where Bool.random(using: &random) {
                bytes.insert(contentsOf: piece, at: Int.random(in: 0...bytes.count, using: &random))
            }
            for oneLine in [true, false] {
                let output = Sanitizer.bytes(bytes, oneLine: oneLine)
                let text = String(validating: output, as: UTF8.self)
                #expect(text?.unicodeScalars.allSatisfy { Self.isHarmless($0, oneLine: oneLine) } == true, "\(bytes)")
                #expect(Sanitizer.bytes(output, oneLine: oneLine) == output, "sanitising again changes nothing")
            }
        }
    }

    @Test("Every character comes out as itself or as an escape, never as a control")
    func allScalars() {
        // The first plane whole, the block of invisible tags, and samples of the rest.
        let values =
            Array(UInt32(0)...0xffff) + Array(0xe0000...0xe01ff)
            + Array(stride(from: 0x10000, through: 0x10ffff, by: 997))
        for value in values {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let output = Sanitizer.line(String(scalar))
            #expect(output.unicodeScalars.allSatisfy { Self.isHarmless($0, oneLine: true) }, "\(value)")
            #expect(output.unicodeScalars.first == scalar || output.hasPrefix("\\"), "\(value)")
        }
    }

    @Test("Escape sequences, direction marks and broken UTF-8 are shown, and ordinary text is left alone")
    func shown() {
        #expect(Sanitizer.text("a\u{1b}[31mb\u{7}") == "a\\x1b[31mb\\x07")
        #expect(Sanitizer.text("x\u{202e}y\u{200d}z\u{9b}") == "x\\u{202e}y\\u{200d}z\\u{9b}")
        #expect(Sanitizer.bytes([0x61, 0xff, 0xc3]) == Array("a\\xff\\xc3".utf8))
        #expect(Sanitizer.text("über\tdie 日本 🎉\nz") == "über\tdie 日本 🎉\nz")
        #expect(Sanitizer.text("a\r\nb\rc") == "a\nb\\x0dc")
        #expect(Sanitizer.line("a\nb\tc") == "a\\nb\\tc")
    }

    @Test("A line of JSON has no raw control or direction mark and is the same value")
    func jsonLine() throws {
        let value: JSON = ["text": "a\u{1b}\u{9b}\u{202e}\u{e0041}\n\u{7f}ü"]
        #expect(value.line.unicodeScalars.allSatisfy { Self.isHarmless($0, oneLine: true) })
        #expect(try JSON(parsing: value.line) == value)
    }
}
