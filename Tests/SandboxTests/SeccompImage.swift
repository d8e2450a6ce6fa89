import CSeccomp
import Testing

@testable import Sandbox

/// Both compiled programs, evaluated as the kernel stacks them: the most restrictive answer wins.
struct SeccompImage {
    enum Verdict: Equatable {
        case allowed
        case refused(UInt32)
        case killed
        case other(UInt32)
    }

    static let eperm: Verdict = .refused(1)
    static let enosys: Verdict = .refused(38)
    static let eafnosupport: Verdict = .refused(97)

    let programs: [ClassicBPF]

    /// Compiled once for all tests.
    static let shared = Result { try SeccompImage() }

    init() throws {
        var rest = try SeccompFilters.compile()[...]
        var programs: [ClassicBPF] = []
        while !rest.isEmpty {
            let count = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            programs.append(try ClassicBPF(rest.dropFirst(4).prefix(count * 8)))
            rest = rest.dropFirst(4 + count * 8)
        }
        self.programs = programs
    }

    /// - Parameter number: as the kernel has it; on x86-64, x32 calls have bit 30 set.
    func evaluate(_ number: Int32, _ arguments: [UInt64] = [], arch: UInt32? = nil) throws -> Verdict {
        let arch = arch ?? seccomp_arch_native()
        var data: [UInt8] = []
        withUnsafeBytes(of: number) { data += $0 }
        withUnsafeBytes(of: arch) { data += $0 }
        data += [UInt8](repeating: 0x5a, count: 8)  // the instruction pointer, on which nothing may depend
        for index in 0..<6 {
            withUnsafeBytes(of: index < arguments.count ? arguments[index] : 0) { data += $0 }
        }
        var strictest: UInt32 = 0x7fff_0000
        for program in programs {
            let action = try program.run(data)
            // The kernel compares actions as signed numbers: KILL_PROCESS, KILL_THREAD, TRAP, ERRNO … ALLOW.
            if Self.rank(action) < Self.rank(strictest) { strictest = action }
        }
        switch strictest & 0xffff_0000 {
        case 0x7fff_0000: return .allowed
        case 0x0005_0000: return .refused(strictest & 0xffff)
        case 0x8000_0000: return .killed
        default: return .other(strictest)
        }
    }

    /// The same by name; fails where this architecture or libseccomp has no such call.
    func evaluate(_ name: String, _ arguments: UInt64...) throws -> Verdict {
        try evaluate(try #require(Self.number(name), "\(name) is unknown to libseccomp"), arguments)
    }

    /// The number of a call, where there is one.
    static func number(_ name: String) -> Int32? {
        let number = seccomp_syscall_resolve_name(name)
        return number < 0 ? nil : number
    }

    private static func rank(_ action: UInt32) -> Int32 { Int32(bitPattern: action & 0xffff_0000) }
}
