import Foundation
import Glibc
import Testing

/// A supervisor of a test's own, with everything it makes below one temporary directory.
final class TestHost {
    let tier: Tier
    let directory: String
    var state: String { directory + "/state" }
    var socket: String { directory + "/s.sock" }
    private(set) var supervisor: RunningCommand?
    private let configuration: String
    private let environment: [String: String]

    /// Starts a supervisor and waits until it answers.
    /// - Parameters:
    ///   - configuration: YAML beside the defaults of tests (isolation: available, short kill ladder).
    ///   - environment: variables of the supervisor itself.
    init(
        _ tier: Tier, configuration: String = "", environment: [String: String] = [:], mode: mode_t = 0o711,
        start: Bool = true
    ) throws {
        self.tier = tier
        var template = Array("/tmp/bulkhead-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.configuration = configuration
        self.environment = environment
        chmod(directory, mode)
        chown(directory, tier.uid, tier.uid)
        if start { try self.start() }
    }

    deinit { stop() }

    /// Starts (or starts again) the supervisor on the same state.
    func start() throws {
        let file = directory + "/bulkhead.yaml"
        let defaults = configuration.contains("isolation:") ? "" : "isolation: available\n"
        let ladder = configuration.contains("kill:") ? "" : "kill:\n  interrupt: 300ms\n  terminate: 300ms\n"
        try (defaults + ladder + configuration).write(toFile: file, atomically: false, encoding: .utf8)
        chmod(file, 0o644)
        chown(file, tier.uid, tier.uid)
        let command = try launch()
        supervisor = command
        let isReady = command.wait(until: {
            command.errorsSoFar.contains("spawner ready") || !command.process.isRunning
        })
        guard isReady, command.process.isRunning else { throw NotReady(log: command.errorsSoFar) }
    }

    /// Starts a supervisor on this host's paths without waiting for anything.
    func launch(_ more: [String] = []) throws -> RunningCommand {
        try RunningCommand(
            tier.prefix + [
                try Installation.path("bulkhead-supervisor"), "--config", directory + "/bulkhead.yaml", "--state",
                state,
                "--socket", socket,
            ] + more,
            environment: variables.merging(environment) { _, new in new }, directory: "/", input: nil)
    }

    struct NotReady: Error, CustomStringConvertible {
        let log: String
        var description: String { "the supervisor did not become ready:\n\(log)" }
    }

    private var variables: [String: String] {
        ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory, "LC_ALL": "C.UTF-8"]
    }

    var log: String { supervisor?.errorsSoFar ?? "" }
    var pid: Int32 { supervisor?.pid ?? 0 }

    /// The supervisor's process where it was started through setpriv, which execs it: the same pid.
    func signal(_ number: Int32) { if pid > 0 { kill(pid, number) } }

    /// Ends the supervisor at once and removes everything.
    func stop() {
        if let supervisor, supervisor.process.isRunning {
            // One after the other: two that wait at once are one.
            signal(SIGTERM)
            supervisor.wait(
                2, until: { supervisor.errorsSoFar.contains("stopping: ") || !supervisor.process.isRunning })
            signal(SIGTERM)
            _ = supervisor.finish(20)
        }
        supervisor = nil
        try? FileManager.default.removeItem(atPath: directory)
    }

    // MARK: the operator

    /// Runs runnerctl as this tier's user.
    func runnerctl(
        _ arguments: [String], directory: String? = nil, environment: [String: String] = [:], input: Data? = nil,
        seconds: Double = 60
    ) throws -> CommandResult {
        try start(arguments, directory: directory, environment: environment, input: input).finish(seconds)
    }

    /// Starts runnerctl without waiting for its end.
    func start(
        _ arguments: [String], directory: String? = nil, environment: [String: String] = [:], input: Data? = nil
    ) throws -> RunningCommand {
        var variables = self.variables
        variables["BULKHEAD_SOCKET"] = socket
        variables.merge(environment) { _, new in new }
        return try RunningCommand(
            tier.prefix + [try Installation.path("runnerctl")] + arguments, environment: variables,
            directory: directory ?? self.directory, input: input)
    }

    /// `runnerctl run --json --repo REPO … -- command`, and its final object.
    func job(_ repository: Repository, _ options: [String] = [], _ command: [String], seconds: Double = 60) throws
        -> JobResult
    {
        try JobResult(
            runnerctl(["run", "--json", "--repo", repository.path] + options + ["--"] + command, seconds: seconds))
    }

    /// A shell script as a job.
    func script(_ repository: Repository, _ options: [String] = [], _ script: String, seconds: Double = 60) throws
        -> JobResult
    {
        try job(repository, options, ["sh", "-c", script], seconds: seconds)
    }

    /// The text that a job printed on one stream, from its stored events.
    func printed(_ job: String, stream: String = "stdout", phase: String = "agent") throws -> String {
        let events = try runnerctl(["events", job, "--json"])
        var text = ""
        for line in events.text.split(separator: "\n") {
            guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                continue
            }
            let event = object["event"] as? [String: Any] ?? object
            guard event["type"] as? String == "log", event["stream"] as? String == stream,
                event["phase"] as? String == phase
            else { continue }
            if let part = event["text"] as? String { text += part }
            if let part = event["b64"] as? String, let data = Data(base64Encoded: part) {
                text += String(decoding: data, as: UTF8.self)
            }
        }
        return text
    }

    /// Processes on the host whose command line holds this text (the test's own runnerctl and supervisor excepted).
    func processes(with mark: String) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { pid in
            guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
            let line = String(decoding: data, as: UTF8.self)
            return line.contains(mark) && !line.contains("runnerctl") && !line.contains("bulkhead-supervisor")
        }
    }
}

/// The one object that `run --json` prints.
struct JobResult {
    let code: Int32
    let object: [String: Any]
    let errors: String

    init(_ result: CommandResult) throws {
        code = result.code
        errors = result.errorText
        let parsed = try? JSONSerialization.jsonObject(with: result.output)
        object = parsed as? [String: Any] ?? [:]
    }

    var id: String { object["job"] as? String ?? "" }
    var state: String { object["state"] as? String ?? "" }
    var branch: String? { object["branch"] as? String }
    var commit: String? { object["commit"] as? String }
    var outcome: [String: Any] { object["outcome"] as? [String: Any] ?? [:] }
    var reason: String { outcome["reason"] as? String ?? "" }
    var message: String { outcome["message"] as? String ?? "" }
}

/// A real git repository of a test's own.
final class Repository {
    let path: String
    private let tier: Tier

    /// Makes a repository with one commit.
    init(
        in host: TestHost, name: String = "repo", files: [String: String] = ["README.md": "hello\n"],
        format: String = "sha1"
    ) throws {
        path = host.directory + "/" + name
        tier = host.tier
        try git("init", "-q", "-b", "main", "--object-format=\(format)", path, inside: false)
        try git("config", "user.name", "Tester")
        try git("config", "user.email", "tester@example.invalid")
        for (name, text) in files { try write(name, text) }
        if !files.isEmpty {
            try git("add", "-A")
            try git("commit", "-q", "-m", "first")
        }
    }

    /// Writes a file as the repository's owner.
    func write(_ name: String, _ text: String) throws {
        let file = path + "/" + name
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: file).deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        if getuid() == 0 { _ = try run(["/bin/chown", "-R", "\(tier.uid):\(tier.uid)", path]) }
    }

    /// Runs git as the repository's owner and returns its output without the last line end.
    @discardableResult
    func git(_ arguments: String..., inside: Bool = true) throws -> String {
        let result = try run(
            tier.prefix + ["/usr/bin/git"] + (inside ? ["-C", path] : []) + arguments,
            environment: ["GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"])
        guard result.code == 0 else {
            throw Failed(command: arguments.joined(separator: " "), errors: result.errorText)
        }
        return result.text.hasSuffix("\n") ? String(result.text.dropLast()) : result.text
    }

    struct Failed: Error, CustomStringConvertible {
        let command: String
        let errors: String
        var description: String { "git \(command): \(errors)" }
    }

    /// `mode type id<TAB>name` of every file of a commit, by name.
    func tree(_ commit: String) throws -> [String: String] {
        var entries: [String: String] = [:]
        for record in try git("ls-tree", "-r", "-z", commit).split(separator: "\0") {
            let parts = record.split(separator: "\t", maxSplits: 1)
            entries[String(parts[1])] = String(parts[0].split(separator: " ")[0])
        }
        return entries
    }
}
