import CLinux
import Glibc
import Linux

/// Applies a policy to the calling process, which must be a fresh pid 1 of its own namespaces, and reads back what
/// holds. The order is the design's; each step says why it stands where it does.
public enum Sandbox {
    /// Must hold before anything is done: see `Namespaces`.
    /// - Throws: `SandboxError`
    public static func requireOwnNamespaces(_ policy: SandboxPolicy) throws {
        _ = try Namespaces.requireOwn(outside: policy.outsideNamespaces)
    }

    /// - Returns: every layer as it was read back.
    /// - Throws: `SandboxError` or `SystemError`; the caller must then end.
    public static func enter(_ policy: SandboxPolicy, filters: Descriptor) throws -> [Layer] {
        // First of all: nothing below may ever be done to the host.
        var layers = try Namespaces.requireOwn(outside: policy.outsideNamespaces)
        let split = uidSplit(policy.identities)
        try require(split, policy, remedy: "Start the supervisor as root, so that the spawner may map a range of uids")
        layers.append(split)
        try check("sethostname") { bh_sethostname("bulkhead") }
        try check("loopback up") { bh_loopback_up() }

        var root = Root(policy: policy)
        do {
            try root.build()
        } catch let error as SystemError {
            throw SandboxError("root", "\(error)", remedy: Sandbox.rootRemedy(error))
        }
        // Needs /proc of this namespace and CAP_SYS_RESOURCE over it: after the mounts, before the capabilities go.
        layers.append(try forbidNestedNamespaces(policy))
        layers.append(try policy.limits.apply())
        try dropPrivileges(policy)
        // What it protects are this process's memory and /proc entries; a change of uid would have reset it.
        try check("PR_SET_DUMPABLE") { bh_set_dumpable(0) }
        // The spawner's end is the job's end. A change of uid clears it, so it is set after the last one.
        try check("PR_SET_PDEATHSIG") { bh_set_parent_death_signal(SIGKILL) }
        try check("PR_SET_NO_NEW_PRIVS") { bh_set_no_new_privs() }
        // Last, because everything above needs calls that the filters refuse.
        try SeccompFilters.load(from: filters)
        layers += try Verification.read(policy, mountPoints: root.mountPoints)
        for layer in layers {
            try require(layer, policy, remedy: "Run a kernel with Landlock in its lsm= list (Debian 12's has it)")
        }
        return layers
    }

    private static func uidSplit(_ ids: Identities) -> Layer {
        ids.isSplit
            ? Layer("uid split", .on, "worker \(ids.worker), git \(ids.git), agent \(ids.agent)")
            : Layer("uid split", .missing, "worker, git and agent share one uid")
    }

    private static func require(_ layer: Layer, _ policy: SandboxPolicy, remedy: String) throws {
        guard policy.strict, layer.state == .missing else { return }
        throw SandboxError(layer.name, layer.detail, remedy: remedy + ", or set isolation: available")
    }

    private static func rootRemedy(_ error: SystemError) -> String {
        switch (error.call, error.code) {
        case ("mount proc", EPERM):
            "A container hides parts of its own /proc and the kernel then refuses a fresh one: run Bulkhead on the host, or give the container an unmasked /proc"
        case (_, EPERM), (_, EACCES):
            "The kernel refused a mount in a user namespace: check AppArmor and sysctl kernel.unprivileged_userns_clone"
        case (_, ENOSYS): "This kernel is older than 5.12, which Bulkhead needs"
        default: "Check that the directories of sandbox.trees exist and are readable"
        }
    }

    private static func forbidNestedNamespaces(_ policy: SandboxPolicy) throws -> Layer {
        let path = "/proc/sys/user/max_user_namespaces"
        do {
            try Descriptor.open(path, O_WRONLY).writeAll(Array("0\n".utf8))
            guard readText(path)?.first == "0" else { throw SystemError("write", path, code: EPERM) }
            return Layer("no nested namespaces", .on, "max_user_namespaces 0, and refused by seccomp")
        } catch let error as SystemError {
            return Layer("no nested namespaces", .partial, "refused by seccomp only: \(error)")
        }
    }

    private static func dropPrivileges(_ policy: SandboxPolicy) throws {
        // Before the first setresuid: without NO_SETUID_FIXUP that would clear the effective set, and the securebits
        // could no longer be set.
        try check("PR_SET_SECUREBITS") { bh_set_securebits(Capabilities.lockedSecurebits) }
        try Capabilities.emptyBounding()
        try check("PR_CAP_AMBIENT_CLEAR_ALL") { bh_ambient_clear() }
        let ids = policy.identities
        if ids.isSplit {
            try check("setgroups") { bh_setgroups_none() }
            try check("setresgid") { bh_setresgid(ids.worker, ids.worker, ids.worker) }
            try check("setresuid") { bh_setresuid(ids.worker, ids.worker, ids.worker) }
        }
        // With one uid there is no other party to become or to kill: nothing is kept.
        let kept = ids.isSplit ? Capabilities.workerMask : 0
        try check("capset") { bh_capset(kept, kept, 0) }
    }
}
