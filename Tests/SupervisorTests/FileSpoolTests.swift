import Glibc
import Linux
import Testing

@testable import Supervisor

@Suite("File spool")
struct FileSpoolTests {
    private let directory: TemporaryDirectory
    private let loop: EventLoop

    init() throws {
        directory = try TemporaryDirectory()
        loop = try EventLoop()
    }

    private var target: String { directory.path + "/target" }

    private func source(_ bytes: [UInt8]) throws -> Descriptor {
        try directory.write("source", bytes)
        return try Descriptor.open(directory.path + "/source", O_RDONLY)
    }

    private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) } }

    /// Copies, doing something between two pieces.
    private func copy(_ source: Descriptor, limit: Int64, _ between: () throws -> Void = {}) throws -> Result<
        Int64, SystemError
    > {
        var results: [Result<Int64, SystemError>] = []
        let copy = try SpoolCopy(from: source, to: target, limit: limit, loop: loop) { results.append($0) }
        copy.start()
        try loop.drive {
            if results.isEmpty { try between() }
            return !results.isEmpty
        }
        for _ in 0..<3 { try loop.runOnce(maximumWait: 0) }
        #expect(results.count == 1, "the end is told once")
        return try #require(results.first)
    }

    private func failure(_ result: Result<Int64, SystemError>) -> SystemError? {
        guard case .failure(let error) = result else { return nil }
        return error
    }

    // MARK: spool

    @Test("The spool makes its private directories, and takes those that are there")
    func directories() throws {
        for _ in 0..<2 { _ = try FileSpool(directory: directory.path) }
        for kind in FileSpool.Kind.allCases {
            var status = stat()
            try check("stat") { stat(directory.path + "/" + kind.rawValue, &status) }
            #expect(status.st_mode & S_IFMT == S_IFDIR)
            #expect(status.st_mode & 0o077 == 0)
        }
    }

    @Test("A state directory that is not there is named")
    func missingDirectory() {
        #expect {
            _ = try FileSpool(directory: directory.path + "/none")
        } throws: { error in
            (error as? SystemError)?.subject == directory.path + "/none/inputs"
        }
    }

    @Test("Files are kept by kind and job, opened without following links, and removed")
    func files() throws {
        let spool = try FileSpool(directory: directory.path)
        for kind in FileSpool.Kind.allCases { try directory.write("\(kind.rawValue)/job1", Array(kind.rawValue.utf8)) }
        try directory.write("inputs/job2", [1])
        #expect(try spool.open(.results, "job1").readAll(limit: 100) == Array("results".utf8))
        spool.remove(.results, "job1")
        #expect(throws: SystemError.self) { try spool.open(.results, "job1") }
        #expect(directory.exists("artifacts/job1"))
        spool.removeAll("job1")
        #expect(!directory.exists("inputs/job1") && !directory.exists("artifacts/job1"))
        #expect(directory.exists("inputs/job2"))
        try check("symlink") { symlink("/etc/passwd", spool.path(.inputs, "link")) }
        #expect(throws: SystemError.self) { try spool.open(.inputs, "link") }
    }

    @Test("A sweep removes the inputs that nobody waits for, and nothing else")
    func sweep() throws {
        let spool = try FileSpool(directory: directory.path)
        for name in ["inputs/wanted", "inputs/stale", "inputs/stale2", "results/stale", "artifacts/stale"] {
            try directory.write(name, [1])
        }
        var asked: Set<String> = []
        spool.sweep { name in
            asked.insert(name)
            return name == "wanted"
        }
        #expect(asked == ["wanted", "stale", "stale2"])
        #expect(directory.exists("inputs/wanted"))
        #expect(!directory.exists("inputs/stale") && !directory.exists("inputs/stale2"))
        #expect(directory.exists("results/stale") && directory.exists("artifacts/stale"))
    }

    // MARK: copies

    @Test("A file is copied whole and privately", arguments: [0, 1, 1 << 20, (1 << 20) + 1, 3 << 20])
    func whole(size: Int) throws {
        let bytes = pattern(size)
        let result = try copy(try source(bytes), limit: 4 << 20)
        #expect(try result.get() == Int64(size))
        #expect(try readFile(target, limit: 8 << 20) == bytes)
        var status = stat()
        try check("stat") { stat(target, &status) }
        #expect(status.st_mode & 0o7777 == 0o600)
    }

    @Test("A file of exactly the limit is taken, one byte more leaves nothing behind")
    func limit() throws {
        let size = (2 << 20) + 5
        #expect(try copy(try source(pattern(size)), limit: Int64(size)).get() == Int64(size))
        let error = failure(try copy(try source(pattern(size + 1)), limit: Int64(size)))
        #expect(error?.code == EFBIG)
        #expect(!directory.exists("target"))
    }

    @Test("A source that grows as fast as it is read is cut off at the limit")
    func growing() throws {
        let source = try source(pattern(2 << 20))
        let more = try Descriptor.open(directory.path + "/source", O_WRONLY | O_APPEND)
        var grown = 0
        let piece = pattern(2 << 20)
        let result = try copy(source, limit: 6 << 20) {
            grown += 1
            try more.writeAll(piece)
        }
        #expect(failure(result)?.code == EFBIG)
        #expect(grown > 1)
        #expect(!directory.exists("target"))
    }

    @Test("A source that shrinks gives what was there")
    func shrinking() throws {
        let source = try source(pattern(3 << 20))
        let result = try copy(source, limit: 4 << 20) {
            try check("truncate") { truncate(directory.path + "/source", 1 << 20) }
        }
        let bytes = try result.get()
        #expect((1 << 20..<3 << 20).contains(bytes))
        #expect(try readFile(target, limit: 4 << 20).count == Int(bytes))
    }

    @Test("The copy starts at the beginning, wherever the passed descriptor stands")
    func offset() throws {
        let source = try source([1, 2, 3, 4])
        try check("lseek") { lseek(source.raw, 3, SEEK_SET) }
        _ = try copy(source, limit: 10).get()
        #expect(try readFile(target) == [1, 2, 3, 4])
        #expect(lseek(source.raw, 0, SEEK_CUR) == 3, "the owner's offset is not moved")
    }

    @Test("What stood in the place of the copy is replaced, and a link there is not followed")
    func replaced() throws {
        try directory.write("precious", [9])
        try check("symlink") { symlink(directory.path + "/precious", target) }
        _ = try copy(try source([1]), limit: 10).get()
        #expect(try readFile(directory.path + "/precious") == [9])
        #expect(try readFile(target) == [1])
    }

    @Test("A source that cannot be read at a place is an error that leaves nothing behind")
    func unreadable() throws {
        let pipe = try Descriptor.pipe()
        #expect(failure(try copy(pipe.read, limit: 10))?.code == ESPIPE)
        #expect(!directory.exists("target"))
    }

    @Test("A target that cannot be made is named")
    func noTarget() throws {
        let source = try source([1])
        let path = directory.path + "/none/target"
        #expect {
            _ = try SpoolCopy(from: source, to: path, limit: 10, loop: loop) { _ in }
        } throws: { error in
            (error as? SystemError)?.subject == path
        }
    }

    @Test("Large copies take turns with other work")
    func turns() throws {
        var ends: [Result<Int64, SystemError>] = []
        let copy = try SpoolCopy(from: try source(pattern(4 << 20)), to: target, limit: 8 << 20, loop: loop) {
            ends.append($0)
        }
        copy.start()
        #expect(ends.isEmpty, "the first piece alone does not hold the caller until the end")
        var rounds = 0
        while ends.isEmpty, rounds < 100 {
            try loop.runOnce(maximumWait: 10)
            rounds += 1
        }
        #expect(rounds >= 1 && ends.count == 1)
    }
}
