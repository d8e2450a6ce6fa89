import GRDB
import Glibc

/// The supervisor's memory: jobs, their history, settings, and the event files of every job.
///
/// When a call returns, what it changed is on disk (events: when `events.sync()` returns). The store belongs to one
/// thread and one process; a second process that opens the same directory is refused. Every call may throw
/// `StoreError` with the codes `full`, `io`, `corrupt` and `closed`; others are named where they occur.
public final class JobStore {
    /// What can be tuned. The defaults suit a build host.
    public struct Options: Sendable {
        /// How long SQLite waits for a lock that another program (a backup, say) holds, in milliseconds.
        public var busyTimeout: Int = 5_000
        /// The limits of the event files.
        public var events = EventLog.Options()

        /// The defaults.
        public init() {}
    }

    /// The events of every job.
    public let events: EventLog

    private let path: String
    private let directory: StateDirectory
    private var queue: DatabaseQueue?
    private var isBusy = false

    /// Opens the store in `directory`, which is created with mode 0700 if it is missing.
    ///
    /// - Throws: `unsafeDirectory` if others can write the directory or own it, `locked` if another supervisor uses it,
    ///   `newerSchema` if a newer version wrote it.
    public init(directory: String, options: Options = .init()) throws(StoreError) {
        let state = try StateDirectory(path: directory)
        let path = directory + "/bulkhead.sqlite"
        try state.privateFile("bulkhead.sqlite")
        self.directory = state
        self.path = path
        events = EventLog(
            directory: try state.subdirectory("events"), path: directory + "/events", options: options.events)
        do {
            queue = try Self.open(path, options)
        } catch {
            throw Self.translate(error, "open", path)
        }
    }

    deinit { close() }

    /// Writes buffered events if that is possible, and closes every file. Later calls throw `closed`.
    public func close() {
        events.close()
        guard let queue else { return }
        self.queue = nil
        // A failed close loses nothing: what was committed is in the WAL, which the next start reads.
        try? queue.close()
        directory.unlock()
    }

    private static func open(_ path: String, _ options: Options) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "bulkhead.jobs"
        configuration.journalMode = .wal
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(Double(max(0, options.busyTimeout)) / 1_000)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        // After opening, because GRDB sets NORMAL with WAL: there a power cut may take back committed transactions.
        let level = try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            return try Int.fetchOne(db, sql: "PRAGMA synchronous")
        }
        guard level == 2 else {
            throw StoreError(.io, "SQLite refuses synchronous = FULL for \(path). Use the distribution's libsqlite3.")
        }
        try Schema.migrate(queue, path: path)
        return queue
    }

    /// Runs `body` in a transaction that is durable when this returns, or in which nothing has happened.
    func write<T>(_ body: (Database) throws -> T) throws(StoreError) -> T {
        try perform("write") { try $0.write(body) }
    }

    /// Runs `body` on one consistent state of the database.
    func read<T>(_ body: (Database) throws -> T) throws(StoreError) -> T {
        try perform("read") { try $0.read(body) }
    }

    private func perform<T>(_ action: String, _ body: (DatabaseQueue) throws -> T) throws(StoreError) -> T {
        guard let queue else { throw .closed }
        guard !isBusy else {
            throw .invalid("The job store was called from inside one of its own closures. Call it after they return.")
        }
        isBusy = true
        defer { isBusy = false }
        do {
            return try body(queue)
        } catch {
            throw Self.translate(error, action, path)
        }
    }

    private static func translate(_ error: any Error, _ action: String, _ path: String) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let error = error as? DatabaseError else {
            return StoreError(.io, "Could not \(action) \(path). Check the file system and the kernel log.")
        }
        switch error.resultCode {
        case .SQLITE_FULL:
            return .full(path)
        case .SQLITE_IOERR where isFull(path):
            // SQLite reports some shapes of a full disk (the shared-memory file, a late allocation) as I/O errors.
            return .full(path)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            return StoreError(
                .corrupt,
                "\(path) is damaged or no database. Stop the supervisor and restore it from a backup, or move it away.")
        default:
            // Never the statement's arguments: a spec may quote what a user wrote.
            let detail = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
            return StoreError(
                .io, "Could not \(action) \(path): \(detail). Check the file system, then start the supervisor again.")
        }
    }

    private static func isFull(_ path: String) -> Bool {
        var status = statvfs()
        return statvfs(path, &status) == 0 && status.f_bavail == 0
    }
}
