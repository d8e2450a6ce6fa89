import Testing

@testable import Supervisor

@Suite("Where the value of a setting comes from")
struct ConfigurationPrecedenceTests {
    private func host() -> FakeConfigurationHost {
        var host = FakeConfigurationHost()
        host.add("/etc/bulkhead/bulkhead.yaml", "\nslots: 5\n")
        host.add("/etc/bulkhead/conf.d/10-a.yaml", "slots: 6\n")
        host.add("/etc/bulkhead/conf.d/20-b.yaml", "slots: 7\n")
        host.add("/etc/bulkhead/.env", "# local\nBULKHEAD_SLOTS=8\n")
        return host
    }

    @Test("Each source wins over those below it, and the origin names it")
    func precedence() throws {
        var host = host()
        var sources = ConfigurationSources(
            flags: ["slots": "10"], environment: ["BULKHEAD_SLOTS": "9"], userID: 0, host: host)
        let expected: [(Int, Origin, String)] = [
            (10, .flag("slots"), "flag --slots"),
            (9, .environment("BULKHEAD_SLOTS"), "environment BULKHEAD_SLOTS"),
            (8, .dotEnv(file: "/etc/bulkhead/.env", line: 2), "/etc/bulkhead/.env:2"),
            (7, .file("/etc/bulkhead/conf.d/20-b.yaml", line: 1), "/etc/bulkhead/conf.d/20-b.yaml:1"),
            (6, .file("/etc/bulkhead/conf.d/10-a.yaml", line: 1), "/etc/bulkhead/conf.d/10-a.yaml:1"),
            (5, .file("/etc/bulkhead/bulkhead.yaml", line: 2), "/etc/bulkhead/bulkhead.yaml:2"),
            (4, .defaultValue, "default"),
        ]
        for (step, (slots, origin, description)) in expected.enumerated() {
            let configuration = try Configuration.load(sources)
            #expect(configuration.slots == slots)
            #expect(configuration.origins["slots"] == origin)
            #expect(configuration.origins["slots"]?.description == description)
            switch step {
            case 0: sources.flags = [:]
            case 1: sources.environment = [:]
            case 2: host.files["/etc/bulkhead/.env"] = nil
            case 3: host.files["/etc/bulkhead/conf.d/20-b.yaml"] = nil
            case 4: host.files["/etc/bulkhead/conf.d/10-a.yaml"] = nil
            default: host.files["/etc/bulkhead/bulkhead.yaml"] = nil
            }
            sources.host = host
        }
    }

    @Test("A file of --config is read alone, with the .env beside it")
    func explicitFile() throws {
        var host = host()
        host.add("/srv/b/my.yaml", "queue-limit: 20\n")
        host.add("/srv/b/.env", "BULKHEAD_LOG_LEVEL=debug\n")
        host.add("/srv/b/conf.d/1.yaml", "queue-limit: 30\n")
        let configuration = try Configuration.load(
            ConfigurationSources(configFile: "/srv/b/my.yaml", environment: [:], userID: 0, host: host))
        #expect(configuration.slots == 4)
        #expect(configuration.queueLimit == 20)
        #expect(configuration.logLevel == .debug)
    }

    @Test("A missing file of --config is an error; missing usual files are none")
    func missingFiles() throws {
        let host = FakeConfigurationHost()
        _ = try Configuration.load(ConfigurationSources(environment: [:], userID: 0, host: host))
        let problems = ConfigurationTestSupport.problems(
            ConfigurationSources(configFile: "/srv/none.yaml", environment: [:], userID: 0, host: host))
        #expect(problems == ["/srv/none.yaml: there is no such file; name one that exists"])
    }

    @Test("Root and the service user get the places of the system", arguments: [UInt32(0), 990])
    func systemPlaces(userID: UInt32) throws {
        let configuration = try Configuration.load(
            ConfigurationSources(environment: ["HOME": "/home/x"], userID: userID, host: host()))
        #expect(configuration.slots == 8)
        #expect(configuration.stateDirectory == "/var/lib/bulkhead")
        #expect(configuration.socket == "/run/bulkhead/supervisor.sock")
    }

    @Test("A user gets the XDG directories, and those below the home directory where a variable is unset or relative")
    func userPlaces() throws {
        var host = host()
        host.add("/x/config/bulkhead/bulkhead.yaml", "slots: 2\n", owner: 1000)
        host.add("/home/u/.config/bulkhead/bulkhead.yaml", "slots: 3\n", mode: 0o664, owner: 1000)
        host.homes[1000] = "/home/u"
        var sources = ConfigurationSources(
            environment: [
                "XDG_CONFIG_HOME": "/x/config", "XDG_STATE_HOME": "/x/state/", "XDG_RUNTIME_DIR": "/run/user/1000",
            ], userID: 1000, host: host)
        var configuration = try Configuration.load(sources)
        #expect(configuration.slots == 2)
        #expect(configuration.stateDirectory == "/x/state/bulkhead")
        #expect(configuration.socket == "/run/user/1000/bulkhead/supervisor.sock")

        sources.environment = ["XDG_CONFIG_HOME": "x/config"]
        configuration = try Configuration.load(sources)
        #expect(configuration.slots == 3)
        #expect(configuration.stateDirectory == "/home/u/.local/state/bulkhead")
        #expect(configuration.socket == "/home/u/.local/state/bulkhead/supervisor.sock")
    }

    @Test("A user without a home directory is told so once")
    func noHome() {
        let problems = ConfigurationTestSupport.problems(
            ConfigurationSources(environment: [:], userID: 1000, host: FakeConfigurationHost()))
        #expect(problems.count == 1)
        #expect(problems.first?.contains("set HOME or BULKHEAD_STATE_DIRECTORY") == true)
    }

    @Test("A value that loses is checked all the same")
    func loserIsChecked() {
        let problems = ConfigurationTestSupport.problems(yaml: "slots: 0\n", flags: ["slots": "3"])
        #expect(problems == ["/etc/bulkhead/bulkhead.yaml:1: slots: 0 is out of bounds; it must be 1 to 256"])
    }

    @Test("An unknown BULKHEAD_ variable is a warning with the nearest name")
    func unknownVariable() throws {
        let configuration = try ConfigurationTestSupport.load(environment: ["BULKHEAD_SLOT": "3", "OTHER": "x"])
        #expect(configuration.slots == 4)
        #expect(configuration.warnings.count == 1)
        #expect(configuration.warnings.first?.contains("did you mean BULKHEAD_SLOTS?") == true)
    }

    @Test("Variables that other programs read are no mistake")
    func othersVariables() throws {
        let configuration = try ConfigurationTestSupport.load(environment: [
            "BULKHEAD_SOCKET": "/run/x.sock", "BULKHEAD_CONFIG": "/x", "BULKHEAD_MUST_SANDBOX": "1",
            "BULKHEAD_CANARY_TOKEN": "x",
        ])
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.socket == "/run/x.sock")
    }

    @Test("An unknown flag is an error with the nearest key")
    func unknownFlag() {
        #expect(
            ConfigurationTestSupport.problems(flags: ["limits.wallclock": "1h"]) == [
                "unknown setting \"limits.wallclock\" on the command line; did you mean \"limits.wall-clock\"?"
            ])
    }

    @Test("All problems of all sources are reported at once")
    func allProblems() {
        let problems = ConfigurationTestSupport.problems(
            yaml: "slots: no\nqueue-limit: 0\n", environment: ["BULKHEAD_LIMITS_LINE": "1MiB"],
            flags: ["log-level": "loud"])
        #expect(
            problems == [
                "/etc/bulkhead/bulkhead.yaml:1: slots: found the boolean no, wanted an integer in plain digits",
                "/etc/bulkhead/bulkhead.yaml:2: queue-limit: 0 is out of bounds; it must be 1 to 1000000",
                "BULKHEAD_LIMITS_LINE: 1MiB is out of bounds; it must be 1KiB to 256KiB",
                "flag --log-level: found text \"loud\", wanted one of trace, debug, info, notice, warning, error",
            ])
    }
}
