/// Why a JSON value is not the message that was expected, and where in it.
///
/// Names and texts of the value are shortened and stripped of everything but printable ASCII: they are a peer's.
public struct JSONDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The place, such as `params.job` or `lines[2].text`; empty for the whole value.
    public let path: String
    /// What is wrong there.
    public let message: String

    /// The message with its place.
    public var description: String { path.isEmpty ? "the message: \(message)" : "\(path): \(message)" }

    init(path: [any CodingKey], message: String) {
        var text = ""
        for key in path {
            if let index = (key as? JSONPathKey)?.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + Self.printable(key.stringValue, limit: 64)
            }
        }
        self.path = text
        self.message = Self.printable(message, limit: 200)
    }

    /// The same error, thrown by a type's own `init(from:)` in the standard library's form.
    init(_ error: DecodingError) {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            self.init(path: context.codingPath, message: context.debugDescription)
        case .keyNotFound(let key, let context):
            self.init(path: context.codingPath + [key], message: "the key is missing")
        @unknown default:
            self.init(path: [], message: "the value cannot be read")
        }
    }

    private static func printable(_ text: String, limit: Int) -> String {
        let bytes = text.utf8.prefix(limit).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: bytes, as: UTF8.self) + (text.utf8.count > limit ? "..." : "")
    }
}

/// A key made by the coders themselves: an array's index or `super`.
struct JSONPathKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }

    init(index: Int) { self.init(intValue: index) }
}
