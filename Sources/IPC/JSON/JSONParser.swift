extension JSON {
    /// Parses one JSON text strictly (RFC 8259 and the refusals of `JSONError.Reason`).
    ///
    /// A number without fraction and exponent is an `Int64` or an error; any other is a finite `Double`.
    public init(parsing bytes: RawSpan, limits: JSONLimits = .frame) throws(JSONError) {
        var parser = JSONParser(limits: limits)
        self = try parser.document(bytes)
    }

    /// Parses one JSON text strictly, as `init(parsing:limits:)` of a span.
    public init(parsing bytes: [UInt8], limits: JSONLimits = .frame) throws(JSONError) {
        try self.init(parsing: bytes.span.bytes, limits: limits)
    }

    /// Parses one JSON text strictly, as `init(parsing:limits:)` of a span.
    public init(parsing bytes: ArraySlice<UInt8>, limits: JSONLimits = .frame) throws(JSONError) {
        try self.init(parsing: bytes.span.bytes, limits: limits)
    }

    /// Parses one JSON text strictly, as `init(parsing:limits:)` of a span.
    public init(parsing bytes: UnsafeRawBufferPointer, limits: JSONLimits = .frame) throws(JSONError) {
        try self.init(parsing: bytes.bytes, limits: limits)
    }

    /// Parses one JSON text strictly, as `init(parsing:limits:)` of a span.
    public init(parsing text: String, limits: JSONLimits = .frame) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// A recursive-descent parser; the place and the count of values are its whole state.
private struct JSONParser {
    let limits: JSONLimits
    var offset = 0
    var values = 0

    /// The longest number in characters: `Double` needs 24 at most, an integer 20.
    static let maximumNumberLength = 64

    init(limits: JSONLimits) { self.limits = limits }

    mutating func document(_ bytes: RawSpan) throws(JSONError) -> JSON {
        guard bytes.byteCount <= limits.maximumLength else {
            throw JSONError(reason: .tooLong(limit: limits.maximumLength), offset: limits.maximumLength)
        }
        // One pass over all bytes first: from here on every string is known to be well-formed.
        if let invalid = firstInvalidUTF8(in: bytes) { throw JSONError(reason: .invalidUTF8, offset: invalid) }
        if bytes.byteCount >= 3, bytes.byte(at: 0) == 0xEF, bytes.byte(at: 1) == 0xBB, bytes.byte(at: 2) == 0xBF {
            throw error(.byteOrderMark)
        }
        let result = try value(bytes, depth: 0)
        skipSpace(bytes)
        guard offset == bytes.byteCount else { throw error(.trailingBytes) }
        return result
    }

    func error(_ reason: JSONError.Reason) -> JSONError { JSONError(reason: reason, offset: offset) }

    @inline(__always)
    mutating func skipSpace(_ bytes: RawSpan) {
        while offset < bytes.byteCount {
            switch bytes.byte(at: offset) {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    /// The byte at the current place, not consumed.
    @inline(__always)
    func peek(_ bytes: RawSpan) throws(JSONError) -> UInt8 {
        guard offset < bytes.byteCount else { throw error(.unexpectedEnd) }
        return bytes.byte(at: offset)
    }

    mutating func expect(_ byte: UInt8, _ bytes: RawSpan) throws(JSONError) {
        guard try peek(bytes) == byte else { throw error(.unexpectedByte) }
        offset += 1
    }

    mutating func value(_ bytes: RawSpan, depth: Int) throws(JSONError) -> JSON {
        skipSpace(bytes)
        let first = try peek(bytes)
        values += 1
        guard values <= limits.maximumValues else { throw error(.tooManyValues(limit: limits.maximumValues)) }
        switch first {
        case UInt8(ascii: "\""): return .string(try string(bytes))
        case UInt8(ascii: "{"): return .object(try object(bytes, depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(bytes, depth: depth + 1))
        case UInt8(ascii: "t"):
            try literal("true", bytes)
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false", bytes)
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null", bytes)
            return .null
        case UInt8(ascii: "-"), 0x30...0x39: return try number(bytes)
        default: throw error(.unexpectedByte)
        }
    }

    mutating func literal(_ word: String, _ bytes: RawSpan) throws(JSONError) {
        for byte in word.utf8 { try expect(byte, bytes) }
    }

    mutating func array(_ bytes: RawSpan, depth: Int) throws(JSONError) -> [JSON] {
        guard depth <= limits.maximumDepth else { throw error(.tooDeep(limit: limits.maximumDepth)) }
        offset += 1
        skipSpace(bytes)
        if try peek(bytes) == UInt8(ascii: "]") {
            offset += 1
            return []
        }
        var elements: [JSON] = []
        while true {
            elements.append(try value(bytes, depth: depth))
            guard try another(bytes, close: UInt8(ascii: "]")) else { return elements }
        }
    }

    mutating func object(_ bytes: RawSpan, depth: Int) throws(JSONError) -> [String: JSON] {
        guard depth <= limits.maximumDepth else { throw error(.tooDeep(limit: limits.maximumDepth)) }
        offset += 1
        skipSpace(bytes)
        if try peek(bytes) == UInt8(ascii: "}") {
            offset += 1
            return [:]
        }
        var members: [String: JSON] = [:]
        while true {
            skipSpace(bytes)
            let start = offset
            let key = try key(bytes)
            guard members[key] == nil else { throw JSONError(reason: .duplicateKey, offset: start) }
            skipSpace(bytes)
            try expect(UInt8(ascii: ":"), bytes)
            members[key] = try value(bytes, depth: depth)
            guard try another(bytes, close: UInt8(ascii: "}")) else { return members }
        }
    }

    /// Consumes what follows an element: true after a comma, false after the closing bracket.
    mutating func another(_ bytes: RawSpan, close: UInt8) throws(JSONError) -> Bool {
        skipSpace(bytes)
        let byte = try peek(bytes)
        guard byte == close || byte == UInt8(ascii: ",") else { throw error(.unexpectedByte) }
        offset += 1
        return byte != close
    }

    mutating func key(_ bytes: RawSpan) throws(JSONError) -> String {
        guard try peek(bytes) == UInt8(ascii: "\"") else { throw error(.unexpectedByte) }
        let start = offset
        let key = try string(bytes)
        guard offset - start - 2 <= limits.maximumKeyLength else {
            throw JSONError(reason: .keyTooLong(limit: limits.maximumKeyLength), offset: start)
        }
        return key
    }

    /// The string whose opening quote is at the current place.
    mutating func string(_ bytes: RawSpan) throws(JSONError) -> String {
        offset += 1
        let end = bytes.endOfPlainRun(from: offset)
        // The common case, a string without an escape, is one copy from the input.
        if end < bytes.byteCount, bytes.byte(at: end) == UInt8(ascii: "\"") {
            let range = offset..<end
            offset = end + 1
            return bytes.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        }
        return try escapedString(bytes)
    }

    /// The rest of a string that has escapes, or an error in it: runs between escapes are copied whole.
    mutating func escapedString(_ bytes: RawSpan) throws(JSONError) -> String {
        var text: [UInt8] = []
        while true {
            let end = bytes.endOfPlainRun(from: offset)
            bytes.append(offset..<end, to: &text)
            offset = end
            switch try peek(bytes) {
            case UInt8(ascii: "\""):
                offset += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(bytes, into: &text)
            default: throw error(.controlCharacter)
            }
        }
    }

    mutating func escape(_ bytes: RawSpan, into text: inout [UInt8]) throws(JSONError) {
        offset += 1
        switch try peek(bytes) {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "\""): text.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): text.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): text.append(UInt8(ascii: "/"))
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "u"): return try unicodeEscape(bytes, into: &text)
        default: throw error(.invalidEscape)
        }
        offset += 1
    }

    /// `\uXXXX`, or two of them for a surrogate pair; the current place is the `u`.
    mutating func unicodeEscape(_ bytes: RawSpan, into text: inout [UInt8]) throws(JSONError) {
        let start = offset - 1
        var code = try hexadecimal(bytes)
        if code & 0xFC00 == 0xD800 {
            let lone = JSONError(reason: .loneSurrogate, offset: start)
            guard try peek(bytes) == UInt8(ascii: "\\") else { throw lone }
            offset += 1
            guard try peek(bytes) == UInt8(ascii: "u") else { throw lone }
            let low = try hexadecimal(bytes)
            guard low & 0xFC00 == 0xDC00 else { throw lone }
            code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
        }
        guard let scalar = Unicode.Scalar(code) else { throw JSONError(reason: .loneSurrogate, offset: start) }
        text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    /// The four digits after the `u` at the current place.
    mutating func hexadecimal(_ bytes: RawSpan) throws(JSONError) -> UInt32 {
        offset += 1
        var code: UInt32 = 0
        for _ in 0..<4 {
            let byte = try peek(bytes)
            switch byte {
            case 0x30...0x39: code = code << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: code = code << 4 | UInt32(byte - 0x41 + 10)
            case 0x61...0x66: code = code << 4 | UInt32(byte - 0x61 + 10)
            default: throw error(.invalidEscape)
            }
            offset += 1
        }
        return code
    }

    mutating func number(_ bytes: RawSpan) throws(JSONError) -> JSON {
        let start = offset
        let negative = try peek(bytes) == UInt8(ascii: "-")
        if negative { offset += 1 }
        let integer = try digits(bytes)
        guard integer.count == 1 || bytes.byte(at: integer.lowerBound) != 0x30 else {
            throw JSONError(reason: .leadingZero, offset: start)
        }
        var isInteger = true
        if offset < bytes.byteCount, bytes.byte(at: offset) == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            _ = try digits(bytes)
        }
        if offset < bytes.byteCount, bytes.byte(at: offset) | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            let sign = try peek(bytes)
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            _ = try digits(bytes)
        }
        guard !isInteger else { return .int(try self.integer(bytes, integer, negative: negative, start: start)) }
        guard offset - start <= Self.maximumNumberLength else {
            throw JSONError(reason: .numberTooLong(limit: Self.maximumNumberLength), offset: start)
        }
        let text = bytes.extracting(start..<offset).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        guard let value = Double(text), value.isFinite else { throw JSONError(reason: .nonFinite, offset: start) }
        return .double(value)
    }

    /// Consumes one digit or more.
    mutating func digits(_ bytes: RawSpan) throws(JSONError) -> Range<Int> {
        let start = offset
        while offset < bytes.byteCount, bytes.byte(at: offset) &- 0x30 <= 9 { offset += 1 }
        guard offset > start else {
            _ = try peek(bytes)
            throw error(.unexpectedByte)
        }
        return start..<offset
    }

    func integer(_ bytes: RawSpan, _ digits: Range<Int>, negative: Bool, start: Int) throws(JSONError) -> Int64 {
        var value: Int64 = 0
        for index in digits {
            let digit = Int64(bytes.byte(at: index) - 0x30)
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            // Summed with its sign: Int64.min has no positive twin.
            let (sum, carry) =
                negative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            guard !overflow, !carry else { throw JSONError(reason: .integerOverflow, offset: start) }
            value = sum
        }
        guard !negative || value != 0 else { throw JSONError(reason: .negativeZero, offset: start) }
        return value
    }
}
