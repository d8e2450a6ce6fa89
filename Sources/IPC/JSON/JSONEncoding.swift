extension JSON {
    /// The JSON of an `Encodable` value, without Foundation.
    ///
    /// Optional properties that are nil are omitted (an explicit `encodeNil` writes `null`). Dates, URLs and the like
    /// have no special form.
    ///
    /// - Throws: `EncodingError.invalidValue` for an integer outside 64 bits with a sign and for a number that is not
    ///   finite, and whatever the value's own `encode(to:)` throws.
    public init(encoding value: some Encodable) throws {
        self = try encoded(value, path: [])
    }
}

/// The one place where a value becomes JSON; all containers come here. The path is made only for an error or a level.
private func encoded<T: Encodable>(_ value: T, path: @autoclosure () -> [any CodingKey]) throws -> JSON {
    func refused(_ reason: String) -> EncodingError {
        .invalidValue(value, EncodingError.Context(codingPath: path(), debugDescription: reason))
    }
    if let value = value as? String { return .string(value) }
    if let value = value as? Bool { return .bool(value) }
    if let value = value as? JSON { return value }
    if let value = value as? any FixedWidthInteger {
        guard let value = Int64(exactly: value) else {
            throw refused("the integer does not fit in 64 bits with a sign")
        }
        return .int(value)
    }
    if let value = value as? Double ?? (value as? Float).map(Double.init) {
        guard value.isFinite else { throw refused("JSON has no form for a number that is not finite") }
        return .double(value)
    }
    let node = EncodingNode()
    try value.encode(to: NodeEncoder(node: node, codingPath: path()))
    return node.finished()
}

/// One array or object under construction: containers are values, so what they fill must be shared.
private final class EncodingNode {
    var leaf: JSON?
    var array: [JSON]?
    var object: [String: JSON]?
    /// Containers and encoders handed out for later, with the place that waits for their value.
    private var elements: [(index: Int, node: EncodingNode)] = []
    private var members: [(key: String, node: EncodingNode)] = []

    func set(_ value: JSON, for key: String) { object?[key] = value }

    func child(for key: String) -> EncodingNode {
        let node = EncodingNode()
        members.append((key, node))
        return node
    }

    func nextElement() -> EncodingNode {
        let node = EncodingNode()
        elements.append((array?.count ?? 0, node))
        array?.append(.null)
        return node
    }

    /// The value; a type that encoded nothing at all is an object without members.
    func finished() -> JSON {
        for (key, node) in members { object?[key] = node.finished() }
        for (index, node) in elements { array?[index] = node.finished() }
        if let leaf { return leaf }
        if let array { return .array(array) }
        return .object(object ?? [:])
    }
}

private struct NodeEncoder: Encoder {
    let node: EncodingNode
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.object = node.object ?? [:]
        return KeyedEncodingContainer(KeyedEncoding<Key>(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.array = node.array ?? []
        return UnkeyedEncoding(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleValueEncoding(node: node, codingPath: codingPath)
    }
}

private struct KeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: EncodingNode
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) { node.set(.null, for: key.stringValue) }

    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        node.set(try encoded(value, path: codingPath + [key]), for: key.stringValue)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        encoder(for: key).container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder(for: key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { encoder(for: JSONPathKey(stringValue: "super")) }

    func superEncoder(forKey key: Key) -> any Encoder { encoder(for: key) }

    private func encoder(for key: any CodingKey) -> NodeEncoder {
        NodeEncoder(node: node.child(for: key.stringValue), codingPath: codingPath + [key])
    }
}

private struct UnkeyedEncoding: UnkeyedEncodingContainer {
    let node: EncodingNode
    let codingPath: [any CodingKey]
    var count: Int { node.array?.count ?? 0 }

    func encodeNil() { node.array?.append(.null) }

    func encode<T: Encodable>(_ value: T) throws {
        let value = try encoded(value, path: codingPath + [JSONPathKey(index: count)])
        node.array?.append(value)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
        nextEncoder().container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nextEncoder().unkeyedContainer() }

    func superEncoder() -> any Encoder { nextEncoder() }

    private func nextEncoder() -> NodeEncoder {
        let path = codingPath + [JSONPathKey(index: count)]
        return NodeEncoder(node: node.nextElement(), codingPath: path)
    }
}

private struct SingleValueEncoding: SingleValueEncodingContainer {
    let node: EncodingNode
    let codingPath: [any CodingKey]

    func encodeNil() { node.leaf = .null }

    func encode<T: Encodable>(_ value: T) throws { node.leaf = try encoded(value, path: codingPath) }
}
