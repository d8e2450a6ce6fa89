/// What a scan of an event file found.
struct Recovery {
    /// Where the last good record ends.
    var end: Int64 = 0
    /// The sequence number after those of the last good record.
    var nextSequence: Int64 = 1
    var index = SparseIndex()
    /// How many bytes after the last good record were cut.
    var cut: Int64 = 0

    /// The recovery of a file that does not exist.
    init() {}

    /// Scans all of `file`, checks every record, and cuts the file after the last good one.
    ///
    /// An error while reading is thrown and nothing is cut: a disk that cannot be read now is not a torn tail.
    init(scanning file: OpenFile) throws(StoreError) {
        let size = try file.size()
        var window = FileWindow(file, end: size, chunk: 1 << 20)
        while end < size {
            let header = try window.with(offset: end, count: EventHeader.size) {
                EventHeader($0, expected: nextSequence)
            }
            guard let header = header.flatMap({ $0 }) else { break }
            let isGood = try window.with(offset: end, count: header.total) { header.matches($0) }
            guard isGood == true else { break }
            index.add(first: header.first, offset: end)
            end += Int64(header.total)
            nextSequence = header.next
        }
        cut = size - end
        if cut > 0 { try file.truncate(to: end) }
        // What the former process wrote may still be in the page cache only, and from here on it counts as durable.
        if size > 0 { try file.sync() }
    }
}
