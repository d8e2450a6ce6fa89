import Testing

@testable import JobStore

@Suite struct EventRecoveryTests {
    private let directory: TemporaryDirectory
    private let file: String
    private let bytes: [UInt8]
    /// Where each record starts, and where the last one ends.
    private let bounds: [Int]

    /// A file of four records with 3, 0, 40 and 5 bytes, which hold 2 numbers each.
    init() throws {
        directory = try TemporaryDirectory()
        let store = try JobStore(directory: directory.state)
        var bounds = [0]
        for size in [3, 0, 40, 5] {
            let payload = [UInt8](repeating: UInt8(size), count: size)
            _ = try store.events.append(job: "ab12", count: 2, at: 1, payload: payload)
            bounds.append((bounds.last ?? 0) + EventHeader.size + size)
        }
        store.close()
        self.bounds = bounds
        file = directory.state + "/events/ab/ab12.log"
        bytes = try Disk.read(file)
        try #require(bytes.count == bounds.last)
    }

    /// Recovers a file of `content` and checks that exactly `good` records are left, that the cut is told, and that
    /// appending goes on without a gap.
    private func check(_ content: [UInt8], good: Int, _ note: Comment) throws {
        try Disk.write(file, content)
        let store = try JobStore(directory: directory.state)
        var told: [Int] = []
        store.events.onTornTail = { job, count in
            #expect(job == "ab12")
            told.append(count)
        }
        let cut = content.count - bounds[good]
        #expect(try store.events.recover(job: "ab12") == cut, note)
        #expect(told == (cut > 0 ? [cut] : []), note)
        #expect(try Disk.read(file) == Array(bytes[..<bounds[good]]), note)
        #expect(try store.events.read(job: "ab12", from: 1, maxBytes: 1 << 20).count == good, note)
        #expect(try store.events.append(job: "ab12", count: 1, at: 1, payload: "n".utf8) == Int64(good * 2 + 1), note)
        store.close()
    }

    @Test("A tail torn at any byte is cut after the last whole record")
    func torn() throws {
        for size in 0...bytes.count {
            let good = (bounds.lastIndex { $0 <= size }) ?? 0
            try check(Array(bytes[..<size]), good: good, "cut to \(size) bytes")
        }
    }

    @Test("A flipped bit in any byte is found, and the file is cut before its record")
    func flipped() throws {
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 1 << UInt8(place % 8)
            let good = (bounds.lastIndex { $0 <= place }) ?? 0
            try check(damaged, good: good, "byte \(place)")
        }
    }

    @Test("Zeros or noise after the last record are cut")
    func tail() throws {
        try check(bytes + [UInt8](repeating: 0, count: 4096), good: 4, "zeros")
        try check(bytes + [UInt8](repeating: 0xFF, count: 28), good: 4, "ones")
        try check(bytes + bytes[..<bounds[1]], good: 4, "a good record with an old number")
    }

    @Test("A missing record is found by its number, though every checksum is right")
    func missing() throws {
        try check(Array(bytes[..<bounds[1]] + bytes[bounds[2]...]), good: 1, "second record missing")
    }

    @Test("Damage that comes after the start is an error for the reader, and never wrong bytes")
    func damagedLater() throws {
        let store = try JobStore(directory: directory.state)
        #expect(try store.events.read(job: "ab12", from: 1, maxBytes: 1 << 20).count == 4)
        var damaged = bytes
        damaged[bounds[2] + EventHeader.size] ^= 1
        try Disk.write(file, damaged)
        #expect(failure { try store.events.read(job: "ab12", from: 1, maxBytes: 1 << 20) }?.code == .corrupt)
        #expect(try store.events.read(job: "ab12", from: 1, maxBytes: 0).map(\.first) == [1])
        #expect(try store.events.read(job: "ab12", from: 7, maxBytes: 0).map(\.first) == [7])
    }

    @Test("A file that lost bytes while in use is an error, and not an empty answer")
    func shrunk() throws {
        let store = try JobStore(directory: directory.state)
        #expect(try store.events.lastSequence(job: "ab12") == 8)
        try Disk.write(file, bytes[..<bounds[2]])
        #expect(failure { try store.events.read(job: "ab12", from: 1, maxBytes: 1 << 20) }?.code == .corrupt)
    }

    @Test(
        "The checksum is CRC-32C",
        arguments: [
            (Array("123456789".utf8), 0xE306_9283), ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(0..<32), 0x46DD_794E), ([], 0),
        ] as [([UInt8], UInt32)])
    func checksum(bytes: [UInt8], expected: UInt32) {
        #expect(bytes.withUnsafeBytes { CRC32C.shared.checksum($0) } == expected)
        for cut in 0...bytes.count {
            let start = bytes[..<cut].withUnsafeBytes { CRC32C.shared.checksum($0) }
            #expect(bytes[cut...].withUnsafeBytes { CRC32C.shared.checksum($0, after: start) } == expected)
        }
    }
}
