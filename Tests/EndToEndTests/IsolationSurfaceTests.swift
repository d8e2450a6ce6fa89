import Foundation
import Glibc
import Testing

/// What of the host a job can see, reach or write: its network, its files, its descriptors, its terminals.
@Suite("What a job sees of its host", .serialized, .tags(.sandbox))
struct IsolationSurfaceTests {
    @Test("Nothing of the host's network can be reached", .enabled(if: Needs.python), arguments: Tier.all)
    func network(tier: Tier) throws {
        let host = try TestHost(tier)
        let canaries = try CanarySockets(in: host.directory)
        let probe = Probe(
            """
            tcp, udp, abstract, paths = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
            def connect(family, address, kind=socket.SOCK_STREAM):
                with socket.socket(family, kind) as s:
                    s.settimeout(5)
                    s.connect(address)
                    return True
            def datagram(address):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: return s.sendto(b"canary", address) == 6
            say("tcp", attempt(lambda: connect(socket.AF_INET, ("127.0.0.1", tcp))))
            say("tcp mapped", attempt(lambda: connect(socket.AF_INET6, ("::ffff:127.0.0.1", tcp))))
            say("udp", attempt(lambda: datagram(("127.0.0.1", udp))))
            say("abstract", attempt(lambda: connect(socket.AF_UNIX, "\\0" + abstract)))
            for i, path in enumerate(paths): say("path %d" % i, attempt(lambda: connect(socket.AF_UNIX, path)))
            say("metadata", attempt(lambda: connect(socket.AF_INET, ("169.254.169.254", 80))))
            say("names", attempt(lambda: socket.getaddrinfo("example.com", 443) != []))
            say("route", attempt(lambda: datagram(("192.0.2.1", 53))))
            say("interfaces", ",".join(n for _, n in socket.if_nameindex()))
            say("namespace", os.readlink("/proc/self/ns/net"))
            """)
        let arguments = ["\(canaries.tcp)", "\(canaries.udp)", canaries.abstract, canaries.path, host.socket]
        let outside = try probe.outside(tier, arguments)
        for name in ["tcp", "udp", "abstract", "path 0", "path 1"] {
            #expect(outside[name] == "ok:True", "\(name) can be reached outside: \(outside[name] ?? "")")
        }
        #expect(canaries.datagrams() == 1)
        let inside = try probe.inside(host, arguments)
        #expect(inside["tcp"] == "ECONNREFUSED")
        #expect(inside["tcp mapped"] == "ECONNREFUSED" || inside["tcp mapped"] == "ENETUNREACH")
        #expect(["ECONNREFUSED", "EPERM"].contains(inside["abstract"] ?? ""))
        #expect(inside["path 0"] == "ENOENT")
        #expect(inside["path 1"] == "ENOENT")
        #expect(inside["metadata"] == "ENETUNREACH")
        #expect(inside["route"] == "ENETUNREACH")
        #expect(inside["names"]?.hasPrefix("ok:") == false)
        #expect(canaries.datagrams() == 0, "a datagram of the job arrived on the host")
        #expect(inside["namespace"] != outside["namespace"])
        // Tunnel templates of loaded modules show in every namespace; they are down and lead nowhere.
        let interfaces = (inside["interfaces"] ?? "").split(separator: ",").map(String.init)
        #expect(interfaces.contains("lo"))
        let templates: Set = [
            "lo", "sit0", "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0",
        ]
        #expect(Set(interfaces).isSubset(of: templates), "\(interfaces)")
    }

    @Test("The root holds what policy put there and nothing else", .enabled(if: Needs.python), arguments: Tier.all)
    func rootListing(tier: Tier) throws {
        let host = try TestHost(tier)
        let probe = Probe(
            """
            for path in ("/", "/home", "/root", "/run", "/mnt", "/var", "/dev", "/etc"):
                say(path, attempt(lambda: ",".join(sorted(os.listdir(path)))))
            say("sys", os.path.exists("/sys"))
            say("host root", attempt(lambda: os.stat("/proc/self/root/..").st_ino == os.stat("/").st_ino))
            """)
        let outside = try probe.outside(tier)
        let inside = try probe.inside(host)
        let links = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"].filter { access("/" + $0, F_OK) == 0 }
        let expected =
            [
                "dev", "etc", "git", "handover", "home", "import", "job", "mnt", "private", "proc", "root", "run",
                "tmp", "usr", "var", "workspace",
            ]
            + links
        #expect(inside["/"] == "ok:" + expected.sorted().joined(separator: ","))
        #expect(outside["/"] != inside["/"])
        #expect(inside["/home"] == "ok:agent")
        for path in ["/root", "/run", "/mnt"] {
            #expect(inside[path] == "ok:", "\(path) is empty: \(inside[path] ?? "")")
        }
        #expect(inside["/var"] == "ok:tmp")
        #expect(inside["/dev"] == "ok:fd,full,null,ptmx,pts,random,shm,stderr,stdin,stdout,tty,urandom,zero")
        #expect(inside["sys"] == "False" && outside["sys"] == "True")
        let etc = Set((inside["/etc"] ?? "").dropFirst(3).split(separator: ",").map(String.init))
        #expect(etc.isDisjoint(with: ["shadow", "gshadow", "sudoers", "ssh", "machine-id", "subuid"]), "\(etc)")
        #expect((outside["/etc"] ?? "").contains("shadow"))
    }

    @Test("A tool inherits no descriptor but its three streams", .enabled(if: Needs.python), arguments: Tier.all)
    func descriptors(tier: Tier) throws {
        let host = try TestHost(tier)
        let probe = Probe(
            """
            found = {}
            for number in range(0, 4096):
                try: found[number] = os.readlink("/proc/self/fd/%d" % number)
                except OSError: pass
            say("open", ",".join(map(str, sorted(found))))
            say("kinds", " ".join(found[n].split(":")[0] for n in sorted(found)))
            """)
        if let held = HostProcess.descriptors(host.pid) {
            #expect(held > 6, "the supervisor has descriptors that could leak")
        }
        let inside = try probe.inside(host)
        #expect(inside["open"] == "0,1,2")
        #expect(inside["kinds"] == "/memfd pipe pipe")
    }

    @Test("A setuid program gives nothing", .enabled(if: access("/usr/bin/su", X_OK) == 0), arguments: Tier.all)
    func setuidProgram(tier: Tier) throws {
        let host = try TestHost(tier)
        // The loader shows the auxiliary vector only of a program that gained nothing.
        let script = "LD_SHOW_AUXV=1 /usr/bin/su --version | grep -E 'AT_(EUID|SECURE)' | tr -s ' \\n' ' '"
        let outside = try run(Tier.user.prefix + ["/bin/sh", "-c", script])
        #expect(
            !outside.text.contains("AT_SECURE: 0"), "outside su gains root, or this proves nothing: \(outside.text)")
        let job = try JobResult(host.runnerctl(["run", "--json", "--", "sh", "-c", script]))
        let inside = try host.printed(job.id)
        #expect(inside.contains("AT_SECURE: 0") && inside.contains("AT_EUID: 3"), "\(inside)")
    }

    @Test("What belongs to the host cannot be written", .enabled(if: Needs.python), arguments: Tier.all)
    func writes(tier: Tier) throws {
        let host = try TestHost(tier)
        let probe = Probe(
            """
            def opened(path): os.close(os.open(path, os.O_WRONLY)); return True
            def created(directory):
                path = directory.rstrip("/") + "/bulkhead-canary"
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)); os.unlink(path); return True
            for path in sys.argv[1].split(","): say("open " + path, attempt(lambda: opened(path)))
            for path in sys.argv[2].split(","): say("create " + path, attempt(lambda: created(path)))
            say("mode /", attempt(lambda: os.chmod("/", 0o777) is None) if len(sys.argv) > 3 else "")
            """)
        let files = [
            "/usr/bin/env", "/etc/passwd", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
            "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/proc/self/uid_map",
            "/proc/self/attr/current",
        ]
        let outside = try probe.outside(tier, [files.joined(separator: ","), host.directory])
        #expect(outside["create \(host.directory)"] == "ok:True")
        let shown = tier == .root ? files : ["/proc/self/oom_score_adj", "/proc/self/uid_map"]
        for path in shown where access(path, F_OK) == 0 {
            #expect(outside["open \(path)"] == "ok:True", "\(path) opens outside: \(outside["open \(path)"] ?? "")")
        }
        let directories = [
            "/", "/usr", "/usr/bin", "/etc", "/run", "/root", "/mnt", "/var/tmp", "/dev", "/git", "/import",
            "/handover", "/private", "/job", "/proc",
        ]
        let inside = try probe.inside(host, [files.joined(separator: ","), directories.joined(separator: ","), "mode"])
        let refusals: Set = ["EACCES", "EROFS", "EPERM", "ENOENT"]
        for attempt in files.map({ "open " + $0 }) + directories.map({ "create " + $0 }) + ["mode /"] {
            #expect(refusals.contains(inside[attempt] ?? ""), "\(attempt): \(inside[attempt] ?? "")")
        }
    }

    @Test("Characters cannot be pushed into a terminal", .enabled(if: Needs.python), arguments: Tier.all)
    func terminalInput(tier: Tier) throws {
        let host = try TestHost(tier)
        let probe = Probe(
            """
            import fcntl, pty, termios
            def in_child(f):
                r, w = os.pipe()
                master, slave = os.openpty()
                pid = os.fork()
                if pid == 0:
                    os.setsid(); fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                    os.write(w, f(slave).encode()); os._exit(0)
                os.close(w); text = os.read(r, 100).decode(); os.waitpid(pid, 0); return text
            byte = ctypes.create_string_buffer(b"x")
            at = ctypes.addressof(byte)
            say("TIOCSTI", in_child(lambda fd: call(16, fd, 0x5412, at)))
            say("TIOCSTI high", in_child(lambda fd: call(16, fd, 0x100005412, at)))
            say("TIOCLINUX", in_child(lambda fd: call(16, fd, 0x541c, at)))
            say("TIOCGWINSZ", in_child(lambda fd: call(16, fd, 0x5413, ctypes.addressof(ctypes.create_string_buffer(16)))))
            """)
        let outside = try probe.outside(tier)
        // An ordinary user gets EIO where dev.tty.legacy_tiocsti is off: the kernel saw the request.
        #expect(outside["TIOCSTI"] == "ok:0" || outside["TIOCSTI"] == "EIO")
        #expect(outside["TIOCLINUX"] == "ENOTTY")
        let inside = try probe.inside(host)
        for name in ["TIOCSTI", "TIOCSTI high", "TIOCLINUX"] {
            #expect(inside[name] == "EPERM", "\(name): \(inside[name] ?? "")")
        }
        #expect(inside["TIOCGWINSZ"] == "ok:0", "a terminal of the job's own works")
    }
}
