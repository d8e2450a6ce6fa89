import Glibc
import Testing

@testable import JobStore

@Suite struct JobLogTests {
    @Test("After a failed sync of the disk everything is written again, not only what is new")
    func failedSync() throws {
        let directory = try TemporaryDirectory()
        let handle = try #require(
            try OpenFile.open(directory.path, in: nil, flags: O_RDONLY | O_DIRECTORY, path: directory.path))
        let folder = EventFolder(handle: handle, path: directory.path)
        let log = JobLog(job: "ab12", recovered: Recovery())
        // This device takes every write and refuses every sync.
        let device = try #require(try OpenFile.open("/dev/null", in: nil, flags: O_RDWR, path: "/dev/null"))
        _ = try Array("first".utf8).withUnsafeBytes { try log.append(count: 1, at: 1, payload: $0) }
        try log.write(to: device)
        #expect(log.unwritten == 0)
        #expect(failure { try log.sync(device, in: folder) }?.code == .io)
        #expect(log.durableSequence == 0)
        #expect(log.unwritten == EventHeader.size + 5)

        _ = try Array("second".utf8).withUnsafeBytes { try log.append(count: 1, at: 1, payload: $0) }
        let file = try #require(try folder.open("ab12", creating: true))
        try log.write(to: file)
        try log.sync(file, in: folder)
        #expect(log.durableSequence == 2)
        #expect(log.pending.isEmpty)
        let found = try Recovery(scanning: file)
        #expect(found.nextSequence == 3)
        #expect(found.cut == 0)
    }

    @Test("A sync between a write and the next one makes durable what was written, and no more")
    func partialSync() throws {
        let directory = try TemporaryDirectory()
        let handle = try #require(
            try OpenFile.open(directory.path, in: nil, flags: O_RDONLY | O_DIRECTORY, path: directory.path))
        let folder = EventFolder(handle: handle, path: directory.path)
        let log = JobLog(job: "ab12", recovered: Recovery())
        let file = try #require(try folder.open("ab12", creating: true))
        _ = try Array("first".utf8).withUnsafeBytes { try log.append(count: 3, at: 1, payload: $0) }
        try log.write(to: file)
        _ = try Array("second".utf8).withUnsafeBytes { try log.append(count: 2, at: 1, payload: $0) }
        try log.sync(file, in: folder)
        #expect(log.durableSequence == 3)
        #expect(log.unwritten == EventHeader.size + 6)
        #expect(try log.read(from: 1, maxBytes: 1_000) { () throws(StoreError) in file }.map(\.first) == [1, 4])
    }
}
