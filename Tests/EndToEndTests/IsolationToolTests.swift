import Foundation
import Glibc
import Testing

/// A sandbox in which the tools of the trade do not work would be switched off.
@Suite("Tools in a job", .serialized, .tags(.sandbox))
struct IsolationToolTests {
    struct Tool: CustomTestStringConvertible, Sendable {
        let name: String
        let needs: [String]
        let script: String
        let prints: String
        var testDescription: String { name }
        var isHere: Bool { needs.allSatisfy { access($0, X_OK) == 0 } }

        init(_ name: String, _ needs: [String] = [], prints: String, _ script: String) {
            self.name = name
            self.needs = needs
            self.script = script
            self.prints = prints
        }
    }

    static let tools: [Tool] = [
        Tool(
            "git commits", prints: "two",
            "echo x >x; git add x; git commit -qm two; git status --short; git log -1 --format=%s; git gc -q; git fsck"),
        Tool("git clones by path", prints: "first", "git clone -q . /tmp/clone; git -C /tmp/clone log -1 --format=%s"),
        Tool(
            "a Python pool", ["/usr/bin/python3"], prints: "[0, 1, 4]",
            "/usr/bin/python3 -c 'import multiprocessing as m; print(m.Pool(2).starmap(pow, [(i, 2) for i in range(3)]))'"
        ),
        Tool(
            "Python's shared memory", ["/usr/bin/python3"], prints: "7",
            "/usr/bin/python3 -c 'from multiprocessing.shared_memory import SharedMemory as S; s = S(create=True, size=9); s.buf[0] = 7; print(s.buf[0]); s.close(); s.unlink()'"
        ),
        Tool(
            "Python's sqlite", ["/usr/bin/python3"], prints: "(3,)",
            "/usr/bin/python3 -c 'import sqlite3; c = sqlite3.connect(\"d.db\"); c.execute(\"pragma journal_mode=wal\"); c.execute(\"create table t(a)\"); c.execute(\"insert into t values(3)\"); c.commit(); print(c.execute(\"select a from t\").fetchone())'; rm -f d.db*"
        ),
        Tool(
            "a server on loopback", ["/usr/bin/python3"], prints: "hello",
            #"""
            /usr/bin/python3 -c 'import socket, threading
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                s = socket.create_server((address, 0), family=family)
                threading.Thread(target=lambda: s.accept()[0].sendall(b"hello\n")).start()
                c = socket.create_connection(s.getsockname()[:2]); print(c.recv(9).decode(), end="")
            u = socket.socket(socket.AF_UNIX); u.bind("/tmp/u"); u.listen(); c = socket.socket(socket.AF_UNIX); c.connect("/tmp/u"); print("path")
            u = socket.socket(socket.AF_UNIX); u.bind("\0own"); u.listen(); c = socket.socket(socket.AF_UNIX); c.connect("\0own"); print("abstract")'
            """#),
        Tool(
            "gcc and threads", ["/usr/bin/gcc"], prints: "42",
            #"""
            cd /tmp; printf '%s\n' '#include <pthread.h>' '#include <stdio.h>' 'static void *f(void *a) { *(int *)a = 42; return 0; }' \
              'int main(void) { int v = 0; pthread_t t; if (pthread_create(&t, 0, f, &v)) return 1; pthread_join(t, 0); printf("%d\n", v); }' >t.c
            gcc -pthread t.c -o t; ./t
            """#),
        Tool(
            "make in parallel", ["/usr/bin/make"], prints: "ab",
            "cd /tmp; printf 'all: a b\\n\\t@cat a b\\na:\\n\\t@printf a >a\\nb:\\n\\t@printf b >b\\n' >M; make -j4 -f M; echo"
        ),
        Tool(
            "perl", ["/usr/bin/perl"], prints: "forked 3",
            "perl -e '$p = fork; exit 3 unless $p; waitpid $p, 0; print \"forked \", $? >> 8, \"\\n\"'"),
        Tool("/dev/shm", prints: "shm", "echo shm >/dev/shm/a; cat /dev/shm/a"),
        Tool(
            "/dev/stdout and /dev/null", prints: "out",
            "echo out >/dev/stdout; echo gone >/dev/null; head -c 4 /dev/urandom | wc -c; head -c 2 /dev/zero | wc -c"),
        Tool("process substitution", ["/bin/bash"], prints: "one", "bash -c 'cat <(echo one); echo two > >(cat)'"),
        Tool("/ and the current directory", prints: "workspace", "ls /; pwd; ls"),
        Tool(
            "home, TMPDIR and accounts", prints: "agent",
            "touch ~/x \"$TMPDIR/y\"; mktemp >/dev/null; whoami; id -gn; hostname"),
        Tool(
            "a pseudo terminal", ["/usr/bin/script"], prints: "tty-ok",
            "script -qec 'test -t 1 && echo tty-ok' /dev/null"),
        Tool(
            "cc by its alternatives link", ["/usr/bin/cc"], prints: "cc-ok",
            "echo 'int main(void) { return 0; }' >/tmp/a.c; cc /tmp/a.c -o /tmp/a; /tmp/a; echo cc-ok"),
        Tool(
            "node", ["/usr/bin/node"], prints: "node 2 true",
            #"""
            node -e 'const { Worker } = require("worker_threads"), os = require("os"), fs = require("fs"), cp = require("child_process");
            os.networkInterfaces(); fs.watch("/tmp").close(); cp.execSync("true");
            new Worker("require(\"worker_threads\").parentPort.postMessage(2)", { eval: true }).on("message", m => console.log("node", m, os.cpus().length > 0))'
            """#),
    ]

    @Test("A tool works as it does outside", arguments: Tier.all, tools)
    func works(tier: Tier, tool: Tool) throws {
        // What is not installed on this host cannot be shown here; CI has all of it.
        guard tool.isHere || Needs.mustSandbox else { return }
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let job = try host.script(repository, [], "set -e\n" + tool.script)
        let printed = try host.printed(job.id)
        let complaints = try host.printed(job.id, stream: "stderr")
        #expect(job.state == "completed", "\(job.message): \(printed) \(complaints)")
        #expect(printed.contains(tool.prints), "\(printed)")
    }
}
