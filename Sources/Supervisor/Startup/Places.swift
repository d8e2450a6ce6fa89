import CAccounts
import CLinux
import Glibc
import Linux

/// The directories and sockets of a supervisor, made while it may still be root.
struct Places {
    let state: String
    let socket: String
    let control: Descriptor
    let workers: Descriptor
    /// Holds the workers' socket alone; a worker keeps a detached mount of it and nothing else of the host.
    var workerDirectory: String { socket + ".worker" }

    /// - Throws: `StartupError` or `SystemError`
    init(_ configuration: Configuration, account: ServiceAccount) throws {
        state = absolutePath(configuration.stateDirectory)
        socket = absolutePath(configuration.socket)
        let parent = String(socket[..<(socket.lastIndex(of: "/") ?? socket.startIndex)])
        var group = account.gid
        let hasGroup = geteuid() == 0 && bh_group_id(configuration.socketGroup, &group) == 0
        if mkdir(parent, 0o750) == 0, geteuid() == 0 {
            try check("chown", parent) { chown(parent, account.uid, group) }
        }
        try Places.claim(socket)
        control = try Places.listen(socket, mode: 0o660)
        if geteuid() == 0 {
            let socket = socket
            try check("chown", socket) { chown(socket, account.uid, hasGroup ? group : account.gid) }
        }

        let directory = socket + ".worker"
        try Places.makeDirectory(directory, mode: 0o711, account)
        let inner = directory + "/supervisor.sock"
        unlink(inner)
        workers = try Places.listen(inner, mode: 0o666)
    }

    private static func listen(_ path: String, mode: UInt32) throws -> Descriptor {
        Descriptor(owning: try check("listen on", path) { bh_unix_listen(path, 64, mode) })
    }

    /// Makes the state directory the service user's own, where it is new, empty or was root's.
    /// - Throws: `StartupError`
    static func makeState(_ path: String, account: ServiceAccount) throws {
        try makeDirectory(path, mode: 0o700, account)
    }

    private static func makeDirectory(_ path: String, mode: mode_t, _ account: ServiceAccount) throws {
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += "/" + part
            if mkdir(prefix, prefix == path ? mode : 0o755) != 0, errno != EEXIST {
                throw StartupError("the directory \(path) cannot be made: mkdir \(prefix): \(SystemError.text(errno))")
            }
        }
        var status = stat()
        try check("lstat", path) { lstat(path, &status) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StartupError("\(path) is not a directory; remove it or choose another path")
        }
        guard status.st_uid == account.uid || (geteuid() == 0 && status.st_uid == 0) else {
            throw StartupError(
                "\(path) belongs to uid \(status.st_uid) and not to uid \(account.uid); choose another directory, or chown it"
            )
        }
        if geteuid() == 0 { try check("chown", path) { chown(path, account.uid, account.gid) } }
        try check("chmod", path) { chmod(path, mode) }
    }

    /// Takes a socket's path over from a supervisor that is no more.
    private static func claim(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw StartupError("\(path) is there and is no socket; remove it or choose another --socket")
        }
        let answer = bh_unix_connect(path)
        if answer >= 0 {
            close(answer)
            throw StartupError("a supervisor answers on \(path) already; stop it, or choose another --socket")
        }
        try check("unlink", path) { unlink(path) }
    }

    /// Removes what was made, as far as the service user may.
    func remove() {
        unlink(workerDirectory + "/supervisor.sock")
        rmdir(workerDirectory)
        unlink(socket)
    }
}
