import Testing

@testable import runnerctl

@Suite struct TableTests {
    @Test("No line of a table is wider than the terminal, whatever the cells hold", arguments: [20, 33, 80, 200])
    func fits(columns: Int) {
        var random = Repeatable(state: UInt64(columns))
        var table = Table(["JOB", "STATE", "BRANCH", "TITLE"])
        let alphabet = Array("ab 日🎉\u{301}\u{1b}\n\u{202e}é")
        for _ in 0..<200 {
            table.add(
                (0..<4).map { _ in
                    String(
                        (0..<Int.random(in: 0...90, using: &random)).map { _ in
                            alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                        })
                })
        }
        let lines = table.lines(columns: columns)
        #expect(lines.count == 201)
        #expect(lines.allSatisfy { DisplayWidth.of($0) <= columns })
        #expect(lines.allSatisfy { !$0.contains("\n") && !$0.contains("\u{1b}") })
    }

    @Test("What fits is not cut, and columns are aligned")
    func aligned() {
        var table = Table(["A", "B"])
        table.add(["one", "x"])
        table.add(["日本", "y"])
        #expect(table.lines(columns: 40) == ["A     B", "one   x", "日本  y"])
    }

    @Test("The widest column is cut first, with a mark")
    func cut() {
        var table = Table(["ID", "TITLE"])
        table.add(["12345678", String(repeating: "t", count: 50)])
        #expect(table.lines(columns: 20)[1] == "12345678  ttttttttt…")
    }

    @Test("Durations and ages are short and never negative")
    func words() {
        #expect(Words.duration(milliseconds: 250_000) == "4m 10s")
        #expect(Words.duration(milliseconds: 7_200_000) == "2h")
        #expect(Words.age(since: 5_000, now: 1_000) == "0s")
        #expect(Words.age(since: .min, now: .max) == "0s")
        #expect(Words.bytes(1536) == "1.5 KiB")
    }
}
