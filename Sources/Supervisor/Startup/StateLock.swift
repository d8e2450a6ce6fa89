import CLinux
import Glibc
import Linux

/// One supervisor for one state directory. The kernel drops the lock with the process, however that ends.
struct StateLock {
    private let file: Descriptor

    /// - Throws: `StartupError` with the pid of the supervisor that is there already.
    init(directory: String) throws {
        let path = directory + "/supervisor.lock"
        file = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        let raw = file.raw
        var status = stat()
        try check("fstat", path) { fstat(raw, &status) }
        // A link to some other file would have that truncated and given away.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
            throw StartupError("\(path) is no ordinary file; remove it")
        }
        guard bh_lock_file(raw) == 0 else {
            let holder =
                (try? file.read(32)).map { String(decoding: $0, as: UTF8.self).split(separator: "\n").first ?? "" }
                ?? ""
            throw StartupError(
                "another supervisor (pid \(holder.isEmpty ? "unknown" : String(holder))) uses the state directory \(directory); "
                    + "stop it, or give this one another --state")
        }
        try check("ftruncate", path) { ftruncate(raw, 0) }
        try file.writeAll(Array("\(getpid())\n".utf8))
    }

    func give(to account: ServiceAccount) throws {
        try check("fchown", "supervisor.lock") { fchown(file.raw, account.uid, account.gid) }
    }
}
