import Foundation
import Glibc
import Testing

/// What the host says of a process.
enum HostProcess {
    /// `Uid`, `Seccomp` … of `/proc/PID/status`.
    static func status(_ pid: Int32) -> [String: String] {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces) }
        }
        return fields
    }

    /// Real, effective, saved and file system uid.
    static func uids(_ pid: Int32) -> [Int] {
        (status(pid)["Uid"] ?? "").split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
    }

    /// All processes below this one.
    static func descendants(of pid: Int32) -> Set<Int32> {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        var parents: [Int32: Int32] = [:]
        for process in names.compactMap({ Int32($0) }) {
            if let parent = status(process)["PPid"].flatMap({ Int32($0) }) { parents[process] = parent }
        }
        var found: Set<Int32> = [pid]
        var count = 0
        while count != found.count {
            count = found.count
            for (child, parent) in parents where found.contains(parent) { found.insert(child) }
        }
        return found.subtracting([pid])
    }

    /// Whether it is there; a zombie that nobody reaped yet is not.
    static func isAlive(_ pid: Int32) -> Bool {
        let state = status(pid)["State"]
        return state != nil && state?.first != "Z"
    }

    static func children(of pid: Int32) -> [Int32] {
        descendants(of: pid).filter { status($0)["PPid"] == "\(pid)" }.sorted()
    }

    /// Open descriptors; nil where this user may not look.
    static func descriptors(_ pid: Int32) -> Int? {
        try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
    }

    /// Resident memory in KiB.
    static func memory(_ pid: Int32) -> Int {
        Int((status(pid)["VmRSS"] ?? "").split(separator: " ").first ?? "") ?? 0
    }

    /// This host's mounts, as this process sees them, without those that other tests make for their own hosts.
    static func mounts(of host: TestHost? = nil) -> [Substring] {
        let table = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        return table.split(separator: "\n").filter { line in
            !line.contains("/bulkhead-test.") || host.map { line.contains($0.directory) } ?? false
        }
    }
}

extension HostProcess {
    /// The kernel's Landlock ABI; 0 without.
    static var landlockABI: Int {
        let result = try? run([Probe.python, "-c", "import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))"])
        return max(0, Int(result?.text.trimmingCharacters(in: .whitespacesAndNewlines) ?? "") ?? 0)
    }
}
