/// Something that happened in a job. `seq` counts from 1 without gaps over events and log lines together; the worker
/// keeps each until it is acknowledged.
public struct WorkerEvent: Message {
    public static let type = "event"
    /// `isolation`, `phase`, `step`, `limit`, `notice`, `exit` or `finished` (the last one).
    public enum Kind: String, Codable, Sendable { case isolation, phase, step, limit, notice, exit, finished }

    public var seq: Int64
    public var at: Int64
    public var kind: Kind
    public var phase: String?
    public var data: JSON

    public init(seq: Int64, at: Int64, kind: Kind, phase: String?, data: JSON) {
        self.seq = seq
        self.at = at
        self.kind = kind
        self.phase = phase
        self.data = data
    }
}

/// Many lines of one stream of a tool: at most 256 KiB of output, or 20 ms of it. `text` holds the lines as they came,
/// each ended by `\n`; `b64` replaces it where the bytes are not UTF-8.
public struct LogBatch: Message {
    public enum Stream: String, Codable, Sendable { case stdout, stderr }

    public static let type = "log"
    /// The number of the first line; the batch takes `n` numbers.
    public var seq: Int64
    public var n: Int
    public var at: Int64
    public var phase: String
    public var stream: Stream
    public var text: String?
    public var b64: String?
    /// Bytes that were cut out of lines over the line limit.
    public var cut: Int64?
    /// The last line had no line end of its own: the tool's output ended, or the line was longer than the limit.
    public var partial: Bool?

    /// The lines as the tool wrote them.
    /// - Throws: `ProtocolError.malformed` for a `b64` that is none.
    public func bytes() throws(ProtocolError) -> [UInt8] {
        if let text { return Array(text.utf8) }
        do {
            return try Base64.decode(b64 ?? "")
        } catch {
            throw ProtocolError(.malformed, "log batch \(seq): \(error)")
        }
    }
}

/// Everything up to and with this number is on disk.
public struct Acknowledge: Message {
    public static let type = "ack"
    public var through: Int64
    public init(through: Int64) { self.through = through }
}

/// The last phase's processes are gone and this phase's listeners are bound: they come with the frame, one descriptor
/// for each name.
public struct PhaseReady: Message {
    public static let type = "phase-ready"
    public var phase: String
    public var listeners: [String]
    public init(phase: String, listeners: [String]) {
        self.phase = phase
        self.listeners = listeners
    }
    public var descriptorCount: Int { listeners.count }
}

/// The supervisor has closed what belonged to the last phase and opened this one: its tools may start.
public struct PhaseOpen: Message {
    public static let type = "phase-open"
    public var phase: String
    public init(phase: String) { self.phase = phase }
}

/// A result that is too large for a frame: one regular file or memfd, read from its start.
public struct Transfer: Message {
    public static let type = "transfer"
    /// `bundle` is the new branch, `artifact` an archive of the work that could not be published.
    public enum Kind: String, Codable, Sendable { case bundle, artifact }
    public var kind: Kind
    /// Bytes.
    public var size: Int64
    public init(kind: Kind, size: Int64) {
        self.kind = kind
        self.size = size
    }
    public var descriptorCount: Int { 1 }
}

/// Ends the job by this ladder: interrupt, terminate after `interrupt` ms, kill after `terminate` ms more.
public struct Cancel: Message {
    public static let type = "cancel"
    public var reason: String
    public var interrupt: Int64
    public var terminate: Int64
    public init(reason: String, interrupt: Int64, terminate: Int64) {
        self.reason = reason
        self.interrupt = interrupt
        self.terminate = terminate
    }
}
