/// CRC-32C (Castagnoli), eight bytes a step by table.
///
/// It finds torn and flipped bytes; it is no defence against somebody who can write the file.
struct CRC32C {
    /// The one instance; it is immutable.
    static let shared = CRC32C()

    /// Eight tables of 256 entries, one after another.
    private let table: [UInt32]

    private init() {
        var table = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
            table[index] = value
        }
        for index in 256..<table.count {
            let above = table[index - 256]
            table[index] = (above >> 8) ^ table[Int(above & 0xFF)]
        }
        self.table = table
    }

    /// The checksum of `bytes`, going on from the checksum of what stood before them.
    func checksum(_ bytes: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            var crc = ~previous
            var offset = 0
            while bytes.count - offset >= 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low = UInt32(truncatingIfNeeded: word) ^ crc
                let high = UInt32(truncatingIfNeeded: word >> 32)
                crc =
                    table[0x700 + Int(low & 0xFF)] ^ table[0x600 + Int((low >> 8) & 0xFF)]
                    ^ table[0x500 + Int((low >> 16) & 0xFF)] ^ table[0x400 + Int(low >> 24)]
                crc ^=
                    table[0x300 + Int(high & 0xFF)] ^ table[0x200 + Int((high >> 8) & 0xFF)]
                    ^ table[0x100 + Int((high >> 16) & 0xFF)] ^ table[Int(high >> 24)]
                offset += 8
            }
            while offset < bytes.count {
                crc = (crc >> 8) ^ table[Int((crc ^ UInt32(bytes[offset])) & 0xFF)]
                offset += 1
            }
            return ~crc
        }
    }
}
