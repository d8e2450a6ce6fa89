import Testing

@testable import Supervisor

@Suite("The .env file is read without a shell")
struct ConfigurationDotEnvTests {
    private func read(_ text: String) -> (values: [String: String], problems: [String]) {
        let file = ConfigurationDotEnvFile(path: ".env", text: text)
        let values = Dictionary(file.entries.map { ($0.setting.key, $0.value) }) { first, _ in first }
        return (values, file.problems.map(\.description))
    }

    @Test(
        "Quotes, comments and export mean what they mean in a shell",
        arguments: [
            ("BULKHEAD_COMMIT_NAME=Ada", "Ada"), ("export BULKHEAD_COMMIT_NAME=Ada\r", "Ada"),
            ("  export\t BULKHEAD_COMMIT_NAME=Ada  # x", "Ada"), ("BULKHEAD_COMMIT_NAME=a#b", "a#b"),
            ("BULKHEAD_COMMIT_NAME='Ada $L # x' # y", "Ada $L # x"), ("BULKHEAD_COMMIT_NAME=\"Ada L\"", "Ada L"),
            ("BULKHEAD_COMMIT_NAME=\"a\\\"b\\\\c\\$d\\`\"", "a\"b\\c$d`"), ("BULKHEAD_COMMIT_NAME=", ""),
            ("BULKHEAD_COMMIT_NAME= # x", ""), ("BULKHEAD_COMMIT_NAME=''", ""),
            ("\n# x\n\nBULKHEAD_COMMIT_NAME=a\n", "a"),
        ])
    func accepted(line: String, value: String) {
        let result = read(line)
        #expect(result.problems == [])
        #expect(result.values == ["commit.name": value])
    }

    @Test(
        "What a shell would read otherwise is refused",
        arguments: [
            ("BULKHEAD_SLOTS", "no \"=\""), ("BULKHEAD_SLOTS =3", "no name"), ("=3", "no name"),
            ("1BULKHEAD=3", "no name"), ("BULKHEAD_SLOTS= 3", "a space after"), ("BULKHEAD_SLOTS=a b", "single quotes"),
            ("BULKHEAD_SLOTS=$X", "not expanded"), ("BULKHEAD_SLOTS=\"$X\"", "not expanded"),
            ("BULKHEAD_SLOTS=`id`", "not expanded"), ("BULKHEAD_SLOTS=a;b", "single quotes"),
            ("BULKHEAD_SLOTS='3", "not closed"), ("BULKHEAD_SLOTS=\"3", "not closed"),
            ("BULKHEAD_SLOTS=\"3\\", "not closed"), ("BULKHEAD_SLOTS=\"\\n\"", "backslash"),
            ("BULKHEAD_SLOTS='3'4", "after the closing quote"), ("BULKHEAD_SLOTS='3'#4", "after the closing quote"),
        ])
    func refused(line: String, message: String) {
        let problems = read("\n\(line)").problems
        #expect(problems.count == 1)
        #expect(
            problems.first?.hasPrefix(".env:2: ") == true && problems.first?.contains(message) == true, "\(problems)")
    }

    @Test("An unknown BULKHEAD_ name is an error with the nearest name")
    func unknownName() {
        #expect(
            read("BULKHEAD_SLOT=3").problems == [
                ".env:1: unknown setting \"BULKHEAD_SLOT\"; did you mean BULKHEAD_SLOTS?"
            ])
    }

    @Test("A name of something else is refused, and its value, which may be a secret, is not repeated")
    func foreignName() {
        let problems = read("GH_TOKEN=ghp_abc").problems
        #expect(
            problems == [".env:1: \"GH_TOKEN\" is no setting of Bulkhead; only BULKHEAD_ names belong in this file"])
    }

    @Test("A name that is set twice is refused with both lines")
    func twice() {
        #expect(
            read("BULKHEAD_SLOTS=3\n\nBULKHEAD_SLOTS=4").problems == [
                ".env:3: BULKHEAD_SLOTS is set twice; the first is on line 1"
            ])
    }

    @Test("A wrong value is named by file, line and variable")
    func wrongValue() {
        var host = FakeConfigurationHost()
        host.add("/etc/bulkhead/.env", "\nBULKHEAD_SLOTS=x\n")
        let problems = ConfigurationTestSupport.problems(ConfigurationSources(environment: [:], userID: 0, host: host))
        #expect(
            problems == [
                "/etc/bulkhead/.env:2: BULKHEAD_SLOTS: found text \"x\", wanted an integer in plain digits"
            ])
    }

    @Test("A file over 64 KiB is refused")
    func tooLarge() {
        var host = FakeConfigurationHost()
        host.add("/etc/bulkhead/.env", String(repeating: "#", count: 65_537))
        let problems = ConfigurationTestSupport.problems(ConfigurationSources(environment: [:], userID: 0, host: host))
        #expect(problems == ["/etc/bulkhead/.env: too large, wanted at most 64KiB"])
    }
}
