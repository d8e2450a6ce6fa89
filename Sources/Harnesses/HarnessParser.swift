/// Reads what a tool prints while it runs, and judges the run at its end.
///
/// Everything a tool prints is a **claim**: code that the agent runs can write the same bytes to the same pipe. Events
/// are for people to look at; what must be true (spend, policy, what was changed) comes from gateway and import.
///
/// A parser keeps a fixed amount of state however long the stream is, and it never fails: what it cannot read becomes a
/// ``HarnessEvent/notice(_:)``, up to ``HarnessLimits/notices`` of them.
public protocol HarnessParser: Sendable {
    /// Whether its output tells it anything: without that, nobody needs to cut it into lines.
    var readsOutput: Bool { get }

    /// Reads one line, with or without its line end.
    /// - Returns: at most ``HarnessLimits/eventsPerLine`` events, every string in them bounded and free of control
    ///   characters but newline and tab.
    mutating func consume(line: ArraySlice<UInt8>, stream: OutputStream) -> [HarnessEvent]

    /// The judgement of a run that ended so, after all of its output was consumed.
    func verdict(_ exit: ToolExit) -> HarnessVerdict
}

extension HarnessParser {
    public var readsOutput: Bool { true }

    /// The same for a whole array.
    public mutating func consume(line: [UInt8], stream: OutputStream) -> [HarnessEvent] {
        consume(line: line[...], stream: stream)
    }
}

/// Which pipe of a tool a line came from.
public enum OutputStream: String, Sendable, Equatable {
    /// Standard output.
    case stdout
    /// Standard error.
    case stderr
}

/// How a tool's process ended, as the kernel told the worker.
public enum ToolExit: Sendable, Equatable {
    /// It ended by itself, with this status (0 to 255).
    case exited(Int)
    /// It was ended by this signal.
    case signalled(Int)
}

/// Whether a run did what it was started for, as far as its exit and its output tell.
public enum HarnessVerdict: Sendable, Equatable {
    /// It did, by its own claim.
    case succeeded
    /// It did not. The reason is for a person: what happened and what to do next.
    case failed(reason: String)
}
