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
        var group = account.gid
        if geteuid() != 0 || bh_group_id(configuration.socketGroup, &group) != 0 { group = account.gid }

        let parent = String(socket[..<(socket.lastIndex(of: "/") ?? socket.startIndex)])
        if access(parent, F_OK) != 0 {
            try PrivateDirectory(parent, mode: 0o750, account: account).give(to: account.uid, group)
        } else {
            try PrivateDirectory.requireTrusted(parent, account: account)
        }
        try Places.claim(socket)
        control = try Places.listen(socket, mode: 0o660)
        if geteuid() == 0 {
            let path = socket
            try check("chown", path) { lchown(path, account.uid, group) }
        }
        // The socket is bound while the directory is still root's: no one else can have put anything in its place.
        let directory = try PrivateDirectory(socket + ".worker", mode: 0o711, account: account)
        let inner = socket + ".worker/supervisor.sock"
        unlink(inner)
        workers = try Places.listen(inner, mode: 0o666)
        if geteuid() == 0 { try check("chown", inner) { lchown(inner, account.uid, account.gid) } }
        try directory.give(to: account.uid, account.gid)
    }

    private static func listen(_ path: String, mode: UInt32) throws -> Descriptor {
        Descriptor(owning: try check("listen on", path) { bh_unix_listen(path, 64, mode) })
    }

    /// Makes the state directory the service user's own, where it is new or was root's.
    /// - Throws: `StartupError`
    static func makeState(_ path: String, account: ServiceAccount) throws {
        try PrivateDirectory(path, mode: 0o700, account: account).give(to: account.uid, account.gid)
    }

    /// Takes a socket's path over from a supervisor that is no more.
    private static func claim(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw StartupError("\(path) is there and is no socket; remove it or choose another --socket")
        }
        let answer = bh_unix_connect_now(path)
        if answer >= 0 || bh_errno() == EAGAIN {
            if answer >= 0 { close(answer) }
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
