import Glibc
import Linux

/// Reads objects of one repository through a single `git cat-file --batch`.
final class ObjectReader {
    private let requests: Descriptor
    private let answers: Descriptor
    private let pid: Int32
    private var buffer: [UInt8] = []
    private var position = 0

    /// - Throws: `Child.Failure` or `SystemError`
    init(_ git: Git) throws {
        let requestPipe = try Descriptor.pipe()
        let answerPipe = try Descriptor.pipe()
        pid = try git.child(
            ["cat-file", "--batch"], stdin: requestPipe.read.raw, stdout: answerPipe.write.raw, stderr: 2
        ).start()
        requests = requestPipe.write
        answers = answerPipe.read
    }

    /// Ends git; the reader is of no use any more.
    func end() {
        requests.close()
        answers.close()
        _ = try? ProcessEnd.wait(for: pid)
    }

    /// An object's type and content.
    /// - Throws: `StepEnd.refused` when it is missing or larger than `limit`.
    func read(_ name: String, limit: Int) throws -> (id: String, type: String, content: [UInt8]) {
        try requests.writeAll(Array((name + "\n").utf8))
        let header = String(decoding: try line(), as: UTF8.self).split(separator: " ")
        guard header.count == 3, let size = Int(header[2]) else {
            throw StepEnd.refused("object \(name.prefix(80)) is missing")
        }
        guard size <= limit else {
            throw StepEnd.refused("object \(header[0]) has \(size) bytes; at most \(limit) are read")
        }
        let content = try take(size)
        _ = try take(1)  // the newline that ends it
        return (String(header[0]), String(header[1]), content)
    }

    private func line() throws -> [UInt8] {
        while true {
            if let end = buffer[position...].firstIndex(of: 0x0a) {
                defer { position = end + 1 }
                return Array(buffer[position..<end])
            }
            guard buffer.count - position < 4096 else { throw StepEnd.refused("git answered with an overlong line") }
            try fill()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while buffer.count - position < count { try fill() }
        defer { position += count }
        return Array(buffer[position..<(position + count)])
    }

    private func fill() throws {
        let chunk = try answers.read(64 << 10)
        guard !chunk.isEmpty else { throw SystemError("read", "git cat-file", code: EPIPE) }
        buffer.removeFirst(position)
        position = 0
        buffer += chunk
    }
}
