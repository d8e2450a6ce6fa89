import CLinux
import Glibc
import Linux

/// A directory of the supervisor's own, made and held by descriptor: what root does to it, it does to this directory,
/// whatever happens to its name meanwhile.
struct PrivateDirectory {
    private let descriptor: Descriptor
    private let path: String

    /// Makes the directory and what is missing on the way, or takes one that belongs to root or the service user. It
    /// is this process's, with this mode, until it is given away.
    /// - Throws: `StartupError` naming what is wrong and what to do.
    init(_ path: String, mode: mode_t, account: ServiceAccount) throws {
        self.path = path
        let parent = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        if !parent.isEmpty, access(parent, F_OK) != 0 {
            _ = try PrivateDirectory(parent, mode: 0o755, account: account)
        }
        try Self.requireTrusted(parent.isEmpty ? "/" : parent, account: account)
        if mkdir(path, mode) != 0, errno != EEXIST {
            throw StartupError("the directory \(path) cannot be made: \(SystemError.text(errno))")
        }
        do throws(SystemError) {
            descriptor = try Descriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        } catch {
            throw StartupError(
                "\(path) is not a directory that can be used (\(error)); remove it or choose another path")
        }
        let raw = descriptor.raw
        var status = stat()
        try check("fstat", path) { fstat(raw, &status) }
        guard status.st_uid == account.uid || (geteuid() == 0 && status.st_uid == 0) else {
            throw StartupError(
                "\(path) belongs to uid \(status.st_uid) and not to uid \(account.uid); choose another directory, or chown it"
            )
        }
        if geteuid() == 0 { try check("fchown", path) { fchown(raw, 0, 0) } }
        try check("fchmod", path) { fchmod(raw, mode) }
    }

    /// Makes it the service user's. Only root can, and only root needs to.
    /// - Throws: `SystemError`
    func give(to uid: UInt32, _ gid: UInt32) throws {
        guard geteuid() == 0 else { return }
        let raw = descriptor.raw
        try check("fchown", path) { fchown(raw, uid, gid) }
    }

    /// Root must not act by name in a directory where somebody else could exchange what a name stands for. A sticky
    /// one, such as /tmp, protects the entries of others.
    /// - Throws: `StartupError`
    static func requireTrusted(_ directory: String, account: ServiceAccount) throws {
        guard geteuid() == 0 else { return }
        let parts = directory.split(separator: "/")
        for count in 0...parts.count {
            let prefix = "/" + parts.prefix(count).joined(separator: "/")
            var status = stat()
            try check("stat", prefix) { stat(prefix, &status) }
            let isOurs = status.st_uid == 0 || status.st_uid == account.uid
            let isShared = status.st_mode & 0o022 != 0 && status.st_mode & S_ISVTX == 0
            guard isOurs, !isShared else {
                throw StartupError(
                    "\(prefix) could be changed by others than root and uid \(account.uid) (owner \(status.st_uid), mode "
                        + "\(String(status.st_mode & 0o7777, radix: 8))), so root does not work in it; choose a directory of root's, "
                        + "or start the supervisor as that user")
            }
        }
    }
}
