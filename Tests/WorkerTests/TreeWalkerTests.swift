import Glibc
import Linux
import Testing

@testable import Worker

@Suite("Tree walker")
struct TreeWalkerTests {
    private func walk(_ path: String) -> [String] {
        var walker = TreeWalker(root: path)
        walker.makeReadable()
        return walker.notes
    }

    @Test("Files and directories that their owner may not read become readable, and keep their other bits")
    func unreadable() throws {
        let directory = try TemporaryDirectory()
        try directory.write("a/secret", "x", mode: 0o000)
        try directory.write("a/b/script", "x", mode: 0o111)
        try directory.write("a/fine", "x", mode: 0o4755)
        try check("chmod") { chmod(directory.path + "/a/b", 0) }
        try check("chmod") { chmod(directory.path + "/a", 0o050) }
        #expect(walk(directory.path) == [])
        #expect(try directory.mode("a") == 0o750)
        #expect(try directory.mode("a/b") == 0o700)
        #expect(try directory.mode("a/secret") == 0o400)
        #expect(try directory.mode("a/b/script") == 0o511)
        #expect(try directory.mode("a/fine") == 0o4755)
    }

    @Test("The root itself becomes readable too: the agent owns it")
    func unreadableRoot() throws {
        let directory = try TemporaryDirectory()
        try directory.write("root/file", "x", mode: 0o000)
        try check("chmod") { chmod(directory.path + "/root", 0) }
        _ = walk(directory.path + "/root")
        #expect(try directory.mode("root") & 0o700 == 0o700)
        #expect(try directory.mode("root/file") == 0o400)
    }

    @Test("Links are not followed, as entries and as the root")
    func links() throws {
        let directory = try TemporaryDirectory()
        try directory.write("outside/file", "x", mode: 0o000)
        try directory.makeDirectories("work")
        try check("chmod") { chmod(directory.path + "/outside", 0o711) }
        for (name, target) in [("dir", "../outside"), ("file", "../outside/file"), ("loop", "."), ("gone", "nowhere")] {
            try check("symlink") { symlink(target, directory.path + "/work/" + name) }
        }
        #expect(walk(directory.path + "/work") == [])
        try check("symlink") { symlink("outside", directory.path + "/alias") }
        #expect(walk(directory.path + "/alias") == [])
        #expect(try directory.mode("outside") == 0o711)
        #expect(try directory.mode("outside/file") == 0o000)
    }

    @Test("Pipes and sockets are left alone and nothing waits for them")
    func pipes() throws {
        let directory = try TemporaryDirectory()
        try check("mkfifo") { mkfifo(directory.path + "/pipe", 0) }
        #expect(walk(directory.path) == [])
        #expect(try directory.mode("pipe") == 0)
    }

    @Test("A root that is missing, or a file, is no reason to fail")
    func noRoot() throws {
        let directory = try TemporaryDirectory()
        try directory.write("file", "x", mode: 0o000)
        #expect(walk(directory.path + "/none") == [])
        #expect(walk(directory.path + "/file") == [])
        #expect(try directory.mode("file") == 0)
    }

    @Test("Directories deeper than the bound keep their modes, and this is said")
    func depth() throws {
        let directory = try TemporaryDirectory()
        let deep = Array(repeating: "d", count: TreeWalker.maximumDepth + 4).joined(separator: "/")
        try directory.write(deep + "/file", "x", mode: 0o000)
        let notes = walk(directory.path)
        #expect(notes.count == 1)
        #expect(notes.first?.contains("deeper than \(TreeWalker.maximumDepth)") == true)
        #expect(try directory.mode(deep + "/file") == 0)
    }

    @Test("Many directories too deep are said once: the notes are bounded")
    func boundedNotes() throws {
        let directory = try TemporaryDirectory()
        let deep = Array(repeating: "d", count: TreeWalker.maximumDepth).joined(separator: "/")
        for index in 0..<50 { try directory.makeDirectories("\(deep)/n\(index)") }
        #expect(walk(directory.path).count <= 20)
    }
}
