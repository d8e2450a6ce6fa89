import Foundation
import Glibc
import Testing

/// The operator's commands, as scripts and people use them.
@Suite("runnerctl", .serialized)
struct CLITests {
    @Test("Every report command answers for people and with --json, with its documented fields", arguments: Tier.all)
    func reports(tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let job = try host.script(
            repository, ["--title", "a title", "--branch", "work/one"], "echo out; echo err >&2; echo x >new")
        #expect(job.code == 0, "\(job.message) \(job.errors)")
        #expect(
            Set(job.object.keys) == [
                "job", "state", "outcome", "branch", "commit", "diffstat", "usage", "isolation", "notes",
            ])
        #expect(job.branch == "work/one" && job.commit?.count == 40 && job.reason == "completed")
        #expect((job.object["diffstat"] as? [String: Any])?["files"] as? Int == 1)
        #expect(((job.object["usage"] as? [String: Any])?["outputBytes"] as? Int ?? 0) >= 8)

        let fields: [([String], Set<String>)] = [
            (
                ["status"],
                [
                    "version", "pid", "startedAt", "mode", "tier", "isolation", "missingLayers", "slots", "jobs",
                    "stateDirectory", "socket", "warnings", "connections",
                ]
            ),
            (["jobs"], ["jobs"]),
            (
                ["show", job.id],
                [
                    "id", "number", "state", "tenant", "plane", "submitter", "priority", "harness", "title",
                    "createdAt", "startedAt", "endedAt", "cancelRequested", "outcome", "base", "baseBranch", "branch",
                    "commit", "commits", "diffstat", "usage", "isolation", "resultBytes",
                ]
            ),
            (["why", job.id], ["job", "state", "reasons"]), (["doctor"], ["ok", "checks"]),
            (["config", "show"], ["settings"]), (["config", "check"], ["ok", "problems", "warnings"]),
            (["version"], ["client", "protocol", "supervisor", "pid"]), (["completion", "bash"], ["shell", "script"]),
            (["pause"], ["mode"]), (["resume"], ["mode"]), (["cancel", job.id], ["id", "state"]),
        ]
        for (command, expected) in fields {
            let object = try host.json(command)
            #expect(
                expected.isSubset(of: object.keys), "\(command) lacks \(expected.subtracting(object.keys).sorted())")
            let text = try host.runnerctl(command)
            #expect(text.code == 0 && !text.text.isEmpty, "\(command): \(text.code) \(text.errorText)")
        }
        let settings = try host.json(["config", "show"])["settings"] as? [[String: Any]] ?? []
        let isolation = settings.first { $0["key"] as? String == "isolation" }
        #expect(isolation?["value"] as? String == "available")
        #expect((isolation?["origin"] as? String)?.contains("bulkhead.yaml") == true)
        #expect(settings.allSatisfy { Set(["key", "value", "origin", "doc"]).isSubset(of: $0.keys) })
        #expect(
            try host.runnerctl(["config", "show", "--origin"], environment: ["COLUMNS": "400"]).text.contains(
                "bulkhead.yaml"))
        let checks = try host.json(["doctor"])["checks"] as? [[String: Any]] ?? []
        #expect(
            checks.contains {
                ($0["name"] as? String)?.hasPrefix("layer: seccomp") == true && $0["state"] as? String == "ok"
            })
        #expect(try host.runnerctl(["logs", job.id]).text == "out\n")
        #expect(try host.runnerctl(["logs", job.id]).errorText.contains("err\n"))
        for shell in ["bash", "zsh", "fish"] {
            #expect(try host.runnerctl(["completion", shell]).text.contains("runnerctl"))
        }
    }

    @Test("events --json gives one object a line, numbered without a gap", arguments: Tier.all)
    func events(tier: Tier) throws {
        let host = try TestHost(tier)
        let job = try JobResult(
            host.runnerctl(["run", "--json", "--", "sh", "-c", "for i in 1 2 3; do echo $i; echo e$i >&2; done"]))
        let lines = try host.runnerctl(["events", job.id, "--json"]).text.split(separator: "\n")
        var next = 1
        var types: Set<String> = []
        for line in lines {
            let item = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            #expect(item["seq"] as? Int == next && item["at"] is Int)
            next += item["count"] as? Int ?? 0
            types.insert((item["event"] as? [String: Any])?["type"] as? String ?? "")
        }
        #expect(types.isSuperset(of: ["state", "log"]))
        #expect(
            try host.runnerctl(["events", job.id, "--json", "--since", "\(next - 1)"]).text.split(separator: "\n").count
                == 1)
        #expect(try host.runnerctl(["events", job.id]).text.split(separator: "\n").count == lines.count)
        #expect(
            try host.runnerctl(["logs", job.id, "-n", "1"]).text
                + host.runnerctl(["logs", job.id, "-n", "1"]).errorText != "")
    }

    @Test(
        "A job is found by a unique beginning of its id; an ambiguous or unknown one is told apart", arguments: Tier.all
    )
    func prefixes(tier: Tier) throws {
        let host = try TestHost(tier)
        _ = try host.runnerctl(["pause"])
        var jobs: [String] = []
        // Ids are random in 32 letters: 33 jobs share a first one, and the loop ends far earlier as a rule.
        var shared: Character?
        while shared == nil, jobs.count < 33 {
            let job = try host.detach(["--harness", "noop"], [])
            if jobs.contains(where: { $0.first == job.first }) { shared = job.first }
            jobs.append(job)
        }
        let first = try #require(jobs.first)
        #expect(try host.json(["show", String(first.prefix(8))])["id"] as? String == first)
        let letter = String(try #require(shared))
        let ambiguous = try host.runnerctl(["show", letter])
        #expect(ambiguous.code == 2 && ambiguous.errorText.contains("ambiguous"))
        for job in jobs where job.hasPrefix(letter) { #expect(ambiguous.errorText.contains(job) || jobs.count > 4) }
        let unknown = try host.runnerctl(["show", "0000000000"])
        #expect(unknown.code == 2 && unknown.errorText.contains("runnerctl jobs"))
        #expect(try host.runnerctl(["show", "../etc"]).code == 2)
    }

    @Test(
        "Without a supervisor the exit code is 3 and the message names the sockets that were tried", arguments: Tier.all
    )
    func noSupervisor(tier: Tier) throws {
        let host = try TestHost(tier, start: false)
        for command in [
            ["status"], ["jobs"], ["run", "--", "true"], ["doctor"], ["config", "show"], ["pause"], ["logs", "abc"],
        ] {
            let result = try host.runnerctl(command)
            #expect(
                result.code == 3 && result.errorText.contains(host.socket),
                "\(command): \(result.code) \(result.errorText)")
        }
        let other = try host.runnerctl(["--socket", "/nonexistent/a.sock", "status"])
        #expect(
            other.code == 3 && other.errorText.contains("/nonexistent/a.sock") && !other.errorText.contains(host.socket)
        )
        let searched = try host.runnerctl(
            ["status"], environment: ["BULKHEAD_SOCKET": "", "XDG_RUNTIME_DIR": host.directory + "/run"])
        if searched.code == 3 {
            #expect(searched.errorText.contains("/run/bulkhead/supervisor.sock"))
            #expect(searched.errorText.contains(host.directory + "/run/bulkhead/supervisor.sock"))
        }
        #expect(try host.runnerctl(["version"]).code == 0)
    }

    @Test("run's exit code tells the end: 0, 1, 2, 4, 124, 130", arguments: Tier.all)
    func exitCodes(tier: Tier) throws {
        let host = try TestHost(tier)
        #expect(try host.runnerctl(["run", "--", "true"]).code == 0)
        for (command, exit) in [("false", 1), ("exit 130", 130), ("exit 124", 124), ("exit 255", 255)] {
            let result = try JobResult(host.runnerctl(["run", "--json", "--", "sh", "-c", command]))
            #expect(result.code == 1 && result.outcome["exitCode"] as? Int == exit, "\(command): \(result.object)")
        }
        let missing = try JobResult(host.runnerctl(["run", "--json", "--", "no-such-program"]))
        #expect(missing.code == 1 && missing.outcome["exitCode"] as? Int == 127, "\(missing.object)")
        let wrong: [[String]] = [
            ["run"], ["run", "--harness", "exec"], ["run", "--nonsense"], ["run", "--timeout", "soon", "--", "true"],
            ["run", "--timeout", "0", "--", "true"], ["run", "--priority", "101", "--", "true"],
            ["run", "--base", "main", "--", "true"],
            ["run", "--harness", "noop", "--", "true"], ["run", "--repo", host.directory + "/nowhere", "--", "true"],
            ["nonsense"],
            ["logs"], ["show", "zzzzzzzzzz"], ["jobs", "--limit", "0"], ["jobs", "--state", "dreaming"],
            ["completion", "tcsh"],
        ]
        for arguments in wrong {
            let result = try host.runnerctl(arguments)
            #expect(
                result.code == 2 && !result.errorText.isEmpty && result.text.isEmpty,
                "\(arguments): \(result.code) \(result.errorText)")
        }
        #expect(try (host.json(["jobs"])["jobs"] as? [[String: Any]])?.count == 6, "wrong usage makes no job")
        #expect(try host.runnerctl(["run", "--timeout", "1s", "--", "sleep", "60"]).code == 124)
        let mark = TestHost.mark()
        let follower = try host.start(["run", "--"] + TestHost.lasting(mark))
        _ = try host.started(mark)
        let running = try #require(
            (host.json(["jobs", "--state", "running"])["jobs"] as? [[String: Any]])?.first?["id"] as? String)
        _ = try host.runnerctl(["cancel", running])
        #expect(follower.finish(20).code == 130)
        for arguments in [["--help"], ["run", "--help"], ["--version"]] {
            #expect(try host.runnerctl(arguments).code == 0)
        }
    }

    @Test(
        "A harness that the operator switched off is refused with exit code 4, and no job is made", arguments: Tier.all)
    func refusedByPolicy(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "harness:\n  exec: false\n")
        let result = try host.runnerctl(["run", "--", "true"])
        #expect(result.code == 4 && result.errorText.contains("harness.exec"), "\(result.code): \(result.errorText)")
        #expect(try (host.json(["jobs"])["jobs"] as? [Any])?.isEmpty == true)
        #expect(try host.runnerctl(["run", "--harness", "noop"]).code == 0)
    }

    @Test("A long command or prompt needs no title", arguments: Tier.all)
    func longCommand(tier: Tier) throws {
        let host = try TestHost(tier)
        let job = try JobResult(host.runnerctl(["run", "--json", "--", "echo", String(repeating: "x", count: 20_000)]))
        #expect(job.code == 0, "\(job.errors)")
        let title = try #require((host.json(["jobs"])["jobs"] as? [[String: Any]])?.first?["title"] as? String)
        #expect(title.utf8.count <= 1024 && title.hasPrefix("echo xxx"))
    }

    @Test("A negative priority may stand after a space or an equals sign", arguments: Tier.all)
    func negativePriority(tier: Tier) throws {
        let host = try TestHost(tier)
        for arguments in [["--priority=-100"], ["--priority", "-100"]] {
            let result = try host.runnerctl(["run", "--harness", "noop"] + arguments)
            #expect(result.code == 0, "\(arguments): \(result.errorText)")
        }
        let jobs = try host.json(["jobs"])["jobs"] as? [[String: Any]] ?? []
        #expect(jobs.map { $0["priority"] as? Int } == [-100, -100])
    }
}
