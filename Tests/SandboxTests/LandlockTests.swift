import CLinux
import Glibc
import Linux
import Testing

@testable import Sandbox

@Suite("Landlock")
struct LandlockTests {
    private typealias Access = Landlock.Access

    private static let trees = ["/usr", "/opt"]

    /// What a domain may do at a path: the union of the rules on it and above it.
    private func rights(_ domain: Landlock.Domain, _ path: String) -> Access {
        Landlock.rules(domain, trees: Self.trees).reduce(into: Access()) { rights, rule in
            if rule.0 == "/" || path == rule.0 || path.hasPrefix(rule.0 + "/") { rights.formUnion(rule.1) }
        }
    }

    @Test("The agent's domain reaches neither git's directory, nor the import's, nor the handover")
    func agentIsKeptOut() {
        for path in ["/git", "/git/pristine.git/HEAD", "/import", "/import/own.git", "/handover", "/handover/pack"] {
            #expect(rights(.agent, path) == .readDirectory, "\(path)")
        }
        let named = Set(Landlock.rules(.agent, trees: Self.trees).map(\.0))
        #expect(
            named.isDisjoint(with: [SandboxPath.git, SandboxPath.importing, SandboxPath.handover, "/job", "/private"]))
    }

    @Test("Git's domain reaches nothing that the agent writes")
    func gitIsKeptOut() {
        for path in ["/workspace", "/workspace/.git/config", "/home/agent", "/tmp", "/import", "/handover"] {
            #expect(rights(.git, path) == .readDirectory, "\(path)")
        }
    }

    @Test("The import's domain reaches the work, its own place and no other party's")
    func importingIsKeptOut() {
        for path in ["/git", "/git/pristine.git", "/handover", "/home/agent"] {
            #expect(rights(.importing, path) == .readDirectory, "\(path)")
        }
        for path in ["/workspace", "/import/own.git"] {
            #expect(rights(.importing, path).isSuperset(of: [.writeFile, .readFile]), "\(path)")
        }
    }

    @Test("The system can be read and run by every party, and written by none")
    func systemIsReadOnly() {
        let writing: Access = [.writeFile, .make, .refer, .truncate]
        for domain in [Landlock.Domain.git, .agent, .importing] {
            for path in ["/usr/bin/git", "/opt/tool", "/bin/sh", "/lib64/ld.so"] {
                #expect(rights(domain, path).isSuperset(of: .readExecute), "\(domain), \(path)")
                #expect(rights(domain, path).isDisjoint(with: writing), "\(domain), \(path)")
            }
            #expect(rights(domain, "/etc/passwd") == .read)
            #expect(rights(domain, "/proc/sys/kernel/core_pattern").isDisjoint(with: writing.union(.execute)))
            #expect(rights(domain, "/").isDisjoint(with: writing.union([.readFile, .execute])))
        }
    }

    @Test("No party may make a device, and none may make anything in /dev itself")
    func noDevices() {
        for domain in [Landlock.Domain.git, .agent, .importing] {
            for (path, rights) in Landlock.rules(domain, trees: Self.trees) {
                #expect(rights.isDisjoint(with: .makeDevices), "\(domain), \(path)")
            }
            #expect(rights(domain, "/dev/null").isDisjoint(with: [.make, .execute, .refer]))
        }
    }

    @Test("Each party can write where it works")
    func ownPlaces() {
        let wanted: Access = [.readFile, .writeFile, .readDirectory, .execute, .refer, .truncate]
        for path in ["/workspace/a", "/home/agent/.cache", "/tmp/x", "/dev/shm/sem"] {
            #expect(rights(.agent, path).isSuperset(of: wanted), "\(path)")
        }
        #expect(rights(.git, "/git/pristine.git").isSuperset(of: wanted))
    }

    @Test("Rights above the kernel's ABI are masked out of what is handled")
    func masking() {
        #expect(Access.handled(abi: 1).rawValue == 0x1fff)
        #expect(Access.handled(abi: 1).isDisjoint(with: [.refer, .truncate, .deviceIoctl]))
        #expect(Access.handled(abi: 2) == Access.handled(abi: 1).union(.refer))
        #expect(Access.handled(abi: 3) == Access.handled(abi: 2).union(.truncate))
        #expect(Access.handled(abi: 4) == Access.handled(abi: 3))
        #expect(Access.handled(abi: 5) == Access.handled(abi: 4).union(.deviceIoctl))
        #expect(Access.handled(abi: 99) == Access.handled(abi: 5))
        for domain in [Landlock.Domain.git, .agent, .importing] {
            for (path, rights) in Landlock.rules(domain, trees: Self.trees) {
                #expect(Access.handled(abi: 5).isSuperset(of: rights), "\(path) asks for what no ABI handles")
            }
        }
    }

    @Test("What an older ABI lacks is named, and a newer one lacks less")
    func lacking() {
        #expect(Landlock.lacking(abi: 6).isEmpty)
        #expect(Landlock.lacking(abi: 7).isEmpty)
        #expect(Landlock.lacking(abi: 5).count == 1)
        #expect(Landlock.lacking(abi: 4).count == 2)
        #expect(Landlock.lacking(abi: 2).count == 3)
        #expect(Landlock.lacking(abi: 1).count == 4)
        #expect(Landlock.lacking(abi: 4).contains { $0.contains("ABI 5") })
        for abi in 1..<6 {
            #expect(Set(Landlock.lacking(abi: abi + 1)).isStrictSubset(of: Landlock.lacking(abi: abi)) || abi == 3)
        }
    }

    @Test("The kernel takes the ruleset of every domain, whatever of its paths exists here")
    func rulesetsLoad() throws {
        for domain in [Landlock.Domain.git, .agent, .importing] {
            let ruleset = try Landlock.ruleset(domain, trees: ["/usr", "/no/such/tree", "/etc/passwd"])
            #expect((ruleset == nil) == (Landlock.abi() == 0))
        }
    }

    @Test("A tree that cannot be opened is named")
    func badTree() throws {
        guard Landlock.abi() > 0 else { return }
        #expect {
            _ = try Landlock.ruleset(.agent, trees: ["/etc/passwd/below"])
        } throws: { error in
            (error as? SystemError)?.subject == "/etc/passwd/below"
        }
    }
}
