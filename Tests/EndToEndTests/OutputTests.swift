import Foundation
import Glibc
import Testing

/// What a job prints, on its way to whoever looks: complete, in order, and harmless.
@Suite("A job's output", .serialized)
struct OutputTests {
    @Test(
        "Control characters of a job reach neither a terminal nor a file raw", .enabled(if: Needs.python),
        arguments: Tier.all)
    func controlCharacters(tier: Tier) throws {
        let host = try TestHost(tier)
        let program =
            #"import os; [os.write(n, "a\x1b[2J\x1b]52;c;aGk=\x07b\rc\bd\x9b31m\u202egnp.\u2066\u200b\x7f\x00é\n".encode()) for n in (1, 2)]"#
        let title = "title \u{1b}]0;owned\u{7} \u{202e}"
        let raw: [Unicode.Scalar] = [
            "\u{1b}", "\u{7}", "\u{8}", "\r", "\0", "\u{7f}", "\u{9b}", "\u{202e}", "\u{2066}", "\u{200b}",
        ]
        func expectClean(_ what: String, _ text: String) {
            for scalar in raw {
                #expect(!text.unicodeScalars.contains(scalar), "\(what) holds U+\(String(scalar.value, radix: 16)) raw")
            }
        }
        #expect(try run([Probe.python, "-c", program]).text.unicodeScalars.contains("\u{1b}"), "outside they come raw")
        let shown = try host.runnerctl(["run", "--title", title, "--", Probe.python, "-c", program])
        expectClean("run", shown.text)
        expectClean("run's progress", shown.errorText)
        #expect(shown.text.contains("é") && shown.text.contains("\\x1b[2J"))
        let job = try #require((host.json(["jobs"])["jobs"] as? [[String: Any]])?.first)
        let id = try #require(job["id"] as? String)
        #expect(job["title"] as? String == title, "a program gets the same value")
        for command in [
            ["logs", id], ["logs", id, "-n", "1"], ["logs", id, "--json"], ["events", id], ["events", id, "--json"],
            ["show", id], ["show", id, "--json"], ["jobs"], ["jobs", "--json"], ["status"], ["why", id],
        ] {
            let result = try host.runnerctl(command)
            expectClean(command.joined(separator: " "), result.text)
            expectClean(command.joined(separator: " "), result.errorText)
        }
        #expect(try host.printed(id).contains("\u{1b}[2J"), "--json holds what was printed, escaped")
        let unknown = try host.runnerctl(["show", "\u{1b}]0;x\u{7}"])
        expectClean("an error", unknown.errorText)
    }

    @Test("Output of 20 MB arrives complete and in order", arguments: Tier.all)
    func largeOutput(tier: Tier) throws {
        let host = try TestHost(tier)
        let lines = 1_400_000
        let job = try host.detach([], ["seq", "-f", "line %09.0f", "1", "\(lines)"])
        let end = try host.ended(job, 240)
        let why = try host.runnerctl(["why", job]).text
        #expect(end == "completed", "\(why)")
        let result = try host.runnerctl(["logs", job], seconds: 240)
        #expect(result.output.count == lines * 15)
        var expected = Data(capacity: lines * 15)
        for number in 1...lines {
            let digits = "\(number)"
            expected.append(contentsOf: "line ".utf8)
            expected.append(contentsOf: repeatElement(0x30, count: 9 - digits.utf8.count))
            expected.append(contentsOf: digits.utf8)
            expected.append(0x0a)
        }
        // Told by its place: the difference of two such texts would take minutes to work out.
        let isEqual = result.output == expected
        let different = isEqual ? nil : zip(result.output, expected).enumerated().first { $1.0 != $1.1 }?.offset
        #expect(isEqual, "\(result.output.count) bytes, different from byte \(different ?? -1) on")
        #expect((try host.show(job)["usage"] as? [String: Any])?["droppedBytes"] as? Int == 0)
        #expect(try host.runnerctl(["logs", job, "-n", "2"]).text == "line 001399999\nline 001400000\n")
    }

    @Test(
        "Bytes of every value survive to events --json, on both streams", .enabled(if: Needs.python),
        arguments: Tier.all)
    func binaryOutput(tier: Tier) throws {
        let host = try TestHost(tier)
        let program =
            "import os; d = bytes(range(256)) * 40 + bytes(range(255, -1, -1)) + b'\\n'; os.write(1, d); os.write(2, d)"
        let job = try JobResult(host.runnerctl(["run", "--json", "--", Probe.python, "-c", program]))
        #expect(job.state == "completed")
        let expected =
            Data(repeatElement(Array(UInt8.min...UInt8.max), count: 40).joined())
            + Data(stride(from: 255, through: 0, by: -1).map { UInt8($0) }) + Data([0x0a])
        for stream in ["stdout", "stderr"] {
            let isEqual = try Self.bytes(host, job.id, stream) == expected
            #expect(isEqual, "\(stream)")
        }
    }

    @Test(
        "A last line without an end, an empty output and a line beyond limits.line are told as they are",
        arguments: Tier.all)
    func lineEnds(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "limits:\n  line: 1KiB\n")
        func logs(_ script: String) throws -> (CommandResult, Data) {
            let job = try JobResult(host.runnerctl(["run", "--json", "--", "sh", "-c", script]))
            return (try host.runnerctl(["logs", job.id]), try Self.bytes(host, job.id, "stdout"))
        }
        #expect(try logs("printf 'no end'").0.text == "no end\n")
        #expect(try logs("true").0.text == "")
        #expect(try logs("echo; echo; echo x").0.text == "\n\nx\n")
        let (long, _) = try logs("head -c 5000 /dev/zero | tr '\\0' x; echo; echo after")
        #expect(long.text == String(repeating: "x", count: 1024) + "\nafter\n")
        #expect(long.errorText.contains("3976 bytes"))
    }

    @Test("status fits 80 columns, and tables whatever the terminal has", arguments: Tier.all)
    func widths(tier: Tier) throws {
        let host = try TestHost(tier)
        let mark = TestHost.mark()
        let title = String(repeating: "a very long title 漢字 ", count: 20)
        let job = try host.detach(["--title", title], TestHost.lasting(mark))
        _ = try host.started(mark)
        func lines(_ command: String, _ columns: Int) throws -> [Substring] {
            let result = try host.runnerctl([command], environment: ["COLUMNS": "\(columns)"])
            return result.text.split(separator: "\n", omittingEmptySubsequences: false)
        }
        for line in try lines("status", 80) { #expect(Self.width(line) <= 80, "status: \(line)") }
        // Below that, facts are whole and tables are cut.
        for line in try lines("status", 40).drop(while: { !$0.isEmpty }) {
            #expect(Self.width(line) <= 40, "slots: \(line)")
        }
        for columns in [80, 40] {
            for line in try lines("jobs", columns) {
                #expect(Self.width(line) <= columns, "jobs at \(columns): \(line)")
            }
        }
        let plain = try host.runnerctl(["status"]).text
        #expect(!plain.contains("\u{1b}"), "no colour without a terminal")
        _ = try host.runnerctl(["cancel", job, "--grace", "0"])
        try host.ended(job)
    }

    @Test(
        "Colour is for terminals, and NO_COLOR switches it off", .enabled(if: access("/usr/bin/script", X_OK) == 0),
        arguments: Tier.all)
    func colour(tier: Tier) throws {
        let host = try TestHost(tier)
        func shown(_ variables: [String: String]) throws -> String {
            let command = "\(try Installation.path("runnerctl")) --socket \(host.socket) status"
            return try run(
                tier.prefix + ["/usr/bin/script", "-qec", command, "/dev/null"],
                environment: ["TERM": "xterm"].merging(variables) { $1 }
            ).text
        }
        #expect(try shown([:]).contains("\u{1b}["))
        #expect(try !shown(["NO_COLOR": "1"]).contains("\u{1b}["))
    }

    @Test("A reader that goes away ends logs quietly, and the supervisor lives on", arguments: Tier.all)
    func closedReader(tier: Tier) throws {
        let host = try TestHost(tier)
        let job = try host.detach([], ["seq", "1", "200000"])
        #expect(try host.ended(job) == "completed")
        let command = "\(try Installation.path("runnerctl")) --socket \(host.socket) logs \(job) | head -n 1"
        let result = try run(tier.prefix + ["/bin/bash", "-c", "set -o pipefail; " + command], seconds: 30)
        #expect(result.text == "1\n" && result.errorText == "", "\(result.errorText)")
        #expect(try host.runnerctl(["status"]).code == 0)
    }

    private static func bytes(_ host: TestHost, _ job: String, _ stream: String) throws -> Data {
        var data = Data()
        for line in try host.runnerctl(["events", job, "--json"]).text.split(separator: "\n") {
            let item = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            guard let event = item?["event"] as? [String: Any], event["type"] as? String == "log",
                event["stream"] as? String == stream
            else { continue }
            if let text = event["text"] as? String { data += Data(text.utf8) }
            if let text = event["b64"] as? String { data += try #require(Data(base64Encoded: text)) }
        }
        return data
    }

    /// Columns of a line: two for the ideographs that these tests use.
    private static func width(_ line: Substring) -> Int {
        line.unicodeScalars.reduce(0) { $0 + ((0x4e00...0x9fff).contains($1.value) ? 2 : 1) }
    }
}
