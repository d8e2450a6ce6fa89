import Glibc
import Linux

/// Files and directories that are gone when the command ends.
enum Scratch {
    private static let nameless: Int32 = 0o20_200_000  // O_TMPFILE, which is no constant that Swift imports

    /// TMPDIR or /tmp.
    static var directory: String {
        environmentVariable("TMPDIR").flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    }

    /// A file without a name, readable and writable by this process only.
    /// - Throws: `SystemError`
    static func file(in directory: String = Scratch.directory) throws(SystemError) -> Descriptor {
        if let file = try? Descriptor.open(directory, nameless | O_RDWR, mode: 0o600) { return file }
        // Some file systems (overlay before 6.3, NFS) have no nameless files.
        var template = Array("\(directory)/runnerctl.XXXXXX".utf8CString)
        let raw = try check("mkstemp", directory) { mkstemp(&template) }
        unlink(template)
        _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
        return Descriptor(owning: raw)
    }

    /// A second descriptor of the same file that cannot write.
    /// - Throws: `SystemError`
    static func readOnly(_ file: Descriptor) throws(SystemError) -> Descriptor {
        try Descriptor.open("/proc/self/fd/\(file.raw)", O_RDONLY)
    }

    /// Copies exactly `size` bytes from the start of a file that others may still change, or whose offset they share.
    /// - Throws: `CommandFailure` for a file that ends before, `SystemError`, `Interrupted`.
    static func copy(_ source: Int32, size: Int64, to target: Descriptor, interrupts: Interrupts? = nil) throws {
        var offset: Int64 = 0
        while offset < size {
            let wanted = Int(min(size - offset, 1 << 20))
            let from = offset
            var failure: SystemError?
            let chunk = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                do throws(SystemError) {
                    count = try check("pread") { pread(source, buffer.baseAddress, wanted, off_t(from)) }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            guard !chunk.isEmpty else {
                throw CommandFailure.failed(
                    "the supervisor's file ended after \(offset) of \(size) bytes; ask for it again")
            }
            try target.writeAll(chunk)
            offset += Int64(chunk.count)
            interrupts?.collect()
            if let interrupts, interrupts.count > 0 { throw Interrupted() }
        }
    }

    /// A new directory that only this user can enter, removed with its content when `body` ends in any way.
    static func withDirectory<Result>(in directory: String = Scratch.directory, _ body: (String) throws -> Result)
        throws -> Result
    {
        var template = Array("\(directory)/runnerctl.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp", directory) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { remove(path) }
        return try body(path)
    }

    /// Removes a tree of our own making. Links are removed, never followed.
    static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR, let listing = opendir(path) else {
            unlink(path)
            return
        }
        var names: [String] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        closedir(listing)
        for name in names { remove(path + "/" + name) }
        rmdir(path)
    }
}
