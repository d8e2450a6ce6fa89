import Glibc
import IPC
import Linux
import Testing

@testable import Supervisor

@Suite("Doctor")
struct DoctorTests {
    private let directory: TemporaryDirectory
    private let account = ServiceAccount(uid: geteuid(), gid: getegid(), firstJobUID: nil)
    private let places: Places
    private let configuration: Configuration

    init() throws {
        directory = try TemporaryDirectory()
        var configuration = try ConfigurationTestSupport.load(
            flags: ["state-directory": directory.path + "/state", "socket": directory.path + "/s.sock"])
        configuration.socketGroup = "bulkhead-no-such-group"
        self.configuration = configuration
        try Places.makeState(directory.path + "/state", account: account)
        places = try Places(configuration, account: account)
    }

    private func abilities(
        tier: String = "multi-uid", first: Int64 = 1_900_001_000, problem: String? = nil, unusable: Bool = false,
        layers: [(String, String)] = [("seccomp", "on"), ("landlock", "on")]
    ) throws -> SpawnerClient.Abilities {
        let json = JSON.array(
            layers.map { ["name": .string($0.0), "state": .string($0.1), "detail": "what was found"] })
        return SpawnerClient.Abilities(
            tier: tier, firstUID: first, problem: problem, unusable: unusable,
            layers: try json.decode([JobInfo.Isolation.Layer].self))
    }

    private func report(
        _ abilities: SpawnerClient.Abilities?, isolation: Configuration.Isolation = .strict, path: [String]? = nil
    ) -> DoctorReport {
        var configuration = configuration
        configuration.isolation = isolation
        if let path { configuration.sandboxPath = path }
        let report = Doctor(configuration: configuration, abilities: abilities, places: places, account: account)
            .report()
        #expect(report.ok == !report.checks.contains { $0.state == .failed })
        for check in report.checks where check.state != .ok {
            #expect(check.remedy?.isEmpty == false, "\(check.name) is \(check.state) and says not what to do")
        }
        return report
    }

    private func check(_ report: DoctorReport, _ name: String) throws -> DoctorReport.Check {
        try #require(report.checks.first { $0.name == name }, "there is no check \(name)")
    }

    @Test("A host with everything has no failure in its layers, ids, state and socket")
    func healthy() throws {
        let report = report(try abilities())
        for name in ["kernel", "layer: seccomp", "layer: landlock", "tier", "uid range", "state directory", "socket"] {
            #expect(try check(report, name).state == .ok, "\(name)")
        }
        #expect(!report.checks.contains { $0.name == "spawner" })
    }

    @Test("A spawner that has not reported is a failure")
    func noSpawner() throws {
        let report = report(nil)
        #expect(!report.ok)
        #expect(try check(report, "spawner").state == .failed)
        #expect(!report.checks.contains { $0.name == "tier" })
    }

    @Test("A host where no worker can be forked is told why")
    func unusable() throws {
        let report = report(try abilities(tier: "single-uid", problem: "clone3: no", unusable: true, layers: []))
        #expect(try check(report, "namespaces").state == .failed)
        #expect(try check(report, "namespaces").detail == "clone3: no")
        #expect(try check(report, "namespaces").remedy?.contains("user namespaces") == true)
    }

    @Test("A missing layer fails in strict mode and warns in the other; a partial one warns in both")
    func layers() throws {
        let some = try abilities(layers: [("landlock", "missing"), ("cgroup limits", "partial"), ("seccomp", "on")])
        let strict = report(some)
        #expect(!strict.ok)
        #expect(try check(strict, "layer: landlock").state == .failed)
        #expect(try check(strict, "layer: landlock").remedy?.contains("lsm=") == true)
        #expect(try check(strict, "layer: cgroup limits").state == .warning)
        #expect(try check(strict, "layer: seccomp").state == .ok)
        let available = report(some, isolation: .available)
        #expect(try check(available, "layer: landlock").state == .warning)
        #expect(try check(available, "layer: cgroup limits").state == .warning)
    }

    @Test("One uid for all jobs fails in strict mode and warns in the other")
    func singleUID() throws {
        let single = try abilities(tier: "single-uid", problem: "not started as root")
        #expect(try check(report(single), "tier").state == .failed)
        let available = report(single, isolation: .available)
        #expect(try check(available, "tier").state == .warning)
        #expect(try check(available, "uid mapping").detail == "not started as root")
    }

    @Test("An account of the host within the jobs' range is named")
    func accountInRange() throws {
        let fields = (readText("/etc/passwd") ?? "").split(separator: "\n")
            .map { $0.split(separator: ":", omittingEmptySubsequences: false) }
        let other = try #require(fields.first { $0.count > 2 && (Int64($0[2]) ?? 0) > 16 })
        let uid = try #require(Int64(other[2]))
        for first in [uid, uid - 15] {
            let range = try check(report(try abilities(first: first)), "uid range")
            #expect(range.state == .failed)
            #expect(range.detail.contains(String(other[0])))
        }
        let above = try check(report(try abilities(first: 1_900_001_000)), "uid range")
        #expect(above.detail.hasPrefix("1900001000 to 1900001015"))
    }

    @Test("git, tar and a shell are needed; claude is not")
    func tools() throws {
        let none = report(try abilities(), path: [directory.path])
        for tool in ["git", "tar", "sh"] { #expect(try check(none, "tool: \(tool)").state == .failed, "\(tool)") }
        #expect(try check(none, "tool: claude").state == .warning)
        let usual = report(try abilities(), path: ["/usr/local/bin", "/usr/bin", "/bin"])
        #expect(try check(usual, "tool: git").state == .ok)
        #expect(try check(usual, "tool: git").detail.contains("(git version "))
        #expect(try check(usual, "tool: sh").state == .ok)
    }

    @Test("A state directory that others may enter fails")
    func openState() throws {
        try Linux.check("chmod") { chmod(places.state, 0o750) }
        #expect(try check(report(try abilities()), "state directory").state == .failed)
    }

    @Test("A socket that everybody may use fails")
    func openSocket() throws {
        #expect(try check(report(try abilities()), "socket").state == .ok)
        try Linux.check("chmod") { chmod(places.socket, 0o666) }
        #expect(try check(report(try abilities()), "socket").state == .failed)
    }

    @Test("A socket or a state directory that is gone is told with its remedy")
    func gone() throws {
        unlink(places.socket)
        #expect(try check(report(try abilities()), "socket").state == .warning)
        rmdir(places.state)
        #expect(try check(report(try abilities()), "state directory").state == .failed)
    }

    @Test(
        "Every layer that a worker reports has a remedy",
        arguments: ["uid split", "landlock", "cgroup limits", "seccomp", "?"])
    func remedies(layer: String) {
        #expect(!Doctor.remedy(layer).isEmpty)
    }
}
