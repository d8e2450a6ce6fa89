import CLinux
import Glibc
import IPC
import Linux
import Testing

@testable import Worker

/// A directory that is removed with its last reference, whatever modes were left in it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let base = environmentVariable("TMPDIR") ?? "/tmp"
        var template = Array((base + "/bulkhead-worker-XXXXXX").utf8CString)
        path = try #require(
            template.withUnsafeMutableBufferPointer { raw in
                raw.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
            })
    }

    deinit {
        let null = Descriptor(owning: open("/dev/null", O_RDWR | O_CLOEXEC))
        for argv in [["chmod", "-R", "u+rwX", "--", path], ["rm", "-rf", "--", path]] {
            _ = try? Child(argv: argv, environment: [], descriptors: [null.raw, null.raw, null.raw]).run()
        }
    }

    /// Writes a file, and the directories on its way.
    func write(_ name: String, _ content: [UInt8], mode: mode_t = 0o644) throws {
        try makeDirectories(name.split(separator: "/").dropLast().joined(separator: "/"))
        let file = path + "/" + name
        try Descriptor.open(file, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644).writeAll(content)
        try check("chmod", file) { chmod(file, mode) }
    }

    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        try write(name, Array(text.utf8), mode: mode)
    }

    func makeDirectories(_ name: String) throws {
        var place = path
        for part in name.split(separator: "/") {
            place += "/" + part
            if mkdir(place, 0o755) != 0, errno != EEXIST { throw SystemError("mkdir", place) }
        }
    }

    func mode(_ name: String) throws -> mode_t {
        var status = stat()
        try check("lstat", name) { lstat(name.isEmpty ? path : path + "/" + name, &status) }
        return status.st_mode & 0o7777
    }
}

/// A real bare repository whose objects are written one by one, also such as git itself would not write.
final class TestRepository {
    let directory: TemporaryDirectory
    let git: Git

    init() throws {
        directory = try TemporaryDirectory()
        var git = Git(directory: directory.path + "/r.git")
        for role in ["AUTHOR", "COMMITTER"] {
            git.environment["GIT_\(role)_NAME"] = "Test"
            git.environment["GIT_\(role)_EMAIL"] = "test@example.invalid"
            git.environment["GIT_\(role)_DATE"] = "1700000000 +0000"
        }
        self.git = git
        try git.run(["init", "-q", "--bare", "--template="])
    }

    func object(_ type: String, _ content: [UInt8]) throws -> String {
        let input = try Descriptor.sealed("object", content)
        let bytes = try git.run(
            ["hash-object", "-t", type, "-w", "--literally", "--stdin"], stdin: input.raw, limit: 256)
        let id = String(decoding: bytes, as: UTF8.self).trimmingNewline()
        try #require(ObjectID.isValid(id))
        return id
    }

    func blob(_ text: String) throws -> String { try object("blob", Array(text.utf8)) }

    struct Entry {
        let mode: String
        let name: [UInt8]
        let id: String
        init(_ mode: String, _ name: String, _ id: String) { self.init(mode, Array(name.utf8), id) }
        init(_ mode: String, _ name: [UInt8], _ id: String) {
            self.mode = mode
            self.name = name
            self.id = id
        }
    }

    func tree(_ entries: [Entry]) throws -> String {
        var content: [UInt8] = []
        for entry in entries {
            content += Array(entry.mode.utf8) + [0x20] + entry.name + [0]
            let digits = Array(entry.id)
            content += stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(digits[$0...($0 + 1)]), radix: 16)
            }
        }
        return try object("tree", content)
    }

    /// `depth` directories of one name within each other, around a tree.
    func nested(_ tree: String, name: String = "d", depth: Int) throws -> String {
        try (0..<depth).reduce(tree) { inner, _ in try self.tree([Entry("40000", name, inner)]) }
    }

    func commit(_ tree: String, parents: [String] = []) throws -> String {
        try git.object(["commit-tree", tree] + parents.flatMap { ["-p", $0] } + ["-m", "test"])
    }

    func limits(base: String, files: Int64 = 1000, bytes: Int64 = 1 << 20, path: Int64 = 4096) -> Order.Repository {
        Order.Repository(
            base: base, baseBranch: "main", branch: "b", message: "m", committerName: "n", committerEmail: "e",
            maximumFiles: files, maximumBytes: bytes, maximumPath: path, maximumBundle: 1 << 20,
            maximumArtifact: 1 << 20)
    }
}

/// The reason of a refusal; fails where the body ends otherwise.
func refusal(_ sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) -> String {
    do {
        try body()
        Issue.record("nothing was refused", sourceLocation: sourceLocation)
    } catch let end as StepEnd {
        #expect(end.code == Step.Exit.refused, sourceLocation: sourceLocation)
        return end.reason
    } catch {
        Issue.record("ended with \(error)", sourceLocation: sourceLocation)
    }
    return ""
}

/// SplitMix64: the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// An event sender whose peer is the test.
final class SenderLink {
    let loop: EventLoop
    let connection: Connection
    let sender: EventSender
    private let peer: Descriptor
    private var decoder = FrameDecoder(limits: .standard)
    /// What the peer got, and the payloads as they were.
    private(set) var frames: [JSON] = []
    private(set) var longest = 0

    init() throws {
        loop = try EventLoop()
        let (ours, theirs) = try Descriptor.socketPair()
        peer = theirs
        try peer.setNonBlocking()
        connection = try Connection(ours, loop: loop, limits: .standard)
        sender = EventSender(connection: connection)
    }

    /// Runs rounds until the condition holds, reading what the peer gets; a test that waits in vain fails here.
    func drive(_ sourceLocation: SourceLocation = #_sourceLocation, until condition: () throws -> Bool) throws {
        for _ in 0..<2000 {
            try receive()
            if try condition() { return }
            try loop.runOnce(maximumWait: 5)
        }
        Issue.record("the condition did not come true", sourceLocation: sourceLocation)
    }

    /// Reads until nothing is queued any more.
    func receiveAll() throws { try drive { connection.queuedBytes == 0 } }

    private func receive() throws {
        while let bytes = try? peer.read(256 << 10), !bytes.isEmpty {
            decoder.append(bytes)
            while let payload = try decoder.next() {
                longest = max(longest, payload.count)
                frames.append(try JSON(parsing: payload))
            }
        }
    }
}
