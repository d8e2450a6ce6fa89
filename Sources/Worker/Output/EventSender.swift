import IPC
import Linux

/// Numbers what happens in a job and sends it. What is not yet acknowledged as on disk is counted; over the high-water
/// mark the tools' pipes are no longer read, so that a slow supervisor slows the tool and nothing is dropped.
final class EventSender {
    private static let highWater = 4 << 20
    private static let lowWater = 1 << 20

    private let connection: Connection
    private var next: Int64 = 1
    private var unacknowledged: [(last: Int64, bytes: Int)] = []
    private var unacknowledgedBytes = 0
    private(set) var acknowledged: Int64 = 0

    /// Called when reading the tools' output should stop (true) and go on (false).
    var onPressure: ((Bool) -> Void)?
    /// Called when everything that was sent is on disk.
    var onSettled: (() -> Void)?

    init(connection: Connection) { self.connection = connection }

    /// The tools' output is not read now: from the high-water mark until the low one.
    private(set) var isStopped = false
    var isSettled: Bool { acknowledged == next - 1 }

    /// - Throws: `ProtocolError` for data over the frame limit.
    func send(_ kind: WorkerEvent.Kind, phase: String?, _ data: JSON) throws {
        let event = WorkerEvent(seq: next, at: wallClockMilliseconds(), kind: kind, phase: phase, data: data)
        try post(try event.payload(), count: 1)
    }

    /// - Throws: `ProtocolError` for a batch over the frame limit.
    func send(_ batch: LineBatcher.Batch, phase: String, stream: LogBatch.Stream) throws {
        // Written by hand: a batch is the one frame whose encoding time counts.
        var payload: [UInt8] = []
        payload.reserveCapacity(batch.bytes.count + batch.bytes.count / 8 + 160)
        payload += Array("{\"at\":\(wallClockMilliseconds())".utf8)
        if batch.cut > 0 { payload += Array(",\"cut\":\(batch.cut)".utf8) }
        payload += Array(",\"n\":\(batch.lines)".utf8)
        if batch.partial { payload += Array(",\"partial\":true".utf8) }
        payload += Array(",\"phase\":\"\(phase)\",\"seq\":\(next),\"stream\":\"\(stream.rawValue)\"".utf8)
        let isText = batch.bytes.withUnsafeBytes { isValidUTF8($0) }
        if isText {
            payload += Array(",\"text\":".utf8)
            batch.bytes.withUnsafeBytes { JSONWriter.appendString(utf8: $0, into: &payload) }
        } else {
            payload += Array(",\"b64\":\"".utf8)
            payload += Array(Base64.encode(batch.bytes).utf8)
            payload += [0x22]
        }
        payload += Array(",\"type\":\"log\"}".utf8)
        try post(payload, count: batch.lines)
    }

    private func post(_ payload: [UInt8], count: Int) throws {
        try connection.send(payload: payload)
        next += Int64(count)
        unacknowledged.append((next - 1, payload.count))
        unacknowledgedBytes += payload.count
        guard !isStopped, unacknowledgedBytes > EventSender.highWater else { return }
        isStopped = true
        onPressure?(true)
    }

    /// - Throws: `ProtocolError` for a number that was never sent.
    func acknowledge(_ through: Int64) throws(ProtocolError) {
        guard through >= acknowledged, through < next else {
            throw ProtocolError(.invalid, "acknowledged \(through) of \(next - 1)")
        }
        acknowledged = through
        let done = unacknowledged.firstIndex { $0.last > through } ?? unacknowledged.endIndex
        unacknowledgedBytes -= unacknowledged[..<done].reduce(0) { $0 + $1.bytes }
        unacknowledged.removeFirst(done)
        if isStopped, unacknowledgedBytes <= EventSender.lowWater {
            isStopped = false
            onPressure?(false)
        }
        if isSettled { onSettled?() }
    }
}
