import ArgumentParser
import Glibc
import IPC
import Linux

/// A duration on the command line: `90` (seconds), `90s`, `30m`, `1h30m`, `2d`, `500ms`.
struct TimeSpan: ExpressibleByArgument, Equatable {
    /// At most 366 days.
    let milliseconds: Int64

    init?(argument: String) {
        guard let value = TimeSpan.parse(argument) else { return nil }
        milliseconds = value
    }

    private static let maximum: Int64 = 366 * 86_400_000

    private static func parse(_ text: String) -> Int64? {
        let units: [String: Int64] = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        if !text.isEmpty, text.utf8.allSatisfy({ isDigit($0) }) { return bounded(text, 1000) }
        var rest = text.utf8[...]
        var total: Int64 = 0
        while !rest.isEmpty {
            let digits = rest.prefix { isDigit($0) }
            let unit = rest.dropFirst(digits.count).prefix { !isDigit($0) }
            rest = rest.dropFirst(digits.count + unit.count)
            guard let factor = units[String(Substring(unit))], let value = bounded(String(Substring(digits)), factor)
            else { return nil }
            total += value
            guard total <= maximum else { return nil }
        }
        return text.isEmpty ? nil : total
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func bounded(_ digits: String, _ factor: Int64) -> Int64? {
        guard digits.utf8.count <= 12, let number = Int64(digits), number <= maximum / factor else { return nil }
        return number * factor
    }
}

/// What a prompt may be given as: text, `-` for standard input, `@file`.
enum Prompt {
    /// Bytes; a request must fit into one frame.
    static let maximum = 256 << 10

    /// - Throws: `CommandFailure` with exit code 2.
    static func read(_ argument: String) throws(CommandFailure) -> String {
        let bytes: [UInt8]
        do throws(SystemError) {
            if argument == "-" {
                bytes = try Descriptor(owning: try check("dup") { dup(0) }).readAll(limit: maximum)
            } else if argument.hasPrefix("@") {
                bytes = try readFile(String(argument.dropFirst()), limit: maximum)
            } else {
                bytes = Array(argument.utf8)
            }
        } catch {
            let problem = error.code == EFBIG ? "it has more than \(maximum) bytes" : "\(error)"
            throw .usage("--prompt \(argument): \(problem)")
        }
        guard bytes.count <= maximum else { throw .usage("--prompt has more than \(maximum) bytes") }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
            throw .usage("--prompt must be UTF-8 text without NUL bytes")
        }
        guard !bytes.allSatisfy({ $0 <= 0x20 }) else { throw .usage("--prompt is empty") }
        return text
    }
}

/// The argument that names a job.
struct JobArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The job's id, or the beginning of it if no other job's begins so.", valueName: "job"))
    var job: String

    var reference: JobReference { JobReference(job: job) }

    func validate() throws {
        guard !job.isEmpty, job.utf8.count <= 64 else {
            throw ValidationError("A job is named by its id or the beginning of it.")
        }
    }
}

/// Words that several commands say of a job.
enum JobText {
    /// The state, with the reason where it is over.
    static func state(_ job: JobInfo) -> String {
        if let reason = job.outcome?.reason, reason != job.state { return "\(job.state) (\(reason))" }
        return job.phase.map { "\(job.state) (\($0))" } ?? job.state
    }

    static func style(_ job: JobInfo) -> Output.Style {
        switch job.state {
        case "completed": .green
        case "failed": .red
        case "cancelled": .yellow
        default: .plain
        }
    }

    /// How to get the work that was refused.
    static func artifactHint(_ job: JobInfo) -> String? {
        guard let bytes = job.artifactBytes, bytes > 0 else { return nil }
        return "the work was kept (\(Words.bytes(bytes))): runnerctl artifact \(Words.short(job.id)) -o work.tar"
    }
}
