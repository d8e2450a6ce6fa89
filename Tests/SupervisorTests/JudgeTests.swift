import Harnesses
import IPC
import JobStore
import Testing

@testable import Supervisor

@Suite("Judge")
struct JudgeTests {
    private static let base = String(repeating: "b", count: 40)
    private static let commit = String(repeating: "c", count: 40)

    private func judge(change: Bool = false, harness: String = "exec") -> Judge {
        var judge = Judge(change: change, harness: harness)
        judge.expect(branch: change ? "work" : nil, base: change ? Self.base : nil)
        return judge
    }

    private func parser(_ harness: String = "exec", _ lines: String...) throws -> any HarnessParser {
        var parser = try #require(Harness.named(harness)).makeParser()
        for line in lines { _ = parser.consume(line: Array(line.utf8), stream: .stdout) }
        return parser
    }

    private func result(_ changes: [String: JSON] = [:]) -> [String: JSON] {
        let usual: [String: JSON] = [
            "branch": "work", "base": .string(Self.base), "commit": .string(Self.commit), "commits": 2, "files": 3,
            "insertions": 4, "deletions": 5, "notes": ["a note"],
        ]
        return usual.merging(changes) { $1 }
    }

    private func step(_ name: String, code: JSON = 0, _ result: [String: JSON] = [:]) -> JSON {
        [
            "step": .string(name), "code": code,
            "result": .string(String(decoding: JSON.object(result).bytes(), as: UTF8.self)),
        ]
    }

    /// The end of a job whose worker said this.
    private func conclusion(
        _ outcome: String, exit code: JSON? = 0, signal: JSON? = nil, change: Bool = false, published: Bool = false,
        refused: JSON? = nil, detail: String? = nil
    ) throws -> (state: JobState, outcome: JobOutcome) {
        var judge = judge(change: change)
        if code != nil || signal != nil { judge.takeExit(["code": code ?? .null, "signal": signal ?? .null]) }
        if let refused { try judge.takeStep(refused) }
        if published {
            try judge.takeStep(step("publish", result()))
            judge.received(.bundle, bytes: 77)
        }
        var data: [String: JSON] = ["outcome": .string(outcome)]
        if let detail { data["detail"] = .string(detail) }
        try judge.takeFinish(.object(data), parser: try parser())
        return judge.conclude()
    }

    // MARK: every outcome

    @Test(
        "Each outcome of a worker has its end",
        arguments: [
            ("done", 0, .completed, "completed"), ("no-change", 0, .completed, "no-change"),
            ("done", 1, .failed, "harness-failed"), ("no-change", 1, .failed, "harness-failed"),
            ("harness-failed", 3, .failed, "harness-failed"), ("harness-failed", 0, .failed, "harness-failed"),
            ("refused", 0, .failed, "publish-refused"), ("timed-out", 0, .failed, "timed-out"),
            ("idle", 0, .failed, "idle"), ("cancelled", 0, .cancelled, "cancelled"), ("fault", 0, .failed, "fault"),
        ] as [(String, Int64, JobState, String)])
    func table(outcome: String, code: Int64, state: JobState, reason: String) throws {
        let end = try conclusion(outcome, exit: .int(code))
        #expect(end.state == state)
        #expect(end.outcome.outcome.reason == reason)
        #expect(!end.outcome.outcome.message.isEmpty)
        #expect(end.outcome.outcome.exitCode == Int(code))
        #expect(end.outcome.resultBytes == nil)
    }

    @Test("A change is complete with its branch, and says how much it changed")
    func completeChange() throws {
        let end = try conclusion("done", change: true, published: true)
        #expect(end.state == .completed)
        #expect(end.outcome.branch == "work")
        #expect(end.outcome.commit == Self.commit)
        #expect(end.outcome.commits == 2)
        #expect(end.outcome.diffstat == JobInfo.DiffStat(files: 3, insertions: 4, deletions: 5))
        #expect(end.outcome.resultBytes == 77)
        #expect(end.outcome.notes == ["a note"])
    }

    @Test("A change whose branch never arrived is a fault, and keeps how its tool ended")
    func missingBundle() throws {
        var judge = judge(change: true)
        judge.takeExit(["code": 0])
        try judge.takeStep(step("publish", result()))
        try judge.takeFinish(["outcome": "done"], parser: try parser())
        let end = judge.conclude()
        #expect(end.state == .failed)
        #expect(end.outcome.outcome.reason == "fault")
        #expect(end.outcome.branch == nil)
        #expect(end.outcome.commit == nil)
        #expect(end.outcome.outcome.exitCode == 0)
    }

    @Test("A change without anything changed is complete without a branch")
    func noChange() throws {
        let end = try conclusion("no-change", change: true)
        #expect(end.state == .completed)
        #expect(end.outcome.branch == nil)
        #expect(end.outcome.outcome.message.contains("no branch"))
    }

    @Test("A job that says it is done without having run its harness is a fault", arguments: ["done", "no-change"])
    func harnessNeverRan(outcome: String) throws {
        let end = try conclusion(outcome, exit: nil)
        #expect(end.state == .failed)
        #expect(end.outcome.outcome.reason == "fault")
    }

    @Test("A tool that a signal ended failed, whatever the worker says")
    func signalled() throws {
        let end = try conclusion("done", exit: nil, signal: 9)
        #expect(end.state == .failed)
        #expect(end.outcome.outcome.reason == "harness-failed")
        #expect(end.outcome.outcome.signal == 9)
        #expect(end.outcome.outcome.exitCode == nil)
    }

    @Test("A worker's fault says what the worker said, shortened")
    func faultDetail() throws {
        #expect(try conclusion("fault", detail: "no room").outcome.outcome.message == "no room")
        #expect(
            try conclusion("fault", detail: String(repeating: "x", count: 9000)).outcome.outcome.message.count == 1000)
        #expect(try conclusion("fault").outcome.outcome.message == "the worker failed")
    }

    @Test("An outcome that is not known is refused", arguments: ["", "Done", "completed", "done ", "x"])
    func unknownOutcome(name: String) throws {
        var judge = judge()
        let parser = try parser()
        #expect(refusal { try judge.takeFinish(["outcome": .string(name)], parser: parser) }?.code == .malformed)
        #expect(refusal { try judge.takeFinish([:], parser: parser) }?.code == .malformed)
        #expect(refusal { try judge.takeFinish(["outcome": 1], parser: parser) }?.code == .malformed)
        #expect(!judge.isFinished)
    }

    @Test("Usage is what the worker measured")
    func usage() throws {
        var judge = judge()
        judge.takeExit(["code": 0])
        try judge.takeFinish(
            ["outcome": "done", "cpuMilliseconds": 12, "peakRSSKiB": 34, "outputBytes": 56, "droppedBytes": 7],
            parser: try parser())
        let usage = judge.conclude().outcome.usage
        #expect(usage?.cpuMilliseconds == 12)
        #expect(usage?.peakRSSKiB == 34)
        #expect(usage?.outputBytes == 56)
        #expect(usage?.droppedBytes == 7)
    }

    // MARK: precedence

    @Test("A cancellation counts before every loss, but not before a result that was there already")
    func cancelPrecedence() throws {
        var cut = judge()
        cut.cancelReason = "cancelled by uid 1000"
        cut.lose("worker-lost", "killed")
        #expect(cut.conclude().state == .cancelled)
        #expect(cut.conclude().outcome.outcome.message == "cancelled by uid 1000")

        var late = judge()
        late.takeExit(["code": 0])
        try late.takeFinish(["outcome": "done"], parser: try parser())
        late.cancelReason = "too late"
        #expect(late.conclude().state == .completed)

        var obeyed = judge()
        obeyed.cancelReason = "cancelled by uid 1000"
        try obeyed.takeFinish(["outcome": "cancelled", "detail": "x"], parser: try parser())
        #expect(obeyed.conclude().state == .cancelled)
        #expect(obeyed.conclude().outcome.outcome.message == "cancelled by uid 1000")
    }

    @Test("What was lost first is the reason, also of a job that says it is done")
    func lossPrecedence() throws {
        var judge = judge()
        judge.lose("fault", "first")
        judge.lose("worker-lost", "second")
        judge.takeExit(["code": 0])
        try judge.takeFinish(["outcome": "done"], parser: try parser())
        let end = judge.conclude()
        #expect(end.state == .failed)
        #expect(end.outcome.outcome.reason == "fault")
        #expect(end.outcome.outcome.message == "first")
    }

    @Test("A refusal of the repository is told apart from one of the work")
    func refusals() throws {
        let fetch = step("fetch", code: 11, ["reason": "objects were refused"])
        let early = try conclusion("fault", exit: nil, change: true, refused: fetch)
        #expect(early.state == .failed)
        #expect(early.outcome.outcome.reason == "fetch-refused")
        #expect(early.outcome.outcome.message == "fetch: objects were refused")
        let publish = step("publish", code: 11, ["reason": "too many files"])
        let late = try conclusion("refused", change: true, refused: publish)
        #expect(late.outcome.outcome.reason == "publish-refused")
        #expect(late.outcome.outcome.message == "publish: too many files")
    }

    @Test("A refused job says that its work was kept, where it was")
    func keptArtifact() throws {
        var judge = judge(change: true)
        judge.takeExit(["code": 0])
        try judge.takeStep(step("import", code: 11, ["reason": "r"]))
        try judge.takeStep(step("archive"))
        judge.received(.artifact, bytes: 9)
        try judge.takeFinish(["outcome": "refused"], parser: try parser())
        let end = judge.conclude()
        #expect(end.outcome.artifactBytes == 9)
        #expect(end.outcome.outcome.message == "import: r; the work is kept as an artifact")
    }

    @Test("A step that a signal ended, and one with an endless reason, are said in bounded words")
    func stepReasons() throws {
        let signalled = try conclusion("refused", change: true, refused: ["step": "import", "signal": 9])
        #expect(signalled.outcome.outcome.message == "import: it ended with a signal")
        let long = step("import", code: 11, ["reason": .string(String(repeating: "x", count: 50_000))])
        #expect(try conclusion("refused", change: true, refused: long).outcome.outcome.message.count < 1100)
    }
}
