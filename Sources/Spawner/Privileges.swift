import CLinux
import Glibc
import Linux

/// The spawner's own privileges: of root it keeps CAP_SETUID and CAP_SETGID, which writing a slot's id map needs.
enum Privileges {
    private static let setGID = 6
    private static let setUID = 7
    private static let kept: UInt64 = 1 << UInt64(setUID) | 1 << UInt64(setGID)
    private static let keepCapabilities: UInt = 0x10

    /// Becomes `user` and reads back that nothing else is left. Without root it only gives up what it may not have.
    /// - Throws: `SystemError`, or `SpawnerError` when something reads back wrong.
    static func drop(user: UInt32?, group: UInt32?) throws {
        if getuid() == 0 {
            guard let user, user != 0, let group, group != 0 else {
                throw SpawnerError("started as root, the spawner needs --user and --group of an unprivileged account")
            }
            try check("PR_SET_SECUREBITS") { bh_set_securebits(keepCapabilities) }
            for capability in Int32(0)..<64 where capability != setUID && capability != setGID {
                if bh_bounding_drop(capability) != 0 { break }  // EINVAL: past the kernel's last capability
            }
            try check("setgroups") { bh_setgroups_none() }
            try check("setresgid", "\(group)") { bh_setresgid(group, group, group) }
            try check("setresuid", "\(user)") { bh_setresuid(user, user, user) }
            try check("capset") { bh_capset(kept, kept, 0) }
        }
        try check("PR_SET_NO_NEW_PRIVS") { bh_set_no_new_privs() }
        // A change of uid makes a process undumpable, and its children with it: their id maps would then belong to
        // root and could not be written. There is no secret in this process.
        try check("PR_SET_DUMPABLE") { bh_set_dumpable(1) }
        var effective: UInt64 = 0
        var permitted: UInt64 = 0
        var inheritable: UInt64 = 0
        try check("capget") { bh_capget(&effective, &permitted, &inheritable) }
        guard getuid() != 0, geteuid() != 0, permitted & ~kept == 0, inheritable & ~kept == 0 else {
            throw SpawnerError(
                "privileges were not dropped: uid \(geteuid()), capabilities \(String(permitted, radix: 16))")
        }
    }

    /// Whether this process may map ids other than its own.
    static func mayMapRange() -> Bool {
        var effective: UInt64 = 0
        var permitted: UInt64 = 0
        var inheritable: UInt64 = 0
        guard bh_capget(&effective, &permitted, &inheritable) == 0 else { return false }
        return effective & kept == kept
    }
}
