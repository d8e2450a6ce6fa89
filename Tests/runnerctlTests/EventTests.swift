import IPC
import Linux
import Testing

@testable import runnerctl

@Suite struct EventTests {
    private static func log(_ text: String, stream: String = "stdout", phase: String = "agent") -> JSON {
        [
            "type": "log", "seq": 1, "n": 1, "at": 0, "phase": .string(phase), "stream": .string(stream),
            "text": .string(text),
        ]
    }

    @Test("Each stream of a tool goes to its own, without control characters")
    func streams() {
        let test = TestConsole()
        let view = LiveView(console: test.console)
        view.show(Self.log("one\u{1b}[2J\n"))
        view.show(Self.log("two", stream: "stderr"))
        #expect(test.out.text == "one\\x1b[2J\n")
        #expect(test.err.text == "two\n")
    }

    @Test("Output that is not UTF-8 is shown byte by byte")
    func bytes() {
        let test = TestConsole()
        let event: JSON = [
            "type": "log", "stream": "stdout", "phase": "agent",
            "b64": .string(Base64.encode([0x61, 0xff, 0x1b, 0x0a])),
        ]
        LiveView(console: test.console).show(event)
        #expect(test.out.text == "a\\xff\\x1b\n")
    }

    @Test("With --json nothing but the final object is on standard output")
    func json() {
        let test = TestConsole()
        let view = LiveView(console: test.console, logsToError: true)
        view.show(Self.log("one\n"))
        view.show(["type": "harness", "kind": "text", "text": "hello"])
        view.show(["type": "state", "state": "running"])
        #expect(test.out.bytes.isEmpty)
        #expect(test.err.lines == ["one", "hello", "-- state running"])
    }

    @Test("An agent's protocol is replaced by its events, and other phases' output is not")
    func protocolHidden() {
        let test = TestConsole()
        let view = LiveView(console: test.console, hidesProtocol: true)
        view.show(Self.log("{\"type\":\"assistant\"}\n"))
        view.show(Self.log("fetched\n", phase: "fetch"))
        view.show(["type": "harness", "kind": "text", "text": "I edit\u{1b}"])
        view.show(["type": "harness", "kind": "tool_use", "id": "1", "name": "Bash", "summary": "ls"])
        #expect(test.out.text == "fetched\nI edit\\x1b\n")
        #expect(test.err.text == "-- > Bash ls\n")
    }

    @Test("The isolation layers are one line that names what is missing")
    func isolation() {
        let test = TestConsole()
        let layers: JSON = [
            ["name": "seccomp", "state": "on", "detail": ""], ["name": "cgroup", "state": "partial", "detail": ""],
            ["name": "landlock", "state": "missing", "detail": ""],
        ]
        LiveView(console: test.console).show(["type": "event", "kind": "isolation", "data": ["layers": layers]])
        #expect(test.err.text == "-- isolation: 1 of 3 layers in force; partial: cgroup; MISSING: landlock\n")
    }

    @Test(
        "Every kind of event has its line",
        arguments: [
            (["type": "event", "kind": "phase", "data": ["phase": "agent"]], "phase agent"),
            (["type": "event", "kind": "exit", "data": ["code": 3, "signal": nil]], "the harness ended: exit 3"),
            (["type": "event", "kind": "step", "data": ["step": "fetch", "code": 0]], "step fetch done"),
            (["type": "state", "state": "failed", "reason": "idle", "message": "m"], "state failed: idle: m"),
            (["type": "event", "kind": "notice", "data": ["text": "x"]], "note: x"),
            (["type": "new"], "event {\"type\":\"new\"}"), ([:], "event {}"), (["type": "event"], "event null"),
        ] as [(JSON, String)])
    func kinds(event: JSON, text: String) { #expect(EventText.summary(event) == text) }

    @Test("A line of `events` is one line of the terminal's width, whatever the event holds")
    func eventLines() {
        let long = String(repeating: "日\u{1b}\n", count: 500)
        for event in [
            Self.log(long), ["type": "harness", "kind": "text", "text": .string(long)], ["type": .string(long)],
        ] {
            let line = EventsCommand.line(Item(id: 1, seq: 7, count: 1, at: 0, event: event), columns: 60)
            #expect(DisplayWidth.of(line) <= 60)
            #expect(!line.contains("\n") && !line.contains("\u{1b}"))
            #expect(line.hasPrefix("00:00:00 7 "))
        }
    }

    @Test("The tail of a log is its last lines, however they were batched")
    func tail() {
        var tail = LineTail(limit: 3)
        let event = Self.log("")
        tail.add(event, Array("1\n2\n3\n4\n5\n".utf8))
        tail.add(event, Array("6\n\n".utf8))
        #expect(tail.last.map { String(decoding: $0.bytes, as: UTF8.self) } == ["5\n", "6\n", "\n"])
        for number in 0..<100 { tail.add(event, Array("n\(number)\n".utf8)) }
        #expect(tail.last.map { String(decoding: $0.bytes, as: UTF8.self) } == ["n97\n", "n98\n", "n99\n"])
    }

    @Test("The final object has every member, and a branch only where it was brought")
    func finalObject() throws {
        var job = TestJob.info(
            base: String(repeating: "a", count: 40), branch: "b", commit: String(repeating: "c", count: 40), size: 3)
        job.notes = ["n"]
        var result = RunResult(job: job)
        #expect(
            Set(try #require(result.object.objectValue).keys) == [
                "job", "state", "outcome", "branch", "commit", "diffstat", "usage", "isolation", "notes",
            ])
        #expect(result.object["branch"] == .null)
        #expect(
            Set(try #require(result.object["outcome"]?.objectValue).keys) == [
                "reason", "message", "exitCode", "signal",
            ])
        result.summary = DiffSummary(numstat: [])
        result.problem = "p"
        #expect(result.object["branch"] == "b")
        #expect(result.object["notes"] == ["n", "p"])
    }

    @Test("Output whose reader went away is dropped, and a full disk is told")
    func closedOutput() {
        for (code, closed) in [(Int32(32), true), (28, false)] {
            let output = Output { _ throws(SystemError) in throw SystemError("write", code: code) }
            output.line("x")
            #expect(output.isClosed == closed)
            let console = Console(out: output, err: Output { _ throws(SystemError) in }, columns: 80)
            var failed = false
            do throws(CommandFailure) { try console.finish() } catch { failed = true }
            #expect(failed == !closed)
        }
    }

    @Test("Reports for people hold no control characters of a job")
    func reports() {
        var job = TestJob.info(state: "failed", reason: "publish-refused")
        job.title = "\u{1b}]0;evil\u{7}"
        job.notes = ["\u{202e}note"]
        job.artifactBytes = 5
        let test = TestConsole()
        ShowCommand.show(job, on: test.console)
        JobsCommand.table([job]).show(on: test.console)
        RunResult(job: job).show(on: test.console)
        let text = test.out.text
        #expect(!text.contains("\u{1b}") && !text.contains("\u{202e}"))
        #expect(text.contains("runnerctl artifact 01234567 -o work.tar"))
        #expect(text.contains("01234567  failed (publish-"))
    }

    @Test("The status screen names mode, missing layers, counts and what each slot does")
    func status() {
        let report = StatusReport(
            version: "1", pid: 3, startedAt: 0, mode: "running", pausedUntil: nil, tier: "single-uid",
            isolation: "available",
            missingLayers: ["landlock"],
            slots: [
                .init(slot: 0, job: "0123456789", phase: "agent", since: 0, title: "t"),
                .init(slot: 1, job: nil, phase: nil, since: nil, title: nil),
            ],
            jobs: ["queued": 2, "odd": 1], stateDirectory: "/s", socket: "/k", warnings: ["w"], connections: 1)
        let test = TestConsole()
        StatusCommand.show(report, on: test.console)
        for words in [
            "running, version 1, pid 3", "available, tier single-uid", "landlock", "2 queued, 1 odd", "warning    w",
            "01234567  agent", "idle",
        ] {
            #expect(test.out.text.contains(words), "\(words)")
        }
    }

    @Test("What the doctor found wrong is told in full with its remedy")
    func doctor() {
        let detail = String(repeating: "long ", count: 40) + "end"
        let report = DoctorReport(
            ok: false, checks: [.init("landlock", .failed, detail, remedy: "boot with lsm=landlock")])
        let test = TestConsole()
        DoctorCommand.show(report, on: test.console)
        #expect(test.out.text.contains("end\n") && test.out.text.contains("-> boot with lsm=landlock"))
        #expect(test.out.text.contains("no job could run"))
    }
}
