import Glibc
import Testing

@testable import JobStore

@Suite struct StateDirectoryTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("A missing directory is made, with its parents, and is private")
    func create() throws {
        let path = directory.path + "/a/b/c"
        let store = try JobStore(directory: path)
        _ = try store.insert(.sample("ab12"), at: 1)
        _ = try store.events.append(job: "ab12", count: 1, at: 1, payload: "x".utf8)
        try store.events.sync()
        for folder in ["/a", "/a/b", "/a/b/c", "/a/b/c/events", "/a/b/c/events/ab"] {
            #expect(try Disk.mode(directory.path + folder) == 0o700, "\(folder)")
        }
        for file in ["bulkhead.sqlite", "bulkhead.sqlite-wal", "bulkhead.sqlite-shm", "events/ab/ab12.log"] {
            #expect(try Disk.mode(path + "/" + file) == 0o600, "\(file)")
        }
    }

    @Test("A directory that others can write is refused", arguments: [0o770, 0o707, 0o1777] as [mode_t])
    func writable(mode: mode_t) throws {
        try #require(mkdir(directory.state, 0o700) == 0)
        try #require(chmod(directory.state, mode) == 0)
        #expect(failure { try JobStore(directory: directory.state) }?.code == .unsafeDirectory)
        #expect(TemporaryDirectory.entries(directory.state).isEmpty)
    }

    @Test("A folder of events that others can write is refused")
    func writableEvents() throws {
        try JobStore(directory: directory.state).close()
        try #require(chmod(directory.state + "/events", 0o777) == 0)
        #expect(failure { try JobStore(directory: directory.state) }?.code == .unsafeDirectory)
    }

    @Test("A directory of another user is refused", .enabled(if: geteuid() == 0, "needs root to give files away"))
    func foreign() throws {
        try #require(mkdir(directory.state, 0o700) == 0)
        try #require(chown(directory.state, 12345, 12345) == 0)
        #expect(failure { try JobStore(directory: directory.state) }?.code == .unsafeDirectory)
    }

    @Test("A symbolic link in place of the database or the events is not followed")
    func links() throws {
        let target = directory.path + "/target"
        try Disk.write(target, [])
        try #require(mkdir(directory.state, 0o700) == 0)
        try #require(symlink(target, directory.state + "/bulkhead.sqlite") == 0)
        #expect(failure { try JobStore(directory: directory.state) } != nil)
        #expect(try Disk.read(target).isEmpty)
        try #require(unlink(directory.state + "/bulkhead.sqlite") == 0)
        try #require(symlink(directory.path, directory.state + "/events") == 0)
        #expect(failure { try JobStore(directory: directory.state) } != nil)
    }

    @Test("A database file that others could read is made private")
    func madePrivate() throws {
        try JobStore(directory: directory.state).close()
        try #require(chmod(directory.state + "/bulkhead.sqlite", 0o644) == 0)
        let store = try JobStore(directory: directory.state)
        #expect(try Disk.mode(directory.state + "/bulkhead.sqlite") == 0o600)
        store.close()
    }

    @Test("A directory in use by another supervisor is refused")
    func locked() throws {
        let first = try JobStore(directory: directory.state)
        #expect(failure { try JobStore(directory: directory.state) }?.code == .locked)
        #expect(try first.counts()[.queued] == 0)
    }

    @Test("A file that is no database is refused as damaged, and kept")
    func garbage() throws {
        try #require(mkdir(directory.state, 0o700) == 0)
        let bytes = [UInt8](repeating: 0x41, count: 8192)
        try Disk.write(directory.state + "/bulkhead.sqlite", bytes)
        #expect(failure { try JobStore(directory: directory.state) }?.code == .corrupt)
        #expect(try Disk.read(directory.state + "/bulkhead.sqlite") == bytes)
    }

    @Test("A closed store refuses every call, and another can open the directory")
    func closed() throws {
        let store = try JobStore(directory: directory.state)
        store.close()
        store.close()
        #expect(failure { try store.counts() }?.code == .closed)
        #expect(failure { try store.events.append(job: "ab12", count: 1, at: 1, payload: []) }?.code == .closed)
        #expect(failure { try store.events.sync() }?.code == .closed)
        #expect(failure { try JobStore(directory: directory.state) } == nil)
    }
}
