extension JSON {
    /// Reads a `Decodable` type from this value, without Foundation.
    ///
    /// Integers are range-checked and never read from `1.0` or `1e3`; `Double` and `Float` accept an integer that they
    /// hold exactly; an optional property may be absent or `null`. Unknown keys are ignored unless the type refuses
    /// them.
    ///
    /// - Throws: `JSONDecodingError` with the place of what is wrong, or what the type's own `init(from:)` throws.
    public func decode<T: Decodable>(_ type: T.Type) throws -> T {
        do {
            return try decoded(type, from: self, path: [])
        } catch let error as DecodingError {
            throw JSONDecodingError(error)
        }
    }
}

/// The one place where JSON becomes a value; all containers come here. The path is made only for an error or a level.
private func decoded<T: Decodable>(
    _ type: T.Type, from json: JSON, path: @autoclosure () -> [any CodingKey]
) throws -> T {
    func mismatch(_ expected: String) -> JSONDecodingError {
        JSONDecodingError(path: path(), message: "expected \(expected), found \(json.kind)")
    }
    if type == String.self {
        guard let value = json.stringValue as? T else { throw mismatch("a string") }
        return value
    }
    if type == Bool.self {
        guard let value = json.boolValue as? T else { throw mismatch("a truth value") }
        return value
    }
    if let type = type as? any FixedWidthInteger.Type {
        guard let integer = json.intValue else { throw mismatch("an integer") }
        guard let value = exactly(integer, as: type) as? T else {
            throw JSONDecodingError(path: path(), message: "the integer is outside the range of \(type)")
        }
        return value
    }
    if type == Double.self || type == Float.self {
        guard let number = json.doubleValue else { throw mismatch("a number") }
        let float = Float(number)
        let significandBits = type == Float.self ? 24 : 53
        let isExact = json.intValue.map { $0.magnitude.significantBits <= significandBits } ?? true
        guard isExact, type != Float.self || float.isFinite else {
            throw JSONDecodingError(path: path(), message: "\(type) cannot hold the number")
        }
        if let value = number as? T ?? float as? T { return value }
    }
    if let value = json as? T { return value }
    return try T(from: ValueDecoder(value: json, codingPath: path()))
}

private func exactly<Integer: FixedWidthInteger>(_ value: Int64, as type: Integer.Type) -> Integer? {
    Integer(exactly: value)
}

extension UInt64 {
    /// The bits from the highest one that is set to the lowest. Counted rather than asked of `Int64(exactly:)`, which
    /// needs libm's rounding, and nothing here links libm.
    fileprivate var significantBits: Int { self == 0 ? 0 : 64 - leadingZeroBitCount - trailingZeroBitCount }
}

private struct ValueDecoder: Decoder {
    let value: JSON
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let members = value.objectValue else { throw mismatch("an object") }
        return KeyedDecodingContainer(KeyedDecoding<Key>(members: members, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = value.arrayValue else { throw mismatch("an array") }
        return UnkeyedDecoding(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        SingleValueDecoding(value: value, codingPath: codingPath)
    }

    private func mismatch(_ expected: String) -> JSONDecodingError {
        JSONDecodingError(path: codingPath, message: "expected \(expected), found \(value.kind)")
    }
}

private struct KeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [String: JSON]
    let codingPath: [any CodingKey]
    var allKeys: [Key] { members.keys.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try member(key).isNull }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        try decoded(type, from: member(key), path: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try decoder(for: key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder(for: key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try decoder(for: JSONPathKey(stringValue: "super")) }

    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(for: key) }

    private func member(_ key: any CodingKey) throws -> JSON {
        guard let value = members[key.stringValue] else {
            throw JSONDecodingError(path: codingPath + [key], message: "the key is missing")
        }
        return value
    }

    private func decoder(for key: any CodingKey) throws -> ValueDecoder {
        ValueDecoder(value: try member(key), codingPath: codingPath + [key])
    }
}

private struct UnkeyedDecoding: UnkeyedDecodingContainer {
    let elements: [JSON]
    let codingPath: [any CodingKey]
    private(set) var currentIndex = 0
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex == elements.count }

    init(elements: [JSON], codingPath: [any CodingKey]) {
        self.elements = elements
        self.codingPath = codingPath
    }

    /// As the protocol demands, the index moves on only if the element was null.
    mutating func decodeNil() throws -> Bool {
        guard try current().isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let value = try decoded(type, from: current(), path: path)
        currentIndex += 1
        return value
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try nextDecoder().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try nextDecoder().unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder { try nextDecoder() }

    private var path: [any CodingKey] { codingPath + [JSONPathKey(index: currentIndex)] }

    private func current() throws -> JSON {
        guard !isAtEnd else { throw JSONDecodingError(path: path, message: "the array has too few elements") }
        return elements[currentIndex]
    }

    private mutating func nextDecoder() throws -> ValueDecoder {
        let decoder = ValueDecoder(value: try current(), codingPath: path)
        currentIndex += 1
        return decoder
    }
}

private struct SingleValueDecoding: SingleValueDecodingContainer {
    let value: JSON
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { value.isNull }

    func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoded(type, from: value, path: codingPath) }
}

extension JSON: Codable {
    /// The value itself; from a coder that is not this project's, the first kind of value that fits.
    public init(from decoder: any Decoder) throws {
        if let own = decoder as? ValueDecoder {
            self = own.value
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    /// The value itself, by any coder.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
