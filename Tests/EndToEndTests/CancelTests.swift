import Foundation
import Glibc
import Testing

/// The ends that somebody or a limit asks for: all of a job goes, in bounded time.
@Suite("Cancelling and limits", .serialized)
struct CancelTests {
    /// Far above the ladder of the test hosts (600 ms), far below a hang, on a loaded machine too.
    private static let margin = 20.0

    /// What may be left behind: the host's mounts and what lies in the state directory.
    private struct Traces: Equatable {
        let mounts: [Substring]
        let files: [String]

        init(_ host: TestHost) {
            mounts = HostProcess.mounts(of: host)
            let all = FileManager.default.subpaths(atPath: host.state) ?? []
            files = all.filter {
                !$0.hasPrefix("events/") && !$0.hasPrefix("jobs") && !$0.contains(".db") && !$0.contains(".sqlite")
            }.sorted()
        }
    }

    @Test(
        "cancel ends a job that ignores signals, has left its session and holds its pipes, and nothing of it is left",
        arguments: Tier.all)
    func cancelStubborn(tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        _ = try host.job(repository, [], ["true"])
        let before = Traces(host)
        let mark = TestHost.mark()
        let follower = try host.start(
            ["run", "--json", "--repo", repository.path, "--title", "stubborn", "--"] + TestHost.stubborn(mark))
        _ = try host.started(mark, count: 3)
        let spawner = try #require(host.spawner)
        let job = try #require(
            (host.json(["jobs", "--state", "running"])["jobs"] as? [[String: Any]])?.first?["id"] as? String)
        let workers = HostProcess.descendants(of: spawner)
        let start = Date()
        #expect(try host.runnerctl(["cancel", job]).code == 0)
        let result = try JobResult(follower.finish(Self.margin))
        let took = Date().timeIntervalSince(start)
        #expect(result.code == 130 && result.state == "cancelled" && result.reason == "cancelled", "\(result.object)")
        #expect(took >= 0.55, "the ladder gave it \(took) s")
        #expect(took < Self.margin)
        #expect(host.processes(with: mark).isEmpty)
        #expect(eventually { workers.allSatisfy { !HostProcess.isAlive($0) } })
        #expect(Traces(host) == before)
        #expect(host.inputs.isEmpty)
        // The slot is free again.
        #expect(try host.job(repository, [], ["true"]).code == 0)
    }

    @Test("A job that ends by SIGTERM within its grace does its last work first", arguments: Tier.all)
    func politeEnd(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "kill:\n  interrupt: 20s\n  terminate: 20s\n")
        let mark = TestHost.mark()
        let job = try host.detach(
            [], ["sh", "-c", "trap 'echo tidied; exit 0' INT; while :; do sleep 0.05; done", mark])
        _ = try host.started(mark)
        #expect(try host.runnerctl(["cancel", job]).code == 0)
        #expect(try host.ended(job, 15) == "cancelled")
        #expect(try host.printed(job).contains("tidied"))
    }

    @Test("cancel --grace 0 does not wait for the ladder", arguments: Tier.all)
    func graceZero(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "kill:\n  interrupt: 5m\n  terminate: 5m\n")
        let mark = TestHost.mark()
        let job = try host.detach([], TestHost.stubborn(mark))
        _ = try host.started(mark, count: 3)
        #expect(try host.runnerctl(["cancel", job, "--grace", "0"]).code == 0)
        #expect(try host.ended(job, Self.margin) == "cancelled")
        #expect(host.processes(with: mark).isEmpty)
    }

    @Test("Ctrl-C cancels the job", arguments: Tier.all)
    func interrupt(tier: Tier) throws {
        let host = try TestHost(tier)
        let mark = TestHost.mark()
        let follower = try host.start(["run", "--"] + TestHost.stubborn(mark))
        _ = try host.started(mark, count: 3)
        kill(follower.pid, SIGINT)
        let result = follower.finish(Self.margin)
        #expect(result.code == 130, "\(result.errorText)")
        #expect(host.processes(with: mark).isEmpty)
        let jobs = try host.json(["jobs"])["jobs"] as? [[String: Any]]
        #expect(jobs?.first?["state"] as? String == "cancelled")
    }

    @Test("A second Ctrl-C leaves at once", arguments: Tier.all)
    func secondInterrupt(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "kill:\n  interrupt: 5m\n  terminate: 5m\n")
        let mark = TestHost.mark()
        let follower = try host.start(["run", "--"] + TestHost.stubborn(mark))
        _ = try host.started(mark, count: 3)
        let job = try #require((host.json(["jobs"])["jobs"] as? [[String: Any]])?.first?["id"] as? String)
        kill(follower.pid, SIGINT)
        #expect(try eventually { try host.show(job)["cancelRequested"] as? Bool == true })
        #expect(follower.process.isRunning, "the first one waits for the job's end")
        kill(follower.pid, SIGINT)
        #expect(follower.finish(10).code == 130)
        #expect(try host.state(job) == "running", "the job goes its own way down the ladder")
        #expect(host.stopAtOnce()?.code == 0)
        #expect(eventually { host.processes(with: mark).isEmpty })
    }

    @Test("A queued job that is cancelled never starts", arguments: Tier.all)
    func cancelQueued(tier: Tier) throws {
        let host = try TestHost(tier)
        #expect(try host.runnerctl(["pause"]).code == 0)
        let repository = try Repository(in: host)
        let mark = TestHost.mark()
        let follower = try host.start(["run", "--json", "--repo", repository.path, "--"] + TestHost.lasting(mark))
        var job = ""
        #expect(
            try eventually {
                job = (try host.json(["jobs"])["jobs"] as? [[String: Any]])?.first?["id"] as? String ?? ""
                return !job.isEmpty
            })
        #expect(host.inputs == [job])
        #expect(try host.runnerctl(["cancel", job]).code == 0)
        let result = try JobResult(follower.finish(Self.margin))
        #expect(result.code == 130 && result.state == "cancelled")
        #expect(host.inputs.isEmpty)
        #expect(try host.runnerctl(["resume"]).code == 0)
        #expect(try host.job(repository, [], ["true"]).code == 0)
        #expect(try host.state(job) == "cancelled")
        #expect(try host.show(job)["startedAt"] == nil)
        #expect(try host.runnerctl(["why", job]).text.contains("cancelled"))
        // Again is no error and changes nothing.
        #expect(try host.runnerctl(["cancel", job]).code == 0)
        #expect(try host.state(job) == "cancelled")
    }

    @Test("--timeout ends a job that ignores signals, with exit code 124", arguments: Tier.all)
    func timeout(tier: Tier) throws {
        let host = try TestHost(tier)
        let mark = TestHost.mark()
        let start = Date()
        let result = try JobResult(
            host.runnerctl(["run", "--json", "--timeout", "1s", "--"] + TestHost.stubborn(mark), seconds: Self.margin))
        #expect(result.code == 124 && result.state == "failed" && result.reason == "timed-out", "\(result.object)")
        #expect(Date().timeIntervalSince(start) >= 1)
        #expect(host.processes(with: mark).isEmpty)
        #expect(result.message.contains("--timeout"), "the message says what to do")
    }

    @Test("A job that prints nothing for limits.idle-output ends with exit code 124", arguments: Tier.all)
    func idle(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "limits:\n  idle-output: 1s\n")
        let mark = TestHost.mark()
        let result = try JobResult(
            host.runnerctl(["run", "--json", "--"] + TestHost.stubborn(mark), seconds: Self.margin))
        #expect(result.code == 124 && result.reason == "idle", "\(result.object)")
        #expect(host.processes(with: mark).isEmpty)
        // One that prints goes on for longer than that, on either stream and without a line end.
        let script = "for i in 1 2 3 4; do sleep 0.4; printf .; sleep 0.4; printf . >&2; done"
        let chatty = try JobResult(host.runnerctl(["run", "--json", "--", "sh", "-c", script]))
        #expect(chatty.code == 0, "\(chatty.object)")
    }

    @Test(
        "What a finished command leaves in the background is killed, and its open pipes hold nothing up",
        arguments: Tier.all)
    func background(tier: Tier) throws {
        let host = try TestHost(tier)
        let mark = TestHost.mark()
        let script =
            "sh -c 'while :; do sleep 1; done' \"$0\" & setsid sh -c \"trap '' TERM HUP; while :; do sleep 1; done\" \"$0\" & echo done"
        let result = try JobResult(
            host.runnerctl(["run", "--json", "--", "sh", "-c", script, mark], seconds: Self.margin))
        #expect(result.code == 0 && result.state == "completed", "\(result.object)")
        #expect(try host.printed(result.id) == "done\n")
        #expect(host.processes(with: mark).isEmpty)
    }

    @Test(
        "A process that stops its own group, its parent or all it can reach is still ended by the limit",
        arguments: Tier.all)
    func stopped(tier: Tier) throws {
        let host = try TestHost(tier)
        let mark = TestHost.mark()
        let result = try JobResult(
            host.runnerctl(
                [
                    "run", "--json", "--timeout", "1s", "--", "sh", "-c", "kill -STOP 1; kill -STOP 0; kill -STOP -1",
                    mark,
                ], seconds: Self.margin))
        #expect(result.code == 124, "\(result.object)")
        #expect(host.processes(with: mark).isEmpty)
    }

    @Test("A command that is killed by a signal fails with that signal", arguments: Tier.all)
    func signalled(tier: Tier) throws {
        let host = try TestHost(tier)
        let result = try JobResult(host.runnerctl(["run", "--json", "--", "sh", "-c", "kill -SEGV $$"]))
        #expect(result.code == 1 && result.reason == "harness-failed")
        #expect(result.outcome["signal"] as? Int == 11 && result.outcome["exitCode"] is NSNull)
    }
}
