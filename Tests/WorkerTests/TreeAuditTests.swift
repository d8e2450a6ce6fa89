import IPC
import Linux
import Testing

@testable import Worker

@Suite("Tree audit")
struct TreeAuditTests {
    private typealias Entry = TestRepository.Entry

    /// Audits objects against a base; the blobs' sizes are taken as given.
    private func audit(
        _ repository: TestRepository, base: String, _ objects: [String], blobs: [String: Int64] = [:],
        files: Int64 = 1000, bytes: Int64 = 1 << 20, path: Int64 = 4096
    ) throws {
        let limits = repository.limits(base: base, files: files, bytes: bytes, path: path)
        var audit = try TreeAudit(repository.git, limits: limits, newBlobs: blobs)
        defer { audit.end() }
        try audit.learnBase(base)
        for object in objects { try audit.check(object) }
    }

    private func base(_ repository: TestRepository, _ entries: [Entry] = []) throws -> String {
        try repository.commit(try repository.tree(entries))
    }

    @Test("An ordinary tree passes, as a tree and as a commit")
    func ordinary() throws {
        let repository = try TestRepository()
        let blob = try repository.blob("x\n")
        let base = try base(repository)
        let inner = try repository.tree([Entry("100755", "run", blob), Entry("120000", "link", blob)])
        let tree = try repository.tree([Entry("100644", "a é.txt", blob), Entry("40000", "dir", inner)])
        try audit(repository, base: base, [tree, try repository.commit(tree)], blobs: [blob: 2])
    }

    @Test("A tree bomb of 10^12 files is refused at the cost of its few objects")
    func bomb() throws {
        let repository = try TestRepository()
        let blob = try repository.blob("x")
        let base = try base(repository)
        func level(_ id: String, _ mode: String) throws -> String {
            try repository.tree((0..<10).map { Entry(mode, "f\($0)", id) })
        }
        var tree = try level(blob, "100644")
        for _ in 1..<12 { tree = try level(tree, "40000") }
        let start = monotonicMilliseconds()
        let bomb = tree
        #expect(
            refusal { try audit(repository, base: base, [bomb], blobs: [blob: 1], files: 10_000_000) }
                .contains("1000000000000 files"))
        // Walking 10^12 files would take days; this tells a minute from that, on any host.
        #expect(monotonicMilliseconds() - start < 60_000)
    }

    @Test("A bomb whose count overflows 64 bits is refused too")
    func overflowingBomb() throws {
        let repository = try TestRepository()
        let blob = try repository.blob("x")
        let base = try base(repository)
        var tree = try repository.tree((0..<16).map { Entry("100644", "f\($0)", blob) })
        for _ in 0..<20 {
            let inner = tree
            tree = try repository.tree((0..<16).map { Entry("40000", "f\($0)", inner) })
        }
        let bomb = tree
        #expect(refusal { try audit(repository, base: base, [bomb], files: 10_000_000) }.contains("files"))
        #expect(
            refusal { try audit(repository, base: base, [bomb], blobs: [blob: .max], files: .max) }.contains("bytes"))
    }

    @Test("A large file counts as often as it stands in the tree")
    func byteBomb() throws {
        let repository = try TestRepository()
        let blob = try repository.blob("x")
        let base = try base(repository)
        let tree = try repository.tree((0..<4).map { Entry("100644", "f\($0)", blob) })
        try audit(repository, base: base, [tree], blobs: [blob: 100], bytes: 400)
        #expect(
            refusal { try audit(repository, base: base, [tree], blobs: [blob: 101], bytes: 400) }.contains("404 bytes"))
        try audit(repository, base: base, [tree], bytes: 0)
    }

    @Test("Exactly the allowed number of files passes")
    func fileLimit() throws {
        let repository = try TestRepository()
        let blob = try repository.blob("x")
        let base = try base(repository)
        let tree = try repository.tree((0..<5).map { Entry("100644", "f\($0)", blob) })
        try audit(repository, base: base, [tree], files: 5)
        #expect(refusal { try audit(repository, base: base, [tree], files: 4) }.contains("publish.max-files allows 4"))
    }

    @Test("A new gitlink is refused, one of the base may stay where it was")
    func gitlinks() throws {
        let repository = try TestRepository()
        let base = try base(repository, [Entry("160000", "sub", String(repeating: "1", count: 40))])
        let blob = try repository.blob("x")
        let kept = Entry("160000", "sub", String(repeating: "1", count: 40))
        try audit(repository, base: base, [try repository.tree([Entry("100644", "a", blob), kept])])
        for other in [Entry("160000", "sub", String(repeating: "2", count: 40)), Entry("160000", "sub2", kept.id)] {
            let tree = try repository.tree([other])
            #expect(refusal { try audit(repository, base: base, [tree]) }.contains("gitlink"))
        }
    }

    @Test(
        "A mode that git does not write is refused",
        arguments: ["100664", "100600", "100666", "104755", "040000", "140000", "020666", "0", "", "1006440", "40755"])
    func modes(mode: String) throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let tree = try repository.tree([Entry(mode, "a", try repository.blob("x"))])
        #expect(refusal { try audit(repository, base: base, [tree]) }.contains("the mode \(mode)"))
    }

    @Test("A name with control characters is refused and shown without them")
    func controlCharacters() throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let blob = try repository.blob("x")
        for byte in (1...0x1f).map({ UInt8($0) }) + [0x7f] {
            let tree = try repository.tree([Entry("100644", [0x61, byte, 0x62], blob)])
            let reason = refusal { try audit(repository, base: base, [tree]) }
            #expect(reason.contains("\"a?b\" holds control characters"), "\(byte)")
            #expect(reason.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
        }
    }

    @Test("A name that leads elsewhere is refused", arguments: [".", "..", "a/b", "/", "../x", ""])
    func names(name: String) throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let tree = try repository.tree([Entry("100644", name, try repository.blob("x"))])
        #expect(refusal { try audit(repository, base: base, [tree]) }.contains("a tree holds the name \"\(name)\""))
    }

    @Test("What is wrong below a directory is found")
    func below() throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let bad = try repository.tree([Entry("100644", "a\u{1b}[2J", try repository.blob("x"))])
        let tree = try repository.nested(bad, depth: 20)
        #expect(refusal { try audit(repository, base: base, [tree]) }.contains("control characters"))
    }

    @Test("Directories are at most 256 deep")
    func depth() throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let leaf = try repository.tree([Entry("100644", "a", try repository.blob("x"))])
        let deepest = try repository.nested(leaf, depth: 255)
        try audit(repository, base: base, [deepest])
        let deeper = try repository.nested(deepest, depth: 1)
        #expect(refusal { try audit(repository, base: base, [deeper]) }.contains("nested deeper than 256"))
    }

    @Test("Depth counts from the root also where a part of the tree was seen before")
    func depthOfKnownTrees() throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let leaf = try repository.tree([Entry("100644", "a", try repository.blob("x"))])
        let inner = try repository.nested(leaf, depth: 200)
        let outer = try repository.nested(inner, depth: 200)
        #expect(refusal { try audit(repository, base: base, [outer]) }.contains("nested deeper"))
        // The same, with the inner half checked first: as an earlier commit, and as a sibling.
        #expect(refusal { try audit(repository, base: base, [inner, outer]) }.contains("nested deeper"))
        let sibling = try repository.tree([Entry("40000", "a", outer), Entry("40000", "b", inner)])
        #expect(refusal { try audit(repository, base: base, [sibling]) }.contains("nested deeper"))
    }

    @Test("The longest path counts its slashes, and one byte over the limit is refused")
    func pathLength() throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let leaf = try repository.tree([Entry("100644", "name", try repository.blob("x"))])
        let tree = try repository.nested(leaf, name: "dir", depth: 3)  // dir/dir/dir/name
        try audit(repository, base: base, [tree], path: 16)
        #expect(refusal { try audit(repository, base: base, [tree], path: 15) }.contains("a path of 16 bytes"))
    }

    @Test("The base's own trees are taken as they are")
    func baseIsNotJudged() throws {
        let repository = try TestRepository()
        let blob = try repository.blob("x")
        let old = try repository.tree([Entry("100664", "old\u{1}", blob)])
        let base = try base(repository, [Entry("40000", "legacy", old)])
        let tree = try repository.tree([Entry("40000", "legacy", old), Entry("100644", "new", blob)])
        try audit(repository, base: base, [tree])
        // But only as they are.
        let changed = try repository.tree([Entry("100664", "old\u{1}", blob), Entry("100644", "z", blob)])
        let edited = try repository.tree([Entry("40000", "legacy", changed)])
        #expect(refusal { try audit(repository, base: base, [edited]) }.contains("the mode 100664"))
    }

    @Test("Every commit is checked, not only the last one")
    func everyCommit() throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let bad = try repository.commit(
            try repository.tree([Entry("100644", "a\u{7f}", try repository.blob("x"))]), parents: [base])
        let good = try repository.commit(try repository.tree([]), parents: [bad])
        #expect(refusal { try audit(repository, base: base, [good, bad]) }.contains("control characters"))
    }

    @Test("A tree that is cut short is refused")
    func malformed() throws {
        let repository = try TestRepository()
        let base = try base(repository)
        for content in [
            Array("100644 a".utf8), Array("100644 a\0abc".utf8), Array("\0".utf8), [0xff, 0x20, 0x61, 0x00],
        ] {
            let bad = try repository.object("tree", content)
            #expect(throws: (any Error).self) { try audit(repository, base: base, [bad]) }
        }
    }

    @Test("An entry that claims to be a directory and is none is refused")
    func notATree() throws {
        let repository = try TestRepository()
        let base = try base(repository)
        let tree = try repository.tree([Entry("40000", "d", try repository.blob("x"))])
        #expect(refusal { try audit(repository, base: base, [tree]) }.contains("is no tree"))
        let absent = try repository.tree([Entry("40000", "d", String(repeating: "3", count: 40))])
        #expect(refusal { try audit(repository, base: base, [absent]) }.contains("missing"))
    }

    @Test("Repositories of SHA-256 are read with their longer ids")
    func sha256() throws {
        let directory = try TemporaryDirectory()
        let git = Git(directory: directory.path + "/r.git")
        try git.run(["init", "-q", "--bare", "--template=", "--object-format=sha256"])
        let empty = try git.object(["hash-object", "-t", "tree", "-w", "/dev/null"])
        try #require(empty.utf8.count == 64)
        let repository = try TestRepository()
        var audit = try TreeAudit(git, limits: repository.limits(base: empty), newBlobs: [:])
        defer { audit.end() }
        try audit.learnBase(empty)
        try audit.check(empty)
    }
}
