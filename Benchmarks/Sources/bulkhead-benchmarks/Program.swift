import CBenchmarks
import Glibc

/// A program that this one started, in a process group of its own.
final class Program {
    let pid: pid_t
    /// CLOCK_MONOTONIC just before it was forked.
    let startedAt: Int64
    private var exitCode: Int32?

    /// - Parameters:
    ///   - arguments: the first is an absolute path.
    ///   - descriptors: become 0, 1, 2 and on; nothing else is inherited.
    /// - Throws: `Failure`
    init(_ arguments: [String], environment: [String] = Program.environment, descriptors: [Int32]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        startedAt = Clock.now()
        let result = posix_spawn(&pid, arguments[0], &actions, &attributes, &argv, &envp)
        guard result == 0 else {
            throw Failure("\(arguments[0]) does not start: \(String(cString: strerror(result)))")
        }
        self.pid = pid
        Cleanup.shared.add(process: pid)
    }

    deinit { kill() }

    /// Locale and search path only: nothing of the caller's environment changes a measurement.
    static let environment = [
        "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8", "HOME=/nonexistent",
    ]

    /// Waits for its end, and returns as soon as that is known.
    /// - Returns: the exit code, or 128 and the signal's number.
    /// - Throws: `Failure` when the deadline passes; it is killed then.
    @discardableResult
    func wait(_ deadline: Deadline) throws -> Int32 {
        if let code = poll() { return code }
        let raw = bench_pidfd(pid)
        guard raw >= 0 else { throw Failure.system("pidfd_open", "\(pid)") }
        let pidfd = FileHandleOwner(owning: raw)
        while true {
            var entry = pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)
            _ = Glibc.poll(&entry, 1, deadline.milliseconds)
            if let code = poll() { return code }
            guard !deadline.hasPassed else {
                kill()
                throw Failure("process \(pid) did not end in time and was killed")
            }
        }
    }

    /// The exit code when it has ended.
    func poll() -> Int32? { reap(WNOHANG) }

    private func reap(_ options: Int32) -> Int32? {
        if let exitCode { return exitCode }
        var status: Int32 = 0
        var result: pid_t
        repeat { result = waitpid(pid, &status, options) } while result < 0 && errno == EINTR
        guard result != 0 else { return nil }
        exitCode = result == pid ? bench_exit_code(status) : 127
        Cleanup.shared.remove(process: pid)
        return exitCode
    }

    /// Kills it and its process group, and reaps it. Nothing happens when it has ended.
    func kill() {
        guard poll() == nil else { return }
        _ = Glibc.kill(-pid, SIGKILL)
        _ = Glibc.kill(pid, SIGKILL)
        _ = reap(0)
    }

    /// Asks it to end, and kills it when it has not in time.
    func terminate(_ deadline: Deadline) {
        guard poll() == nil else { return }
        _ = Glibc.kill(pid, SIGTERM)
        _ = try? wait(deadline)
    }
}
