/// A value as a source gave it, before it has a type.
enum ConfigurationRawValue: Sendable, Equatable {
    /// From a flag or a variable, where everything is text.
    case text(String)
    /// A YAML scalar without quotes.
    case plain(String)
    /// A YAML scalar in quotes.
    case quoted(String)
    /// A YAML sequence.
    case list([ConfigurationRawValue])
    /// A YAML mapping where a value is wanted.
    case mapping

    /// What a person sees in the file, for "found …".
    var found: String {
        switch self {
        case .text(let text), .quoted(let text): "text \(ShownText.quoted(text))"
        case .plain(let text):
            switch ConfigurationPlainScalar(text) {
            case .nothing: "nothing"
            case .boolean: "the boolean \(text)"
            case .number: "the number \(text.prefix(ShownText.maximumCharacters))"
            case .text: "text \(ShownText.quoted(text))"
            }
        case .list(let items): "a list of \(items.count)"
        case .mapping: "a mapping"
        }
    }
}

/// What YAML 1.1 readers make of a scalar without quotes. Such text is refused where text is wanted: `no` as a name
/// means `false` to half of the tools that an operator might check the file with.
enum ConfigurationPlainScalar {
    case nothing, boolean, number, text

    init(_ text: String) {
        switch text.lowercased() {
        case "", "~", "null": self = .nothing
        case "true", "false", "yes", "no", "on", "off", "y", "n": self = .boolean
        default:
            let numberLike = text.utf8.first.map { "+-.0123456789".utf8.contains($0) } ?? false
            self = numberLike && Double(text) != nil ? .number : .text
        }
    }
}

/// Why a value was not taken: what was found and what is wanted.
struct ConfigurationValueProblem: Error {
    let message: String

    init(_ message: String) {
        self.message = message
    }

    init(found raw: ConfigurationRawValue, wanted: String) {
        message = "found \(raw.found), wanted \(wanted)"
    }
}

/// How the values of a setting are named, read, bounded and written.
struct ConfigurationValueType<Value: Sendable>: Sendable {
    /// For the reference, in Markdown: `duration, 1s to 1h`.
    let reference: String
    let parse: @Sendable (ConfigurationRawValue) throws(ConfigurationValueProblem) -> Value
    /// Text that a variable or flag would need to give this value.
    let format: @Sendable (Value) -> String
}

extension ConfigurationValueType {
    /// A quantity between two bounds; `scalar` picks the text out of the raw value, nil if the shape is wrong.
    fileprivate init(
        name: String, wanted: String, bounds: ClosedRange<Value>,
        scalar: @escaping @Sendable (ConfigurationRawValue) -> String?,
        read: @escaping @Sendable (String) -> Value?, format: @escaping @Sendable (Value) -> String
    ) where Value: Comparable {
        let range = "\(format(bounds.lowerBound)) to \(format(bounds.upperBound))"
        reference = "\(name), \(range)"
        self.format = format
        parse = { raw throws(ConfigurationValueProblem) in
            guard let text = scalar(raw), let value = read(text) else {
                throw ConfigurationValueProblem(found: raw, wanted: wanted)
            }
            guard bounds.contains(value) else {
                throw ConfigurationValueProblem("\(format(value)) is out of bounds; it must be \(range)")
            }
            return value
        }
    }
}

extension ConfigurationRawValue {
    /// The text of a scalar, quoted or not.
    var scalarText: String? {
        switch self {
        case .text(let text), .plain(let text), .quoted(let text): text
        case .list, .mapping: nil
        }
    }

    /// The text of a scalar that is not in quotes: quotes say "text" where a number or boolean is wanted.
    var unquotedText: String? {
        switch self {
        case .text(let text), .plain(let text): text
        case .quoted, .list, .mapping: nil
        }
    }
}

extension ConfigurationValueType where Value == Int {
    /// Plain decimal digits.
    static func integer(_ bounds: ClosedRange<Int>) -> Self {
        Self(
            name: "integer", wanted: "an integer in plain digits", bounds: bounds, scalar: { $0.unquotedText },
            read: { text in
                var rest = text.utf8[...]
                let number = QuantityText.takeNumber(&rest)
                return rest.isEmpty ? number.flatMap { Int(exactly: $0) } : nil
            }, format: { "\($0)" })
    }
}

extension ConfigurationValueType where Value == Configuration.Duration {
    static func duration(_ bounds: ClosedRange<Value>) -> Self {
        Self(
            name: "duration", wanted: "a duration with its unit, such as 250ms, 30s, 5m or 1h30m", bounds: bounds,
            scalar: { $0.scalarText }, read: { Configuration.Duration($0) }, format: { "\($0)" })
    }
}

extension ConfigurationValueType where Value == Configuration.ByteSize {
    static func size(_ bounds: ClosedRange<Value>) -> Self {
        Self(
            name: "size", wanted: "a size such as 64KiB, 2GiB, 100MB or plain bytes", bounds: bounds,
            scalar: { $0.scalarText }, read: { Configuration.ByteSize($0) }, format: { "\($0)" })
    }
}

extension ConfigurationValueType where Value == Bool {
    /// `true` or `false` and no other spelling.
    static let boolean = Self(
        reference: "boolean",
        parse: { raw throws(ConfigurationValueProblem) in
            switch raw.unquotedText {
            case "true": return true
            case "false": return false
            default: throw ConfigurationValueProblem(found: raw, wanted: "true or false, without quotes")
            }
        }, format: { "\($0)" })
}

extension ConfigurationValueType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the names of an enumeration.
    static var choice: Self {
        let names = Value.allCases.map(\.rawValue)
        return Self(
            reference: "one of " + names.map { "`\($0)`" }.joined(separator: ", "),
            parse: { raw throws(ConfigurationValueProblem) in
                if let text = raw.scalarText, let value = Value(rawValue: text) { return value }
                throw ConfigurationValueProblem(found: raw, wanted: "one of " + names.joined(separator: ", "))
            }, format: { $0.rawValue })
    }
}
