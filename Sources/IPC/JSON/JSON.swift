/// One JSON value.
///
/// Integers and other numbers are different cases, so that a message's counters never pass through a `Double`.
///
/// Strings compare by Unicode canonical equivalence, as Swift's do: two keys that differ only in how an accent is
/// composed are the same key, and the parser refuses them as duplicates.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])
}

extension JSON {
    /// The member of an object, or nil where the key is absent or the value is no object.
    public subscript(key: String) -> JSON? { objectValue?[key] }

    /// The text of a string, or nil for any other value.
    public var stringValue: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The integer, or nil for any other value; `1.0` is no integer.
    public var intValue: Int64? {
        guard case .int(let value) = self else { return nil }
        return value
    }

    /// The number, or nil for a value that is none; an integer is converted, to the nearest `Double`.
    public var doubleValue: Double? {
        switch self {
        case .double(let value): value
        case .int(let value): Double(value)
        default: nil
        }
    }

    /// The truth value, or nil for any other value.
    public var boolValue: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The elements of an array, or nil for any other value.
    public var arrayValue: [JSON]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    /// The members of an object, or nil for any other value.
    public var objectValue: [String: JSON]? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// Whether this is `null`.
    public var isNull: Bool { self == .null }

    /// What the value is, in words for an error message; never its content.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .int: "an integer"
        case .double: "a number with a fraction or exponent"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `nil` is `null`.
    public init(nilLiteral: ()) { self = .null }

    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    /// An integer of 64 bits.
    public init(integerLiteral value: Int64) { self = .int(value) }

    /// A number that is not an integer, even when written `1.0`.
    public init(floatLiteral value: Double) { self = .double(value) }

    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }

    /// An array of values.
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }

    /// An object; of a key written twice the last value counts.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements) { $1 })
    }
}
