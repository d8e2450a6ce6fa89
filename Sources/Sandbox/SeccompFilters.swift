import CLinux
import CSeccomp
import Glibc
import Linux

/// The two stacked filters: rules on arguments (all else allowed), then names (all else ENOSYS). The most restrictive
/// result wins. libseccomp builds them once for each start of the spawner (about 2 ms); every worker loads the
/// exported programs by raw call.
public enum SeccompFilters {
    private static let instructionSize = 8
    /// BPF_MAXINSNS of the kernel.
    private static let maximumInstructions = 4096

    /// Both programs in one image: a count of instructions (4 bytes, host order), then the instructions; twice.
    /// - Throws: `SandboxError`
    public static func compile() throws -> [UInt8] {
        var image: [UInt8] = []
        for program in [try arguments(), try names()] {
            let count = UInt32(program.count / instructionSize)
            withUnsafeBytes(of: count) { image += $0 }
            image += program
        }
        return image
    }

    /// Loads both programs of an image; they hold for this process and all that it starts.
    /// - Throws: `SandboxError` for an image that is none, `SystemError` when the kernel refuses.
    public static func load(from image: Descriptor) throws {
        var bytes = [UInt8](repeating: 0, count: 2 * (4 + maximumInstructions * instructionSize) + 1)
        // pread: the open file is shared with every other worker, and so is its offset.
        let length = try check("pread", "filters") { pread(image.raw, &bytes, bytes.count, 0) }
        try bytes.withUnsafeBytes { buffer in
            var offset = 0
            var programs: [bh_filter] = []
            for _ in 0..<2 {
                guard offset + 4 <= length else { throw malformed }
                let count = Int(buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                offset += 4
                guard count > 0, count <= maximumInstructions, offset + count * instructionSize <= length else {
                    throw malformed
                }
                programs.append(bh_filter(instructions: buffer.baseAddress.map { $0 + offset }, count: count))
                offset += count * instructionSize
            }
            guard offset == length else { throw malformed }
            // The arguments first: loading the second needs calls that neither refuses.
            for var program in programs { try check("seccomp") { bh_seccomp_load(&program) } }
        }
    }

    private static let malformed = SandboxError(
        "seccomp", "the filter image is malformed", remedy: "The spawner and the worker are of different versions")

    private static func arguments() throws -> [UInt8] {
        try build(default: SCMP_ACT_ALLOW) { context in
            for rule in SeccompPolicy.argumentRules {
                guard let number = resolve(rule.call) else { continue }
                let compares = rule.conditions.map { condition in
                    switch condition {
                    case .masked(let argument, let mask, let value):
                        scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
                    case .not(let argument, let value):
                        scmp_arg_cmp(arg: argument, op: SCMP_CMP_NE, datum_a: value, datum_b: 0)
                    }
                }
                try add(context, errno(rule.errno), number, compares, rule.call)
            }
        }
    }

    private static func names() throws -> [UInt8] {
        try build(default: errno(38 /* ENOSYS */)) { context in
            for name in SeccompPolicy.allowed {
                if let number = resolve(name) { try add(context, SCMP_ACT_ALLOW, number, [], name) }
            }
            for name in SeccompPolicy.refused {
                if let number = resolve(name) { try add(context, errno(SeccompPolicy.errnoEPERM), number, [], name) }
            }
            if let personality = resolve("personality") {
                for value in SeccompPolicy.personalities {
                    let compare = scmp_arg_cmp(arg: 0, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
                    try add(context, SCMP_ACT_ALLOW, personality, [compare], "personality")
                }
            }
        }
    }

    private static let SCMP_ACT_ALLOW: UInt32 = 0x7fff_0000
    private static let SCMP_ACT_KILL_PROCESS: UInt32 = 0x8000_0000
    private static func errno(_ code: Int32) -> UInt32 { 0x0005_0000 | UInt32(code) & 0xffff }

    /// nil for a name that this architecture or this libseccomp does not know: then the default (ENOSYS) holds.
    private static func resolve(_ name: String) -> Int32? {
        let number = seccomp_syscall_resolve_name(name)
        return number < 0 ? nil : number
    }

    private static func add(
        _ context: scmp_filter_ctx, _ action: UInt32, _ call: Int32, _ compares: [scmp_arg_cmp], _ name: String
    )
        throws
    {
        let result = compares.withUnsafeBufferPointer {
            seccomp_rule_add_array(context, action, call, UInt32($0.count), $0.baseAddress)
        }
        guard result == 0 else {
            throw SandboxError(
                "seccomp", "libseccomp refused the rule for \(name): \(SystemError.text(-result))",
                remedy: "Install libseccomp 2.5 or newer")
        }
    }

    private static func build(default action: UInt32, _ rules: (scmp_filter_ctx) throws -> Void) throws -> [UInt8] {
        guard let context = seccomp_init(action) else {
            throw SandboxError("seccomp", "libseccomp gave no filter", remedy: "Free memory and start again")
        }
        defer { seccomp_release(context) }
        guard seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 else {
            throw SandboxError(
                "seccomp", "libseccomp cannot kill foreign architectures", remedy: "Install libseccomp 2.5 or newer")
        }
        // A binary tree by number: a handful of instructions a call instead of hundreds.
        _ = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
        try rules(context)
        let raw = try check("memfd_create") { bh_memfd("bulkhead-filter", 0) }
        let file = Descriptor(owning: raw)
        let exported = seccomp_export_bpf(context, file.raw)
        guard exported == 0 else {
            throw SandboxError(
                "seccomp", "the filter cannot be exported: \(SystemError.text(-exported))",
                remedy: "Free memory and start again")
        }
        try check("lseek") { lseek(file.raw, 0, SEEK_SET) }
        let program = try file.readAll(limit: maximumInstructions * instructionSize)
        guard !program.isEmpty, program.count % instructionSize == 0 else { throw malformed }
        return program
    }
}
