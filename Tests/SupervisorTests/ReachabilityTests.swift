import Glibc
import Linux
import Testing

@testable import Supervisor

@Suite("Paths and reachability")
struct ReachabilityTests {
    @Test(
        "A path is made absolute and plain",
        arguments: [
            ("/", "/"), ("//", "/"), ("/a/b", "/a/b"), ("/a//b/", "/a/b"), ("/a/./b/.", "/a/b"), ("/a/../b", "/b"),
            ("/../../a", "/a"), ("/a/b/../../../c", "/c"), ("/...", "/..."), ("/..a/b..", "/..a/b.."),
            ("/a b/ü", "/a b/ü"),
            ("/.", "/"), ("/a/..", "/"),
        ])
    func absolute(path: String, expected: String) {
        #expect(absolutePath(path) == expected)
    }

    @Test("A relative path lies below the working directory")
    func relative() throws {
        let buffer = try #require(getcwd(nil, 0))
        defer { free(buffer) }
        let here = String(cString: buffer)
        #expect(absolutePath("") == here)
        #expect(absolutePath(".") == here)
        #expect(absolutePath("a/b") == (here == "/" ? "" : here) + "/a/b")
        #expect(absolutePath("./a/../b") == (here == "/" ? "" : here) + "/b")
        #expect(absolutePath(here + "/..") == absolutePath(".."))
    }

    @Test("Doing it twice changes nothing", arguments: ["/a/../b/./c//", "x/y/..", "..", "/"])
    func twice(path: String) {
        #expect(absolutePath(absolutePath(path)) == absolutePath(path))
    }

    @Test("A combining mark after a slash does not hide the slash: the kernel looks at bytes")
    func combiningMark() {
        #expect(Array(absolutePath("/a/\u{301}b/../c").utf8) == Array("/a/c".utf8))
    }

    @Test("A directory that everybody may enter needs nothing, and the process's mounts stay")
    func open() throws {
        let directory = try TemporaryDirectory()
        try check("chmod") { chmod(directory.path, 0o711) }
        try check("mkdir") { mkdir(directory.path + "/state", 0o711) }
        let before = try readFile("/proc/self/mountinfo")
        let account = ServiceAccount(uid: 65534, gid: 65534, firstJobUID: nil)
        try Reachability.ensure(directory.path + "/state", account: account)
        #expect(try readFile("/proc/self/mountinfo") == before)
    }

    @Test(
        "Whoever is not root does nothing, reachable or not", .enabled(if: geteuid() != 0, "runs as an ordinary user"))
    func unprivileged() throws {
        let account = ServiceAccount(uid: geteuid(), gid: getegid(), firstJobUID: nil)
        try Reachability.ensure("/root/none/state", account: account)
    }

    @Test("One supervisor for a state directory: the second is told the first one's pid")
    func stateLock() throws {
        let directory = try TemporaryDirectory()
        let lock = try StateLock(directory: directory.path)
        #expect {
            _ = try StateLock(directory: directory.path)
        } throws: { error in
            (error as? StartupError)?.description.contains("pid \(getpid())") == true
        }
        withExtendedLifetime(lock) {}
    }

    @Test("A state directory is made private, and one of somebody else's, or a file, is refused")
    func stateDirectory() throws {
        let directory = try TemporaryDirectory()
        let account = ServiceAccount(uid: geteuid(), gid: getegid(), firstJobUID: nil)
        let path = directory.path + "/a/b/state"
        for _ in 0..<2 { try Places.makeState(path, account: account) }
        var status = stat()
        try check("stat") { stat(path, &status) }
        #expect(status.st_mode & 0o7777 == 0o700)
        try directory.write("file", [])
        #expect(throws: StartupError.self) { try Places.makeState(directory.path + "/file", account: account) }
        try check("symlink") { symlink("a", directory.path + "/link") }
        #expect(throws: StartupError.self) { try Places.makeState(directory.path + "/link", account: account) }
        if geteuid() == 0 {
            try check("chown") { chown(path, 65534, 65534) }
            #expect(throws: StartupError.self) { try Places.makeState(path, account: account) }
        }
    }
}
