import CLinux
import Glibc
import Linux

/// Runs git, bounded in time and output, with nothing of a repository's configuration that would execute something.
struct Git {
    /// Why git was ended before its own end.
    enum Cut: Equatable { case time, output }

    /// How a git process ended.
    struct Ending {
        let code: Int32?
        let cut: Cut?
        let output: [UInt8]
        /// Its complaint, shortened; not sanitised.
        let message: String
        var succeeded: Bool { code == 0 && cut == nil }
        /// The output as one line without its line end.
        var line: String {
            let text = String(decoding: output, as: UTF8.self)
            return text.hasSuffix("\n") ? String(text.dropLast()) : text
        }
    }

    /// Arguments before the command, such as `-C PATH`.
    var leading: [String]
    var environment: [String: String]
    var interrupts: Interrupts?

    /// Git in the user's own repository: with the user's configuration, but without hooks, monitors, background work
    /// and transports. Variables that would point it to another repository are not passed on.
    init(inRepository path: String, interrupts: Interrupts?, inherited: [String: String] = Git.processEnvironment()) {
        leading = ["-C", path]
        self.interrupts = interrupts
        let kept = [
            "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES",
            "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        ]
        environment = inherited.filter { !$0.key.hasPrefix("GIT_") || kept.contains($0.key) }
        environment.merge(Git.always) { _, ours in ours }
    }

    /// Git in a repository of our own making: with no configuration but ours.
    init(quarantine path: String, interrupts: Interrupts?, inherited: [String: String] = Git.processEnvironment()) {
        leading = []
        self.interrupts = interrupts
        environment = Git.always
        environment.merge([
            "PATH": inherited["PATH"] ?? "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_DIR": path,
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ATTR_NOSYSTEM": "1",
        ]) { _, ours in ours }
    }

    private static let always = [
        "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_ALLOW_PROTOCOL": "none",
        // What a commit's history is, its objects say: not replacements, and not the old grafts file.
        "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": "/nonexistent/grafts", "GIT_NO_LAZY_FETCH": "1",
        "GIT_ADVICE": "0",
    ]

    private static let settings = [
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "core.quotePath=false",
        "core.alternateRefsCommand=true", "core.commitGraph=false", "core.pager=cat", "gc.auto=0",
        "maintenance.auto=false", "protocol.ext.allow=never", "fetch.writeCommitGraph=false",
        "fetch.recurseSubmodules=false",
    ]

    /// The variables of this process that are UTF-8.
    static func processEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            if let text = String(validatingCString: entry), let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next += 1
        }
        return variables
    }

    /// Runs git and captures at most `limit` bytes of its output; beyond them, and after `seconds`, it is killed.
    /// - Throws: `CommandFailure` when there is no git, `SystemError`, and `Interrupted` at a signal.
    func run(
        _ arguments: [String], stdin: Int32? = nil, stdout: Int32? = nil, limit: Int = 1 << 20, seconds: Int64 = 60
    ) throws -> Ending {
        var output: [UInt8] = []
        let ending = try stream(arguments, stdin: stdin, stdout: stdout, seconds: seconds) { chunk in
            output += chunk.prefix(max(0, limit - output.count + 1))
            return output.count <= limit
        }
        return Ending(
            code: ending.code, cut: ending.cut, output: Array(output.prefix(limit)), message: ending.message)
    }

    /// Runs git and hands on its output as it comes, until `onOutput` gives false or `seconds` are over.
    /// - Throws: as `run`.
    func stream(
        _ arguments: [String], stdin: Int32? = nil, stdout: Int32? = nil, seconds: Int64,
        onOutput: ([UInt8]) throws -> Bool
    ) throws -> Ending {
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let pipe = try Descriptor.pipe()
        let errors = try Descriptor.pipe()
        let child = Child(
            argv: ["git"] + Git.settings.flatMap { ["-c", $0] } + leading + arguments,
            environment: environment.map { "\($0.key)=\($0.value)" }, path: environment["PATH"] ?? "/usr/bin:/bin",
            descriptors: [stdin ?? null.raw, stdout ?? pipe.write.raw, errors.write.raw])
        let pid: Int32
        do {
            pid = try child.start()
        } catch {
            guard error.isExec, error.error.code == ENOENT else { throw error.error }
            throw CommandFailure.failed(
                "git is not installed (not found in PATH); install it, for instance with `apt install git`")
        }
        pipe.write.close()
        errors.write.close()
        var running = true
        // The process is the leader of its own session: whatever it started goes with it.
        func end() {
            guard running else { return }
            running = false
            _ = kill(-pid, SIGKILL)
            _ = try? ProcessEnd.wait(for: pid)
        }
        defer { end() }

        var said: [UInt8] = []
        let cut = try pump(pid, pipe.read, errors.read, seconds: seconds, onOutput) { chunk in
            said += chunk
            // Its last words tell why.
            if said.count > 32 << 10 { said.removeFirst(said.count - (16 << 10)) }
        }
        if let cut {
            end()
            return Ending(code: nil, cut: cut, output: [], message: Git.complaint(said))
        }
        let code = try ProcessEnd.wait(for: pid).code
        running = false
        _ = kill(-pid, SIGKILL)
        return Ending(code: code, cut: nil, output: [], message: Git.complaint(said))
    }

    private func pump(
        _ pid: Int32, _ output: Descriptor, _ errors: Descriptor, seconds: Int64,
        _ onOutput: ([UInt8]) throws -> Bool, _ onError: ([UInt8]) -> Void
    ) throws -> Cut? {
        let process = Descriptor(owning: try check("pidfd_open") { bh_pidfd_open(pid) })
        try output.setNonBlocking()
        try errors.setNonBlocking()
        let deadline = monotonicMilliseconds() + seconds * 1000
        var openOutput = true
        var openErrors = true
        while true {
            let remaining = deadline - monotonicMilliseconds()
            if remaining <= 0 { return .time }
            var entries = [
                pollfd(fd: openOutput ? output.raw : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: openErrors ? errors.raw : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: interrupts?.descriptor.raw ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0),
            ]
            try check("poll") { poll(&entries, nfds_t(entries.count), Int32(clamping: remaining)) }
            if entries[2].revents != 0 {
                interrupts?.collect()
                throw Interrupted()
            }
            if entries[1].revents != 0 {
                openErrors = try Git.drain(errors) {
                    onError($0); return true
                }
            }
            if entries[0].revents != 0 {
                var goOn = true
                openOutput = try Git.drain(output) {
                    goOn = try onOutput($0)
                    return goOn
                }
                if !goOn { return .output }
            }
            // Ended, and what it wrote was read above in this round or there is nothing: a grandchild that holds the
            // pipes open is not waited for.
            let quiet = entries[0].revents == 0 && entries[1].revents == 0
            if entries[3].revents != 0, quiet || !openOutput && !openErrors { return nil }
        }
    }

    /// One read. - Returns: whether more may come.
    private static func drain(_ descriptor: Descriptor, _ take: ([UInt8]) throws -> Bool) throws -> Bool {
        do {
            let chunk = try descriptor.read(256 << 10)
            return try !chunk.isEmpty && take(chunk)
        } catch let error as SystemError where error.code == EAGAIN {
            return true
        }
    }

    private static func complaint(_ said: [UInt8]) -> String {
        let lines = String(decoding: said, as: UTF8.self).split(separator: "\n")
        let marked = lines.filter { $0.hasPrefix("fatal:") || $0.hasPrefix("error:") }
        return String((marked.last ?? lines.last ?? "").prefix(400))
    }
}

/// Names of objects, of both hash functions.
enum ObjectID {
    static func isValid(_ text: String) -> Bool {
        (text.utf8.count == 40 || text.utf8.count == 64)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    static func format(of id: String) -> String { id.utf8.count == 64 ? "sha256" : "sha1" }
    static func zero(like id: String) -> String { String(repeating: "0", count: id.utf8.count) }
}
