// Compiled into one module with Sources/IPC/JSON and Sources/IPC/Frame by run.sh, hence no `import IPC`.

/// libFuzzer's entry: one input is a stream that a peer sent. A trap is a finding, and so is every `require` below.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    for limit in [16, FrameLimits.hello.maximumLength] {
        let whole = decode(input, limit: limit) { $0 }
        // Pieces of 1 byte, of 7, and of sizes that the input itself chooses.
        require(decode(input, limit: limit) { _ in 1 } == whole, "single bytes give other frames")
        require(decode(input, limit: limit) { min($0, 7) } == whole, "pieces of 7 bytes give other frames")
        var seed = count
        let pieces = decode(input, limit: limit) { rest in
            seed = (seed &* 31 &+ Int(input[input.count - rest])) & 0xFFFF
            return min(rest, seed % 97 + 1)
        }
        require(pieces == whole, "irregular pieces give other frames")
        for frame in whole.frames {
            require(frame.count > 0 && frame.count <= limit, "a frame is outside the limit")
            require((try? FrameEncoder.frame(frame, limit: limit)) != nil, "a frame cannot be sent again")
            check(frame)
        }
    }
    // Payloads are fuzzed by themselves too: few random streams hold a right length.
    check(Array(input))
    return 0
}

private struct Decoded: Equatable {
    var frames: [[UInt8]] = []
    var error: FrameError?
}

/// All frames of a stream that arrives in pieces; `piece` is given how many bytes remain.
private func decode(_ input: UnsafeRawBufferPointer, limit: Int, piece: (Int) -> Int) -> Decoded {
    var decoder = FrameDecoder(limits: FrameLimits(maximumLength: limit))
    var decoded = Decoded()
    var offset = 0
    do throws(FrameError) {
        while offset < input.count {
            let end = offset + piece(input.count - offset)
            decoder.append(UnsafeRawBufferPointer(rebasing: input[offset..<end]))
            offset = end
            while let frame = try decoder.next() { decoded.frames.append(frame) }
            require(decoder.pendingBytes < 4 + limit, "more is kept than one frame needs")
        }
        try decoder.finish()
    } catch {
        decoded.error = error
    }
    return decoded
}

private func check(_ payload: [UInt8]) {
    let text = String(validating: payload, as: UTF8.self)
    require(isValidUTF8(payload) == (text != nil), "UTF-8 is judged other than by the standard library")
    if let text {
        require((try? JSON(parsing: JSON.string(text).bytes(), limits: wide)) == .string(text), "a string changed")
        if let bytes = try? Base64.decode(text) {
            require(Base64.encode(bytes) == text, "two base64 texts mean the same bytes")
        }
    }
    require((try? Base64.decode(Base64.encode(payload))) == payload, "base64 changed the bytes")
    do throws(JSONError) {
        let json = try JSON(parsing: payload)
        require(text != nil, "JSON was read from what is not UTF-8")
        var budget = JSONLimits.frame.maximumValues
        require(isBounded(json, depth: 0, budget: &budget), "a limit was not kept")
        let written = json.bytes()
        require((try? JSON(parsing: written, limits: wide)) == json, "written JSON is read as another value")
        require((try? JSON(parsing: written, limits: wide))?.bytes() == written, "writing is not stable")
        require((try? JSON(parsing: json.pretty(), limits: wide)) == json, "pretty JSON is read as another value")
        require((try? json.decode(JSON.self)) == json, "decoding changed the value")
        require((try? JSON(encoding: Wrapper(value: json)))?["value"] == json, "encoding changed the value")
        _ = try? json.decode([String: [Int32]].self)
    } catch {
        require((0...payload.count).contains(error.offset), "an error is placed outside the text")
    }
}

/// The same limits for what our writer made, which may be longer than what was read (a key's escapes, `1e20`).
private let wide = JSONLimits(
    maximumLength: 1 << 24, maximumDepth: 16, maximumValues: 65_536, maximumKeyLength: 1 << 16)

private struct Wrapper: Encodable {
    var value: JSON
}

private func isBounded(_ json: JSON, depth: Int, budget: inout Int) -> Bool {
    budget -= 1
    guard budget >= 0 else { return false }
    switch json {
    case .array(let elements):
        return depth < 16 && elements.allSatisfy { isBounded($0, depth: depth + 1, budget: &budget) }
    case .object(let members):
        return depth < 16 && members.values.allSatisfy { isBounded($0, depth: depth + 1, budget: &budget) }
    case .double(let value): return value.isFinite
    default: return true
    }
}

/// A check that stays in optimised code, as `assert` does not.
private func require(_ condition: Bool, _ message: StaticString) {
    precondition(condition, "\(message)")
}
