import CLinux
import Glibc
import Linux
import Testing

@testable import Sandbox

@Suite("Sandbox policy")
struct SandboxPolicyTests {
    private func policy(_ outside: [String: String] = [:]) -> SandboxPolicy {
        SandboxPolicy(
            strict: true, identities: Identities(worker: 1, git: 2, agent: 3), trees: ["/usr"], writableBytes: 1 << 20,
            writableFiles: 64, limits: ResourceLimits(processes: 64, openFiles: 64, fileSize: 1 << 20),
            outsideNamespaces: outside)
    }

    @Test("A process that is not pid 1 of its own namespace is refused before anything is touched")
    func refusesOutside() throws {
        try #require(getpid() != 1)
        for outside in [[:], Dictionary(uniqueKeysWithValues: Namespaces.names.map { ($0, "\($0):[1]") })] {
            #expect {
                _ = try Namespaces.requireOwn(outside: outside)
            } throws: { error in
                guard let error = error as? SandboxError else { return false }
                return error.layer == "namespaces" && "\(error)".contains("started by bulkhead-spawner")
            }
            #expect(throws: SandboxError.self) { try Sandbox.requireOwnNamespaces(policy(outside)) }
        }
    }

    @Test("Entering from a process that is not confined changes nothing of it")
    func enterRefuses() throws {
        let before = try readFile("/proc/self/mountinfo")
        let filters = try Descriptor.sealed("filters", try SeccompFilters.compile())
        #expect(throws: SandboxError.self) { try Sandbox.enter(policy(), filters: filters) }
        #expect(try readFile("/proc/self/mountinfo") == before)
        #expect(bh_get_seccomp_mode() == 0)
        #expect(bh_get_no_new_privs() == 0)
    }

    @Test("Seven namespaces are compared, each by the kernel's own name")
    func namespaceNames() throws {
        let current = try Namespaces.current()
        #expect(Set(current.keys) == ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"])
        for (name, value) in current {
            #expect(value.hasPrefix("\(name):[") && value.hasSuffix("]"), "\(value)")
        }
    }

    @Test("Parties count as split only if all three ids differ")
    func splitIdentities() {
        #expect(Identities(worker: 1, git: 2, agent: 3).isSplit)
        #expect(!Identities(worker: 3, git: 3, agent: 3).isSplit)
        #expect(!Identities(worker: 1, git: 1, agent: 3).isSplit)
        #expect(!Identities(worker: 1, git: 3, agent: 3).isSplit)
        #expect(!Identities(worker: 3, git: 2, agent: 3).isSplit)
    }

    @Test("An error says which layer, what happened and what to do")
    func errorTexts() {
        let error = SandboxError("landlock", "this kernel has none", remedy: "Boot another kernel")
        #expect("\(error)" == "landlock: this kernel has none. Boot another kernel")
    }

    @Test("A filter image that is cut short, too long or of another shape is refused before anything is loaded")
    func malformedImages() throws {
        let image = try SeccompFilters.compile()
        let huge: [UInt8] = [0xff, 0xff, 0xff, 0xff]
        for bytes in [
            [], [1], huge, [0, 0, 0, 0], Array(image.dropLast()), Array(image.prefix(image.count / 2)), image + [0],
        ] {
            let file = try Descriptor.sealed("filters", bytes)
            #expect {
                try SeccompFilters.load(from: file)
            } throws: { error in
                (error as? SandboxError)?.layer == "seccomp"
            }
        }
        #expect(bh_get_seccomp_mode() == 0)
    }

    @Test("Limits are kept below the inherited ones, read back, and leave the address space alone")
    func resourceLimits() throws {
        var space: (UInt64, UInt64) = (0, 0)
        try check("getrlimit") { bh_get_rlimit(9, &space.0, &space.1) }
        var files: (UInt64, UInt64) = (0, 0)
        try check("getrlimit") { bh_get_rlimit(7, &files.0, &files.1) }
        // As high as they go: this process runs on, and only what is always 0 (core, nice …) is lost to it.
        let layer = try ResourceLimits(processes: .max, openFiles: .max, fileSize: .max).apply()
        #expect(layer.state == .on)
        #expect(layer.detail.contains("core 1"))
        #expect(layer.detail.contains("open files \(files.1)"))
        var after: (UInt64, UInt64) = (0, 0)
        try check("getrlimit") { bh_get_rlimit(7, &after.0, &after.1) }
        #expect(after == (files.1, files.1))
        try check("getrlimit") { bh_get_rlimit(4, &after.0, &after.1) }
        #expect(after == (1, 1), "0 would let a piped core_pattern run its helper")
        try check("getrlimit") { bh_get_rlimit(9, &after.0, &after.1) }
        #expect(after == space)
    }

    @Test("The paths of the three parties do not lie within each other")
    func pathsAreApart() {
        let paths = [
            SandboxPath.workspace, SandboxPath.agentHome, SandboxPath.temporary, SandboxPath.git, SandboxPath.importing,
            SandboxPath.handover, SandboxPath.agentStore, SandboxPath.privateStore,
        ]
        for one in paths {
            for other in paths where one != other { #expect(!one.hasPrefix(other + "/"), "\(one) in \(other)") }
        }
    }

    @Test("What the worker keeps is SETUID, SETGID and KILL, and the securebits are locked")
    func keptPrivileges() {
        #expect(Capabilities.workerMask == 0b1110_0000)
        // NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE with their locks; KEEP_CAPS locked off.
        #expect(Capabilities.lockedSecurebits == 0b1110_1111)
    }
}
