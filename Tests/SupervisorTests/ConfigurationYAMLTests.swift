import Testing

@testable import Supervisor

@Suite("YAML files are decoded strictly")
struct ConfigurationYAMLTests {
    private func problems(_ yaml: String) -> [String] {
        ConfigurationTestSupport.problems(yaml: yaml).map {
            $0.replacing("/etc/bulkhead/bulkhead.yaml:", with: "")
        }
    }

    @Test("Every kind of value is read")
    func everyKind() throws {
        let configuration = try ConfigurationTestSupport.load(
            yaml: """
                --- # the host's own
                slots: 8            # comment
                state-directory: "/srv/state"
                isolation: available
                limits:
                  wall-clock: 1h30m
                  workspace: 100MB
                  file-size: 5368709120
                sandbox:
                  trees: [/usr, '/opt/tools',  # why
                    "/nix/store"]
                  path:
                    - /usr/bin
                    - /opt/tools/bin
                harness:
                  exec: false
                  claude:
                    model: ""
                kill:
                  # interrupt: 1s
                """)
        #expect(configuration.slots == 8)
        #expect(configuration.stateDirectory == "/srv/state")
        #expect(configuration.isolation == .available)
        #expect(configuration.limitsWallClock.milliseconds == 5_400_000)
        #expect(configuration.limitsWorkspace.bytes == 100_000_000)
        #expect(configuration.limitsFileSize.bytes == 5_368_709_120)
        #expect(configuration.sandboxTrees == ["/usr", "/opt/tools", "/nix/store"])
        #expect(configuration.sandboxPath == ["/usr/bin", "/opt/tools/bin"])
        #expect(!configuration.harnessExec)
        #expect(configuration.origins["limits.workspace"] == .file("/etc/bulkhead/bulkhead.yaml", line: 7))
        #expect(configuration.warnings.count == 1)
    }

    @Test("An empty file and one of comments set nothing", arguments: ["", "\n", "# x\n", "---\n", "---\n# x\n"])
    func emptyFiles(yaml: String) throws {
        #expect(try ConfigurationTestSupport.load(yaml: yaml).slots == 4)
    }

    @Test("An unknown key is refused with its line and the nearest key")
    func unknownKey() {
        #expect(problems("\nslot: 3\n") == ["2: unknown key \"slot\"; did you mean \"slots\"?"])
        #expect(
            problems("limits:\n  open-file: 3\n") == [
                "2: unknown key \"limits.open-file\"; did you mean \"limits.open-files\"?"
            ])
        let section = problems("limit:\n  nonsense-here: 3\n")
        #expect(section.count == 1)
        #expect(
            section.first?.hasPrefix("2: unknown key \"limit.nonsense-here\"; did you mean a key of \"limits\":")
                == true)
        #expect(problems("zzzzzzzzzzzz: 3\n") == ["1: unknown key \"zzzzzzzzzzzz\""])
    }

    @Test("A dotted key is refused, so that one setting has one place")
    func dottedKey() {
        #expect(problems("limits.wall-clock: 1h\n").first?.contains("must be nested") == true)
    }

    @Test("A duplicate key is refused, and both lines are named")
    func duplicateKey() {
        #expect(
            problems("slots: 3\nqueue-limit: 9\n\"slots\": 4\n") == [
                "3: duplicate key \"slots\"; the first is on line 1"
            ])
        #expect(
            problems("limits:\n  line: 2KiB\n  # line: x\n  line: 3KiB\n") == [
                "4: duplicate key \"line\"; the first is on line 2"
            ])
    }

    @Test(
        "A value of the wrong type is refused, saying what was found and what is wanted",
        arguments: [
            ("slots: \"4\"", "slots: found text \"4\", wanted an integer"),
            ("slots: 4.0", "slots: found the number 4.0, wanted an integer"),
            ("slots: 0x10", "slots: found the number 0x10, wanted an integer"),
            ("slots: +4", "slots: found the number +4, wanted an integer"),
            ("slots:", "slots: found nothing, wanted an integer"),
            ("slots: [4]", "slots: found a list of 1, wanted an integer"),
            ("slots:\n  a: 4", "slots: found a mapping, wanted an integer"),
            ("harness:\n  exec: yes", "harness.exec: found the boolean yes, wanted true or false"),
            ("harness:\n  exec: \"true\"", "harness.exec: found text \"true\", wanted true or false"),
            ("limits:\n  wall-clock: 60", "limits.wall-clock: found the number 60, wanted a duration with its unit"),
            ("limits:\n  line: 1.5KiB", "limits.line: found text \"1.5KiB\", wanted a size"),
            ("commit:\n  name: no", "commit.name: found the boolean no, wanted 1 to 128 bytes"),
            ("commit:\n  name: 12", "commit.name: found the number 12, wanted 1 to 128 bytes"),
            ("state-directory: srv/state", "state-directory: found text \"srv/state\", wanted an absolute path"),
            ("state-directory: \"/srv/\\0x\"", "state-directory: found text \"/srv/\\u{0}x\", wanted an absolute path"),
            ("sandbox:\n  trees: /usr", "sandbox.trees: found text \"/usr\", wanted a list of absolute paths"),
            ("sandbox:\n  trees: [/usr, 3]", "sandbox.trees: found the number 3, wanted an absolute path"),
            ("sandbox:\n  trees: [/usr, /usr]", "sandbox.trees: \"/usr\" is in the list twice"),
            ("limits: 3", "limits: found the number 3, wanted the settings of \"limits\""),
            ("limits: [a]", "limits: found a list of 1, wanted the settings of \"limits\""),
        ])
    func wrongType(yaml: String, message: String) {
        let found = problems(yaml)
        #expect(found.count == 1)
        #expect(found.first?.contains(message) == true, "\(found)")
    }

    @Test("A file that is no mapping is refused", arguments: ["- slots\n", "slots\n", "[slots]\n", "\"\"\n"])
    func notMapping(yaml: String) {
        #expect(problems(yaml).first?.contains("wanted settings") == true)
    }

    @Test("What is no YAML is refused with its line")
    func notYAML() {
        let found = problems("slots: 3\n  queue-limit: 4\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("2: not valid YAML") == true, "\(found)")
    }

    @Test("A file over 1 MiB is refused")
    func tooLarge() {
        let yaml = "slots: 3\n#" + String(repeating: "x", count: 1 << 20)
        #expect(
            ConfigurationTestSupport.problems(yaml: yaml) == [
                "/etc/bulkhead/bulkhead.yaml: too large, wanted at most 1MiB"
            ])
    }

    @Test("A megabyte of unknown keys is refused without a search for each, and not all of it is printed")
    func manyProblems() {
        var yaml = ""
        for number in 0..<40_000 { yaml += "unknown-\(number): 1\n" }
        var host = FakeConfigurationHost()
        host.add(ConfigurationTestSupport.main, yaml)
        let sources = ConfigurationSources(environment: [:], userID: 0, host: host)
        let error = #expect(throws: ConfigurationError.self) { try Configuration.load(sources) }
        #expect(error?.problems.count == 40_000)
        #expect(error?.description.split(separator: "\n").count == 101)
        #expect(error?.description.hasSuffix("and 39900 more problems") == true)
    }

    @Test("Text of the file cannot move the cursor of the terminal that shows a message")
    func escapedText() {
        #expect(problems("\"a\\e[2J\\u202e\": 1\n") == ["1: unknown key \"a\\u{1b}[2J\\u{202e}\""])
    }
}
