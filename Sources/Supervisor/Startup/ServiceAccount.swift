import CAccounts
import CLinux
import Glibc
import Linux

/// Who the supervisor and the jobs are on this host.
struct ServiceAccount: Equatable {
    var uid: UInt32
    var gid: UInt32
    /// First of the jobs' host ids; nil in the single-uid tier.
    var firstJobUID: UInt32?

    /// Used where no account and no range were set up, such as on a machine where somebody only tries Bulkhead as
    /// root. Above what systemd, containers and directories give out (systemd's UIDS-GIDS: 1879048192 to 2147483647
    /// is unused).
    static let reservedUID: UInt32 = 1_900_000_000
    static let reservedFirstJobUID: UInt32 = 1_900_001_000

    /// - Parameter user: who runs this process.
    static func find(_ configuration: Configuration, user: UInt32) -> ServiceAccount {
        guard user == 0 else { return ServiceAccount(uid: user, gid: getegid(), firstJobUID: nil) }
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        if bh_user_ids(configuration.serviceUser, &uid, &gid) != 0 || uid == 0 || gid == 0 {
            uid = reservedUID
            gid = reservedUID
        }
        var first = UInt32(clamping: configuration.uidRangeFirst)
        if first == 0, let text = readText("/etc/subuid"),
            let range = SubordinateRange.find(user: configuration.serviceUser, uid: uid, text: text),
            Int(range.count) >= 4 * configuration.slots
        {
            first = range.first
        }
        return ServiceAccount(uid: uid, gid: gid, firstJobUID: first == 0 ? reservedFirstJobUID : first)
    }

    /// Ends with no capability in any set and, from root, as the service user: for good. Everything that needs root
    /// was done before.
    /// - Throws: `SystemError`, or `StartupError` when something reads back wrong.
    func become() throws {
        if geteuid() == 0 {
            for capability in Int32(0)..<64 where bh_bounding_drop(capability) != 0 { break }
            try check("setgroups") { bh_setgroups_none() }
            try check("setresgid", "\(gid)") { bh_setresgid(gid, gid, gid) }
            try check("setresuid", "\(uid)") { bh_setresuid(uid, uid, uid) }
        }
        try check("capset") { bh_capset(0, 0, 0) }
        try check("PR_SET_NO_NEW_PRIVS") { bh_set_no_new_privs() }
        // No job and no other process of this user may read the tokens in this process's memory.
        try check("PR_SET_DUMPABLE") { bh_set_dumpable(0) }
        var sets: (UInt64, UInt64, UInt64) = (1, 1, 1)
        try check("capget") { bh_capget(&sets.0, &sets.1, &sets.2) }
        guard geteuid() == uid, getuid() == uid, sets == (0, 0, 0), uid != 0 else {
            throw StartupError("privileges were not dropped: uid \(geteuid())")
        }
    }
}

/// Why the supervisor did not start: what happened, to what, what to do next.
public struct StartupError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
