import Glibc

/// The subset of classic BPF that libseccomp emits, run in the test: what the kernel would decide, without loading
/// anything. An instruction outside the subset is an error and not a guess.
struct ClassicBPF {
    struct Instruction {
        let code: UInt16
        let whenTrue: UInt8
        let whenFalse: UInt8
        let operand: UInt32
    }

    enum Fault: Error { case unknownInstruction(UInt16), outside(Int), endless, noProgram }

    let instructions: [Instruction]

    init(_ bytes: ArraySlice<UInt8>) throws {
        guard !bytes.isEmpty, bytes.count % 8 == 0 else { throw Fault.noProgram }
        let bytes = Array(bytes)
        instructions = stride(from: 0, to: bytes.count, by: 8).map { at in
            bytes.withUnsafeBytes { raw in
                Instruction(
                    code: raw.loadUnaligned(fromByteOffset: at, as: UInt16.self), whenTrue: raw[at + 2],
                    whenFalse: raw[at + 3], operand: raw.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self))
            }
        }
    }

    /// What the program returns for this `struct seccomp_data`.
    func run(_ data: [UInt8]) throws -> UInt32 {
        var accumulator: UInt32 = 0
        var place = 0
        // Jumps go forwards only, so a program ends within as many steps as it has instructions.
        for _ in 0...instructions.count {
            guard instructions.indices.contains(place) else { throw Fault.outside(place) }
            let instruction = instructions[place]
            let operand = instruction.operand
            func branch(_ condition: Bool) { place += Int(condition ? instruction.whenTrue : instruction.whenFalse) }
            place += 1
            switch instruction.code {
            case 0x20:  // LD W ABS
                let at = Int(operand)
                guard at % 4 == 0, at + 4 <= data.count else { throw Fault.outside(at) }
                accumulator = data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: UInt32.self) }
            case 0x54: accumulator &= operand  // ALU AND K
            case 0x05: place += Int(operand)  // JMP JA
            case 0x15: branch(accumulator == operand)  // JMP JEQ K
            case 0x25: branch(accumulator > operand)  // JMP JGT K
            case 0x35: branch(accumulator >= operand)  // JMP JGE K
            case 0x45: branch(accumulator & operand != 0)  // JMP JSET K
            case 0x06: return operand  // RET K
            default: throw Fault.unknownInstruction(instruction.code)
            }
        }
        throw Fault.endless
    }
}
