import ArgumentParser
import CLinux
import Glibc
import IPC
import Linux
import Testing

@testable import runnerctl

/// A supervisor of one connection that does a job in place: it takes the bundle, commits to it and gives a bundle back.
private final class FakeSupervisor {
    enum Behaviour: Sendable { case change, noChange, timesOut, wrongCommit }

    private let listener: Int32
    private let behaviour: Behaviour
    private var job = TestJob.info(state: "queued")
    private var result: Descriptor?

    init(listener: Int32, behaviour: Behaviour) {
        self.listener = listener
        self.behaviour = behaviour
    }

    func serve() throws {
        var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        poll(&entry, 1, -1)
        let loop = try EventLoop()
        let socket = Descriptor(owning: try check("accept") { bh_accept(listener) })
        let connection = try Connection(socket, loop: loop, limits: .standard)
        var isOver = false
        connection.onEnd = { _ in isOver = true }
        connection.onFrame = { [unowned self] frame throws(ProtocolError) in
            if frame.type == Hello.type { return try connection.send(Welcome(server: "fake", pid: 1)) }
            guard frame.type == Request.type else { return }
            let request = try frame.decode(Request.self)
            do {
                try answer(request, frame.descriptors, connection)
            } catch {
                try connection.send(Response(id: request.id, error: ProtocolError(.unavailable, "\(error)")))
            }
        }
        while !isOver { try loop.runOnce(maximumWait: -1) }
        connection.onFrame = nil
    }

    private func answer(_ request: Request, _ descriptors: [Descriptor], _ connection: Connection) throws {
        switch ControlMethod(rawValue: request.method) {
        case .submit:
            let order = try (request.params ?? .null).decode(SubmitRequest.self)
            if let repository = order.repository, let bundle = descriptors.first { try work(repository, bundle) }
            try connection.send(Response(id: request.id, result: try JSON(encoding: job)))
        case .events:
            try connection.send(Response(id: request.id, result: ["job": .string(job.id), "last": 0]))
            let events: [JSON] = [
                ["type": "state", "state": "running"],
                [
                    "type": "log", "seq": 2, "n": 1, "at": 0, "phase": "agent", "stream": "stdout",
                    "text": "made\u{1b}[1m\n",
                ],
            ]
            for (index, event) in events.enumerated() {
                try connection.send(Item(id: request.id, seq: Int64(index + 1), count: 1, at: 0, event: event))
            }
            try connection.send(End(id: request.id, reason: "finished"))
        case .show:
            let reasons: [Behaviour: String] = [.noChange: "no-change", .timesOut: "timed-out"]
            let reason = reasons[behaviour] ?? "completed"
            job.state = reason == "timed-out" ? "failed" : "completed"
            job.outcome = .init(reason: reason, message: "told")
            try connection.send(Response(id: request.id, result: try JSON(encoding: job)))
        case .result:
            let file = try #require(result)
            let report: JSON = ["job": .string(job.id), "size": .int(job.resultBytes ?? 0)]
            try connection.send(Response(id: request.id, result: report, fds: 1), descriptors: [file])
        default: throw ProtocolError(.unknownMethod, request.method)
        }
    }

    private func work(_ repository: SubmitRequest.Repository, _ bundle: Descriptor) throws {
        guard behaviour == .change || behaviour == .wrongCommit else { return }
        let store = try TestRepository(commits: 0)
        let file = store.directory + "/in.bundle"
        try Descriptor.open(file, O_WRONLY | O_CREAT, mode: 0o600).writeAll(try bundle.readAll(limit: 1 << 20))
        try store.git(["fetch", "-q", file, "refs/heads/\(repository.baseBranch):refs/heads/base"])
        let (info, made, _) = try store.result(branch: repository.branch ?? "bulkhead/0123", base: repository.base) {
            clone in
            try clone.write("made by the job", "1\n2\n")
            try clone.git(["add", "."])
            try clone.git(["commit", "-q", "-m", "job"])
        }
        job = info
        job.state = "queued"
        job.outcome = nil
        if behaviour == .wrongCommit { job.commit = String(repeating: "a", count: 40) }
        result = made
    }

    /// Serves on a thread of its own: the client under test blocks the calling one.
    static func start(_ path: String, _ behaviour: Behaviour) throws {
        let listener = try check("listen") { bh_unix_listen(path, 4, 0o600) }
        let task = Work { try? FakeSupervisor(listener: listener, behaviour: behaviour).serve() }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(task).toOpaque())
        pthread_detach(thread)
    }

    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }
}

@Suite struct RunTests {
    private static func run(
        _ source: TestRepository, _ behaviour: FakeSupervisor.Behaviour, _ arguments: [String] = []
    ) throws -> (code: Int32, test: TestConsole) {
        let socket = source.directory + "/s.sock"
        try FakeSupervisor.start(socket, behaviour)
        let line = ["run", "--socket", socket, "--repo", source.path] + arguments + ["--", "true"]
        let command = try #require(try Runnerctl.parseAsRoot(line) as? RunCommand)
        let test = TestConsole()
        let code = try JobRun(options: command, console: test.console, interrupts: Interrupts([SIGUSR2])).run()
        return (code, test)
    }

    @Test("run brings the branch and tells its log, branch, commit and what it changes")
    func change() throws {
        let source = try TestRepository(commits: 2)
        let (code, test) = try Self.run(source, .change)
        #expect(code == 0)
        let commit = try source.git(["rev-parse", "bulkhead/0123"])
        #expect(test.out.lines.first == "made\\x1b[1m")
        #expect(
            test.out.text.contains(
                "branch bulkhead/0123\ncommit \(commit)\n made by the job | +2 -0\n 1 file changed, +2 -0\n"))
        #expect(test.err.text.contains("git diff --no-ext-diff --no-textconv"))
        #expect(try source.git(["status", "--porcelain"]) == "")
    }

    @Test("run --json prints one object and nothing else on standard output")
    func json() throws {
        let source = try TestRepository(commits: 2)
        let (code, test) = try Self.run(source, .change, ["--json", "--branch", "mine"])
        #expect(code == 0)
        #expect(test.out.lines.count == 1)
        let object = try JSON(parsing: try #require(test.out.lines.first))
        #expect(object["branch"] == "mine")
        #expect(object["commit"]?.stringValue == (try source.git(["rev-parse", "mine"])))
        #expect(object["diffstat"] == ["files": 1, "insertions": 2, "deletions": 0])
        #expect(object["outcome"]?["reason"] == "completed")
        #expect(test.err.text.contains("made\\x1b[1m\n"))
    }

    @Test("A job without a change is completed, and one that timed out exits 124; neither makes a branch")
    func others() throws {
        let unchanged = try TestRepository(commits: 1)
        #expect(try Self.run(unchanged, .noChange).code == 0)
        let late = try TestRepository(commits: 1)
        #expect(try Self.run(late, .timesOut).code == 124)
        for source in [unchanged, late] {
            #expect(try source.git(["branch", "--format=%(refname)"]) == "refs/heads/trunk")
        }
    }

    @Test("A result that is not what the job says is refused, told, and the run fails")
    func wrong() throws {
        let source = try TestRepository(commits: 1)
        let (code, test) = try Self.run(source, .wrongCommit, ["--json"])
        #expect(code == 1)
        #expect(try JSON(parsing: try #require(test.out.lines.first))["branch"] == .null)
        #expect(test.err.text.contains("was refused") && test.err.text.contains("runnerctl fetch"))
        #expect(try source.git(["branch", "--format=%(refname)"]) == "refs/heads/trunk")
    }

    @Test("--detach prints the id and leaves")
    func detach() throws {
        let source = try TestRepository(commits: 1)
        let (code, test) = try Self.run(source, .change, ["--detach"])
        #expect(code == 0)
        #expect(test.out.text == "0123456789abcdef\n")
    }
}
