import Testing

@testable import Worker

@Suite("Diff statistics")
struct DiffStatTests {
    private typealias Entry = TestRepository.Entry
    private let repository: TestRepository

    init() throws { repository = try TestRepository() }

    @Test("Files, insertions and deletions are counted; a binary file counts as a file only")
    func counts() throws {
        let binary = try repository.object("blob", [0, 1, 2, 0xff])
        let before = try repository.commit(
            try repository.tree([
                Entry("100644", "changed", try repository.blob("a\nb\nc\n")),
                Entry("100644", "deleted", try repository.blob("x\ny\n")),
                Entry("100644", "kept", try repository.blob("k\n")),
            ]))
        let directory = try repository.tree([Entry("100644", "new", try repository.blob("1\n2\n"))])
        let after = try repository.commit(
            try repository.tree([
                Entry("100644", "binary", binary), Entry("100644", "changed", try repository.blob("a\nB\nc\nd\n")),
                Entry("40000", "dir", directory), Entry("100644", "kept", try repository.blob("k\n")),
            ]))
        let stat = try DiffStat(repository.git, from: before, to: after)
        #expect(stat.files == 4)
        #expect(stat.insertions == 4)
        #expect(stat.deletions == 3)
    }

    @Test("Names with tabs, newlines and quotes do not disturb the counts")
    func names() throws {
        let empty = try repository.commit(try repository.tree([]))
        let blob = try repository.blob("1\n")
        let names: [[UInt8]] = [Array("9\t9\tx".utf8), Array("a\n7\t7\tb".utf8), Array("q\"".utf8), [0x72, 0xff]]
        let after = try repository.commit(try repository.tree(names.map { Entry("100644", $0, blob) }))
        let stat = try DiffStat(repository.git, from: empty, to: after)
        #expect(stat.files == 4)
        #expect(stat.insertions == 4)
        #expect(stat.deletions == 0)
    }

    @Test("A renamed file counts twice: similarity is not searched for")
    func renames() throws {
        let blob = try repository.blob("1\n2\n3\n")
        let before = try repository.commit(try repository.tree([Entry("100644", "a", blob)]))
        let after = try repository.commit(try repository.tree([Entry("100644", "b", blob)]))
        let stat = try DiffStat(repository.git, from: before, to: after)
        #expect([stat.files, stat.insertions, stat.deletions] == [2, 3, 3])
    }

    @Test("No difference gives zeros")
    func same() throws {
        let commit = try repository.commit(try repository.tree([]))
        let stat = try DiffStat(repository.git, from: commit, to: commit)
        #expect([stat.files, stat.insertions, stat.deletions] == [0, 0, 0])
    }
}
