import CLinux
import Glibc
import IPC
import Linux

/// One running worker.
struct RunningWorker {
    let pid: Int32
    let pidfd: Descriptor
    /// Kept open while the spawner lives: its end tells the worker of the spawner's death.
    let handover: Descriptor
}

extension WorkerImage {
    /// Forks a worker into namespaces of its own, with the ids of its slot.
    /// - Throws: `SystemError` or `SpawnerError`; then nothing is left running.
    func spawn(
        ids: IDMap, secret: String, order: Descriptor, diagnostics: Descriptor, input: Descriptor?,
        arguments: [String] = ["bulkhead-worker"]
    ) throws -> RunningWorker {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let go = try Descriptor.pipe()
        let failure = try Descriptor.pipe()
        let handover = try Descriptor.pipe()
        var fds = [null.raw, null.raw, diagnostics.raw, order.raw, handover.read.raw, filters.raw, executable.raw]
        if let input { fds.append(input.raw) }

        var pidfd: Int32 = -1
        let pid = try withCStrings(arguments) { argv in
            try withCStrings([]) { envp in
                try fds.withUnsafeBufferPointer { fds in
                    var worker = bh_worker()
                    worker.executable = executable.raw
                    worker.argv = argv
                    worker.envp = envp
                    worker.fds = fds.baseAddress
                    worker.fd_count = Int32(fds.count)
                    worker.namespaces = BH_NS_ALL_FLAGS
                    worker.uid = ids.start
                    worker.gid = ids.start
                    worker.drop_groups = ids.isRange ? 1 : 0
                    worker.go = go.read.raw
                    worker.failure = failure.write.raw
                    return try check("clone3") { bh_spawn_worker(&worker, &pidfd) }
                }
            }
        }
        let child = RunningWorker(pid: pid, pidfd: Descriptor(owning: pidfd), handover: handover.write)
        do {
            try ids.write(pid: pid)
            let message = Handover(
                secret: secret, worker: ids.worker, git: ids.git, agent: ids.agent, namespaces: try namespaces())
            // Far below a pipe's capacity: it never blocks, and is there before the worker looks.
            try handover.write.writeAll(try JSON(encoding: message).bytes() + [0x0a])
            try go.write.writeAll([1])
            failure.write.close()
            let report = try failure.read.readAll(limit: 64)
            guard report.isEmpty else {
                let numbers = report.withUnsafeBytes { $0.bindMemory(to: Int32.self).map { $0 } }
                throw SystemError("start of the worker, stage \(numbers.first ?? 0)", code: numbers.last ?? 0)
            }
        } catch {
            _ = bh_pidfd_kill(child.pidfd.raw, SIGKILL)
            _ = try? ProcessEnd.wait(for: child.pid)
            throw error
        }
        return child
    }

    private func namespaces() throws -> [String: String] {
        var found: [String: String] = [:]
        for name in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] {
            var buffer = [CChar](repeating: 0, count: 64)
            let path = "/proc/self/ns/\(name)"
            let length = try check("readlink", path) { readlink(path, &buffer, buffer.count - 1) }
            found[name] = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return found
    }
}

/// All seven namespaces (CLONE_NEW*).
private let BH_NS_ALL_FLAGS: UInt64 =
    0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000
