import Glibc

/// A file descriptor that is closed with its last reference, and the few calls the store needs on it.
final class OpenFile {
    let descriptor: Int32
    /// Only for messages.
    let path: String

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { Glibc.close(descriptor) }

    /// Opens `name` below `directory` (or below the working directory), never through a symbolic link and never kept
    /// over an exec. Returns nil if it does not exist and `flags` does not create it.
    static func open(_ name: String, in directory: OpenFile?, flags: Int32, path: String) throws(StoreError)
        -> OpenFile?
    {
        let base = directory?.descriptor ?? AT_FDCWD
        let result = retrying { openat(base, name, flags | O_CLOEXEC, 0o600) }
        if result < 0 {
            let number = errno
            if number == ENOENT, flags & O_CREAT == 0 { return nil }
            throw .system("open", path, number)
        }
        return OpenFile(descriptor: Int32(result), path: path)
    }

    /// What the kernel says of the open file.
    func status() throws(StoreError) -> stat {
        var result = stat()
        guard fstat(descriptor, &result) == 0 else { throw .system("examine", path, errno) }
        return result
    }

    /// The file's size in bytes.
    func size() throws(StoreError) -> Int64 { Int64(try status().st_size) }

    /// Writes all of `bytes` at `offset`, or throws; what a failed call has written is the caller's to take back.
    func write(_ bytes: ArraySlice<UInt8>, at offset: Int64) throws(StoreError) {
        let failure = bytes.withUnsafeBytes { raw -> Int32? in
            var done = 0
            while done < raw.count {
                let rest = UnsafeRawBufferPointer(rebasing: raw[done...])
                let count = Self.retrying { pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + done) }
                if count < 0 { return errno }
                if count == 0 { return ENOSPC }
                done += count
            }
            return nil
        }
        if let failure { throw .system("write to", path, failure) }
    }

    /// Reads exactly `count` bytes at `offset`; a file that ends earlier is an error.
    func read(count: Int, at offset: Int64) throws(StoreError) -> [UInt8] {
        var failure: Int32?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { raw, filled in
            let base = UnsafeMutableRawBufferPointer(raw)
            while filled < count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: base[filled..<count])
                let got = Self.retrying { pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + filled) }
                if got <= 0 {
                    failure = got < 0 ? errno : 0
                    return
                }
                filled += got
            }
        }
        guard let failure else { return bytes }
        if failure != 0 { throw .system("read", path, failure) }
        throw StoreError(
            .corrupt,
            "\(path) has become shorter while the supervisor used it. Find out what else writes the state directory, "
                + "then start the supervisor again.")
    }

    func truncate(to size: Int64) throws(StoreError) {
        guard Self.retrying({ Int(ftruncate(descriptor, off_t(size))) }) == 0 else { throw .system("cut", path, errno) }
    }

    /// Makes the data, and the size needed to find it, durable.
    func syncData() throws(StoreError) {
        guard Self.retrying({ Int(fdatasync(descriptor)) }) == 0 else { throw .system("sync", path, errno) }
    }

    /// Makes everything durable; of a directory, its entries.
    func sync() throws(StoreError) {
        guard Self.retrying({ Int(fsync(descriptor)) }) == 0 else { throw .system("sync", path, errno) }
    }

    /// Repeats a call that a signal interrupted.
    private static func retrying<T: SignedInteger>(_ call: () -> T) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return Int(result) }
        }
    }
}
