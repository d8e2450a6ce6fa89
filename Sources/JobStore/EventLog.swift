/// The events of every job: one append-only file each, written in groups.
///
/// `append` only buffers. What it took may be acknowledged once `sync()` has returned, or as far as
/// `durableSequence(job:)` says when it threw. It belongs to the store's thread.
public final class EventLog {
    /// The limits. Sizes are in bytes.
    public struct Options: Sendable {
        /// A job's buffer is written to its file, without waiting for the disk, when more than this waits.
        public var writeThreshold: Int = 256 << 10
        /// The most that one job may have in memory; above it `append` makes the job durable or throws.
        public var maxPending: Int = 4 << 20
        /// The most files that are open at once.
        public var maxOpenFiles: Int = 64
        /// The most jobs whose index is kept in memory, beyond those with unsynced events.
        public var maxKnownJobs: Int = 1_024

        /// The defaults.
        public init() {}
    }

    /// Called with a job's id and the number of bytes cut when its file had a torn or damaged tail. It runs inside the
    /// call that opened the file and must not call the event log.
    public var onTornTail: ((String, Int) -> Void)?

    private let folder: EventFolder
    private let options: Options
    private var logs: [String: JobLog] = [:]
    /// The logs with an open file, the least recently used first.
    private var open: [JobLog] = []
    /// The logs with unsynced events, by job.
    private var dirty: [String: JobLog] = [:]
    private var clock: UInt64 = 0
    private var isClosed = false

    init(directory: OpenFile, path: String, options: Options) {
        folder = EventFolder(handle: directory, path: path)
        self.options = options
    }

    /// Adds a record, in memory.
    ///
    /// - Parameters:
    ///   - count: how many sequence numbers it holds, 1 to 1,048,576.
    ///   - at: when, in milliseconds since the epoch.
    ///   - payload: at most 1 MiB, stored as it is.
    /// - Returns: the first of its sequence numbers; a job's first is 1, and there are no gaps.
    /// - Throws: `invalid` over those limits; `full` or `io` if the job has too much in memory and it cannot be
    ///   written. The record is not taken then.
    public func append(
        job: String, count: Int, at: Int64, payload: some Collection<UInt8>
    ) throws(StoreError) -> Int64 {
        let log = try log(for: job)
        try Limits.checkTime(at)
        guard (1...EventHeader.maxCount).contains(count) else {
            throw .invalid("A record of job \(job) holds \(count) events; it can hold 1 to \(EventHeader.maxCount).")
        }
        let size = payload.count
        guard size <= EventHeader.maxPayload else {
            throw .invalid(
                "A record of job \(job) has \(size) bytes; split it to at most \(EventHeader.maxPayload) each.")
        }
        if !log.pending.isEmpty, log.pending.count + EventHeader.size + size > options.maxPending { try commit(log) }
        let outcome: Result<Int64, StoreError>
        if let stored = payload.withContiguousStorageIfAvailable({ bytes in
            Self.add(log, count, at, UnsafeRawBufferPointer(bytes))
        }) {
            outcome = stored
        } else {
            outcome = Array(payload).withUnsafeBytes { Self.add(log, count, at, $0) }
        }
        let first = try outcome.get()
        dirty[job] = log
        if log.unwritten > options.writeThreshold, !log.hasFailed {
            // The record is safe in memory; a failure here is told by the next `sync()`, which tries again.
            try? write(log)
        }
        return first
    }

    /// Makes every appended record durable: each file is written, then each is synced once.
    ///
    /// - Throws: the first failure, after every other job has been tried. Nothing is lost: what failed stays in memory,
    ///   and a later call writes it.
    public func sync() throws(StoreError) {
        guard !isClosed else { throw .closed }
        var failure: StoreError?
        var batch: [JobLog] = []
        for log in dirty.values {
            do {
                try write(log)
                batch.append(log)
            } catch {
                failure = failure ?? error
            }
        }
        // `commit` and not only a sync: to stay within the open files, opening one log may have synced another, and if
        // that failed, it is all in memory again.
        for log in batch where !log.pending.isEmpty {
            do { try commit(log) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// The records of a job from the one that holds sequence number `seq` on, synced or not.
    ///
    /// - Parameter maxBytes: the size of the answer, clamped to 16 MiB; the first record is returned whatever it says.
    /// - Returns: nothing if `seq` is beyond the last record, or the job has no events.
    /// - Throws: `corrupt` if a record on disk fails its checksum.
    public func read(job: String, from seq: Int64, maxBytes: Int) throws(StoreError) -> [StoredEvent] {
        let log = try log(for: job)
        return try log.read(from: max(1, seq), maxBytes: max(0, min(maxBytes, 16 << 20))) { () throws(StoreError) in
            try file(of: log)
        }
    }

    /// The last sequence number appended, synced or not; 0 if there is none.
    public func lastSequence(job: String) throws(StoreError) -> Int64 { try log(for: job).nextSequence - 1 }

    /// The last sequence number that is durable, and may be acknowledged even after `sync()` threw; 0 if there is none.
    public func durableSequence(job: String) throws(StoreError) -> Int64 { try log(for: job).durableSequence }

    /// Opens a job's file if that has not happened yet, and cuts a torn or damaged tail after the last good record.
    /// The other calls do the same when they first meet a job.
    ///
    /// - Returns: how many bytes were cut, which `onTornTail` was told too.
    @discardableResult
    public func recover(job: String) throws(StoreError) -> Int {
        try check(job)
        if logs[job] != nil { return 0 }
        let recovery: Recovery
        let file = try folder.open(job, creating: false)
        if let file { recovery = try Recovery(scanning: file) } else { recovery = Recovery() }
        let log = JobLog(job: job, recovered: recovery)
        forgetOldest()
        logs[job] = log
        touch(log)
        if let file { adopt(file, for: log) }
        guard recovery.cut > 0 else { return 0 }
        onTornTail?(job, Int(recovery.cut))
        return Int(recovery.cut)
    }

    /// Makes a job's events durable, then forgets the job and closes its file. It can be used again afterwards.
    public func closeJob(_ job: String) throws(StoreError) {
        try check(job)
        guard let log = logs[job] else { return }
        try commit(log)
        forget(log)
    }

    /// Removes a job's events for good, also those not yet written.
    public func remove(job: String) throws(StoreError) {
        try check(job)
        if let log = logs[job] { forget(log) }
        try folder.remove(job)
    }

    /// How many files are open.
    var openFiles: Int { open.count }

    func close() {
        guard !isClosed else { return }
        // Nobody was told that these events are durable; their sender sends them again if this fails.
        try? sync()
        isClosed = true
        for log in open { log.file = nil }
        open = []
        logs = [:]
        dirty = [:]
    }
}

// MARK: - The table of logs and its bounds

extension EventLog {
    private static func add(
        _ log: JobLog, _ count: Int, _ at: Int64, _ payload: UnsafeRawBufferPointer
    ) -> Result<Int64, StoreError> {
        Result { () throws(StoreError) in try log.append(count: count, at: at, payload: payload) }
    }

    private func check(_ job: String) throws(StoreError) {
        guard !isClosed else { throw .closed }
        try Limits.checkID(job)
    }

    private func log(for job: String) throws(StoreError) -> JobLog {
        if !isClosed, let log = logs[job] {
            touch(log)
            return log
        }
        try recover(job: job)
        guard let log = logs[job] else { throw .closed }
        return log
    }

    private func touch(_ log: JobLog) {
        clock += 1
        log.lastUse = clock
    }

    private func write(_ log: JobLog) throws(StoreError) {
        do {
            try log.write(to: file(of: log))
        } catch {
            log.fail()
            throw error
        }
    }

    private func commit(_ log: JobLog) throws(StoreError) {
        try write(log)
        if log.written > 0 { try sync(log, file(of: log)) }
    }

    private func sync(_ log: JobLog, _ file: OpenFile) throws(StoreError) {
        try log.sync(file, in: folder)
        if log.pending.isEmpty { dirty[log.job] = nil }
    }

    /// The open file of `log`; opens it, and creates it if nothing has ever been stored for the job.
    private func file(of log: JobLog) throws(StoreError) -> OpenFile {
        if let file = log.file {
            if open.last !== log, let place = open.firstIndex(where: { $0 === log }) {
                open.append(open.remove(at: place))
            }
            return file
        }
        let path = folder.path(of: log.job)
        guard let file = try folder.open(log.job, creating: log.durableEnd == 0) else {
            throw StoreError(.corrupt, "\(path) has vanished while its job was known. Find out what removed it.")
        }
        let size = try file.size()
        // More than we know of can only be the rest of a write that failed and could not be taken back.
        if size > log.durableEnd { try file.truncate(to: log.durableEnd) }
        guard size >= log.durableEnd else {
            throw StoreError(
                .corrupt, "\(path) has lost \(log.durableEnd - size) bytes. Find out what else writes there.")
        }
        adopt(file, for: log)
        return file
    }

    private func adopt(_ file: OpenFile, for log: JobLog) {
        while open.count >= max(1, options.maxOpenFiles) {
            let oldest = open.removeFirst()
            // Synced first: an error of the disk is told to open descriptors only. A failed sync puts everything back
            // into memory, so the descriptor can go in any case; the failure shows again in the next `sync()`.
            if let old = oldest.file { try? sync(oldest, old) }
            oldest.file = nil
        }
        log.file = file
        open.append(log)
    }

    private func forget(_ log: JobLog) {
        log.file = nil
        open.removeAll { $0 === log }
        dirty[log.job] = nil
        logs[log.job] = nil
    }

    /// Keeps the number of known jobs bounded: the one unused for longest goes, unless it has unsynced events.
    private func forgetOldest() {
        guard logs.count >= max(1, options.maxKnownJobs) else { return }
        let idle = logs.values.filter { $0.pending.isEmpty }
        if let oldest = idle.min(by: { $0.lastUse < $1.lastUse }) { forget(oldest) }
    }
}
