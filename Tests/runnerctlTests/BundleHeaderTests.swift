import Testing

@testable import runnerctl

@Suite struct BundleHeaderTests {
    private static let a = String(repeating: "a", count: 40)
    private static let b = String(repeating: "b", count: 40)
    private static let sha256 = String(repeating: "c", count: 64)

    private static func parse(_ text: String) throws -> BundleHeader { try BundleHeader(Array(text.utf8)) }

    @Test("A bundle as git writes it is read")
    func good() throws {
        let header = try Self.parse("# v2 git bundle\n-\(Self.b) a subject\n\(Self.a) refs/heads/x\n\nPACK…")
        #expect(header.references == [.init(id: Self.a, name: "refs/heads/x")])
        #expect(header.prerequisites == [Self.b])
        try header.require(branch: "x", commit: Self.a, base: Self.b)
        _ = try Self.parse("# v3 git bundle\n@object-format=sha256\n\(Self.sha256) refs/heads/x\n\nPACK")
    }

    @Test(
        "A header that is not exactly a bundle's is refused",
        arguments: [
            "", "\n", "# v1 git bundle\n\nPACK", "# v2 git bundle", "# v2 git bundle\n\(a) refs/heads/x\n",
            "# v2 git bundle\n\(a) refs/heads/x\n\nJUNK", "# v2 git bundle\n\(a)\n\nPACK",
            "# v2 git bundle\n\(a) \n\nPACK",
            "# v2 git bundle\n\(a.dropLast()) refs/heads/x\n\nPACK",
            "# v2 git bundle\n\(a.uppercased()) refs/heads/x\n\nPACK",
            "# v2 git bundle\n-short\n\nPACK", "# v2 git bundle\n\(a) refs/heads/x\n-\(b)\n\nPACK",
            "# v2 git bundle\n@object-format=sha1\n\(a) refs/heads/x\n\nPACK",
            "# v3 git bundle\n@filter=blob:none\n\(a) r\n\nPACK",
            "# v3 git bundle\n@object-format=sha256\n\(a) refs/heads/x\n\nPACK",
            "# v2 git bundle\n\(sha256) refs/heads/x\n\nPACK",
            "# v3 git bundle\n@object-format=sha1\n@object-format=sha1\n\(a) r\n\nPACK",
            "# v2 git bundle\r\n\(a) refs/heads/x\r\n\r\nPACK", "# v2 git bundle\n\(a) refs/heads/x\u{0}y\n\nPACK",
            "# v2 git bundle\n\(a) refs/heads/\u{1b}[0m\n\nPACK",
        ])
    func refused(text: String) {
        #expect(throws: BundleHeader.Refusal.self) { _ = try Self.parse(text) }
    }

    @Test("A header of many or endless lines is refused")
    func long() {
        for body in [
            String(repeating: "\(Self.a) refs/heads/x\n", count: 70),
            "\(Self.a) refs/heads/" + String(repeating: "x", count: 70_000),
        ] {
            #expect(throws: BundleHeader.Refusal.self) { _ = try Self.parse("# v2 git bundle\n\(body)\n\nPACK") }
        }
    }

    @Test("Bytes that are not UTF-8 in a header are refused")
    func notText() {
        let bytes = Array("# v2 git bundle\n\(Self.a) refs/heads/".utf8) + [0xff, 0x0a, 0x0a] + Array("PACK".utf8)
        #expect(throws: BundleHeader.Refusal.self) { _ = try BundleHeader(bytes) }
    }

    @Test("A bundle of anything but the one branch on the base is refused")
    func others() throws {
        func refuse(_ text: String) throws {
            let header = try Self.parse("# v2 git bundle\n\(text)\nPACK")
            #expect(throws: BundleHeader.Refusal.self) { try header.require(branch: "x", commit: Self.a, base: Self.b) }
        }
        try refuse("\(Self.a) refs/heads/x\n\(Self.a) refs/tags/v1\n")
        try refuse("\(Self.a) refs/heads/y\n")
        try refuse("\(Self.a) refs/heads/x \n")
        try refuse("\(Self.b) refs/heads/x\n")
        try refuse("-\(Self.a)\n\(Self.a) refs/heads/x\n")
        try refuse("")
    }
}
