import IPC
import Testing

@testable import runnerctl

@Suite struct ExitStatusTests {
    @Test(
        "Each outcome has its exit code",
        arguments: [
            ("completed", "completed", 0), ("completed", "no-change", 0), ("failed", "harness-failed", 1),
            ("failed", "publish-refused", 4), ("failed", "timed-out", 124), ("failed", "idle", 124),
            ("cancelled", "cancelled", 130), ("failed", "isolation", 1), ("failed", "worker-lost", 1),
            ("failed", "something-new", 1),
        ] as [(String, String, Int32)])
    func outcomes(state: String, reason: String, code: Int32) {
        #expect(ExitStatus.of(TestJob.info(state: state, reason: reason)) == code)
    }

    @Test(
        "Each error of the supervisor has its exit code",
        arguments: [
            (.refused, 4), (.notPermitted, 4), (.invalid, 2), (.notFound, 2), (.ambiguous, 2), (.unavailable, 1),
            (.overloaded, 1), (.wrongVersion, 3), (.init(rawValue: "new"), 1),
        ] as [(ProtocolError.Code, Int32)])
    func errors(code: ProtocolError.Code, exit: Int32) {
        #expect(CommandFailure(ProtocolError(code, "m")).code == exit)
    }

    @Test("A branch that could not be brought makes a completed job's run fail")
    func problem() {
        var result = RunResult(job: TestJob.info(state: "completed", reason: "completed"))
        #expect(result.exitCode == 0)
        result.problem = "p"
        #expect(result.exitCode == 1)
        result.job = TestJob.info(state: "failed", reason: "timed-out")
        #expect(result.exitCode == 124)
    }

    @Test("Without a supervisor every command exits 3, with wrong arguments 2")
    func processes() {
        let nowhere = ["--socket", "/nonexistent/supervisor.sock"]
        #expect(Runnerctl.start(["status"] + nowhere) == 3)
        #expect(Runnerctl.start(nowhere + ["doctor"]) == 3)
        #expect(Runnerctl.start(["run"] + nowhere + ["--", "true"]) == 3)
        #expect(Runnerctl.start(["run", "--repo", "/nonexistent"] + nowhere + ["--", "true"]) == 2)
        #expect(Runnerctl.start(["no-such-command"]) == 2)
        #expect(Runnerctl.start(["run"] + nowhere) == 2)
        #expect(Runnerctl.start(["logs"]) == 2)
    }

    @Test("The message about a missing supervisor names every socket that was tried and what to do")
    func sockets() {
        let home = SocketSearch(option: nil) {
            ["XDG_RUNTIME_DIR": "/nonexistent/run", "HOME": "/nonexistent/home"][$0]
        }
        #expect(
            home.candidates.dropFirst() == [
                "/nonexistent/run/bulkhead/supervisor.sock", "/nonexistent/home/.local/state/bulkhead/supervisor.sock",
            ])
        let search = SocketSearch(option: nil) { $0 == "BULKHEAD_SOCKET" ? "/nonexistent/s" : "/x" }
        #expect(search.candidates == ["/nonexistent/s"])
        #expect(SocketSearch(option: "/o") { _ in "/x" }.candidates == ["/o"])
        expectFailure(3, "/nonexistent/s: does not exist") { _ = try search.connect() }
        expectFailure(3, "--socket PATH") { _ = try search.connect() }
    }
}
