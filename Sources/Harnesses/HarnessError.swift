/// A request that a harness refuses.
public struct HarnessError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The field of ``HarnessRequest`` that is at fault.
    public enum Field: String, Sendable {
        /// ``HarnessRequest/prompt``
        case prompt
        /// ``HarnessRequest/argv``
        case argv
        /// ``HarnessRequest/model``
        case model
        /// ``HarnessRequest/permissionMode``
        case permissionMode
        /// ``HarnessRequest/maxTurns``
        case maxTurns
    }

    /// The field at fault.
    public let field: Field
    /// For a person: what is wrong and what to do. It holds no control character and no more than a few words of input.
    public let message: String

    /// The same as ``message``.
    public var description: String { message }

    init(_ field: Field, _ message: String) {
        self.field = field
        self.message = message
    }
}
