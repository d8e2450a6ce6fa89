import Foundation
import Glibc
import Testing

/// Bad input at each door: a clear message, the right exit code, and nothing changed.
@Suite("Bad input", .serialized)
struct BadInputTests {
    // MARK: configuration

    struct BadFile: Sendable, CustomTestStringConvertible {
        let text: String
        let line: Int?
        /// What the message names.
        let parts: [String]
        var testDescription: String { parts.joined(separator: ", ") }
    }

    static let files = [
        BadFile(text: "isolation: available\nslotz: 3\n", line: 2, parts: ["slotz", "\"slots\""]),
        BadFile(
            text: "limits:\n  wall-clock: 1h\n  wallclock: 2h\n", line: 3,
            parts: ["limits.wallclock", "limits.wall-clock"]),
        BadFile(text: "slots: many\n", line: 1, parts: ["slots"]),
        BadFile(text: "slots: 0\n", line: 1, parts: ["slots", "1"]),
        BadFile(text: "slots: 1\nslots: 2\n", line: 2, parts: ["slots"]),
        BadFile(text: "isolation: lax\n", line: 1, parts: ["isolation", "strict"]),
        BadFile(text: "limits:\n\twall-clock: 1h\n", line: 2, parts: ["tab"]),
        BadFile(text: "slots: [1\n", line: nil, parts: []),
        BadFile(text: "just text\n", line: nil, parts: []),
        BadFile(text: "a: &x [1]\nb: *x\n", line: nil, parts: []),
    ]

    @Test(
        "A bad configuration ends the start with the file, the line and the nearest key, exit code 2",
        arguments: Tier.all, files)
    func configuration(_ tier: Tier, _ bad: BadFile) throws {
        let host = try TestHost(tier, start: false)
        let path = host.directory + "/bulkhead.yaml"
        try bad.text.write(toFile: path, atomically: false, encoding: .utf8)
        chmod(path, 0o644)
        let result = try host.launch().finish(20)
        #expect(result.code == 2)
        #expect(result.errorText.contains(bad.line.map { "\(path):\($0): " } ?? path), "\(result.errorText)")
        for part in bad.parts { #expect(result.errorText.contains(part), "\(result.errorText)") }
        #expect(!FileManager.default.fileExists(atPath: host.state), "nothing was made")
    }

    @Test(
        "A configuration file that is named and not there ends the start with its name, exit code 2",
        arguments: Tier.all)
    func missingConfiguration(_ tier: Tier) throws {
        let host = try TestHost(tier, start: false)
        let result = try host.launch().finish(20)
        #expect(result.code == 2)
        #expect(result.errorText.contains(host.directory + "/bulkhead.yaml"), "\(result.errorText)")
    }

    // MARK: start

    @Test("A second supervisor on the same state refuses with the first one's pid, which goes on", arguments: Tier.all)
    func second(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let result = try host.launch().finish(20)
        #expect(result.code != 0 && result.signal == nil)
        #expect(result.errorText.contains("pid \(host.pid)"), "\(result.errorText)")
        #expect(try host.runnerctl(["status"]).code == 0)
    }

    @Test(
        "A state directory of another user is refused by that user's id", .enabled(if: Needs.root), arguments: Tier.all)
    func foreignState(_ tier: Tier) throws {
        let host = try TestHost(tier, start: false)
        try "isolation: available\n".write(
            toFile: host.directory + "/bulkhead.yaml", atomically: false, encoding: .utf8)
        chmod(host.directory + "/bulkhead.yaml", 0o644)
        try #require(mkdir(host.state, 0o755) == 0)
        try #require(chown(host.state, 4242, 4242) == 0)
        let result = try host.launch().finish(20)
        #expect(result.code == 1)
        #expect(
            result.errorText.contains(host.state) && result.errorText.contains("belongs to uid 4242"),
            "\(result.errorText)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: host.state) == [])
    }

    @Test("Without a supervisor the exit code is 3, and the message names the socket", arguments: Tier.all)
    func noSupervisor(_ tier: Tier) throws {
        let host = try TestHost(tier, start: false)
        for command in [["status"], ["jobs"], ["run", "--", "true"]] {
            let result = try host.runnerctl(command)
            #expect(result.code == 3)
            #expect(result.errorText.contains(host.socket), "\(result.errorText)")
        }
    }

    // MARK: run

    struct BadRun: Sendable, CustomTestStringConvertible {
        let name: String
        /// Makes the repository what it is, in its directory; the first commit is there.
        var prepare = ""
        var options: [String] = []
        var path = ""
        var command = ["true"]
        let message: String
        var testDescription: String { name }
    }

    static let runs = [
        BadRun(name: "a directory that is not there", path: "/nowhere", message: "No such file"),
        BadRun(name: "a file", path: "/README.md", message: "no directory"),
        BadRun(name: "no repository", prepare: "rm -rf .git", message: "not a git repository"),
        BadRun(name: "no commit", prepare: "rm -rf .git && git init -q -b main", message: "has no commit yet"),
        BadRun(
            name: "a shallow clone",
            prepare: "git commit -q --allow-empty -m x && git clone -q --depth 1 file://$PWD shallow", path: "/shallow",
            message: "shallow clone"),
        BadRun(name: "an unknown base", options: ["--base", "nothing"], message: "--base nothing is no commit"),
        BadRun(name: "a base that is an option", options: ["--base=--all"], message: "is no commit"),
        BadRun(
            name: "a branch that exists", prepare: "git branch taken", options: ["--branch", "taken"],
            message: "the branch taken exists"),
        BadRun(
            name: "the branch that is checked out", options: ["--branch", "main"], message: "the branch main exists"),
        BadRun(name: "a branch below a branch", options: ["--branch", "main/x"], message: "the branch main exists"),
        BadRun(
            name: "a branch above a branch", prepare: "git branch a/b", options: ["--branch", "a"],
            message: "branches below a/ exist"),
        BadRun(name: "two dots in the branch", options: ["--branch", "a..b"], message: "no valid branch name"),
        BadRun(name: "a branch that is an option", options: ["--branch=-x"], message: "no valid branch name"),
        BadRun(name: "a branch with a space", options: ["--branch", "a b"], message: "no valid branch name"),
        BadRun(name: "a branch that is a lock", options: ["--branch", "a.lock"], message: "no valid branch name"),
        BadRun(name: "the branch HEAD", options: ["--branch", "HEAD"], message: "no valid branch name"),
        BadRun(name: "an empty branch", options: ["--branch", ""], message: "branch"),
        BadRun(
            name: "an unknown harness", options: ["--harness", "nothing", "--prompt", "x"], command: [],
            message: "nothing"),
        BadRun(name: "no command and no prompt", command: [], message: "--prompt"),
        BadRun(name: "an empty command", command: [""], message: "command"),
        BadRun(name: "a timeout of nothing", options: ["--timeout", "0"], message: "--timeout"),
        BadRun(name: "a timeout that is none", options: ["--timeout", "soon"], message: "--timeout"),
        BadRun(name: "a priority that is none", options: ["--priority", "101"], message: "--priority"),
        BadRun(name: "an unknown option", options: ["--nonsense"], message: "--nonsense"),
    ]

    @Test(
        "A run that cannot be is refused with exit code 2 before there is a job, and nothing changes",
        arguments: Tier.all)
    func refusedRuns(_ tier: Tier) throws {
        let host = try TestHost(tier)
        for (index, bad) in Self.runs.enumerated() {
            let repository = try Repository(in: host, name: "r\(index)")
            if !bad.prepare.isEmpty {
                let prepared = try host.shell(in: repository.path, bad.prepare)
                try #require(prepared.code == 0, "\(bad.name): \(prepared.errorText)")
            }
            let before = try Snapshot(of: repository.path)
            let command = bad.command.isEmpty ? [] : ["--"] + bad.command
            let result = try host.runnerctl(["run", "--repo", repository.path + bad.path] + bad.options + command)
            #expect(result.code == 2, "\(bad.name): \(result.code)")
            #expect(result.errorText.contains(bad.message), "\(bad.name): \(result.errorText)")
            let changed = try Snapshot(of: repository.path).changes(since: before)
            #expect(changed == [], "\(bad.name)")
        }
        let jobs = try host.runnerctl(["jobs", "--json"])
        let object = try JSONSerialization.jsonObject(with: jobs.output) as? [String: Any]
        #expect((object?["jobs"] as? [Any])?.isEmpty == true, "\(jobs.text)")
    }

    @Test("A detached HEAD and a dirty index are noted, and the job runs from the commit", arguments: Tier.all)
    func notedStates(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        try host.shell(
            in: repository.path,
            "git checkout -q --detach; echo staged > staged; git add staged; echo changed >> README.md; : > other")
        let result = try host.script(repository, [], "cat README.md; git branch --show-current; ls; echo x > new")
        #expect(result.code == 0, "\(result.errors)")
        for part in ["HEAD is detached", "staged changes", "changed files", "untracked files"] {
            #expect(result.errors.contains(part), "\(result.errors)")
        }
        #expect(try host.printed(result.id) == "hello\nmain\nREADME.md\n")
        #expect(try repository.tree(#require(result.branch)).keys.sorted() == ["README.md", "new"])
    }

    @Test("A command that the sandbox does not have ends as a shell would say, and names it", arguments: Tier.all)
    func missingCommand(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let result = try host.job(repository, [], ["no-such-command"])
        #expect(result.code == 1)
        #expect(result.reason == "harness-failed")
        #expect(result.outcome["exitCode"] as? Int == 127)
        #expect(result.errors.contains("no-such-command"), "\(result.errors)")
        #expect(try host.job(repository, [], ["/usr"]).outcome["exitCode"] as? Int == 126)
    }

    @Test("A job that is not there is named, with exit code 2", arguments: Tier.all)
    func unknownJob(_ tier: Tier) throws {
        let host = try TestHost(tier)
        for command in [
            ["show", "nosuchjob"], ["logs", "nosuchjob"], ["events", "../../x"], ["cancel", "nosuchjob"],
            ["fetch", "x", "--repo", "/"],
        ] {
            let result = try host.runnerctl(command)
            #expect(result.code == 2, "\(command): \(result.errorText)")
            #expect(!result.errorText.isEmpty)
        }
    }
}
