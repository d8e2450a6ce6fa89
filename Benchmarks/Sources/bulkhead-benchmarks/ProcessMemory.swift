import Foundation
import Glibc

/// What a process keeps in memory, as the kernel counts it.
enum ProcessMemory {
    /// Resident set size in KiB. Every user may read it.
    /// - Throws: `Failure` when the process is gone.
    static func residentKiB(_ pid: pid_t) throws -> Double {
        guard let value = field("VmRSS:", of: "/proc/\(pid)/status") else {
            throw Failure("the memory of process \(pid) cannot be read: it has ended")
        }
        return value
    }

    /// Proportional set size in KiB: pages that processes share are divided between them. nil where this user may not
    /// look, which is so for a process that is not dumpable.
    static func proportionalKiB(_ pid: pid_t) -> Double? { field("Pss:", of: "/proc/\(pid)/smaps_rollup") }

    /// Direct children, oldest pid first.
    static func children(of parent: pid_t) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { pid in
            // The name, in parentheses, may hold anything; the parent is the second field after it.
            guard let text = contents("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return false }
            let fields = text[text.index(after: end)...].split(separator: " ")
            return fields.count > 1 && pid_t(fields[1]) == parent
        }.sorted()
    }

    private static func field(_ name: String, of path: String) -> Double? {
        guard let line = contents(path)?.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.dropFirst(name.count).split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) }
    }

    private static func contents(_ path: String) -> String? {
        guard let file = try? FileHandleOwner.open(path, O_RDONLY) else { return nil }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 16 {
            let count = read(file.raw, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
