import Testing

@testable import Supervisor

@Suite("The table of settings is the truth")
struct ConfigurationTableTests {
    /// For each key a value other than the default.
    private static let others: [String: String] = [
        "state-directory": "/srv/state", "socket": "/srv/s.sock", "socket-group": "ops", "service-user": "runner",
        "spawner-socket": "/srv/p.sock", "log-level": "debug", "isolation": "available", "slots": "5",
        "queue-limit": "7", "uid-range.first": "200000", "uid-range.count": "1024", "sandbox.trees": "/usr:/opt",
        "sandbox.path": "/usr/bin", "limits.wall-clock": "2h", "limits.idle-output": "3m", "limits.processes": "64",
        "limits.open-files": "128", "limits.file-size": "3GiB", "limits.workspace": "5GiB",
        "limits.workspace-files": "2000", "limits.bundle": "7MiB", "limits.artifact": "8MiB", "limits.output": "9MiB",
        "limits.line": "10KiB", "publish.max-files": "11", "publish.max-bytes": "12MiB", "publish.max-path": "130",
        "kill.interrupt": "14s", "kill.terminate": "15s", "drain-timeout": "16s", "commit.name": "Ada",
        "commit.email": "ada@example.org", "harness.exec": "false", "harness.claude.command": "claude2",
        "harness.claude.model": "opus", "harness.claude.permission-mode": "plan", "store.retention-jobs": "17",
    ]

    private static func camelCase(_ key: String) -> String {
        let parts = key.split { $0 == "." || $0 == "-" }
        return parts.dropFirst().reduce(String(parts.first ?? "")) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }

    @Test("Every property has a row and every row a property, named alike")
    func properties() {
        let labels = Set(Mirror(reflecting: Configuration()).children.compactMap(\.label))
        let expected = Set(ConfigurationSetting.all.map { Self.camelCase($0.key) }).union(["origins", "warnings"])
        #expect(labels == expected)
    }

    @Test("Keys and variables are unique, also between sections and settings")
    func unique() {
        let keys = ConfigurationSetting.all.map(\.key)
        #expect(Set(keys).count == keys.count)
        #expect(Set(ConfigurationSetting.all.map(\.environmentName)).count == keys.count)
        #expect(keys.filter(ConfigurationSetting.isSection) == [])
        #expect(Set(keys) == Set(Self.others.keys))
    }

    @Test("A key gives its variable by rule")
    func environmentName() {
        #expect(ConfigurationSetting.named("limits.wall-clock")?.environmentName == "BULKHEAD_LIMITS_WALL_CLOCK")
        #expect(ConfigurationSetting.named(environment: "BULKHEAD_LIMITS_WALL_CLOCK")?.key == "limits.wall-clock")
    }

    @Test("Every default is valid, and read back from the listing gives the same configuration")
    func defaults() throws {
        let configuration = try ConfigurationTestSupport.load()
        let listing = configuration.listing()
        #expect(configuration.warnings.isEmpty)
        #expect(listing.count == ConfigurationSetting.all.count)
        #expect(listing.allSatisfy { $0.origin == .defaultValue && !$0.doc.isEmpty })
        for setting in ConfigurationSetting.all {
            guard case .fixed(let text) = setting.fallback else { continue }
            #expect(setting.text(configuration) == text)
        }
        let flags = Dictionary(listing.map { ($0.key, $0.value) }) { first, _ in first }
        #expect(try ConfigurationTestSupport.load(flags: flags).listing().map(\.value) == listing.map(\.value))
    }

    @Test("A setting changes its own property and no other", arguments: ConfigurationSetting.all.map(\.key))
    func ownProperty(key: String) throws {
        let setting = try #require(ConfigurationSetting.named(key))
        let text = try #require(Self.others[key])
        let before = try ConfigurationTestSupport.load()
        var after = before
        try setting.decode(.text(text), &after)
        #expect(setting.text(after) == text)
        let changed = zip(Mirror(reflecting: before).children, Mirror(reflecting: after).children).filter {
            "\($0.value)" != "\($1.value)"
        }
        #expect(changed.map { $0.0.label } == [Self.camelCase(key)])
    }

    @Test("The same settings are reached by variable as by flag")
    func byEnvironment() throws {
        var environment: [String: String] = [:]
        for setting in ConfigurationSetting.all { environment[setting.environmentName] = Self.others[setting.key] }
        let configuration = try ConfigurationTestSupport.load(environment: environment)
        for value in configuration.listing() { #expect(value.value == Self.others[value.key]) }
    }

    @Test("docs/configuration.md holds the table as it is generated")
    func documentation() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let file = try SystemConfigurationHost().readFile("\(root)/docs/configuration.md", maximumBytes: 1 << 20)
        let text = try #require(String(validating: file.bytes, as: UTF8.self))
        let begin = try #require(text.firstRange(of: ConfigurationReference.beginMarker + "\n"))
        let end = try #require(text.firstRange(of: ConfigurationReference.endMarker))
        #expect(text[begin.upperBound..<end.lowerBound] == ConfigurationReference.markdown())
    }

    @Test("The examples of docs/configuration.md are valid configurations")
    func examples() throws {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let file = try SystemConfigurationHost().readFile("\(root)/docs/configuration.md", maximumBytes: 1 << 20)
        let text = try #require(String(validating: file.bytes, as: UTF8.self))
        let blocks = text.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
        #expect(blocks.count >= 2)
        for block in blocks { #expect(ConfigurationTestSupport.problems(yaml: String(block)) == []) }
    }
}
