import Harnesses
import IPC
import JobStore
import Testing

@testable import Supervisor

/// A worker that somebody took over says what it likes: the judge believes no more than the job allows.
@Suite("Judge: forged reports")
struct JudgeForgeryTests {
    private static let base = String(repeating: "b", count: 40)
    private static let commit = String(repeating: "c", count: 40)

    private func judge(change: Bool = true) -> Judge {
        var judge = Judge(change: change, harness: "exec")
        judge.expect(branch: change ? "work" : nil, base: change ? Self.base : nil)
        return judge
    }

    private func publish(_ changes: [String: JSON?] = [:]) -> JSON {
        var result: [String: JSON] = [
            "branch": "work", "base": .string(Self.base), "commit": .string(Self.commit), "commits": 1, "files": 1,
            "insertions": 1, "deletions": 0,
        ]
        for (key, value) in changes { result[key] = value }
        return [
            "step": "publish", "code": 0,
            "result": .string(String(decoding: JSON.object(result).bytes(), as: UTF8.self)),
        ]
    }

    private func finished(_ judge: inout Judge, _ outcome: JSON = "done") throws -> (
        state: JobState, outcome: JobOutcome
    ) {
        judge.takeExit(["code": 0])
        let parser = try #require(Harness.named("exec")).makeParser()
        try judge.takeFinish(["outcome": outcome], parser: parser)
        return judge.conclude()
    }

    @Test("A published result for another branch, base or commit is refused")
    func otherResults() throws {
        let forged: [[String: JSON?]] = [
            ["branch": "main"], ["branch": .some(nil)], ["branch": 1], ["base": .string(Self.commit)],
            ["base": .some(nil)],
            ["commit": .some(nil)], ["commit": ""], ["commit": "--help"], ["commit": "HEAD"],
            ["commit": .string(String(repeating: "C", count: 40))],
            ["commit": .string(String(repeating: "c", count: 41))],
            ["commits": .some(nil)], ["commits": "1"], ["commits": 1.0],
        ]
        for changes in forged {
            var judge = judge()
            #expect(refusal { try judge.takeStep(publish(changes)) }?.code == .malformed, "\(changes)")
            #expect(!judge.mayTransfer(.bundle))
        }
    }

    @Test("Counts that no git gives are refused")
    func negativeCounts() {
        for changes in [["commits": -1], ["files": -5], ["insertions": -1], ["deletions": .int(.min)]]
            as [[String: JSON?]]
        {
            var judge = judge()
            #expect(refusal { try judge.takeStep(publish(changes)) }?.code == .malformed, "\(changes)")
        }
    }

    @Test("A job without a repository publishes nothing")
    func promptJob() throws {
        for changes in [[:], ["branch": .some(nil), "base": .some(nil)]] as [[String: JSON?]] {
            var judge = judge(change: false)
            #expect(throws: ProtocolError.self) { try judge.takeStep(publish(changes)) }
            #expect(!judge.mayTransfer(.bundle), "\(changes)")
            judge.received(.bundle, bytes: 10)
            #expect(try finished(&judge).outcome.commit == nil)
        }
    }

    @Test("A result that is no JSON is refused", arguments: ["{", "x", "{\"a\":1,\"a\":2}", "[1", "\u{0}"])
    func noJSON(text: String) {
        var judge = judge()
        #expect(
            refusal { try judge.takeStep(["step": "publish", "code": 0, "result": .string(text)]) }?.code == .malformed)
    }

    @Test("A result of no members, or that is no object, publishes nothing", arguments: ["", "{}", "[]", "null", "7"])
    func emptyResult(text: String) {
        var judge = judge()
        #expect(
            refusal { try judge.takeStep(["step": "publish", "code": 0, "result": .string(text)]) }?.code == .malformed)
        #expect(!judge.mayTransfer(.bundle))
    }

    @Test("A publish that failed gives no branch, whatever it names")
    func failedPublish() throws {
        for code in [1, 10, 11, nil] as [JSON] {
            var judge = judge()
            guard case .object(var members) = publish() else { return }
            members["code"] = code
            try judge.takeStep(.object(members))
            #expect(!judge.mayTransfer(.bundle), "\(code)")
        }
    }

    @Test("A bundle comes after its announcement and once")
    func bundleOnce() throws {
        var judge = judge()
        #expect(!judge.mayTransfer(.bundle))
        try judge.takeStep(publish())
        #expect(judge.mayTransfer(.bundle))
        #expect(!judge.mayTransfer(.artifact))
        judge.received(.bundle, bytes: 5)
        #expect(!judge.mayTransfer(.bundle))
    }

    @Test("A second publish does not change what was announced with the bundle")
    func publishedTwice() throws {
        var judge = judge()
        try judge.takeStep(publish())
        judge.received(.bundle, bytes: 5)
        try? judge.takeStep(publish(["commit": .string(String(repeating: "d", count: 40))]))
        #expect(try finished(&judge).outcome.commit == Self.commit)
    }

    @Test("An artifact comes after a refusal and once")
    func artifactOnce() throws {
        var judge = judge()
        #expect(!judge.mayTransfer(.artifact))
        try judge.takeStep(["step": "archive", "code": 1, "result": ""])
        #expect(!judge.mayTransfer(.artifact), "an archive that failed is no refusal")
        try judge.takeStep(["step": "import", "code": 11, "result": "{\"reason\":\"r\"}"])
        #expect(judge.mayTransfer(.artifact))
        #expect(!judge.mayTransfer(.bundle))
        judge.received(.artifact, bytes: 5)
        #expect(!judge.mayTransfer(.artifact))
    }

    @Test("Of a failed job neither branch nor commit is kept, even if its bundle arrived")
    func failedAfterPublish() throws {
        for outcome in ["fault", "refused", "timed-out", "harness-failed"] {
            var judge = judge()
            try judge.takeStep(publish())
            judge.received(.bundle, bytes: 5)
            let end = try finished(&judge, .string(outcome))
            #expect(end.state == .failed)
            #expect(
                end.outcome.branch == nil && end.outcome.commit == nil && end.outcome.resultBytes == nil, "\(outcome)")
        }
    }

    @Test("Notes are few and short")
    func notes() throws {
        var judge = judge()
        let notes = (0..<100).map { _ in JSON.string(String(repeating: "n", count: 5000)) } + [1, nil]
        try judge.takeStep(publish(["notes": .array(notes)]))
        judge.received(.bundle, bytes: 5)
        let kept = try #require(try finished(&judge).outcome.notes)
        #expect(kept.count <= 20)
        #expect(kept.allSatisfy { $0.count <= 400 })
    }

    @Test("The exit that a worker reports may be of any kind and decides nothing by itself")
    func strangeExits() throws {
        for exit in [[:], ["code": "0"], ["code": nil], ["code": 0.0], []] as [JSON] {
            var judge = judge(change: false)
            judge.takeExit(exit)
            let parser = try #require(Harness.named("exec")).makeParser()
            try judge.takeFinish(["outcome": "done"], parser: parser)
            #expect(judge.conclude().state == .failed, "\(exit)")
        }
    }

    // MARK: claude

    private static let good =
        #"{"type":"result","subtype":"success","is_error":false,"result":"ok","num_turns":2,"total_cost_usd":0.5}"#
    private static let bad =
        #"{"type":"result","subtype":"success","is_error":true,"api_error_status":401,"result":"no"}"#

    private func claude(exit code: JSON, _ lines: [String]) throws -> (state: JobState, outcome: JobOutcome) {
        var judge = Judge(change: false, harness: "claude")
        var parser = try #require(Harness.named("claude")).makeParser()
        for line in lines {
            for event in parser.consume(line: Array(line.utf8), stream: .stdout) { judge.note(event) }
        }
        judge.takeExit(["code": code])
        try judge.takeFinish(["outcome": "done"], parser: parser)
        return judge.conclude()
    }

    @Test("claude succeeded only with status 0 and a result that says so")
    func claudeVerdict() throws {
        #expect(try claude(exit: 0, [Self.good]).state == .completed)
        for (code, lines) in [(0, []), (0, [Self.bad]), (1, [Self.good]), (0, [Self.good, Self.bad])]
            as [(JSON, [String])]
        {
            let end = try claude(exit: code, lines)
            #expect(end.state == .failed)
            #expect(end.outcome.outcome.reason == "harness-failed")
            #expect(end.outcome.outcome.message.contains("claude"))
        }
    }

    @Test("claude's cost and turns are kept as claims")
    func claudeClaims() throws {
        let usage = try claude(exit: 0, [Self.good]).outcome.usage
        #expect(usage?.claimedCostUSD == 0.5)
        #expect(usage?.claimedTurns == 2)
    }
}
