/// The bounds that harnesses put on what goes in and on what comes out. Sizes are in bytes of UTF-8.
public enum HarnessLimits {
    /// A prompt: 256 KiB.
    public static let promptBytes = 256 * 1024
    /// The elements of an operator's command.
    public static let commandElements = 4096
    /// An operator's command, each element counted with its terminating NUL: 128 KiB, what Linux accepts as one
    /// argument; the whole of `execve`'s space is larger, but shared with the environment.
    public static let commandBytes = 128 * 1024
    /// A model name.
    public static let modelBytes = 128
    /// The largest turn limit that a request may ask for.
    public static let maxTurns = 10_000

    /// A line of a tool's output that is parsed at all: 4 MiB. claude repeats whole files in one line.
    public static let lineBytes = 4 * 1024 * 1024
    /// Nesting of a line's JSON: tools quote each other's documents, so deeper than a frame of our own socket.
    public static let jsonDepth = 128
    /// Values in a line's JSON. This, not the line's length, bounds the memory that hostile JSON takes.
    public static let jsonValues = 65_536
    /// A key in a line's JSON: tools use paths and questions as keys.
    public static let jsonKeyBytes = 4096
    /// The text of one `text` event and of a result: 64 KiB.
    public static let textBytes = 64 * 1024
    /// A summary of a tool's use or result: 2 KiB.
    public static let summaryBytes = 2 * 1024
    /// An identifier or a short name that a tool claims.
    public static let nameBytes = 256
    /// Events made of one line.
    public static let eventsPerLine = 256
    /// Notices that one parser gives in its life: a stream of garbage must not become a larger stream of events.
    public static let notices = 64
}
