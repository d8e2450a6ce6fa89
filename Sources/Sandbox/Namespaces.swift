import CLinux
import Glibc
import Linux

/// The check that stands before anything is touched: a worker that mounts or names things outside namespaces of its
/// own would do it to the host.
enum Namespaces {
    static let names = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"]

    /// This process's namespaces, as the kernel names them (`user:[4026531837]`).
    static func current() throws(SystemError) -> [String: String] {
        var found: [String: String] = [:]
        for name in names {
            let path = "/proc/self/ns/\(name)"
            var buffer = [CChar](repeating: 0, count: 64)
            let length = try check("readlink", path) { readlink(path, &buffer, buffer.count - 1) }
            found[name] = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return found
    }

    /// - Throws: `SandboxError` unless this is pid 1 of seven namespaces that are not the ones outside.
    static func requireOwn(outside: [String: String]) throws -> [Layer] {
        guard getpid() == 1 else {
            throw SandboxError(
                "namespaces", "this process is not pid 1 of a pid namespace",
                remedy: "bulkhead-worker is started by bulkhead-spawner, never by hand")
        }
        let here = try current()
        for name in names {
            guard let other = outside[name], let own = here[name], own != other else {
                throw SandboxError(
                    "\(name) namespace", "the worker is in the namespace of whoever started it",
                    remedy: "bulkhead-worker is started by bulkhead-spawner, never by hand")
            }
        }
        return names.map { Layer("\($0) namespace", .on, here[$0] ?? "") }
    }
}
