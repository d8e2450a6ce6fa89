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
    /// - Throws: `Failed` when it ends otherwise than with 0; its stderr goes to the job's log and, shortened, into the
    ///   error.
    @discardableResult
    func run(_ arguments: [String], stdin: Int32? = nil, limit: Int = 1 << 20) throws -> [UInt8] {
        let pipe = try Descriptor.pipe()
        var captured: [UInt8] = []
        let end = try start(arguments, stdin: stdin, stdout: pipe.write.raw) {
            pipe.write.close()
            captured = try pipe.read.readAll(limit: limit)
        }
        guard end.code == 0 else { throw failed(arguments, end) }
        return captured
    }

    /// Runs git with its standard output in a file.
    /// - Throws: `Failed`
    func run(_ arguments: [String], stdin: Int32? = nil, output: Int32) throws {
        let end = try start(arguments, stdin: stdin, stdout: output) {}
        guard end.code == 0 else { throw failed(arguments, end) }
    }

    /// Only the exit code.
    func succeeds(_ arguments: [String]) -> Bool {
        guard let null = try? Descriptor.open("/dev/null", O_WRONLY) else { return false }
        return (try? start(arguments, stdin: nil, stdout: null.raw) {})?.code == 0
    }

    /// The exit code of a run whose failure is an answer too.
    func code(_ arguments: [String]) throws -> (code: Int32?, message: String) {
        let null = try Descriptor.open("/dev/null", O_WRONLY)
        let end = try start(arguments, stdin: nil, stdout: null.raw) {}
        return (end.code, end.message)
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

    private func failed(_ arguments: [String], _ end: (code: Int32?, message: String)) -> Failed {
        Failed(command: arguments.first { !$0.hasPrefix("-") } ?? "", code: end.code, message: end.message)
    }

    private func start(_ arguments: [String], stdin: Int32?, stdout: Int32, _ meanwhile: () throws -> Void) throws
        -> (code: Int32?, message: String)
    {
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        // stderr goes to a nameless memory file first: the last line of it belongs into the error.
        let raw = try check("memfd_create") { bh_memfd("stderr", 0) }
        let stderr = Descriptor(owning: raw)
        let child = self.child(arguments, stdin: stdin ?? null.raw, stdout: stdout, stderr: stderr.raw)
        let pid = try child.start()
        var failure: (any Error)?
        do { try meanwhile() } catch {
            failure = error
            _ = kill(pid, SIGKILL)
        }
        let end = try ProcessEnd.wait(for: pid)
        if let failure { throw failure }
        try check("lseek") { lseek(stderr.raw, 0, SEEK_SET) }
        let said = (try? stderr.read(16 << 10)) ?? []
        try? Descriptor(owning: dup(2)).writeAll(said)
        let lines = String(decoding: said, as: UTF8.self).split(separator: "\n")
        let line = lines.last { $0.hasPrefix("fatal:") || $0.hasPrefix("error:") } ?? lines.last ?? ""
        return (end.code, String(line.prefix(400)))
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
