/// Why a text is not the JSON that this project accepts, and where.
///
/// It never quotes the text: what comes from a job must not reach a log by way of an error message.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong; limits are those of the `JSONLimits` in force.
    public enum Reason: Hashable, Sendable {
        case tooLong(limit: Int)
        case byteOrderMark
        case invalidUTF8
        case unexpectedEnd
        case unexpectedByte
        case trailingBytes
        case tooDeep(limit: Int)
        case tooManyValues(limit: Int)
        case duplicateKey
        case keyTooLong(limit: Int)
        case controlCharacter
        case invalidEscape
        case loneSurrogate
        case leadingZero
        case negativeZero
        case integerOverflow
        case nonFinite
        case numberTooLong(limit: Int)
    }

    /// What is wrong.
    public let reason: Reason

    /// The byte, counted from 0, at which it was noticed; the input's length where it ended too early.
    public let offset: Int

    /// An error with its place, as the parser makes it.
    public init(reason: Reason, offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// The reason as a sentence that tells what to send instead.
    public var message: String {
        switch reason {
        case .tooLong(let limit): "the text is longer than the limit of \(limit) bytes; split the message"
        case .byteOrderMark: "it begins with a byte-order mark; send plain UTF-8 without one"
        case .invalidUTF8: "this is not valid UTF-8; send other bytes as base64"
        case .unexpectedEnd: "the text ends inside a value; send the whole message"
        case .unexpectedByte: "this character cannot stand here in JSON"
        case .trailingBytes: "something follows the value; send one value a message"
        case .tooDeep(let limit): "arrays and objects are nested more than \(limit) deep"
        case .tooManyValues(let limit): "there are more than \(limit) values; split the message"
        case .duplicateKey: "this key is twice in one object; send each key once"
        case .keyTooLong(let limit): "a key is longer than the limit of \(limit) bytes"
        case .controlCharacter: "a string holds a raw control character; escape it as \\u00XX"
        case .invalidEscape: "this escape is unknown; JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX"
        case .loneSurrogate: "an escape names half of a surrogate pair; send both halves or the character itself"
        case .leadingZero: "a number begins with a superfluous zero"
        case .negativeZero: "-0 is not an integer; send 0"
        case .integerOverflow: "an integer does not fit in 64 bits with a sign"
        case .nonFinite: "a number is too large for a 64-bit floating-point number"
        case .numberTooLong(let limit): "a number is longer than the limit of \(limit) characters"
        }
    }

    /// The message with its place.
    public var description: String { "JSON refused at byte \(offset): \(message)" }
}
