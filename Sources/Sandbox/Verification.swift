import CLinux
import Glibc
import Linux

/// Reads back what was applied. A layer that does not read as it was set ends the worker, in strict mode and out of
/// it: only what a host *cannot give* may be missing.
enum Verification {
    /// - Throws: `SandboxError` naming the layer that does not hold.
    static func read(_ policy: SandboxPolicy, mountPoints: Set<String>) throws -> [Layer] {
        [
            try capabilities(policy), try securebits(), try noNewPrivileges(), try dumpable(), try seccomp(),
            try identity(policy), try mounts(mountPoints), try network(), landlock(),
            Layer("cgroup limits", .partial, "resource limits only; no cgroup of the job's own"),
        ]
    }

    private static func failed(_ layer: String, _ found: String) -> SandboxError {
        SandboxError(
            layer, "reads back as \(found)",
            remedy: "This is a fault of Bulkhead or of the kernel: report it with `runnerctl doctor`")
    }

    private static func capabilities(_ policy: SandboxPolicy) throws -> Layer {
        let sets = try Capabilities.read()
        let expected = policy.identities.isSplit ? Capabilities.workerMask : 0
        guard sets.permitted == expected, sets.effective == expected, sets.inheritable == 0 else {
            throw failed("capabilities", "permitted \(String(sets.permitted, radix: 16))")
        }
        guard Capabilities.boundingAndAmbientAreEmpty() else {
            throw failed("capabilities", "not empty in bounding or ambient")
        }
        let kept = expected == 0 ? "none" : "SETUID, SETGID, KILL over the job's own ids"
        return Layer("capabilities", .on, "tools: none in any set; worker: \(kept)")
    }

    private static func securebits() throws -> Layer {
        let bits = bh_get_securebits()
        guard bits == Int32(Capabilities.lockedSecurebits) else { throw failed("securebits", "\(bits)") }
        return Layer("securebits", .on, "0x\(String(bits, radix: 16)), locked")
    }

    private static func noNewPrivileges() throws -> Layer {
        guard bh_get_no_new_privs() == 1 else { throw failed("no_new_privs", "0") }
        return Layer("no_new_privs", .on, "1")
    }

    private static func dumpable() throws -> Layer {
        guard bh_get_dumpable() == 0 else { throw failed("worker memory", "dumpable") }
        return Layer("worker memory", .on, "not dumpable")
    }

    private static func seccomp() throws -> Layer {
        let mode = bh_get_seccomp_mode()
        guard mode == 2 else { throw failed("seccomp", "mode \(mode)") }
        // A call that the policy refuses, with a bad pointer: only the filter answers EPERM before EFAULT.
        guard umount2("", 0) != 0, bh_errno() == EPERM else {
            throw failed("seccomp", "a filter that lets umount2 through")
        }
        return Layer(
            "seccomp", .on, "mode 2: argument rules, then names, ENOSYS otherwise")
    }

    private static func identity(_ policy: SandboxPolicy) throws -> Layer {
        guard getuid() == policy.identities.worker, geteuid() == getuid(), getgid() == policy.identities.worker,
            getuid() != 0
        else {
            throw failed("identity", "uid \(getuid()), gid \(getgid())")
        }
        return Layer("identity", .on, "uid \(getuid()) of the job's namespace")
    }

    private static func mounts(_ expected: Set<String>) throws -> Layer {
        // By bytes: this is on the way of every job's start.
        let table = try readFile("/proc/self/mountinfo")
        var found: Set<String> = []
        for line in table.split(separator: 0x0a) {
            let fields = line.split(separator: 0x20, maxSplits: 6)
            guard fields.count > 5 else { throw failed("mounts", "a line of \(fields.count) fields") }
            let point = String(decoding: fields[4], as: UTF8.self)
            let options = fields[5].split(separator: 0x2c).map { String(decoding: $0, as: UTF8.self) }
            // A mount below a bound tree came with it, read-only.
            guard expected.contains(point) || expected.contains(where: { $0 != "/" && point.hasPrefix($0 + "/") })
            else {
                throw failed("mounts", "\(point), which no policy put there")
            }
            let isWritable =
                SandboxPath.stores.contains(point) || SandboxPath.writable.contains(point) || point.hasPrefix("/dev/")
                || point == "/proc"
            guard isWritable || options.contains("ro") else { throw failed("mounts", "\(point) writable") }
            guard point.hasPrefix("/dev/") || options.contains("nosuid") else {
                throw failed("mounts", "\(point) without nosuid")
            }
            found.insert(point)
        }
        guard expected.isSubset(of: found) else {
            throw failed("mounts", "without \(expected.subtracting(found).sorted())")
        }
        return Layer("root", .on, "read-only memory file system, \(found.count) mounts, old root detached")
    }

    private static func network() throws -> Layer {
        let table = String(decoding: try readFile("/proc/self/net/dev"), as: UTF8.self)
        let devices = table.split(separator: "\n").dropFirst(2).compactMap { $0.split(separator: ":").first }
            .map { $0.drop { $0 == " " } }
        // Tunnel templates (sit0, tunl0 …) appear in every namespace where their module is loaded; they are down.
        guard devices.contains("lo") else { throw failed("network", "no loopback") }
        return Layer("network", .on, "loopback only (\(devices.joined(separator: ", ")))")
    }

    private static func landlock() -> Layer {
        let abi = Landlock.abi()
        if abi == 0 { return Layer("landlock", .missing, "this kernel has no Landlock") }
        let lacking = Landlock.lacking(abi: abi)
        return lacking.isEmpty
            ? Layer("landlock", .on, "ABI \(abi), a domain for each phase")
            : Layer(
                "landlock", .partial, "ABI \(abi), a domain for each phase; lacks \(lacking.joined(separator: ", "))")
    }
}

extension SandboxPath {
    /// The two writable memory file systems: the agent's, and the one that publishing needs even when the agent filled
    /// its own.
    static let agentStore = "/job"
    static let privateStore = "/private"
    static let stores: Set<String> = [agentStore, privateStore]
    /// The places in them.
    static let writable: Set<String> = [workspace, agentHome, temporary, "/dev/shm", git, importing, handover]
}
