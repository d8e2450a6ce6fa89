import CCap
import CLinux
import Glibc
import Linux

/// Capability sets, dropped and read back. libcap reads; the raw calls set, because the order matters.
enum Capabilities {
    /// What the worker keeps over *its own namespace* for life: to become G or A, and to kill what runs as them.
    static let workerMask: UInt64 = 1 << UInt64(CAP_SETUID) | 1 << UInt64(CAP_SETGID) | 1 << UInt64(CAP_KILL)

    /// NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE, each with its lock; KEEP_CAPS off and locked.
    static let lockedSecurebits: UInt = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x40 | 0x80

    /// - Throws: `SystemError`
    static func emptyBounding() throws(SystemError) {
        for capability in Int32(0)..<64 {
            if bh_bounding_drop(capability) == 0 { continue }
            if bh_errno() == EINVAL { return }
            throw SystemError("PR_CAPBSET_DROP", "\(capability)")
        }
    }

    /// The sets of this process as libcap reads them.
    static func read() throws(SystemError) -> (effective: UInt64, permitted: UInt64, inheritable: UInt64) {
        guard let capabilities = cap_get_proc() else { throw SystemError("cap_get_proc") }
        defer { cap_free(UnsafeMutableRawPointer(capabilities)) }
        var masks: [UInt64] = []
        for flag in [CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE] {
            var mask: UInt64 = 0
            for capability in Int32(0)..<Int32(cap_max_bits()) {
                var value = CAP_CLEAR
                guard cap_get_flag(capabilities, capability, flag, &value) == 0 else {
                    throw SystemError("cap_get_flag")
                }
                if value == CAP_SET { mask |= 1 << UInt64(capability) }
            }
            masks.append(mask)
        }
        return (masks[0], masks[1], masks[2])
    }

    static func boundingAndAmbientAreEmpty() -> Bool {
        for capability in Int32(0)..<Int32(cap_max_bits()) {
            if bh_bounding_has(capability) == 1 || bh_ambient_is_set(capability) == 1 { return false }
        }
        return true
    }
}
