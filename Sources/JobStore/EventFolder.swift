import Glibc

/// The folder of event files: `events/<first two characters of the id>/<id>.log`, files 0600, directories 0700.
final class EventFolder {
    let path: String
    private let handle: OpenFile
    /// The shards whose own entry is known to be durable.
    private var durableShards: Set<String> = []

    init(handle: OpenFile, path: String) {
        self.handle = handle
        self.path = path
    }

    /// Where the events of `job` are. The id has been checked: it holds nothing but letters and digits.
    func path(of job: String) -> String { path + "/" + Self.name(of: job) }

    /// Opens the file of `job`; nil if there is none and `creating` is false.
    func open(_ job: String, creating: Bool) throws(StoreError) -> OpenFile? {
        let shard = Self.shard(of: job)
        if creating, mkdirat(handle.descriptor, shard, 0o700) != 0, errno != EEXIST {
            throw .system("create", path + "/" + shard, errno)
        }
        let flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | (creating ? O_CREAT : 0)
        guard let file = try OpenFile.open(Self.name(of: job), in: handle, flags: flags, path: path(of: job)) else {
            return nil
        }
        guard try file.status().st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.corrupt, "\(path(of: job)) is not a regular file. Move it away and start again.")
        }
        return file
    }

    /// Makes the directory entries that lead to the file of `job` durable: without them a power cut takes the file.
    func syncEntry(of job: String) throws(StoreError) {
        let shard = Self.shard(of: job)
        try OpenFile.open(shard, in: handle, flags: O_RDONLY | O_DIRECTORY, path: path + "/" + shard)?.sync()
        guard !durableShards.contains(shard) else { return }
        try handle.sync()
        durableShards.insert(shard)
    }

    /// Removes the file of `job`, if there is one, for good.
    func remove(_ job: String) throws(StoreError) {
        if unlinkat(handle.descriptor, Self.name(of: job), 0) != 0 {
            if errno == ENOENT { return }
            throw .system("remove", path(of: job), errno)
        }
        try syncEntry(of: job)
    }

    private static func shard(of job: String) -> String { String(job.prefix(2)) }
    private static func name(of job: String) -> String { shard(of: job) + "/" + job + ".log" }
}
