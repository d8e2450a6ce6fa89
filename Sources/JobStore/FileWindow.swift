/// A part of a file in memory, moved forward as a walk over the records goes on, so that many small records cost one
/// read.
struct FileWindow {
    private let file: OpenFile
    /// Nothing at or after this offset is read.
    private let end: Int64
    private let chunk: Int
    private var start: Int64 = 0
    private var bytes: [UInt8] = []

    init(_ file: OpenFile, end: Int64, chunk: Int) {
        self.file = file
        self.end = end
        self.chunk = chunk
    }

    /// Runs `body` on the `count` bytes at `offset`; nil if the window's end comes before theirs.
    mutating func with<T>(offset: Int64, count: Int, _ body: (UnsafeRawBufferPointer) -> T) throws(StoreError) -> T? {
        guard offset >= 0, Int64(count) <= end - offset else { return nil }
        if offset < start || offset + Int64(count) > start + Int64(bytes.count) {
            bytes = try file.read(count: Int(min(Int64(max(count, chunk)), end - offset)), at: offset)
            start = offset
        }
        let from = Int(offset - start)
        return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[from..<from + count])) }
    }
}
