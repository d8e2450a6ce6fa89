/// Where some of the records of an event file start: enough to be close to any of them, in bounded memory.
struct SparseIndex {
    /// A record's first sequence number and its offset.
    struct Entry {
        let first: Int64
        let offset: Int64
    }

    private static let limit = 4_096
    /// The wanted distance of two entries in bytes; doubled whenever the index is full.
    private var stride: Int64 = 64 << 10
    private var entries: [Entry] = []
    /// Where recent readers stopped: a reader that follows the tail goes on there without a search.
    private var resumes: [Entry] = []

    /// Notes a record. Records come in order.
    mutating func add(first: Int64, offset: Int64) {
        if let last = entries.last, offset - last.offset < stride { return }
        entries.append(Entry(first: first, offset: offset))
        guard entries.count >= Self.limit else { return }
        entries = entries.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        stride *= 2
    }

    /// Notes that a reader will go on with the record that starts at `first`.
    mutating func resume(first: Int64, offset: Int64) {
        resumes.removeAll { $0.first == first }
        resumes.append(Entry(first: first, offset: offset))
        if resumes.count > 8 { resumes.removeFirst() }
    }

    /// A record at or before the one that holds `sequence`, as near as is known; the start of the file if none is.
    func start(for sequence: Int64) -> Entry {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].first <= sequence { low = middle + 1 } else { high = middle }
        }
        var best = low > 0 ? entries[low - 1] : Entry(first: 1, offset: 0)
        for entry in resumes where entry.first <= sequence && entry.first > best.first { best = entry }
        return best
    }
}
