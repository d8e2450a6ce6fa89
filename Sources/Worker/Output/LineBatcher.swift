import IPC

/// Cuts one stream of a tool into lines and gathers them into batches: binary-safe, with a bounded line length and
/// bounded memory whatever the tool prints.
struct LineBatcher {
    /// Raw bytes of a batch. Every byte may become six in JSON (`\u0000`), and a frame holds 1 MiB.
    static let batchBytes = 128 << 10

    /// A batch that is ready to be sent.
    struct Batch {
        var bytes: [UInt8]
        var lines: Int
        var cut: Int64
        var partial: Bool
    }

    let lineLimit: Int
    private var bytes: [UInt8] = []
    private var lines = 0
    private var cut: Int64 = 0
    /// Length of the line that is being gathered, counting what was cut.
    private var lineLength = 0

    init(lineLimit: Int) { self.lineLimit = min(lineLimit, LineBatcher.batchBytes - 1) }

    /// Something waits: a flush after the batch interval is due.
    var isEmpty: Bool { bytes.isEmpty }

    /// Takes output as it was read and hands every full batch on.
    mutating func append(_ chunk: [UInt8], _ emit: (Batch) -> Void) {
        var rest = chunk[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x0a)
            take(rest[..<(end ?? rest.endIndex)])
            if end != nil { endLine() }
            rest = rest[(end.map { $0 + 1 } ?? rest.endIndex)...]
            // Room for one whole line is kept, so that only complete lines are ever sent in a batch.
            if bytes.count + lineLimit + 1 > LineBatcher.batchBytes, lines > 0, lineLength == 0 { emit(take()) }
            if bytes.count >= LineBatcher.batchBytes { emit(take()) }
        }
    }

    /// Hands on the complete lines that wait.
    mutating func flush(_ emit: (Batch) -> Void) {
        guard lines > 0 else { return }
        emit(take())
    }

    /// Hands on everything: the stream has ended, and a last line without an end becomes one.
    mutating func finish(_ emit: (Batch) -> Void) {
        let partial = lineLength > 0
        if partial { endLine() }
        guard lines > 0 else { return }
        var batch = take()
        batch.partial = partial
        emit(batch)
    }

    private mutating func take(_ part: ArraySlice<UInt8>) {
        let room = max(0, lineLimit - lineLength)
        bytes += part.prefix(room)
        cut += Int64(part.count - min(part.count, room))
        lineLength += part.count
    }

    private mutating func endLine() {
        bytes.append(0x0a)
        lines += 1
        lineLength = 0
    }

    /// The complete lines; an unfinished one stays.
    private mutating func take() -> Batch {
        let kept = min(lineLength, lineLimit)
        let complete = bytes.count - kept
        let batch = Batch(bytes: Array(bytes[..<complete]), lines: lines, cut: cut, partial: false)
        bytes.removeFirst(complete)
        lines = 0
        cut = 0
        return batch
    }
}
