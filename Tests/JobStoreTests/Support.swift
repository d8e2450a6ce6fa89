import Glibc
import Testing

@testable import JobStore

/// A directory that is removed with its last reference.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((base + "/bulkhead-store-XXXXXX").utf8CString)
        let made = template.withUnsafeMutableBufferPointer { raw in
            raw.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        path = try #require(made)
    }

    deinit { Self.removeTree(path) }

    /// The state directory of most tests: below, so that the store creates it.
    var state: String { path + "/state" }

    private static func removeTree(_ path: String) {
        for name in entries(path) {
            let child = path + "/" + name
            if unlink(child) != 0 { removeTree(child) }
        }
        rmdir(path)
    }

    static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var result: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { result.append(name) }
        }
        return result
    }

    /// Copies a tree of regular files: what another process would find if this one died now.
    static func copy(_ from: String, _ to: String) throws {
        try #require(mkdir(to, 0o700) == 0)
        for name in entries(from) {
            let source = from + "/" + name
            var status = stat()
            try #require(stat(source, &status) == 0)
            if status.st_mode & S_IFMT == S_IFDIR {
                try copy(source, to + "/" + name)
            } else {
                try Disk.write(to + "/" + name, Disk.read(source))
            }
        }
    }
}

/// Whole files, read and written as a test wants them.
enum Disk {
    static func read(_ path: String) throws -> [UInt8] {
        let file = try #require(try OpenFile.open(path, in: nil, flags: O_RDONLY, path: path))
        return try file.read(count: Int(file.size()), at: 0)
    }

    static func write(_ path: String, _ bytes: some Collection<UInt8>) throws {
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        let file = try #require(try OpenFile.open(path, in: nil, flags: flags, path: path))
        try file.write(ArraySlice(bytes), at: 0)
    }

    static func mode(_ path: String) throws -> mode_t {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return status.st_mode & 0o7777
    }
}

/// A file system of a few pages, for tests of a full disk.
final class SmallDisk {
    let path: String
    private let parent: TemporaryDirectory

    init(kibibytes: Int) throws {
        parent = try TemporaryDirectory()
        path = parent.path + "/disk"
        try #require(mkdir(path, 0o700) == 0)
        try #require(mount("tmpfs", path, "tmpfs", 0, "size=\(kibibytes)k,mode=0700") == 0)
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    private var ballast: String { path + "/ballast" }

    /// Takes all the space there is, but `leaving` bytes.
    func fill(leaving: Int = 0) throws {
        let file = try #require(try OpenFile.open(ballast, in: nil, flags: O_WRONLY | O_CREAT, path: ballast))
        let page = [UInt8](repeating: 0xAA, count: 4096)
        var size = try file.size()
        while (try? file.write(page[...], at: size)) != nil { size += 4096 }
        try file.truncate(to: max(0, size - Int64(leaving)))
    }

    /// Gives the space back.
    func free() { unlink(ballast) }

    /// Whether tests may mount. With BULKHEAD_MUST_SANDBOX=1 the answer is yes, so that a missing right is a failure
    /// and not a skip.
    static let isAvailable: Bool = {
        if let must = getenv("BULKHEAD_MUST_SANDBOX"), String(cString: must) == "1" { return true }
        return geteuid() == 0 && (try? SmallDisk(kibibytes: 64)) != nil
    }()
}

extension Trait where Self == ConditionTrait {
    /// The test mounts a small tmpfs.
    static var requiresMount: Self {
        .enabled(if: SmallDisk.isAvailable, "needs root and the right to mount a tmpfs")
    }
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

/// The error that `body` throws.
func failure<T>(_ body: () throws -> T) -> StoreError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? StoreError
    }
}

extension NewJob {
    static func sample(_ id: String, priority: Int = 0) -> NewJob {
        NewJob(
            id: id, tenant: "acme", plane: "local", submitter: 1000, priority: priority, harness: "noop",
            title: "Title of \(id)", spec: #"{"kind":"prompt"}"#)
    }
}
