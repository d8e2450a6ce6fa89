/// What a text may cost to parse.
public struct JSONLimits: Hashable, Sendable {
    /// The longest text, in bytes.
    public var maximumLength: Int
    /// How many arrays and objects may be open at once; at most 128, for the parser uses the stack.
    public var maximumDepth: Int { didSet { maximumDepth = min(maximumDepth, 128) } }
    /// How many values the text may hold, nested ones and containers included: each costs some dozen bytes of memory
    /// for two bytes of input.
    public var maximumValues: Int
    /// The longest key, in bytes as written. Keys are hashed in their normal form, which costs more than reading them.
    public var maximumKeyLength: Int

    /// Limits of one's own; a depth over 128 counts as 128.
    public init(maximumLength: Int, maximumDepth: Int, maximumValues: Int, maximumKeyLength: Int) {
        self.maximumLength = maximumLength
        self.maximumDepth = min(maximumDepth, 128)
        self.maximumValues = maximumValues
        self.maximumKeyLength = maximumKeyLength
    }

    /// The limits of a frame on the socket: 1 MiB, 16 levels, 65,536 values, keys of 256 bytes.
    public static let frame = JSONLimits(
        maximumLength: 1 << 20, maximumDepth: 16, maximumValues: 65_536, maximumKeyLength: 256)
}
