import Glibc
import Linux

/// The ids of a slot: four consecutive host ids, `0→R, 1→W, 2→G, 3→A`; or in the single-uid tier the one that this
/// process has, as id 3. Never the service's own id beside others: a worker that became it could read its files.
public enum IDMap: Sendable, Equatable {
    public static let idsPerSlot = 4

    case range(first: UInt32)
    case single(uid: UInt32, gid: UInt32)

    /// Id of the process that execs the worker, and of the three parties, inside.
    var start: UInt32 { self.isRange ? 0 : 3 }
    var worker: UInt32 { self.isRange ? 1 : 3 }
    var git: UInt32 { self.isRange ? 2 : 3 }
    var agent: UInt32 { 3 }

    var isRange: Bool {
        if case .range = self { return true }
        return false
    }

    /// The uid under which the worker shows as a peer of the supervisor's socket.
    public var hostUID: UInt32 {
        switch self {
        case .range(let first): first + 1
        case .single(let uid, _): uid
        }
    }

    /// The slot's map: worked out here, never taken from a request.
    static func slot(_ slot: Int, first: UInt32?) -> IDMap {
        guard let first else { return .single(uid: geteuid(), gid: getegid()) }
        return .range(first: first + UInt32(slot * idsPerSlot))
    }

    /// Writes the map of a child that waits in a new user namespace.
    /// - Throws: `SystemError` naming the file.
    func write(pid: Int32) throws(SystemError) {
        func put(_ name: String, _ text: String) throws(SystemError) {
            let path = "/proc/\(pid)/\(name)"
            do throws(SystemError) {
                try Descriptor.open(path, O_WRONLY).writeAll(Array(text.utf8))
            } catch {
                throw SystemError(
                    "write \(text.split(separator: "\n").joined(separator: "; "))", path, code: error.code)
            }
        }
        switch self {
        case .range(let first):
            try put("uid_map", "0 \(first) \(IDMap.idsPerSlot)\n")
            try put("gid_map", "0 \(first) \(IDMap.idsPerSlot)\n")
        case .single(let uid, let gid):
            try put("setgroups", "deny")
            try put("uid_map", "3 \(uid) 1\n")
            try put("gid_map", "3 \(gid) 1\n")
        }
    }
}
