import Testing

@testable import Supervisor

@Suite("Settings are checked against each other")
struct ConfigurationChecksTests {
    private func problems(_ flags: [String: String]) -> [String] { ConfigurationTestSupport.problems(flags: flags) }

    private func expectProblem(_ flags: [String: String], _ message: String) {
        let found = problems(flags)
        #expect(found.count == 1 && found.first?.contains(message) == true, "\(found)")
    }

    @Test("A socket path has fewer than 100 bytes", arguments: ["socket", "spawner-socket"])
    func socketLength(key: String) {
        let path = "/run/" + String(repeating: "x", count: 94)
        #expect(problems([key: path]) == [])
        expectProblem([key: path + "x"], "100 bytes, wanted fewer than 100")
    }

    @Test("The two sockets are not one")
    func sameSocket() {
        expectProblem(["socket": "/run/a", "spawner-socket": "/run/a"], "same path")
    }

    @Test("The uid range is a multiple of four, enough for the slots, and holds no account of the service")
    func uidRange() {
        #expect(problems(["uid-range.first": "100000", "uid-range.count": "16"]) == [])
        expectProblem(["uid-range.first": "100000", "uid-range.count": "18"], "multiple of 4")
        expectProblem(["uid-range.first": "100000", "uid-range.count": "12"], "4 slots need at least 16")
        expectProblem(["uid-range.first": "100000"], "uid-range.count is 0")
        expectProblem(["uid-range.count": "16"], "uid-range.first is 0")
        expectProblem(["uid-range.first": "4294967290", "uid-range.count": "16"], "wanted at most 4294967294")
        let found = problems(["uid-range.first": "980", "uid-range.count": "16"])
        #expect(found.contains { $0.contains("system account") } && found.contains { $0.contains("uid 990") })
    }

    @Test("A low uid range is a warning")
    func lowRange() throws {
        let configuration = try ConfigurationTestSupport.load(
            flags: ["uid-range.first": "2000", "uid-range.count": "16"])
        #expect(configuration.warnings.count == 1)
    }

    @Test("A check is left out where a value that it needs was refused")
    func noFollowingProblems() {
        expectProblem(["uid-range.first": "100000", "uid-range.count": "x"], "wanted an integer")
        expectProblem(["uid-range.first": "100000", "uid-range.count": "4", "slots": "0"], "out of bounds")
    }

    @Test(
        "A tree that shows the host is refused",
        arguments: [
            ("/", "whole host"), ("/proc", "in /proc"), ("/sys/fs", "in /sys"), ("/dev", "in /dev"),
            ("/run/user", "in /run"), ("/var/run/x", "in /var/run"), ("", "empty list"),
            ("usr", "wanted an absolute path"), ("/usr/../etc", "wanted an absolute path"),
            ("/usr/", "wanted an absolute path"), ("/usr//lib", "wanted an absolute path"),
            ("/usr/./lib", "wanted an absolute path"), ("/usr::/opt", "wanted an absolute path"),
        ])
    func trees(tree: String, message: String) {
        expectProblem(["sandbox.trees": tree], message)
    }

    @Test("/etc is refused for the host's secrets and for the configuration in it")
    func etc() {
        #expect(problems(["sandbox.trees": "/etc"]).count == 2)
    }

    @Test(
        "A tree that people keep files in is a warning", arguments: ["/home", "/home/ci/tools", "/srv/x", "/etc/ssl"])
    func riskyTrees(tree: String) throws {
        let configuration = try ConfigurationTestSupport.load(flags: ["sandbox.trees": "/usr:\(tree)"])
        #expect(configuration.warnings.count == 1)
        #expect(configuration.warnings.first?.contains("\"\(tree)\"") == true)
    }

    @Test("A tree that is usual for tools is no warning; its name may begin like a risky one")
    func fineTrees() throws {
        let trees = "/usr:/opt/tools:/nix/store:/home2:/runtime:/process"
        #expect(try ConfigurationTestSupport.load(flags: ["sandbox.trees": trees]).warnings.isEmpty)
    }

    @Test("No tree shows the state, a socket or the configuration")
    func hiddenPlaces() {
        expectProblem(["state-directory": "/opt/b/state", "sandbox.trees": "/opt"], "show a job the state directory")
        expectProblem(["state-directory": "/opt/b", "sandbox.trees": "/opt/b/tools"], "show a job the state directory")
        expectProblem(["socket": "/opt/b/s", "sandbox.trees": "/opt/b"], "show a job the socket")
        expectProblem(["spawner-socket": "/opt/b/s", "sandbox.trees": "/opt/b"], "show a job the spawner's socket")
        expectProblem(["sandbox.trees": "/etc/bulkhead"], "show a job the configuration")
    }

    @Test("Other contradictions are found")
    func others() throws {
        expectProblem(["sandbox.path": ""], "at least one directory")
        let root = problems(["state-directory": "/"])
        #expect(root.contains { $0.contains("cannot be the state directory") })
        let idle = try ConfigurationTestSupport.load(flags: ["limits.idle-output": "2h"])
        #expect(idle.warnings.first?.contains("no effect") == true)
    }

    @Test("A relaxed isolation is warned of, with what set it")
    func relaxation() throws {
        let configuration = try ConfigurationTestSupport.load(yaml: "isolation: available\n")
        #expect(configuration.warnings.count == 1)
        #expect(configuration.warnings.first?.contains("/etc/bulkhead/bulkhead.yaml:1") == true)
    }

    @Test(
        "Text that a tool could take for something else is refused",
        arguments: [
            ("harness.claude.command", "--help"), ("harness.claude.command", "bin/claude"),
            ("harness.claude.command", "a b"), ("harness.claude.command", ""), ("harness.claude.command", "/a/../b"),
            ("harness.claude.model", "-x"), ("harness.claude.model", "a b"),
            ("harness.claude.permission-mode", "-x"), ("harness.claude.permission-mode", ""),
            ("commit.name", "a<b"), ("commit.name", " a"), ("commit.name", "a\nb"), ("commit.name", ""),
            ("commit.name", "a\u{202e}b"), ("commit.email", "a"), ("commit.email", "a@b@c"), ("commit.email", "@b"),
            ("commit.email", "a>@b"), ("service-user", "1000"), ("service-user", "-x"), ("service-user", "a b"),
            ("socket-group", ""), ("state-directory", "/a:b"), ("state-directory", "/a\nb"), ("state-directory", ""),
            ("state-directory", "/" + String(repeating: "x", count: 256)),
        ])
    func unsafeText(key: String, text: String) {
        #expect(problems([key: text]).count == 1)
    }

    @Test(
        "Text that is in use is accepted",
        arguments: [
            ("harness.claude.command", "/opt/claude/bin/claude"), ("harness.claude.model", "claude-sonnet-4-5[1m]"),
            ("harness.claude.model", ""), ("commit.name", "Ada Lovelace, née Byron"),
            ("commit.email", "1+bot@users.noreply.example.org"), ("service-user", "_ci-runner.2"),
            ("spawner-socket", ""),
        ])
    func safeText(key: String, text: String) throws {
        let configuration = try ConfigurationTestSupport.load(flags: [key: text])
        #expect(configuration.listing().first { $0.key == key }?.value == text)
    }
}
