import Testing

@testable import Worker

@Suite("Object reader")
struct ObjectReaderTests {
    private let repository: TestRepository

    init() throws { repository = try TestRepository() }

    @Test("Objects come whole and in order, through one git, whatever bytes they hold")
    func content() throws {
        let contents: [[UInt8]] = [[], [0x0a], [0, 0xff, 0x0a, 0x0a], [UInt8](repeating: 7, count: 300_000)]
        let ids = try contents.map { try repository.object("blob", $0) }
        let reader = try ObjectReader(repository.git)
        defer { reader.end() }
        for _ in 0..<2 {
            for (id, content) in zip(ids, contents) {
                let object = try reader.read(id, limit: 1 << 20)
                #expect(object.id == id)
                #expect(object.type == "blob")
                #expect(object.content == content)
            }
        }
    }

    @Test("A name is resolved to the object's id and type")
    func names() throws {
        let tree = try repository.tree([.init("100644", "a", try repository.blob("a\n"))])
        let commit = try repository.commit(tree)
        let reader = try ObjectReader(repository.git)
        defer { reader.end() }
        #expect(try reader.read(commit + "^{tree}", limit: 1 << 20).id == tree)
        #expect(try reader.read(commit + "^{tree}", limit: 1 << 20).type == "tree")
        #expect(try reader.read(commit, limit: 1 << 20).type == "commit")
    }

    @Test("A missing object is refused by name, and the reader goes on")
    func missing() throws {
        let id = try repository.blob("x")
        let reader = try ObjectReader(repository.git)
        defer { reader.end() }
        let absent = String(repeating: "1", count: 40)
        #expect(refusal { _ = try reader.read(absent, limit: 100) }.contains(absent))
        #expect(try reader.read(id, limit: 100).content == [0x78])
    }

    @Test("An object over the limit is refused before it is read")
    func limit() throws {
        let id = try repository.object("blob", [UInt8](repeating: 1, count: 1001))
        let reader = try ObjectReader(repository.git)
        defer { reader.end() }
        #expect(refusal { _ = try reader.read(id, limit: 1000) }.contains("1001 bytes"))
        let second = try ObjectReader(repository.git)
        defer { second.end() }
        #expect(try second.read(id, limit: 1001).content.count == 1001)
    }
}
