import CLinux
import Glibc
import Linux

extension ResourceLimits {
    /// Core is 1 and not 0: a piped core_pattern runs its helper, on the host and as root, unless the limit is exactly 1.
    /// Resource numbers of setrlimit(2) on Linux. RLIMIT_AS is absent on purpose: V8 reserves terabytes of address
    /// space.
    private var table: [(name: String, resource: Int32, value: UInt64)] {
        [
            ("core", 4, 1), ("processes", 6, processes), ("open files", 7, openFiles), ("file size", 1, fileSize),
            ("realtime priority", 14, 0), ("nice", 13, 0), ("message queues", 12, 819_200),
            ("locked memory", 8, 8 << 20), ("pending signals", 11, 4096),
        ]
    }

    /// Sets each limit, soft and hard, no higher than the inherited hard limit, and reads it back.
    /// - Throws: `SystemError`
    func apply() throws(SystemError) -> Layer {
        var applied: [String] = []
        for (name, resource, value) in table {
            var soft: UInt64 = 0
            var hard: UInt64 = 0
            try check("getrlimit", name) { bh_get_rlimit(resource, &soft, &hard) }
            let wanted = min(value, hard)
            try check("setrlimit", name) { bh_set_rlimit(resource, wanted, wanted) }
            try check("getrlimit", name) { bh_get_rlimit(resource, &soft, &hard) }
            guard soft == wanted, hard == wanted else {
                throw SystemError("setrlimit", "\(name) was not kept", code: EPERM)
            }
            applied.append("\(name) \(wanted)")
        }
        return Layer("resource limits", .on, applied.joined(separator: ", "))
    }
}
