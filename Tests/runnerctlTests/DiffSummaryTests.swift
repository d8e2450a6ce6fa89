import IPC
import Testing

@testable import runnerctl

@Suite struct DiffSummaryTests {
    @Test("Insertions, deletions, binary files and odd names are read")
    func parsed() {
        let summary = DiffSummary(numstat: Array("3\t1\ta b.txt\u{0}-\t-\timage\u{0}0\t7\td\u{1b}[2J\te\nf\u{0}".utf8))
        #expect(summary.totals == .init(files: 3, insertions: 3, deletions: 8))
        #expect(summary.files.map(\.path) == ["a b.txt", "image", "d\\x1b[2J\\te\\nf"])
        #expect(summary.lines(columns: 80).last == " 3 files changed, +3 -8")
    }

    @Test("At most fifty files are listed, and no line is wider than the terminal")
    func bounded() {
        let record = "1\t2\t" + String(repeating: "日/", count: 100) + "end.swift\u{0}"
        let summary = DiffSummary(numstat: Array(String(repeating: record, count: 1000).utf8))
        let lines = summary.lines(columns: 60)
        #expect(summary.files.count == 50 && lines.count == 52)
        #expect(lines.allSatisfy { DisplayWidth.of($0) <= 60 })
        #expect(lines[0].contains("end.swift ") && lines[0].hasSuffix(" | +1 -2"))
        #expect(lines[50].contains("950 more files"))
        #expect(lines[51] == " 1000 files changed, +1000 -2000")
    }

    @Test("Hostile counts and records do not trap")
    func hostile() {
        let huge = "9223372036854775807\t9223372036854775807\tx\u{0}"
        let summary = DiffSummary(numstat: Array((huge + huge + "\u{0}\tx\u{0}99999999999999999999\t-5\ty\u{0}").utf8))
        #expect(summary.fileCount == 3)
    }
}
