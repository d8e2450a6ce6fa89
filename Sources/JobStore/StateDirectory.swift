import Glibc

/// The state directory, opened and checked: everything below is trusted only because nobody else can write here.
struct StateDirectory {
    let path: String
    let handle: OpenFile

    /// Opens `path`, creates it (and missing parents) with mode 0700, and locks it against a second supervisor.
    init(path: String) throws(StoreError) {
        guard !path.isEmpty, path.utf8.count <= 3072, !path.utf8.contains(0) else {
            throw .invalid("The path of the state directory is empty, too long or holds a NUL. Correct the setting.")
        }
        self.path = path
        try Self.create(path)
        handle = try Self.openChecked(path, in: nil, path: path)
        try lock()
    }

    /// Opens the directory `name` below the state directory, creating it with mode 0700.
    func subdirectory(_ name: String) throws(StoreError) -> OpenFile {
        let full = path + "/" + name
        if mkdirat(handle.descriptor, name, 0o700) == 0 {
            try handle.sync()
        } else if errno != EEXIST {
            throw .system("create", full, errno)
        }
        return try Self.openChecked(name, in: handle, flags: O_NOFOLLOW, path: full)
    }

    /// Makes sure that `name` is a regular file of ours that only we can read. SQLite would create it by the umask,
    /// and gives its journal files the mode of this one.
    func privateFile(_ name: String) throws(StoreError) {
        let full = path + "/" + name
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK
        guard let file = try OpenFile.open(name, in: handle, flags: flags, path: full) else { return }
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid() else {
            throw StoreError(
                .unsafeDirectory,
                "\(full) is not a regular file of this user. Move it away, or give it back with chown.")
        }
        if status.st_mode & 0o077 != 0, fchmod(file.descriptor, 0o600) != 0 {
            throw .system("make private", full, errno)
        }
        try handle.sync()
    }

    /// Lets another process open the directory. Closing the descriptor alone would not do while a child that was just
    /// forked still holds a copy.
    func unlock() { flock(handle.descriptor, LOCK_UN) }

    private func lock() throws(StoreError) {
        while flock(handle.descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            if errno == EWOULDBLOCK {
                throw StoreError(
                    .locked,
                    "Another supervisor uses the state directory \(path). Stop it first, or give this one a directory "
                        + "of its own.")
            }
            throw .system("lock", path, errno)
        }
    }

    private static func create(_ path: String) throws(StoreError) {
        if mkdir(path, 0o700) == 0 { return try syncParent(of: path) }
        if errno == EEXIST { return }
        guard errno == ENOENT else { throw .system("create", path, errno) }
        let above = parent(of: path)
        guard above != path, above.utf8.count < path.utf8.count else { throw .system("create", path, ENOENT) }
        try create(above)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system("create", path, errno) }
        try syncParent(of: path)
    }

    private static func syncParent(of path: String) throws(StoreError) {
        let above = parent(of: path)
        try OpenFile.open(above, in: nil, flags: O_RDONLY | O_DIRECTORY, path: above)?.sync()
    }

    private static func parent(of path: String) -> String {
        var bytes = Array(path.utf8)
        while bytes.count > 1, bytes.last == 0x2F { bytes.removeLast() }
        guard let slash = bytes.lastIndex(of: 0x2F) else { return "." }
        return slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
    }

    private static func openChecked(
        _ name: String, in directory: OpenFile?, flags: Int32 = 0, path: String
    ) throws(StoreError) -> OpenFile {
        guard let file = try OpenFile.open(name, in: directory, flags: O_RDONLY | O_DIRECTORY | flags, path: path)
        else {
            throw .system("open", path, ENOENT)
        }
        let status = try file.status()
        guard status.st_uid == geteuid() else {
            throw StoreError(
                .unsafeDirectory,
                "The directory \(path) belongs to uid \(status.st_uid), not to this process (uid \(geteuid())). Give "
                    + "it to this user with chown, or choose another one.")
        }
        guard status.st_mode & 0o022 == 0 else {
            throw StoreError(
                .unsafeDirectory,
                "The directory \(path) can be written by others. Make it private with `chmod 0700 \(path)`, check what "
                    + "is in it, then start again.")
        }
        return file
    }
}
