import Glibc
import Linux
import Testing

@testable import Worker

@Suite("Bundle header")
struct BundleTests {
    private static let id = String(repeating: "a1", count: 20)
    private static let v2 = "# v2 git bundle\n"

    private func bundle(_ bytes: [UInt8]) throws -> Bundle {
        let file = try Descriptor.sealed("bundle", bytes)
        return try Bundle(descriptor: file.raw)
    }

    private func bundle(_ text: String) throws -> Bundle { try bundle(Array(text.utf8)) }

    @Test("References, prerequisites and the place of the pack are read")
    func plain() throws {
        let header = Self.v2 + "-\(Self.id) comment of it\n\(Self.id) refs/heads/main\n\(Self.id) HEAD\n\n"
        let bundle = try bundle(header + "PACK…")
        #expect(bundle.references.map(\.id) == [Self.id, Self.id])
        #expect(bundle.references.map(\.name) == ["refs/heads/main", "HEAD"])
        #expect(bundle.prerequisites == [Self.id])
        #expect(bundle.packOffset == header.utf8.count)
    }

    @Test("Version 3 names its hash function")
    func versionThree() throws {
        let long = String(repeating: "0f", count: 32)
        let bundle = try bundle("# v3 git bundle\n@object-format=sha256\n\(long) refs/heads/main\n\nPACK")
        #expect(bundle.references.map(\.id) == [long])
    }

    @Test("A capability that is not known is refused: it may change what the pack means")
    func capabilities() {
        for name in ["@filter=blob:none", "@", "@object-formatx=1", "@Object-format=sha1"] {
            #expect(refusal { _ = try bundle("# v3 git bundle\n\(name)\n\nPACK") }.contains("capability"))
        }
    }

    @Test(
        "What is no bundle is refused",
        arguments: [
            "# v1 git bundle\n\n", "# v4 git bundle\n\n", "# v2 git bundle \n\n", " # v2 git bundle\n\n", "PACK\n\n",
            "\n\n",
            "# v2 git bundle\r\n\r\n",
        ])
    func signatures(text: String) {
        #expect(refusal { _ = try bundle(text) }.contains("no git bundle"))
    }

    @Test("A header without an end is refused")
    func endless() {
        for text in ["", "# v2 git bundle", Self.v2, Self.v2 + Self.id + " HEAD\n"] {
            #expect(refusal { _ = try bundle(text) }.contains("does not end"), "\(text)")
        }
        let many = Self.v2 + String(repeating: "\(Self.id) refs/heads/x\n", count: 2000) + "\n"
        #expect(refusal { _ = try bundle(many) }.contains("does not end"))
    }

    @Test("A header that ends exactly at the limit is read, one byte more is not")
    func limit() throws {
        let start = Self.v2 + "\(Self.id) "
        let room = Bundle.maximumHeader - start.utf8.count - 2
        #expect(try bundle(start + String(repeating: "x", count: room) + "\n\n").packOffset == Bundle.maximumHeader)
        #expect(
            refusal { _ = try bundle(start + String(repeating: "x", count: room + 1) + "\n\n") }.contains(
                "does not end"))
    }

    @Test(
        "A line that is no reference is refused",
        arguments: [
            "HEAD", "x HEAD", "a1b2 HEAD", "--upload-pack=x", " HEAD", "A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1 HEAD",
            "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a HEAD", "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\tHEAD",
            "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 ",
        ])
    func badReference(line: String) {
        // A line that begins with "-" is a prerequisite, and a job's bundle may have none: that is refused later.
        guard !line.hasPrefix("-") else { return }
        #expect(refusal { _ = try bundle(Self.v2 + line + "\n\n") }.contains("header has the line"))
    }

    @Test("A header that is not UTF-8 is refused")
    func notText() {
        let bytes = Array("\(Self.v2)\(Self.id) ".utf8) + [0xff, 0x0a, 0x0a]
        #expect(refusal { _ = try bundle(bytes) }.contains("UTF-8"))
    }

    @Test("A refused line is quoted in part only")
    func boundedQuote() {
        let reason = refusal { _ = try bundle(Self.v2 + String(repeating: "x", count: 10_000) + "\n\n") }
        #expect(reason.utf8.count < 200)
    }

    @Test("The bytes after the header are not looked at, and the file's offset stays")
    func offset() throws {
        let file = try Descriptor.sealed("bundle", Array("\(Self.v2)\n".utf8) + [0xff, 0x00, 0xc3])
        #expect(try Bundle(descriptor: file.raw).references.isEmpty)
        #expect(lseek(file.raw, 0, SEEK_CUR) == 0)
    }

    @Test("git's own bundle is read")
    func real() throws {
        let repository = try TestRepository()
        let commit = try repository.commit(try repository.tree([.init("100644", "a", try repository.blob("a\n"))]))
        try repository.git.run(["update-ref", "refs/heads/main", commit])
        let path = repository.directory.path + "/b"
        try repository.git.run(["bundle", "create", "-q", path, "refs/heads/main"])
        let file = try Descriptor.open(path, O_RDONLY)
        let bundle = try Bundle(descriptor: file.raw)
        #expect(bundle.references.map(\.id) == [commit])
        #expect(bundle.prerequisites.isEmpty)
        var magic = [UInt8](repeating: 0, count: 4)
        #expect(pread(file.raw, &magic, 4, off_t(bundle.packOffset)) == 4)
        #expect(magic == Array("PACK".utf8))
    }
}
