import CLinux
import Glibc
import Linux

/// Runs git with a configuration of its own: no system, user or repository setting that executes anything, no
/// protocol, no prompt. It is defence in depth: where git's input is hostile, it runs as a uid with nothing to lose.
struct Git {
    /// GIT_DIR and what else is to be set.
    var environment: [String: String]

    init(directory: String, _ more: [String: String] = [:]) {
        environment = Git.base
        environment["GIT_DIR"] = directory
        environment.merge(more) { _, new in new }
    }

    private static var base: [String: String] {
        [
            "PATH": environmentVariable("PATH") ?? "", "LC_ALL": "C",
            "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_ADVICE": "0",
        ]
    }

    private static let settings = [
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "core.quotePath=false",
        "gc.auto=0", "maintenance.auto=false", "safe.directory=*", "advice.addEmbeddedRepo=false",
        "core.alternateRefsCommand=true", "core.logAllRefUpdates=false", "pack.threads=2", "core.bigFileThreshold=32m",
    ]

    struct Failed: Error, CustomStringConvertible {
        let command: String
        let code: Int32?
        let message: String
        var description: String {
            "git \(command) failed\(code.map { " with \($0)" } ?? "")\(message.isEmpty ? "" : ": \(message)")"
        }
    }

    /// Runs git and captures at most `limit` bytes of its standard output.
    /// - Throws: `Failed` when it ends otherwise than with 0, `SystemError` EFBIG over the limit; its stderr goes to the
    ///   job's log and, shortened, into the error.
    @discardableResult
    func run(_ arguments: [String], stdin: Int32? = nil, limit: Int = 1 << 20) throws -> [UInt8] {
        let end = try start(arguments, stdin: stdin, stdout: nil, limit: limit)
        guard end.code == 0 else { throw failed(arguments, end) }
        return end.output
    }

    /// Runs git with its standard output in a file.
    /// - Throws: `Failed`
    func run(_ arguments: [String], stdin: Int32? = nil, output: Int32) throws {
        let end = try start(arguments, stdin: stdin, stdout: output)
        guard end.code == 0 else { throw failed(arguments, end) }
    }

    /// Only the exit code.
    func succeeds(_ arguments: [String]) -> Bool {
        guard let null = try? Descriptor.open("/dev/null", O_WRONLY) else { return false }
        return (try? start(arguments, stdin: nil, stdout: null.raw))?.code == 0
    }

    /// The exit code of a run whose failure is an answer too.
    func code(_ arguments: [String]) throws -> (code: Int32?, message: String, complaints: [String]) {
        let null = try Descriptor.open("/dev/null", O_WRONLY)
        let end = try start(arguments, stdin: nil, stdout: null.raw)
        return (end.code, end.message, end.complaints)
    }

    /// One object id.
    func object(_ arguments: [String]) throws -> String {
        let bytes = try run(arguments, limit: 256)
        let text = String(decoding: bytes, as: UTF8.self).trimmingNewline()
        guard ObjectID.isValid(text) else {
            throw Failed(command: arguments[0], code: 0, message: "no object id: \(text)")
        }
        return text
    }

    /// A git process, not started.
    func child(_ arguments: [String], stdin: Int32, stdout: Int32, stderr: Int32) -> Child {
        Child(
            argv: ["git"] + Git.settings.flatMap { ["-c", $0] } + arguments,
            environment: environment.map { "\($0.key)=\($0.value)" }, path: environment["PATH"] ?? "",
            descriptors: [stdin, stdout, stderr])
    }

    private func failed(_ arguments: [String], _ end: End) -> Failed {
        Failed(command: arguments.first { !$0.hasPrefix("-") } ?? "", code: end.code, message: end.message)
    }

    /// How a git ended, what it printed (where that was captured) and the line that says why.
    private struct End {
        let code: Int32?
        let output: [UInt8]
        let message: String
        /// The last of its `error:` lines.
        let complaints: [String]
    }

    /// Both streams are read as they come, so that neither fills and stops git; stderr is passed on at once, and of it
    /// only the tail is kept.
    private func start(_ arguments: [String], stdin: Int32?, stdout: Int32?, limit: Int = 0) throws -> End {
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let output = try Descriptor.pipe()
        let errors = try Descriptor.pipe()
        let child = self.child(
            arguments, stdin: stdin ?? null.raw, stdout: stdout ?? output.write.raw, stderr: errors.write.raw)
        let pid = try child.start()
        output.write.close()
        errors.write.close()
        var captured: [UInt8] = []
        var tail: [UInt8] = []
        do {
            try readBoth(output.read, errors.read) { chunk, isOutput in
                if isOutput {
                    captured += chunk
                    guard captured.count <= limit else {
                        throw SystemError("read", "more than \(limit) bytes of git", code: EFBIG)
                    }
                } else {
                    try? Descriptor(owning: dup(2)).writeAll(chunk)
                    tail = Array((tail + chunk).suffix(Self.keptErrors))
                }
            }
        } catch {
            _ = kill(pid, SIGKILL)
            _ = try? ProcessEnd.wait(for: pid)
            throw error
        }
        let end = try ProcessEnd.wait(for: pid)
        let lines = String(decoding: tail, as: UTF8.self).split(separator: "\n")
        // A general "fatal:" comes last; the "error:" before it says what.
        let isGeneral = lines.last { $0.hasPrefix("fatal:") }?.hasPrefix("fatal: fsck error") ?? false
        let line =
            (isGeneral ? lines.last { $0.hasPrefix("error:") } : nil)
            ?? lines.last { $0.hasPrefix("fatal:") || $0.hasPrefix("error:") } ?? lines.last ?? ""
        let complaints = lines.filter { $0.hasPrefix("error:") }.suffix(20).map { String($0).cut(toBytes: 300) }
        return End(code: end.code, output: captured, message: String(line).cut(toBytes: 400), complaints: complaints)
    }

    private static let keptErrors = 16 << 10

    private func readBoth(
        _ output: Descriptor, _ errors: Descriptor, _ take: ([UInt8], _ isOutput: Bool) throws -> Void
    ) throws {
        var waiting = [
            pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors.raw, events: Int16(POLLIN), revents: 0),
        ]
        while waiting.contains(where: { $0.fd >= 0 }) {
            try check("poll") { poll(&waiting, 2, -1) }
            for index in waiting.indices where waiting[index].revents != 0 {
                let chunk = try (index == 0 ? output : errors).read(64 << 10)
                if chunk.isEmpty { waiting[index].fd = -1 } else { try take(chunk, index == 0) }
            }
        }
    }
}

/// Object names of both hash functions.
enum ObjectID {
    static func isValid(_ text: String) -> Bool {
        (text.utf8.count == 40 || text.utf8.count == 64)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    static func format(of id: String) -> String { id.utf8.count == 64 ? "sha256" : "sha1" }
}

extension String {
    func trimmingNewline() -> String { hasSuffix("\n") ? String(dropLast()) : self }
}
