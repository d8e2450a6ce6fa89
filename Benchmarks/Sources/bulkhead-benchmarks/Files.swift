import CBenchmarks
import Foundation
import Glibc

/// A descriptor that is closed with its last owner.
final class FileHandleOwner {
    let raw: Int32
    init(owning raw: Int32) { self.raw = raw }
    deinit { close(raw) }

    /// - Throws: `Failure`
    static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws -> FileHandleOwner {
        let raw = Glibc.open(path, flags | O_CLOEXEC, mode)
        guard raw >= 0 else { throw Failure.system("open", path) }
        return FileHandleOwner(owning: raw)
    }

    /// - Throws: `Failure`
    static func pipe() throws -> (read: FileHandleOwner, write: FileHandleOwner) {
        var ends: [Int32] = [-1, -1]
        guard bench_pipe(&ends) == 0 else { throw Failure.system("pipe") }
        return (FileHandleOwner(owning: ends[0]), FileHandleOwner(owning: ends[1]))
    }

    /// - Throws: `Failure`
    static func memory(_ name: String, _ content: [UInt8]) throws -> FileHandleOwner {
        let raw = bench_memfd(name)
        guard raw >= 0 else { throw Failure.system("memfd_create", name) }
        let file = FileHandleOwner(owning: raw)
        guard write(raw, content, content.count) == content.count else { throw Failure.system("write", name) }
        guard lseek(raw, 0, SEEK_SET) == 0 else { throw Failure.system("lseek", name) }
        return file
    }

    /// What can be read without waiting, as text: for messages of failures.
    func readNow() -> String {
        _ = fcntl(raw, F_SETFL, O_NONBLOCK)
        var buffer = [UInt8](repeating: 0, count: 2048)
        let count = read(raw, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    /// What can be read until the end of the stream, `limit` bytes at most.
    /// - Throws: `Failure` when the deadline passes first.
    func readAll(limit: Int, _ deadline: Deadline) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < limit {
            var entry = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, deadline.milliseconds)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { throw Failure("nothing was printed in time") }
            let count = read(raw, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return bytes
    }
}

/// The directory that everything of one run lives in.
///
/// Below /var/tmp: a job's own /tmp would hide a tree of the host below /tmp, and what logs are compared with needs a
/// file system on a disk.
struct WorkDirectory {
    let path: String
    /// Shown to jobs and to bubblewrap; holds the tool.
    var tools: String { path + "/tools" }
    var tool: String { tools + "/tool" }
    var log: String { path + "/output.log" }

    /// - Parameter tool: the built tool; it is copied to where every user may execute it.
    /// - Throws: `Failure`
    init(tool source: String) throws {
        var template = Array("/var/tmp/bulkhead-bench.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure.system("mkdtemp", "/var/tmp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        Cleanup.shared.add(directory: path)
        guard chmod(path, 0o711) == 0 else { throw Failure.system("chmod", path) }
        try makeDirectory("tools")
        guard let content = FileManager.default.contents(atPath: source) else {
            throw Failure("the tool \(source) cannot be read; run Benchmarks/run.sh, which builds it")
        }
        guard FileManager.default.createFile(atPath: tool, contents: content), chmod(tool, 0o755) == 0 else {
            throw Failure.system("write", tool)
        }
    }

    /// A new directory that every user may enter.
    /// - Throws: `Failure`
    @discardableResult
    func makeDirectory(_ name: String) throws -> String {
        let directory = path + "/" + name
        guard mkdir(directory, 0o755) == 0, chmod(directory, 0o755) == 0 else {
            throw Failure.system("mkdir", directory)
        }
        return directory
    }

    /// The last lines that the programs under measurement printed.
    func logTail() -> String {
        let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").suffix(8).joined(separator: "; ")
    }

    /// - Throws: `Failure` when less than this many bytes are free.
    func requireFree(_ bytes: Int64, for what: String) throws {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw Failure.system("statvfs", path) }
        let free = Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
        guard free >= bytes else {
            throw Failure(
                "\(what) needs \(bytes >> 20) MiB below \(path), and \(free >> 20) MiB are free; free some space")
        }
    }
}
