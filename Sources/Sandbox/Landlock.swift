import CLinux
import Glibc
import Linux

/// Landlock domains: what a tool of one phase may do to files, whatever its uid would allow.
public enum Landlock {
    /// Access rights to files (linux/landlock.h); each with the ABI that brought it.
    struct Access: OptionSet {
        let rawValue: UInt64
        static let execute = Access(rawValue: 1 << 0)
        static let writeFile = Access(rawValue: 1 << 1)
        static let readFile = Access(rawValue: 1 << 2)
        static let readDirectory = Access(rawValue: 1 << 3)
        static let make = Access(rawValue: 0x1FF0)  // remove and make of every kind
        static let makeDevices = Access(rawValue: 1 << 6 | 1 << 11)
        static let refer = Access(rawValue: 1 << 13)  // ABI 2
        static let truncate = Access(rawValue: 1 << 14)  // ABI 3
        static let deviceIoctl = Access(rawValue: 1 << 15)  // ABI 5

        static let read: Access = [.readFile, .readDirectory]
        static let readExecute: Access = [.readFile, .readDirectory, .execute]
        static let full: Access = [.execute, .writeFile, .read, .make, .refer, .truncate]
        static let onFiles: Access = [.execute, .writeFile, .readFile, .truncate, .deviceIoctl]

        static func handled(abi: Int32) -> Access {
            var rights = Access(rawValue: 0x1FFF)
            if abi >= 2 { rights.insert(.refer) }
            if abi >= 3 { rights.insert(.truncate) }
            if abi >= 5 { rights.insert(.deviceIoctl) }
            return rights
        }
    }

    /// The parties that get a domain of their own.
    public enum Domain: Sendable {
        case git
        case agent
        /// The agent's uid, reading what the agent left: its places, and one that the agent never had.
        case importing
    }

    /// The running kernel's ABI; 0 when it has no Landlock.
    public static func abi() -> Int { max(0, Int(bh_landlock_abi())) }

    /// What kernels of this ABI cannot restrict, by name.
    public static func lacking(abi: Int) -> [String] {
        var names: [String] = []
        if abi < 2 { names.append("moving files between directories is denied outright (ABI 2)") }
        if abi < 3 { names.append("truncation (ABI 3)") }
        if abi < 5 { names.append("device ioctl (ABI 5)") }
        if abi < 6 { names.append("scoped signals and abstract sockets (ABI 6)") }
        return names
    }

    /// The ruleset of a domain, or nil on a kernel without Landlock.
    /// - Throws: `SystemError` naming the path.
    public static func ruleset(_ domain: Domain, trees: [String]) throws(SystemError) -> Descriptor? {
        let abi = bh_landlock_abi()
        guard abi >= 1 else { return nil }
        let handled = Access.handled(abi: abi)
        // Signals and abstract sockets stay within the domain (ABI 6).
        let scoped: UInt64 = abi >= 6 ? 3 : 0
        let ruleset = Descriptor(
            owning: try check("landlock_create_ruleset") { bh_landlock_create(handled.rawValue, scoped) })
        for (path, rights) in rules(domain, trees: trees) {
            let raw = open(path, Int32(BH_O_PATH) | O_CLOEXEC)
            if raw < 0, bh_errno() == ENOENT { continue }
            let place = Descriptor(owning: try check("open", path) { raw })
            var status = stat()
            try check("fstat", path) { fstat(place.raw, &status) }
            var allowed = rights.intersection(handled)
            if status.st_mode & S_IFMT != S_IFDIR { allowed.formIntersection(.onFiles) }
            try check("landlock_add_rule", path) { bh_landlock_allow(ruleset.raw, place.raw, allowed.rawValue) }
        }
        return ruleset
    }

    /// The table of file rules. A right on a directory holds for everything below it.
    static func rules(_ domain: Domain, trees: [String]) -> [(String, Access)] {
        // READ_DIR on `/` lets `ls /` work; names below are still subject to the owner's permissions.
        var rules: [(String, Access)] = [("/", .readDirectory), ("/etc", .read)]
        rules += (trees + ["/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"]).map { ($0, .readExecute) }
        rules += [
            ("/dev", [.read, .writeFile, .deviceIoctl]),
            // Nothing below /proc may be written: /proc/sys belongs to the kernel, and /dev/stdout leads to pipes.
            ("/proc", .read),
        ]
        let writable: Access = Access.full.subtracting(.makeDevices)
        switch domain {
        case .git:
            rules.append((SandboxPath.git, writable))
        case .agent:
            for path in [SandboxPath.workspace, SandboxPath.agentHome, SandboxPath.temporary, "/dev/shm"] {
                rules.append((path, writable))
            }
        case .importing:
            for path in [SandboxPath.workspace, SandboxPath.temporary, SandboxPath.importing] {
                rules.append((path, writable))
            }
        }
        return rules
    }
}
