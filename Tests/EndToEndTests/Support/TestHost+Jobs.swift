import Foundation
import Glibc
import Testing

extension TestHost {
    /// A text that no other process has in its command line.
    static func mark() -> String { "bulkhead-mark-\(UInt64.random(in: 0...UInt64.max))" }

    /// The answer of a command with --json.
    func json(_ arguments: [String]) throws -> [String: Any] {
        let result = try runnerctl(arguments + ["--json"])
        let object = try? JSONSerialization.jsonObject(with: result.output) as? [String: Any]
        return try #require(object, "\(arguments.joined(separator: " ")): \(result.text)\(result.errorText)")
    }

    func show(_ job: String) throws -> [String: Any] { try json(["show", job]) }
    func state(_ job: String) throws -> String { try show(job)["state"] as? String ?? "" }
    func reason(_ job: String) throws -> String {
        (try show(job)["outcome"] as? [String: Any])?["reason"] as? String ?? ""
    }

    /// Submits without waiting; the job's id.
    func detach(_ options: [String] = [], _ command: [String]) throws -> String {
        let tail = command.isEmpty ? [] : ["--"] + command
        let result = try runnerctl(["run", "--detach"] + options + tail)
        try #require(result.code == 0, "\(result.errorText)")
        return result.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Waits for a job's end by following it; its final state.
    @discardableResult
    func ended(_ job: String, _ seconds: Double = 60) throws -> String {
        // From a number that no event has: nothing but the end is told.
        let follower = try runnerctl(["events", job, "--follow", "--since", "1000000000000"], seconds: seconds)
        let last = try state(job)
        let isOver = ["completed", "failed", "cancelled"].contains(last)
        try #require(isOver, "job \(job) is still \(last): \(follower.errorText)")
        return last
    }

    /// Waits until a process of a job is there; the processes with the mark.
    func started(_ mark: String, count: Int = 1) throws -> [Int32] {
        var found: [Int32] = []
        let isThere = eventually(30) {
            found = processes(with: mark)
            return found.count >= count
        }
        try #require(isThere, "only \(found.count) of \(count) processes of the job started: \(log)")
        return found
    }

    /// Two signals, the second one only after the first was seen: two pending ones would count as one.
    func stopAtOnce(_ seconds: Double = 15) -> CommandResult? {
        signal(SIGTERM)
        _ = eventually { log.contains("stopping") || supervisor?.process.isRunning == false }
        signal(SIGTERM)
        return supervisor?.finish(seconds)
    }

    var spawner: Int32? { HostProcess.children(of: pid).first }

    /// Every name in the state directory that belongs to a job still to run or to a job's input.
    var inputs: [String] { (try? FileManager.default.contentsOfDirectory(atPath: state + "/inputs")) ?? [] }

    /// A command that lives until it is killed, and has the mark in its command line.
    static func lasting(_ mark: String) -> [String] { ["sh", "-c", "while :; do sleep 1; done", mark] }

    /// A command that ignores what can be ignored, leaves two daemons that have left its session and hold its pipes,
    /// and goes on. Four processes with the mark once it is up.
    static func stubborn(_ mark: String) -> [String] {
        let ignore = "trap '' INT TERM HUP QUIT PIPE"
        let script = """
            \(ignore)
            setsid sh -c "\(ignore); while :; do sleep 1; done" "$0" &
            (setsid sh -c "\(ignore); (while :; do sleep 1; done) & exit 0" "$0" &)
            while :; do sleep 1; done
            """
        return ["sh", "-c", script, mark]
    }
}
