/// One record of an event file as a reader gets it.
public struct StoredEvent: Sendable, Equatable {
    /// The first sequence number that the record holds.
    public let first: Int64
    /// How many sequence numbers it holds, at least one.
    public let count: Int
    /// When, in milliseconds since the epoch.
    public let at: Int64
    /// The bytes as they came. They are from a job: escape them before they meet a terminal.
    public let payload: [UInt8]

    /// The last sequence number that the record holds.
    public var last: Int64 { first + Int64(count) - 1 }
}

/// The fixed part of a record. On disk, all little-endian:
///
///     u32 payload length · u32 CRC-32C · u64 first sequence number · u32 count · u64 time · payload
///
/// The checksum covers everything but itself, so a flipped length is found like any other byte. A block of zeros,
/// which a file system may leave after a power cut, is never a record: its count is 0.
struct EventHeader {
    static let size = 28
    /// The greatest payload. Never lower it: recovery cuts a record over the limit as damaged.
    static let maxPayload = 1 << 20
    /// The most sequence numbers in a record. Never lower it either.
    static let maxCount = 1 << 20

    let length: Int
    let checksum: UInt32
    let first: Int64
    let count: Int
    let at: Int64

    /// The size of header and payload.
    var total: Int { Self.size + length }
    /// The sequence number after those of this record.
    var next: Int64 { first + Int64(count) }

    /// Reads a header from the start of `raw`, which has at least `size` bytes; nil if it cannot be the record that
    /// starts with the sequence number `expected`.
    init?(_ raw: UnsafeRawBufferPointer, expected: Int64) {
        func load<T: FixedWidthInteger>(_ offset: Int, _ type: T.Type) -> T {
            T(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: type))
        }
        guard raw.count >= Self.size, let first = Int64(exactly: load(8, UInt64.self)), first == expected,
            let at = Int64(exactly: load(20, UInt64.self))
        else { return nil }
        length = Int(load(0, UInt32.self))
        checksum = load(4, UInt32.self)
        self.first = first
        count = Int(load(16, UInt32.self))
        self.at = at
        guard length <= Self.maxPayload, count >= 1, count <= Self.maxCount,
            !first.addingReportingOverflow(Int64(count)).overflow
        else { return nil }
    }

    /// The first sequence number of a record that `append` made.
    static func first(of record: UnsafeRawBufferPointer) -> Int64 {
        Int64(littleEndian: record.loadUnaligned(fromByteOffset: 8, as: Int64.self))
    }

    /// Whether `record` (header and payload) is as it was written.
    func matches(_ record: UnsafeRawBufferPointer) -> Bool {
        record.count == total && Self.checksum(of: record) == checksum
    }

    /// Appends a whole record to `buffer`.
    static func append(
        to buffer: inout [UInt8], first: Int64, count: Int, at: Int64, payload: UnsafeRawBufferPointer
    ) {
        func put<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { buffer.append(contentsOf: $0) }
        }
        let start = buffer.count
        put(UInt32(payload.count))
        put(UInt32(0))
        put(UInt64(first))
        put(UInt32(count))
        put(UInt64(at))
        buffer.append(contentsOf: payload)
        buffer.withUnsafeMutableBytes { raw in
            let record = UnsafeRawBufferPointer(rebasing: raw[start...])
            let sum = checksum(of: record)
            raw.storeBytes(of: sum.littleEndian, toByteOffset: start + 4, as: UInt32.self)
        }
    }

    private static func checksum(of record: UnsafeRawBufferPointer) -> UInt32 {
        let start = CRC32C.shared.checksum(UnsafeRawBufferPointer(rebasing: record[..<4]))
        return CRC32C.shared.checksum(UnsafeRawBufferPointer(rebasing: record[8...]), after: start)
    }
}
