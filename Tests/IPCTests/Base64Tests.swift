import IPC
import Testing

@Suite("Base64")
struct Base64Tests {
    @Test(
        "The examples of RFC 4648 hold both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func examples(_ plain: String, _ encoded: String) throws {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(try Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test("Any bytes come back unchanged", arguments: UInt64(1)...20)
    func roundTrip(_ seed: UInt64) throws {
        var random = JSONTestSeed(state: seed)
        for count in 0..<70 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(try Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }

    @Test(
        "Text that encoding does not produce is refused",
        arguments: [
            ("Z", .length(1)), ("Zg=", .length(3)), ("Zm9vYg", .length(6)), ("Zg==\n", .length(5)),
            ("Zm9v\nZm9v\n\n\n", .character(offset: 4)), (" Zm9", .character(offset: 0)),
            ("Zm-_", .character(offset: 2)),
            ("Zg==Zg==", .character(offset: 2)), ("Z===", .character(offset: 1)), ("====", .character(offset: 0)),
            ("Zm=v", .character(offset: 2)), ("Zh==", .spareBits), ("Zm9=", .spareBits),
            ("Zm\u{E9}", .character(offset: 2)),
        ] as [(String, Base64Error)])
    func refusals(_ text: String, _ expected: Base64Error) {
        #expect(throws: expected) { try Base64.decode(text) }
        #expect(expected.description.hasPrefix("base64 refused"))
    }
}
