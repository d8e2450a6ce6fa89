import Testing

@testable import Supervisor

@Suite("What a configuration has no use for is refused before the YAML parser sees it")
struct ConfigurationYAMLGuardTests {
    @Test(
        "Anchors, aliases, tags, documents and long forms are refused",
        arguments: [
            ("a: &x 1", "anchors"), ("&x a: 1", "anchors"), ("- &x 1", "anchors"), ("a: [&x 1]", "anchors"),
            ("a: [1,&x 1]", "anchors"), ("a: [1,\n  &x 1]", "anchors"), ("\"a\": &x 1", "anchors"),
            ("a: [#]\n  &x b]", "anchors"), ("a: *x", "aliases"), ("*x : 1", "aliases"), ("<<: *x", "aliases"),
            ("a: !!str 1", "tags"), ("a: ! 1", "tags"), ("a: !x\n  b: 1", "tags"),
            ("a: 1\n---\nb: 1", "one document"), ("---\n---\n", "one document"), ("a: 1\n...\n", "one document"),
            ("---a: &x 1", "anchors"), ("a: [?&x 1]", "plain values"), ("a: [\n---\n", "one document"),
            ("a: [\n%YAML", "directives"), ("--- a: 1", "nothing may follow"), ("%YAML 1.1\n---\n", "directives"),
            ("a: |\n  text", "over several lines"), ("a: >-\n  text", "over several lines"),
            ("a: {b: 1}", "braces"), ("{a: 1}", "braces"), ("? a\n: b", "\"?\""), (": &x b", "a key is missing"),
            ("- - 1", "list in a list"), ("a: [[1]]", "plain values"), ("a: [b: 1]", "plain values"),
            ("a: \"x\n  y\"", "closed on the same line"), ("a: 'x", "closed on the same line"),
            ("a: [x\n  y]", "comma is missing"), ("a: [foo\n  \"bar, &x 1\"]", "comma is missing"),
            ("a: \"x\" y", "unexpected text"), ("a: [\"x\"y]", "unexpected text"), ("a: [x] y", "unexpected text"),
            ("a:\t1", "a tab"), ("\ta: 1", "a tab"), ("a: \u{1b}", "U+1B"), ("a: 1 # x\u{2028}b: &x 1", "U+2028"),
            ("a: 1 # x\rb: &x 1", "U+D"), ("\u{feff}a: 1", "U+FEFF"), ("a: x\u{202e}y", "U+202E"),
            (String(repeating: " ", count: 41) + "a: 1", "at most 40"),
        ])
    func refused(yaml: String, message: String) {
        let findings = YAMLGuard.findings(in: yaml)
        #expect(findings.contains { $0.message.contains(message) }, "\(findings)")
    }

    @Test(
        "Ordinary text passes",
        arguments: [
            "a: 1\r\nb: 2\r\n", "a: it's & that * ! | > x", "a: x#y # & * !", "a: \"& * \\\" # ! \" # x",
            "a: 'it''s & that'", "a:\n- b\n- \"c\"\n", "a: []\nb: [ ]\n", "a: [b, 'c' , \"d\",\n   e,\n] # x\nf: 1",
            "a: -1\nb: ?x\nc: a:b\nd: ---\n", "# \t & *\n---  # x\na: 1", "a: ü\n",
        ])
    func passes(yaml: String) {
        #expect(YAMLGuard.findings(in: yaml) == [])
    }

    @Test("Every line with a mistake is named")
    func everyLine() {
        #expect(YAMLGuard.findings(in: "a: &x 1\nb: 2\nc: *x\n").map(\.line) == [1, 3])
    }

    @Test("A bomb of aliases is refused before it is expanded")
    func bomb() {
        var yaml = "a0: &a0 [x, x]\n"
        for level in 1...60 { yaml += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        yaml += "? *a60\n: x\n"
        let file = ConfigurationYAMLFile(path: "x", text: yaml)
        #expect(file.problems.count == 63)
    }

    @Test("A megabyte of nesting is refused", arguments: ["[", "- ", "? ", "{", "a: ", "'"])
    func nesting(unit: String) {
        let yaml = String(repeating: unit, count: (1 << 20) / unit.utf8.count)
        #expect(!ConfigurationYAMLFile(path: "x", text: yaml).problems.isEmpty)
    }

    @Test("Text that passes never holds an anchor, alias or tag for the parser", arguments: 0..<4 as Range<UInt64>)
    func agreesWithParser(seed: UInt64) {
        let pieces = [
            "a", "b", "slots", ":", ": ", " ", "  ", "\n", "\n  ", "\n- ", "- ", "-", "&x ", "&x", "*x", "!t ", "!",
            "\"", "'", "''", "\\", "#", " #", "[", "]", ",", ", ", "{", "}", "?", "? ", "|", "---", "\n---\n", "...",
            "%", "@", "\t", "\r", "\r\n", "\u{85}", "\u{a0}",
        ]
        var random = SplitMix64(state: seed)
        var accepted = 0
        for _ in 0..<12_000 {
            var yaml = ""
            for _ in 0..<Int.random(in: 1...14, using: &random) {
                yaml += pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
            guard YAMLGuard.findings(in: yaml).isEmpty else { continue }
            accepted += 1
            let words = ["anchor", "alias", "tag", "another document"]
            for problem in ConfigurationYAMLFile(path: "x", text: yaml).problems {
                let mentions = words.contains { problem.message.contains($0) }
                #expect(!mentions, "\(yaml.debugDescription): \(problem)")
            }
        }
        // Otherwise the generator makes only text that is refused, and the test shows nothing.
        #expect(accepted > 500)
    }
}

private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
