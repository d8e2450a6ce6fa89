import CLinux
import Glibc
import Linux
import Testing

/// What a program wrote to stdout, and how it ended.
private func output(
    _ argv: [String], environment: [String] = [], extra: [Int32] = [], _ change: (inout Child) -> Void = { _ in }
) throws -> (text: String, end: ProcessEnd) {
    let pipe = try Descriptor.pipe()
    let null = try Descriptor.open("/dev/null", O_RDWR)
    var child = Child(argv: argv, environment: environment, descriptors: [null.raw, pipe.write.raw, null.raw] + extra)
    change(&child)
    let pid = try child.start()
    pipe.write.close()
    let text = try pipe.read.readAll(limit: 1 << 20)
    withExtendedLifetime(null) {}
    return (String(decoding: text, as: UTF8.self), try ProcessEnd.wait(for: pid))
}

/// Why a program does not start.
private func failure(_ argv: [String], _ change: (inout Child) -> Void = { _ in }) throws -> Child.Failure {
    try #require(throws: Child.Failure.self) { _ = try output(argv, change) }
}

/// The value of a line such as `SigBlk:	0000000000000000`.
private func field(_ name: String, of status: String) -> String? {
    status.split(separator: "\n").first { $0.hasPrefix(name + ":") }?
        .drop { $0 != ":" }.dropFirst().split(whereSeparator: \.isWhitespace).joined(separator: " ")
}

@Suite("Child")
struct ChildTests {
    // MARK: starting

    @Test(
        "A program that does not exist fails at the stage exec with ENOENT",
        arguments: ["bulkhead-no-such-program", "/nonexistent/program"])
    func notFound(_ program: String) throws {
        let failure = try failure([program])
        #expect(failure.isExec && failure.stage == Int32(BH_STAGE_EXEC.rawValue))
        #expect(failure.error.code == ENOENT)
        #expect(failure.description.contains(program))
    }

    @Test(
        "A program that may not be executed fails at the stage exec with EACCES", arguments: ["/etc/passwd", "passwd"])
    func notExecutable(_ program: String) throws {
        let failure = try failure([program]) { $0.path = "/etc:/nonexistent" }
        #expect(failure.isExec && failure.error.code == EACCES)
    }

    @Test("A name is looked for in the path alone, in its order; an empty element is not the working directory")
    func search() throws {
        var template = Array("/tmp/bulkhead-path-XXXXXX".utf8CString)
        let directory = try #require(
            template.withUnsafeMutableBufferPointer {
                $0.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
            })
        defer { rmdir(directory) }
        try #require(symlink("/bin/true", directory + "/bulkhead-here") == 0)
        defer { unlink(directory + "/bulkhead-here") }
        for path in ["", ":", "::/nonexistent:", "/nonexistent"] {
            let failure = try failure(["bulkhead-here"]) {
                $0.directory = directory
                $0.path = path
            }
            #expect(failure.isExec && failure.error.code == ENOENT)
        }
        let found = try output(["bulkhead-here"]) { $0.path = "/nonexistent::\(directory)" }
        #expect(found.end.code == 0)
    }

    @Test("An open file is executed instead of a name")
    func executable() throws {
        let echo = try Descriptor.open("/bin/echo", O_RDONLY)
        #expect(try output(["other", "hello"]) { $0.executable = echo.raw }.text == "hello\n")
        withExtendedLifetime(echo) {}
    }

    @Test("A working directory that does not exist is told from a program that does not")
    func directory() throws {
        #expect(try output(["pwd"]) { $0.directory = "/usr" }.text == "/usr\n")
        let failure = try failure(["pwd"]) { $0.directory = "/nonexistent" }
        #expect(!failure.isExec && failure.stage == Int32(BH_STAGE_DIRECTORY.rawValue) && failure.error.code == ENOENT)
    }

    @Test("A child without a name is refused, not started to crash")
    func emptyArguments() throws {
        #expect(throws: Child.Failure.self) { try output([]) }
    }

    @Test("Exit codes and signals are told apart")
    func ends() throws {
        let exited = try output(["sh", "-c", "exit 7"]).end
        #expect(exited.code == 7 && exited.signal == nil)
        let killed = try output(["sh", "-c", "kill -9 $$"]).end
        #expect(killed.code == nil && killed.signal == SIGKILL)
        let null = try Descriptor.open("/dev/null", O_RDWR)
        #expect(try Child(argv: ["false"], descriptors: [null.raw, null.raw, null.raw]).run().code == 1)
        withExtendedLifetime(null) {}
    }

    // MARK: descriptors

    @Test("Descriptors are placed as listed, also where they take each other's numbers or one comes twice")
    func placement() throws {
        let files = try (0..<4).map { try Descriptor.sealed("file\($0)", [UInt8($0)]) }
        // 0, 1 and 2 of this process go to higher numbers while others take their places.
        let extra = [2, files[0].raw, 1, files[1].raw, files[0].raw, 0, files[3].raw, files[2].raw]
        let numbers = (3..<3 + extra.count).map { "/proc/self/fd/\($0)" }
        let text = try output(["stat", "-L", "-c", "%d:%i"] + numbers, extra: extra).text
        let expected = try extra.map { raw in
            var status = stat()
            try check("fstat") { fstat(raw, &status) }
            return "\(status.st_dev):\(status.st_ino)"
        }
        #expect(text.split(separator: "\n").map(String.init) == expected)
        withExtendedLifetime(files) {}
    }

    @Test("Numbers that are permuted among themselves come out in the listed order")
    func permutation() async {
        // In a process of its own, where the low numbers can be taken without harm to another test.
        await #expect(processExitsWith: .success) {
            alarm(30)  // a child that waits for ever ends here
            for number in 0..<Int32(3) {
                let file = try Descriptor.sealed("file", Array("\(number)".utf8))
                dup2(file.raw, number)
            }
            let pipe = try Descriptor.pipe()
            // 0 takes 2, 1 takes 0, 2 takes 1: each is overwritten before a naive order has read it.
            let script = "cat <&0 >&3; cat <&1 >&3; cat <&2 >&3"
            let pid = try Child(argv: ["sh", "-c", script], descriptors: [2, 0, 1, pipe.write.raw]).start()
            pipe.write.close()
            let text = String(decoding: try pipe.read.readAll(limit: 64), as: UTF8.self)
            let end = try ProcessEnd.wait(for: pid)
            exit(text == "201" && end.code == 0 ? 0 : 1)
        }
    }

    @Test("No other descriptor is inherited, though this process has some that exec does not close")
    func nothingInherited() throws {
        let file = try Descriptor.sealed("secret", [1])
        let leaky =
            (0..<3).map { _ in Descriptor(owning: dup(file.raw)) } + [Descriptor(owning: fcntl(file.raw, F_DUPFD, 100))]
        for descriptor in leaky { try #require(fcntl(descriptor.raw, F_GETFD) == 0) }
        // The last one is of ls itself, which reads the directory.
        let names = try output(["ls", "/proc/self/fd"], extra: [file.raw]).text.split(separator: "\n")
        #expect(names.map(String.init) == ["0", "1", "2", "3", "4"])
        withExtendedLifetime((file, leaky)) {}
    }

    @Test(
        "More descriptors than can be placed, or a closed one, fail at the stage stdio with a reason",
        arguments: [9, 1])
    func tooManyDescriptors(_ count: Int) throws {
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let extra = count > 8 ? [Int32](repeating: null.raw, count: count) : [-1]
        let failure = try #require(throws: Child.Failure.self) {
            errno = 0
            _ = try output(["true"], extra: extra)
        }
        #expect(failure.stage == Int32(BH_STAGE_STDIO.rawValue))
        #expect(failure.error.code == (count > 8 ? EINVAL : EBADF))
        withExtendedLifetime(null) {}
    }

    // MARK: what the child starts with

    @Test("Dispositions and mask are those of a fresh program, and the parent's mask stays as it was")
    func signals() throws {
        var blocked = sigset_t()
        var previous = sigset_t()
        sigemptyset(&blocked)
        for signal in [SIGUSR1, SIGTERM, SIGCHLD] { sigaddset(&blocked, signal) }
        pthread_sigmask(SIG_BLOCK, &blocked, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        let handler = signal(SIGUSR2, SIG_IGN)
        defer { signal(SIGUSR2, handler) }

        let before = try #require(readText("/proc/thread-self/status"))
        let child = try output(["cat", "/proc/self/status"]).text
        let after = try #require(readText("/proc/thread-self/status"))
        let none = String(repeating: "0", count: 16)
        for name in ["SigBlk", "SigIgn"] {
            #expect(field(name, of: before) != none, "the test needs a parent that is otherwise")
            #expect(field(name, of: child) == none)
            #expect(field(name, of: after) == field(name, of: before))
        }
        #expect(field("SigCgt", of: child) == none)
    }

    @Test("The environment is exactly the given one")
    func environment() throws {
        #expect(try output(["env"], environment: ["A=1", "B=two words"]).text == "A=1\nB=two words\n")
        #expect(try output(["env"]).text.isEmpty)
    }

    @Test("The child leads a session of its own and has the usual umask")
    func session() throws {
        let (text, _) = try output(["sh", "-c", "read -r stat < /proc/self/stat; echo $$ $stat; umask"])
        let lines = text.split(separator: "\n")
        let fields = try #require(lines.first).split(separator: " ")
        // pid, then pid, name, state, parent, group, session.
        #expect(fields.count > 6 && fields[5] == fields[0] && fields[6] == fields[0])
        #expect(lines.last == "0022")
    }

    @Test("With an identity the child has its ids and no groups, or does not start")
    func identity() throws {
        guard geteuid() == 0 else {
            let failure = try failure(["true"]) { $0.identity = 65_534 }
            #expect(failure.stage == Int32(BH_STAGE_GROUPS.rawValue) && failure.error.code == EPERM)
            return
        }
        let status = try output(["cat", "/proc/self/status"]) { $0.identity = 65_534 }.text
        for name in ["Uid", "Gid"] { #expect(field(name, of: status) == "65534 65534 65534 65534") }
        #expect(field("Groups", of: status) == "")
    }

    @Test("A confined child starts only under no_new_privs, and then without any capability")
    func confined() throws {
        let own = try #require(readText("/proc/thread-self/status"))
        guard field("NoNewPrivs", of: own) == "1" else {
            let failure = try failure(["true"]) { $0.confined = true }
            #expect(failure.stage == Int32(BH_STAGE_NO_NEW_PRIVS.rawValue))
            return
        }
        let status = try output(["cat", "/proc/self/status"]) { $0.confined = true }.text
        for name in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            #expect(field(name, of: status) == String(repeating: "0", count: 16))
        }
    }
}
