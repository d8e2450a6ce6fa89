/// The event file of one job: what is durable in it, and in memory everything that is not yet.
///
/// The invariant that makes a failed write harmless: records stay in `pending` until an fdatasync after their write
/// has succeeded. A failed fdatasync may have dropped the pages (Linux then reports the next one as a success), so
/// after any failure all of `pending` is written again.
final class JobLog {
    let job: String
    /// nil while no descriptor is open for this job.
    var file: OpenFile?
    /// The size of the durable part of the file; records in `pending` follow it.
    private(set) var durableEnd: Int64
    /// The last sequence number of the durable part.
    private(set) var durableSequence: Int64
    /// Whole records that are not durable yet.
    private(set) var pending: [UInt8] = []
    /// How many bytes of `pending` are in the file, though not durable.
    private(set) var written = 0
    /// The sequence number of the next record.
    private(set) var nextSequence: Int64
    /// Whether the last attempt to write failed; the next one is then left to `sync`.
    private(set) var hasFailed = false
    var index: SparseIndex
    /// When the log was last used, by the event log's counter.
    var lastUse: UInt64 = 0
    private var isEntryDurable = false

    /// A log whose file has just been recovered (or does not exist: then all is empty).
    init(job: String, recovered: Recovery) {
        self.job = job
        durableEnd = recovered.end
        durableSequence = recovered.nextSequence - 1
        nextSequence = recovered.nextSequence
        index = recovered.index
    }

    /// How many bytes wait to be written.
    var unwritten: Int { pending.count - written }

    /// Adds a record in memory and returns its first sequence number.
    func append(count: Int, at: Int64, payload: UnsafeRawBufferPointer) throws(StoreError) -> Int64 {
        let first = nextSequence
        let (next, overflow) = first.addingReportingOverflow(Int64(count))
        guard !overflow else { throw .invalid("Job \(job) has used up its sequence numbers. Cancel it.") }
        index.add(first: first, offset: durableEnd + Int64(pending.count))
        EventHeader.append(to: &pending, first: first, count: count, at: at, payload: payload)
        nextSequence = next
        return first
    }

    /// Writes what waits, without making it durable. On failure nothing of `pending` is left in the file.
    func write(to file: OpenFile) throws(StoreError) {
        guard unwritten > 0 else { return }
        do {
            try file.write(pending[written...], at: durableEnd + Int64(written))
            written = pending.count
        } catch {
            takeBack(file)
            throw error
        }
    }

    /// Makes all that is written durable.
    func sync(_ file: OpenFile, in folder: EventFolder) throws(StoreError) {
        guard written > 0 else { return }
        do {
            try file.syncData()
            if !isEntryDurable {
                try folder.syncEntry(of: job)
                isEntryDurable = true
            }
        } catch {
            takeBack(file)
            throw error
        }
        settle()
    }

    private func settle() {
        durableEnd += Int64(written)
        hasFailed = false
        if written == pending.count {
            durableSequence = nextSequence - 1
            // A large buffer is given back: a thousand quiet jobs must not keep 4 MiB each.
            pending.removeAll(keepingCapacity: pending.capacity <= 512 << 10)
        } else {
            // Only whole records are ever written, so what is left starts with a header.
            pending.removeFirst(written)
            durableSequence = pending.withUnsafeBytes { EventHeader.first(of: $0) } - 1
        }
        written = 0
    }

    /// Marks an attempt as failed that did not get as far as the file.
    func fail() { hasFailed = true }

    /// Cuts the file back to its durable part; `pending` still holds everything after it. Should the cut fail too, the
    /// next attempt overwrites the same bytes, and recovery cuts what is torn.
    private func takeBack(_ file: OpenFile) {
        try? file.truncate(to: durableEnd)
        written = 0
        hasFailed = true
    }
}
