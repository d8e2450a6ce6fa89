import CLinux
import Glibc
import Linux

/// The files that jobs take and leave, in the state directory: bundles in, bundles and archives out.
struct FileSpool {
    enum Kind: String, CaseIterable { case inputs, results, artifacts }

    private let directory: String

    /// - Throws: `SystemError`
    init(directory: String) throws {
        self.directory = directory
        for kind in Kind.allCases where mkdir(directory + "/" + kind.rawValue, 0o700) != 0 && errno != EEXIST {
            throw SystemError("mkdir", directory + "/" + kind.rawValue)
        }
    }

    func path(_ kind: Kind, _ job: String) -> String { "\(directory)/\(kind.rawValue)/\(job)" }

    /// - Throws: `SystemError`
    func open(_ kind: Kind, _ job: String) throws(SystemError) -> Descriptor {
        try Descriptor.open(path(kind, job), O_RDONLY | O_NOFOLLOW)
    }

    func remove(_ kind: Kind, _ job: String) { unlink(path(kind, job)) }

    func removeAll(_ job: String) {
        for kind in Kind.allCases { remove(kind, job) }
    }

    /// Removes the inputs that no job waits for: what a crash left between a spool and its job.
    func sweep(keeping isWanted: (String) -> Bool) {
        guard let stream = opendir(directory + "/inputs") else { return }
        defer { closedir(stream) }
        var stale: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix("."), !isWanted(name) { stale.append(name) }
        }
        for name in stale { remove(.inputs, name) }
    }
}

/// Copies a descriptor that somebody passed into a file of the spool, a piece for each round of the loop, so that a
/// large or slow one holds nobody up. The source may change or grow meanwhile: no more than the limit is read.
final class SpoolCopy {
    private static let piece = 1 << 20

    private let source: Descriptor
    private let target: Descriptor
    private let path: String
    private let limit: Int64
    private let loop: EventLoop
    private var copied: Int64 = 0
    private let completion: (Result<Int64, SystemError>) -> Void

    /// - Throws: `SystemError` when the file cannot be made.
    init(
        from source: Descriptor, to path: String, limit: Int64, loop: EventLoop,
        completion: @escaping (Result<Int64, SystemError>) -> Void
    ) throws(SystemError) {
        self.source = source
        self.path = path
        self.limit = limit
        self.loop = loop
        self.completion = completion
        unlink(path)
        target = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
    }

    func start() { step() }

    private func step() {
        do throws(SystemError) {
            var buffer = [UInt8](repeating: 0, count: Self.piece)
            let offset = copied
            let count = try check("read", "a passed file") { pread(source.raw, &buffer, buffer.count, off_t(offset)) }
            if count == 0 { return try finish() }
            copied += Int64(count)
            guard copied <= limit else { throw SystemError("copy", "more than \(limit) bytes", code: EFBIG) }
            try target.writeAll(Array(buffer.prefix(count)))
            loop.after(milliseconds: 0) { self.step() }
        } catch {
            unlink(path)
            completion(.failure(error))
        }
    }

    private func finish() throws(SystemError) {
        try check("fsync", path) { fsync(target.raw) }
        completion(.success(copied))
    }
}
