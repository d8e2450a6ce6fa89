import CLinux
import Glibc

/// A file descriptor that is closed when its last owner lets go of it.
public final class Descriptor {
    public private(set) var raw: Int32

    /// Takes over `raw`.
    public init(owning raw: Int32) { self.raw = raw }

    deinit { close() }

    /// Closes now; later uses fail with EBADF.
    public func close() {
        guard raw >= 0 else { return }
        _ = Glibc.close(raw)
        raw = -1
    }

    /// Gives the descriptor away: it is the caller's to close.
    public func release() -> Int32 {
        defer { raw = -1 }
        return raw
    }

    /// Opens a path, close-on-exec.
    /// - Throws: `SystemError`
    public static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(SystemError) -> Descriptor {
        let raw = try check("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) }
        return Descriptor(owning: raw)
    }

    /// A new close-on-exec descriptor of the same open file.
    /// - Throws: `SystemError`
    public func duplicate() throws(SystemError) -> Descriptor {
        let source = raw
        return Descriptor(owning: try check("dup") { bh_dup_cloexec(source, 3) })
    }

    /// Both ends of a pipe, close-on-exec.
    /// - Throws: `SystemError`
    public static func pipe() throws(SystemError) -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [-1, -1]
        try check("pipe2") { bh_pipe(&ends) }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }

    /// Two connected Unix stream sockets, close-on-exec.
    /// - Throws: `SystemError`
    public static func socketPair() throws(SystemError) -> (Descriptor, Descriptor) {
        var ends: [Int32] = [-1, -1]
        try check("socketpair") { bh_socketpair(&ends) }
        return (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    }

    /// A sealed memory file with this content: whoever receives it can neither change nor resize it.
    /// - Throws: `SystemError`
    public static func sealed(_ name: String, _ content: [UInt8], executable: Bool = false) throws(SystemError)
        -> Descriptor
    {
        let file = Descriptor(owning: try check("memfd_create", name) { bh_memfd(name, executable ? 1 : 0) })
        try file.writeAll(content)
        try check("seal", name) { bh_memfd_seal(file.raw) }
        try check("lseek", name) { lseek(file.raw, 0, SEEK_SET) }
        return file
    }

    /// Writes every byte, waiting where the descriptor blocks.
    /// - Throws: `SystemError`
    public func writeAll(_ bytes: [UInt8]) throws(SystemError) {
        var offset = 0
        while offset < bytes.count {
            let source = raw
            let from = offset
            offset += try check("write") {
                bytes.withUnsafeBytes { Glibc.write(source, $0.baseAddress.map { $0 + from }, $0.count - from) }
            }
        }
    }

    /// Reads at most `maximum` bytes once; empty at the end of the file.
    /// - Throws: `SystemError`; EAGAIN when a non-blocking descriptor has nothing.
    public func read(_ maximum: Int) throws(SystemError) -> [UInt8] {
        let source = raw
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: maximum) { buffer, count in
            do throws(SystemError) {
                count = try check("read") { Glibc.read(source, buffer.baseAddress, maximum) }
            } catch {
                failure = error
                count = 0
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads to the end, or until `limit` bytes are there.
    /// - Throws: `SystemError`; EFBIG when there are more than `limit` bytes.
    public func readAll(limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let chunk = try read(min(65536, limit + 1 - bytes.count))
            if chunk.isEmpty { return bytes }
            bytes += chunk
            if bytes.count > limit { throw SystemError("read", "more than \(limit) bytes", code: EFBIG) }
        }
    }

    /// - Throws: `SystemError`
    public func setNonBlocking(_ on: Bool = true) throws(SystemError) {
        let source = raw
        try check("fcntl") { bh_set_nonblocking(source, on ? 1 : 0) }
    }
}

/// Reads a small file whole.
/// - Throws: `SystemError`; EFBIG over `limit` bytes.
public func readFile(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
    try Descriptor.open(path, O_RDONLY).readAll(limit: limit)
}

/// A file's text, or nil where it is missing, unreadable or not UTF-8: for facts about the host that are only shown.
public func readText(_ path: String, limit: Int = 1 << 20) -> String? {
    guard let bytes = try? readFile(path, limit: limit) else { return nil }
    return String(validating: bytes, as: UTF8.self)
}
