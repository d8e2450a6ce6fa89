import IPC
import Testing

@testable import Worker

@Suite("Line batcher")
struct LineBatcherTests {
    /// All batches of some output, given in these chunks.
    private func batches(_ chunks: [[UInt8]], limit: Int = 1000, flushing: Bool = false) -> [LineBatcher.Batch] {
        var batcher = LineBatcher(lineLimit: limit)
        var batches: [LineBatcher.Batch] = []
        for chunk in chunks {
            batcher.append(chunk) { batches.append($0) }
            if flushing { batcher.flush { batches.append($0) } }
        }
        batcher.finish { batches.append($0) }
        return batches
    }

    private func joined(_ batches: [LineBatcher.Batch]) -> [UInt8] { batches.flatMap(\.bytes) }

    /// What the batcher shall give, said in the simplest way: every line shortened, every line ended.
    private func expected(_ output: [UInt8], limit: Int) -> (bytes: [UInt8], lines: Int, cut: Int64) {
        var lines = output.split(separator: 0x0a, omittingEmptySubsequences: false)
        if lines.last?.isEmpty ?? false { lines.removeLast() }
        let cut = lines.reduce(0) { $0 + max(0, $1.count - limit) }
        return (lines.flatMap { $0.prefix(limit) + [0x0a] }, lines.count, Int64(cut))
    }

    private static func output(_ generator: inout SeededGenerator, count: Int) -> [UInt8] {
        (0..<count).map { _ in
            // Line ends, empty lines, NUL, text, parts of UTF-8 sequences and bytes that are never UTF-8.
            let alphabet: [UInt8] = [0x0a, 0x0a, 0x00, 0x61, 0x62, 0xc3, 0xa9, 0xff, 0x1b, 0x0d]
            return alphabet.randomElement(using: &generator) ?? 0
        }
    }

    @Test("However the output is cut into reads, the lines are the same", arguments: 0..<5)
    func everyChunking(seed: Int) {
        var generator = SeededGenerator(state: UInt64(seed))
        let output = Self.output(&generator, count: 400)
        for limit in [1, 3, 16, 1000] {
            let wanted = expected(output, limit: limit)
            for size in [1, 2, 7, 64, 400] {
                let chunks = stride(from: 0, to: output.count, by: size).map {
                    Array(output[$0..<min($0 + size, output.count)])
                }
                for flushing in [false, true] {
                    let batches = batches(chunks, limit: limit, flushing: flushing)
                    #expect(joined(batches) == wanted.bytes, "limit \(limit), chunks of \(size)")
                    #expect(batches.reduce(0) { $0 + $1.lines } == wanted.lines)
                    #expect(batches.reduce(0) { $0 + $1.cut } == wanted.cut)
                    #expect(batches.allSatisfy { $0.lines > 0 && $0.bytes.last == 0x0a })
                    #expect(batches.allSatisfy { batch in batch.bytes.count { $0 == 0x0a } == batch.lines })
                }
            }
        }
    }

    @Test("Only a last line without an end is marked partial, and only in the last batch")
    func partial() {
        #expect(batches([Array("a\nb".utf8)]).map(\.partial) == [true])
        #expect(joined(batches([Array("a\nb".utf8)])) == Array("a\nb\n".utf8))
        #expect(batches([Array("a\nb\n".utf8)]).map(\.partial) == [false])
        #expect(batches([Array("a\n".utf8), Array("b".utf8)], flushing: true).map(\.partial) == [false, true])
    }

    @Test("No output gives no batch, and an empty line gives one")
    func nothing() {
        #expect(batches([]).isEmpty)
        #expect(batches([[], []]).isEmpty)
        #expect(batches([[0x0a]]).map(\.lines) == [1])
    }

    @Test("A flush hands on complete lines only")
    func flushKeepsTheUnfinished() {
        var batcher = LineBatcher(lineLimit: 100)
        var batches: [LineBatcher.Batch] = []
        batcher.append(Array("one\ntw".utf8)) { batches.append($0) }
        batcher.flush { batches.append($0) }
        #expect(batches.map(\.bytes) == [Array("one\n".utf8)])
        batcher.flush { batches.append($0) }
        #expect(batches.count == 1)
        batcher.append(Array("o\n".utf8)) { batches.append($0) }
        batcher.flush { batches.append($0) }
        #expect(batches.map(\.bytes) == [Array("one\n".utf8), Array("two\n".utf8)])
        #expect(batcher.isEmpty)
    }

    @Test("A line over the limit is shortened to it and what was cut is counted")
    func lineLimit() {
        for (length, cut) in [(9, 0), (10, 0), (11, 1), (10_000, 9990)] {
            let batches = batches([[UInt8](repeating: 0x78, count: length) + [0x0a]], limit: 10)
            #expect(joined(batches) == [UInt8](repeating: 0x78, count: min(length, 10)) + [0x0a])
            #expect(batches.map(\.cut) == [Int64(cut)])
        }
    }

    @Test("A line without end is read for ever in bounded memory")
    func endlessLine() {
        var batcher = LineBatcher(lineLimit: 64 << 10)
        var batches: [LineBatcher.Batch] = []
        let chunk = [UInt8](repeating: 0x78, count: 64 << 10)
        for _ in 0..<64 { batcher.append(chunk) { batches.append($0) } }
        #expect(batches.isEmpty)
        batcher.finish { batches.append($0) }
        #expect(batches.map(\.lines) == [1])
        #expect(batches.map(\.bytes.count) == [(64 << 10) + 1])
        #expect(batches.map(\.cut) == [Int64(63 * (64 << 10))])
        #expect(batches.map(\.partial) == [true])
    }

    @Test(
        "No batch is larger than a frame can carry, even if each of its bytes becomes six",
        arguments: [1, 100, 4096, 64 << 10, 256 << 10, .max])
    func batchSize(limit: Int) throws {
        var generator = SeededGenerator(state: UInt64(truncatingIfNeeded: limit))
        var batcher = LineBatcher(lineLimit: limit)
        var batches: [LineBatcher.Batch] = []
        for _ in 0..<40 {
            let length = Int.random(in: 0...20_000, using: &generator)
            // U+0000 is written as six bytes.
            let ending: [UInt8] = Bool.random(using: &generator) ? [0x0a] : []
            batcher.append([UInt8](repeating: 0, count: length) + ending) { batches.append($0) }
        }
        batcher.append([UInt8](repeating: 0x0a, count: 20_000)) { batches.append($0) }
        batcher.finish { batches.append($0) }
        for batch in batches {
            #expect(batch.bytes.count <= LineBatcher.batchBytes)
            #expect(batch.lines <= 1_000_000)
            var escaped: [UInt8] = []
            batch.bytes.withUnsafeBytes { JSONWriter.appendString(utf8: $0, into: &escaped) }
            #expect(escaped.count + 256 <= FrameLimits.standard.maximumLength)
        }
        #expect(LineBatcher.batchBytes * 6 + 256 <= FrameLimits.standard.maximumLength)
    }
}

@Suite("Output budget")
struct OutputBudgetTests {
    @Test("Output up to the limit passes, what exceeds it is counted and dropped, and this is said once")
    func limit() {
        let budget = OutputBudget(limit: 10)
        var said = 0
        budget.onExceeded = { said += 1 }
        #expect(budget.admit([1, 2, 3, 4, 5, 6]) == [1, 2, 3, 4, 5, 6])
        #expect(budget.admit([7, 8, 9, 10]) == [7, 8, 9, 10])
        #expect(said == 0)
        #expect(budget.dropped == 0)
        #expect(budget.admit([11, 12]) == [])
        #expect(budget.admit([13]) == [])
        #expect(said == 1)
        #expect(budget.dropped == 3)
        #expect(budget.used == 13)
    }

    @Test("A read that crosses the limit is cut there")
    func crossing() {
        let budget = OutputBudget(limit: 4)
        var said = 0
        budget.onExceeded = { said += 1 }
        #expect(budget.admit([1, 2, 3]) == [1, 2, 3])
        #expect(budget.admit([4, 5, 6]) == [4])
        #expect(budget.admit([]) == [])
        #expect(said == 1)
        #expect(budget.dropped == 2)
    }

    @Test("A budget of nothing lets nothing through")
    func none() {
        let budget = OutputBudget(limit: 0)
        #expect(budget.admit([1]) == [])
        #expect(budget.dropped == 1)
    }
}
