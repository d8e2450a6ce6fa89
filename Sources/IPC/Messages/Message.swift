import Linux

/// One kind of frame: a JSON object whose `type` member names it.
public protocol Message: Codable, Sendable {
    /// The `type` member on the wire.
    static var type: String { get }
    /// How many descriptors travel with this frame (SCM_RIGHTS), stated in it as `fds`.
    var descriptorCount: Int { get }
}

extension Message {
    public var descriptorCount: Int { 0 }

    /// The frame's payload.
    /// - Throws: `JSONEncodingError` when a value has no JSON form.
    public func payload() throws -> [UInt8] {
        guard case .object(var members) = try JSON(encoding: self) else {
            throw ProtocolError(.malformed, "\(Self.type) does not encode to an object")
        }
        members["type"] = .string(Self.type)
        return JSON.object(members).bytes()
    }
}

/// A received frame: its parsed object, the bytes it came as, and the descriptors that came with it.
public struct Frame {
    public let type: String
    public let json: JSON
    public let bytes: [UInt8]
    public let descriptors: [Descriptor]

    /// The frame as this message.
    /// - Throws: `ProtocolError.malformed`, naming the member that is missing or wrong.
    public func decode<M: Message>(_ message: M.Type) throws(ProtocolError) -> M {
        guard type == M.type else { throw ProtocolError(.unexpected, "a \(type) frame where \(M.type) is due") }
        do {
            return try json.decode(M.self)
        } catch {
            throw ProtocolError(.malformed, "\(type) frame: \(error)")
        }
    }
}

/// Why a peer was told off or cut off. `code` is stable; the text is for people.
public struct ProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: Sendable, Equatable, RawRepresentable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        /// The bytes are no strict JSON object with a `type`, or a member is missing or of the wrong kind.
        public static let malformed = Code(rawValue: "malformed")
        /// A frame over its limit, of length 0, or cut short.
        public static let badFrame = Code(rawValue: "bad-frame")
        /// A known message outside its state, or a once-only one repeated.
        public static let unexpected = Code(rawValue: "unexpected")
        public static let wrongVersion = Code(rawValue: "wrong-version")
        public static let notPermitted = Code(rawValue: "not-permitted")
        /// The peer was too slow: no hello, or it does not read.
        public static let stalled = Code(rawValue: "stalled")
        /// Too many connections or requests at once.
        public static let overloaded = Code(rawValue: "overloaded")
        /// Descriptors that were not announced, of the wrong kind, or too large.
        public static let badDescriptor = Code(rawValue: "bad-descriptor")
        public static let unknownMethod = Code(rawValue: "unknown-method")
        public static let notFound = Code(rawValue: "not-found")
        public static let ambiguous = Code(rawValue: "ambiguous")
        public static let invalid = Code(rawValue: "invalid")
        /// Local policy refuses it; retrying does not help.
        public static let refused = Code(rawValue: "refused")
        /// The supervisor could not do it now: disk full, draining.
        public static let unavailable = Code(rawValue: "unavailable")
    }

    public let code: Code
    public let message: String

    /// - Parameter message: shortened to 1000 bytes and made printable: it may quote what a peer sent.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = ProtocolError.printable(message)
    }

    private static func printable(_ text: String) -> String {
        var result = ""
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            guard bytes <= 1000 else { return result + "…" }
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            result.unicodeScalars.append(isControl ? "?" : scalar)
        }
        return result
    }

    public var description: String { message }
}

/// The version that both sides must speak. It changes when a frame's meaning does.
public let protocolVersion = 1

/// The version of the software, as `version` and the hello show it.
public let bulkheadVersion = "0.1.0"
