extension JobLog {
    /// The records from the one that holds `sequence` on, until `maxBytes` (headers count too) are reached; at least
    /// one if there is any.
    func read(from sequence: Int64, maxBytes: Int, open: () throws(StoreError) -> OpenFile) throws(StoreError)
        -> [StoredEvent]
    {
        guard sequence < nextSequence else { return [] }
        let start = index.start(for: sequence)
        var walk = Walk(wanted: sequence, budget: maxBytes, expected: start.first, offset: start.offset)
        if walk.offset < durableEnd {
            // A reader near the tail reads little: the window ends where the durable part does.
            var window = FileWindow(try open(), end: durableEnd, chunk: min(256 << 10, max(64 << 10, maxBytes)))
            while walk.offset < durableEnd, !walk.isDone {
                let at = walk.offset
                let header = try window.with(offset: at, count: EventHeader.size) {
                    EventHeader($0, expected: walk.expected)
                }
                guard let header = header.flatMap({ $0 }), at + Int64(header.total) <= durableEnd else {
                    throw damaged(at)
                }
                guard walk.wants(header) else { continue }
                let event = try window.with(offset: at, count: header.total) { Walk.event(header, $0) }
                guard let event = event.flatMap({ $0 }) else { throw damaged(at) }
                walk.take(event, header)
            }
        }
        pending.withUnsafeBytes { raw in
            while !walk.isDone, walk.offset >= durableEnd, walk.offset - durableEnd < Int64(raw.count) {
                let rest = UnsafeRawBufferPointer(rebasing: raw[Int(walk.offset - durableEnd)...])
                // What is in memory was made by `append`; a record that does not parse ends the walk all the same.
                guard let header = EventHeader(rest, expected: walk.expected), header.total <= rest.count else {
                    return
                }
                guard walk.wants(header) else { continue }
                guard let event = Walk.event(header, UnsafeRawBufferPointer(rebasing: rest[..<header.total])) else {
                    return
                }
                walk.take(event, header)
            }
        }
        index.resume(first: walk.expected, offset: walk.offset)
        return walk.events
    }

    private func damaged(_ offset: Int64) -> StoreError {
        StoreError(
            .corrupt,
            "The events of job \(job) are damaged at byte \(offset). Check the disk; the events before that byte can "
                + "still be read, and the next start cuts the rest.")
    }

    /// A walk over records: what the reader wants, where it stands, what it has.
    private struct Walk {
        let wanted: Int64
        let budget: Int
        var expected: Int64
        var offset: Int64
        var used = 0
        var isDone = false
        var events: [StoredEvent] = []

        /// Whether the record belongs to the answer; a record before it is passed, one beyond the budget ends the walk.
        mutating func wants(_ header: EventHeader) -> Bool {
            if header.next <= wanted {
                pass(header)
                return false
            }
            if !events.isEmpty, used + header.total > budget {
                isDone = true
                return false
            }
            return true
        }

        mutating func take(_ event: StoredEvent, _ header: EventHeader) {
            events.append(event)
            used += header.total
            pass(header)
        }

        private mutating func pass(_ header: EventHeader) {
            expected = header.next
            offset += Int64(header.total)
        }

        static func event(_ header: EventHeader, _ record: UnsafeRawBufferPointer) -> StoredEvent? {
            guard header.matches(record) else { return nil }
            let payload = [UInt8](UnsafeRawBufferPointer(rebasing: record[EventHeader.size...]))
            return StoredEvent(first: header.first, count: header.count, at: header.at, payload: payload)
        }
    }
}
