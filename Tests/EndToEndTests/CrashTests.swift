import Foundation
import Glibc
import Testing

/// Processes that die, and stops that are asked for.
@Suite("Crashes, stops and restarts", .serialized)
struct CrashTests {
    /// One job that runs and one that waits behind it, on a host with one slot.
    private struct Scene {
        let host: TestHost
        let mark = TestHost.mark()
        let running: String
        let waiting: String
        let spawner: Int32
        let processes: Set<Int32>
        let mounts: [Substring]

        init(_ tier: Tier, configuration: String = "", command: ((String) -> [String])? = nil) throws {
            host = try TestHost(tier, configuration: "slots: 1\n" + configuration)
            mounts = HostProcess.mounts(of: host)
            let repository = try Repository(in: host)
            running = try host.detach(["--repo", repository.path], command?(mark) ?? TestHost.stubborn(mark))
            waiting = try host.detach(["--repo", repository.path, "--title", "waiting"], ["sh", "-c", "echo >new"])
            _ = try host.started(mark, count: command == nil ? 3 : 1)
            spawner = try #require(host.spawner)
            processes = HostProcess.descendants(of: host.pid).union([host.pid])
        }

        /// Nothing of supervisor, spawner, worker and tools is left.
        func expectGone() {
            #expect(
                eventually { processes.allSatisfy { !HostProcess.isAlive($0) } },
                "alive: \(processes.filter { HostProcess.isAlive($0) })")
            #expect(host.processes(with: mark).isEmpty)
            #expect(host.processes(with: host.directory).isEmpty)
            #expect(HostProcess.mounts(of: host) == mounts)
        }

        /// A new start fails the interrupted job with the reason, and runs the one that waited.
        func expectRecovery(_ reason: String) throws {
            try host.start()
            #expect(try host.state(running) == "failed")
            #expect(try host.reason(running) == reason)
            let end = try host.ended(waiting)
            let told = try host.runnerctl(["why", waiting]).text
            #expect(end == "completed", "a job that was only queued runs after the restart: \(told)")
            #expect(host.inputs.isEmpty)
            #expect(try host.runnerctl(["why", running]).text.contains(reason))
        }
    }

    @Test(
        "kill -9 of the supervisor ends its jobs; the next start fails them and runs what was queued",
        arguments: Tier.all)
    func supervisorKilled(tier: Tier) throws {
        let scene = try Scene(tier)
        kill(scene.host.pid, SIGKILL)
        _ = scene.host.supervisor?.finish(10)
        scene.expectGone()
        let down = try scene.host.runnerctl(["status"])
        #expect(down.code == 3)
        try scene.expectRecovery("supervisor-restarted")
    }

    @Test("A follower of a job learns that its supervisor died", arguments: Tier.all)
    func followerOfKilled(tier: Tier) throws {
        let host = try TestHost(tier)
        let mark = TestHost.mark()
        let follower = try host.start(["run", "--"] + TestHost.lasting(mark))
        _ = try host.started(mark)
        kill(host.pid, SIGKILL)
        let result = follower.finish(20)
        #expect(result.code == 3, "\(result.code): \(result.errorText)")
        #expect(result.errorText.contains("supervisor"))
        #expect(eventually { host.processes(with: mark).isEmpty })
    }

    @Test(
        "kill -9 of the spawner ends its jobs and the supervisor; the job is failed with that reason",
        arguments: Tier.all)
    func spawnerKilled(tier: Tier) throws {
        let scene = try Scene(tier)
        kill(scene.spawner, SIGKILL)
        let end = try #require(scene.host.supervisor).finish(20)
        #expect(end.code == 1 && end.errorText.contains("spawner ended"), "\(end.code)")
        scene.expectGone()
        try scene.expectRecovery("worker-lost")
    }

    @Test("kill -9 of a worker fails its job alone, and the slot goes on", arguments: Tier.all)
    func workerKilled(tier: Tier) throws {
        let scene = try Scene(tier)
        let follower = try scene.host.start(["logs", scene.running, "-f"])
        let worker = try #require(HostProcess.children(of: scene.spawner).first)
        let tree = HostProcess.descendants(of: scene.spawner)
        kill(worker, SIGKILL)
        #expect(try scene.host.ended(scene.running) == "failed")
        #expect(try scene.host.reason(scene.running) == "worker-lost")
        #expect(eventually { tree.allSatisfy { !HostProcess.isAlive($0) } })
        #expect(scene.host.processes(with: scene.mark).isEmpty)
        #expect(try scene.host.ended(scene.waiting) == "completed")
        #expect(HostProcess.isAlive(scene.host.pid) && HostProcess.isAlive(scene.spawner))
        #expect(follower.finish(10).code == 0, "a follower comes to an end")
        #expect(HostProcess.mounts(of: scene.host) == scene.mounts)
    }

    @Test("A supervisor that was killed between jobs starts again on its sockets and state", arguments: Tier.all)
    func killedIdle(tier: Tier) throws {
        let host = try TestHost(tier)
        let job = try JobResult(host.runnerctl(["run", "--json", "--", "echo", "kept"]))
        for _ in 0..<3 {
            kill(host.pid, SIGKILL)
            _ = host.supervisor?.finish(10)
            try host.start()
        }
        #expect(try host.state(job.id) == "completed")
        #expect(try host.runnerctl(["logs", job.id]).text == "kept\n")
        #expect(try host.runnerctl(["run", "--", "true"]).code == 0)
    }

    @Test("A second supervisor on the same state directory refuses, with the first one's pid", arguments: Tier.all)
    func second(tier: Tier) throws {
        let host = try TestHost(tier)
        let result = try host.launch(["--socket", host.directory + "/other.sock"]).finish(20)
        #expect(result.code == 1 && result.errorText.contains("pid \(host.pid)"), "\(result.errorText)")
        #expect(try host.runnerctl(["status"]).code == 0)
    }

    @Test("SIGTERM lets a running job finish within drain-timeout, takes no new one, and exits 0", arguments: Tier.all)
    func drainBySignal(tier: Tier) throws {
        let scene = try Scene(tier, configuration: "drain-timeout: 60s\n") {
            ["sh", "-c", "sleep 3; echo >finished", $0]
        }
        scene.host.signal(SIGTERM)
        #expect(eventually { scene.host.log.contains("stopping") })
        let refused = try scene.host.runnerctl(["run", "--", "true"])
        #expect(refused.code != 0 && refused.errorText.contains("stopping"), "\(refused.errorText)")
        let end = try #require(scene.host.supervisor).finish(30)
        #expect(end.code == 0, "\(end.code)")
        scene.expectGone()
        #expect(access(scene.host.socket, F_OK) != 0 || tier == .root, "its socket is removed")
        try scene.host.start()
        #expect(try scene.host.state(scene.running) == "completed")
        #expect(try scene.host.ended(scene.waiting) == "completed")
    }

    @Test("SIGTERM cancels what does not finish within drain-timeout", arguments: Tier.all)
    func drainTimeout(tier: Tier) throws {
        let scene = try Scene(tier, configuration: "drain-timeout: 1s\n")
        scene.host.signal(SIGTERM)
        #expect(try #require(scene.host.supervisor).finish(30).code == 0)
        scene.expectGone()
        try scene.host.start()
        #expect(try scene.host.state(scene.running) == "cancelled")
        #expect(try scene.host.ended(scene.waiting) == "completed")
    }

    @Test("A second SIGTERM ends at once, and so do the jobs", arguments: Tier.all)
    func secondSignal(tier: Tier) throws {
        let scene = try Scene(tier, configuration: "drain-timeout: 1h\nkill:\n  interrupt: 5m\n  terminate: 5m\n")
        #expect(scene.host.stopAtOnce()?.code == 0)
        scene.expectGone()
        try scene.expectRecovery("supervisor-restarted")
    }

    @Test(
        "drain --wait answers when the running job is done; what is queued stays, over a restart, until resume",
        arguments: Tier.all)
    func drain(tier: Tier) throws {
        let scene = try Scene(tier) { ["sh", "-c", "sleep 2; echo >finished", $0] }
        let host = scene.host
        let result = try host.runnerctl(["drain", "--wait", "--json"])
        #expect(result.code == 0)
        #expect(try host.state(scene.running) == "completed")
        #expect(try host.state(scene.waiting) == "queued")
        #expect(try host.json(["status"])["mode"] as? String == "drained")
        #expect(try (host.json(["why", scene.waiting])["reasons"] as? [String])?.first?.contains("drain") == true)
        host.signal(SIGTERM)
        #expect(try #require(host.supervisor).finish(20).code == 0)
        try host.start()
        #expect(try host.json(["status"])["mode"] as? String == "drained")
        #expect(try host.state(scene.waiting) == "queued")
        #expect(try host.runnerctl(["resume"]).code == 0)
        #expect(try host.ended(scene.waiting) == "completed")
    }

    @Test("drain --deadline cancels what still runs after it", arguments: Tier.all)
    func drainDeadline(tier: Tier) throws {
        let scene = try Scene(tier)
        #expect(try scene.host.runnerctl(["drain", "--wait", "--deadline", "1s"], seconds: 30).code == 0)
        #expect(try scene.host.state(scene.running) == "cancelled")
        #expect(scene.host.processes(with: scene.mark).isEmpty)
    }

    @Test("pause keeps jobs queued over a restart until resume; with --for it ends by itself", arguments: Tier.all)
    func pause(tier: Tier) throws {
        let host = try TestHost(tier)
        #expect(try host.json(["pause"])["mode"] as? String == "paused")
        let job = try host.detach(["--harness", "noop"], [])
        #expect(try (host.json(["why", job])["reasons"] as? [String])?.first?.contains("paused") == true)
        kill(host.pid, SIGKILL)
        _ = host.supervisor?.finish(10)
        try host.start()
        #expect(try host.json(["status"])["mode"] as? String == "paused")
        #expect(try host.state(job) == "queued")
        #expect(try host.json(["resume"])["mode"] as? String == "running")
        #expect(try host.ended(job) == "completed")
        let pause = try host.json(["pause", "--for", "1s"])
        #expect(pause["pausedUntil"] is Int)
        #expect(try host.ended(try host.detach(["--harness", "noop"], []), 20) == "completed")
        #expect(try host.json(["status"])["mode"] as? String == "running")
    }
}
