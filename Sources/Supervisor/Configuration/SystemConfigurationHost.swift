import Glibc

/// The real host.
public struct SystemConfigurationHost: ConfigurationHost {
    /// Makes one; it holds nothing.
    public init() {}

    /// Reads a file through one descriptor, so that what is checked is what is read.
    public func readFile(
        _ path: String, maximumBytes: Int
    ) throws(ConfigurationHostFailure) -> ConfigurationHostFile {
        // O_NONBLOCK: opening a FIFO that somebody put there must not hang the start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure() }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .wrongKind }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failure()
            }
            if count == 0 { break }
            bytes += chunk.prefix(count)
            guard bytes.count <= maximumBytes else { throw .tooLarge }
        }
        return ConfigurationHostFile(bytes: bytes, attributes: Self.attributes(status))
    }

    /// Lists a directory.
    public func listDirectory(_ path: String, maximumNames: Int) throws(ConfigurationHostFailure) -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOTDIR { throw .wrongKind }
            throw Self.failure()
        }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            // readdir tells an error from the end by errno alone.
            errno = 0
            guard let entry = readdir(directory) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            names.append(name)
            guard names.count <= maximumNames else { throw .tooLarge }
        }
        guard errno == 0 else { throw Self.failure() }
        return names
    }

    /// Looks at a directory.
    public func directoryAttributes(_ path: String) throws(ConfigurationHostFailure) -> ConfigurationHostAttributes {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Self.failure() }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .wrongKind }
        return Self.attributes(status)
    }

    /// Asks the accounts' database.
    public func userID(ofUser name: String) -> UInt32? {
        Self.account {
            getpwnam_r(name, $0, $1, $2, $3)
        } take: {
            $0.pw_uid
        }
    }

    /// Asks the accounts' database.
    public func homeDirectory(ofUser userID: UInt32) -> String? {
        Self.account {
            getpwuid_r(userID, $0, $1, $2, $3)
        } take: { record in
            record.pw_dir.map { String(cString: $0) }
        }
    }

    private static func attributes(_ status: stat) -> ConfigurationHostAttributes {
        ConfigurationHostAttributes(owner: status.st_uid, mode: status.st_mode & 0o7777)
    }

    private static func failure() -> ConfigurationHostFailure {
        let code = errno
        return code == ENOENT || code == ENOTDIR
            ? .absent : .failed(strerror(code).map { String(cString: $0) } ?? "error \(code)")
    }

    private typealias Lookup = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32

    /// Runs a `getpw…_r` call with a growing buffer; `take` copies out of the record while the buffer lives.
    private static func account<Result>(_ lookup: Lookup, take: (passwd) -> Result?) -> Result? {
        var size = 4_096
        while size <= 1 << 20 {
            var record = passwd()
            var found: UnsafeMutablePointer<passwd>?
            var result: Result?
            var code: Int32 = 0
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
                guard let base = buffer.baseAddress else { return }
                code = lookup(&record, base, size, &found)
                if code == 0, let found { result = take(found.pointee) }
            }
            if code != ERANGE { return result }
            size *= 4
        }
        return nil
    }
}
