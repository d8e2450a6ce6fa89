import Foundation
import Testing

#if arch(x86_64)
    /// The system call policy as a job meets it. With bad arguments a call is harmless: an errno that is not the
    /// policy's means that it reached the kernel.
    @Suite("System calls of a job", .serialized, .tags(.sandbox), .enabled(if: Needs.python))
    struct IsolationCallTests {
        /// Name, number and arguments that the kernel answers with something else than EPERM to who may call it.
        private static let refused: [(String, Int, [Int64])] = [
            ("ptrace", 101, [2, 0, 0, 0]), ("process_vm_readv", 310, [0, 0, 0, 0, 0, 99]),
            ("process_vm_writev", 311, [0, 0, 0, 0, 0, 99]),
            ("process_madvise", 440, [-1, 0, 0, 0, 0]), ("kcmp", 312, [0, 0, 99, 0, 0]), ("bpf", 321, [9999, 0, 0]),
            ("perf_event_open", 298, [1, 0, -1, -1, 0]), ("userfaultfd", 323, [0x7f00]), ("keyctl", 250, [0, -4, 1]),
            ("add_key", 248, [1, 1, 0, 0, 0]), ("request_key", 249, [1, 1, 0, 0]), ("mount", 165, [1, 1, 1, 0, 0]),
            ("umount2", 166, [1, 0]), ("pivot_root", 155, [1, 1]), ("chroot", 161, [1]),
            ("open_tree", 428, [-1, 1, 0]),
            ("move_mount", 429, [-1, 1, -1, 1, 0]), ("fsopen", 430, [1, 0]), ("fsconfig", 431, [-1, 0, 0, 0, 0]),
            ("fsmount", 432, [-1, 0, 0]), ("fspick", 433, [-1, 1, 0]), ("mount_setattr", 442, [-1, 1, 0, 1, 32]),
            ("unshare", 272, [0]), ("setns", 308, [-1, 0]), ("name_to_handle_at", 303, [-1, 1, 1, 1, 0]),
            ("open_by_handle_at", 304, [-1, 1, 0]), ("init_module", 175, [1, 8, 1]), ("finit_module", 313, [-1, 1, 0]),
            ("delete_module", 176, [1, 0]), ("kexec_load", 246, [0, 0xffff, 0, 0xffff]), ("reboot", 169, [0, 0, 0, 0]),
            ("swapon", 167, [1, 0]), ("swapoff", 168, [1]), ("clock_settime", 227, [0, 1]),
            ("clock_adjtime", 305, [0, 1]),
            ("adjtimex", 159, [1]), ("settimeofday", 164, [1, 0]), ("sethostname", 170, [1, -1]),
            ("setdomainname", 171, [1, -1]), ("quotactl", 179, [-1, 1, 0, 0]), ("acct", 163, [1]),
            ("syslog", 103, [99, 0, 0]),
            ("iopl", 172, [99]), ("ioperm", 173, [-1, 1, 0]), ("fanotify_init", 300, [0xffffffff, 0]),
            ("fanotify_mark", 301, [-1, 0, 0, -1, 0]), ("modify_ldt", 154, [0, 0, 0]),
            ("vmsplice", 278, [-1, 0, 0, 0]),
            ("memfd_secret", 447, [0x7f00]), ("migrate_pages", 256, [-1, 0, 0, 0]),
            ("move_pages", 279, [-1, 0, 0, 0, 0, 0]),
            ("mbind", 237, [1, 1, 99, 0, 0, 99]), ("pidfd_getfd", 438, [-1, 0, 0]),
        ]
        /// What an ordinary user may call outside: the attempts of the single-uid tier that prove something.
        private static let open: Set = [
            "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "keyctl", "add_key",
            "request_key", "mount",
            "chroot", "open_tree", "unshare", "setns", "name_to_handle_at", "modify_ldt", "vmsplice", "mbind",
            "pidfd_getfd", "move_pages",
        ]
        private static let absent: [(String, Int, [Int64])] = [
            ("clone3", 435, [0, 0]), ("io_uring_setup", 425, [0, 0]), ("io_uring_enter", 426, [-1, 0, 0, 0, 0]),
            ("io_uring_register", 427, [-1, 0, 0, 0]), ("unknown", 1000, []), ("personality", 135, [0x0040000]),
        ]

        private static func lines(_ calls: [(String, Int, [Int64])]) -> String {
            calls.map {
                "say('\($0.0)', call(\(([$0.1.description] + $0.2.map(String.init)).joined(separator: ", "))))"
            }
            .joined(separator: "\n")
        }

        @Test("Refused calls answer EPERM, absent ones ENOSYS", arguments: Tier.all)
        func refused(tier: Tier) throws {
            let host = try TestHost(tier)
            let probe = Probe(Self.lines(Self.refused + Self.absent))
            let outside = try probe.outside(tier)
            let inside = try probe.inside(host)
            for (name, _, _) in Self.refused {
                #expect(inside[name] == "EPERM", "\(name): \(inside[name] ?? "")")
                guard tier == .root || Self.open.contains(name), outside[name] != "ENOSYS" else { continue }
                #expect(outside[name] != "EPERM", "\(name) reaches the kernel outside, or this proves nothing")
            }
            for (name, _, _) in Self.absent { #expect(inside[name] == "ENOSYS", "\(name): \(inside[name] ?? "")") }
            for name in ["clone3", "personality"] {
                #expect(outside[name] != "ENOSYS", "\(name) reaches the kernel outside")
            }
        }

        @Test("No namespace can be made or entered", arguments: Tier.all)
        func namespaces(tier: Tier) throws {
            let host = try TestHost(tier)
            let probe = Probe(
                """
                flags = dict(NEWNS=17, NEWCGROUP=25, NEWUTS=26, NEWIPC=27, NEWUSER=28, NEWPID=29, NEWNET=30)
                def clone(flags):
                    pid = libc.syscall(56, ctypes.c_ulong(flags | 17), 0, 0, 0, 0)
                    if pid == 0: os._exit(0)
                    if pid < 0: return name(ctypes.get_errno())
                    os.waitpid(pid, 0)
                    return "ok"
                def unshare(flags):
                    pid = os.fork()
                    if pid == 0: os._exit(0 if libc.unshare(flags) == 0 else ctypes.get_errno())
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    return name(code) if code else "ok"
                for key, bit in flags.items():
                    say("clone " + key, clone(1 << bit))
                    say("clone high " + key, clone(1 << bit | 1 << 40))
                    say("unshare " + key, unshare(1 << bit))
                say("clone", clone(0))
                for kind in ("user", "mnt", "net"):
                    fd = os.open("/proc/self/ns/" + kind, os.O_RDONLY)
                    say("setns " + kind, call(308, fd, 0))
                """)
            let outside = try probe.outside(tier)
            #expect(outside["clone NEWUSER"] == "ok" && outside["unshare NEWUSER"] == "ok", "\(outside)")
            if tier == .root { #expect(outside["unshare NEWNS"] == "ok" && outside["setns net"] == "ok:0") }
            let inside = try probe.inside(host)
            for (attempt, result) in inside where attempt != "clone" {
                #expect(result == "EPERM", "\(attempt): \(result)")
            }
            #expect(inside["clone"] == "ok" && inside.count == 25)
        }

        @Test("Only local and internet sockets can be made, and no raw ones", arguments: Tier.all)
        func families(tier: Tier) throws {
            let host = try TestHost(tier)
            let probe = Probe(
                """
                for family in range(0, 64):
                    best = "EAFNOSUPPORT"
                    for kind in (1, 2, 3, 5):
                        result = call(41, family, kind, 0)
                        if result != "EAFNOSUPPORT": best = result
                        if result.startswith("ok:"): os.close(int(result[3:])); best = "ok"; break
                    say("family %d" % family, best)
                for protocol in range(1, 23): say("netlink %d" % protocol, call(41, 16, 3, protocol).split(":")[0])
                say("netlink 0", call(41, 16, 3, 0).split(":")[0])
                say("packet high", call(41, 17 | 1 << 32, 3, 0).split(":")[0])
                say("family 0x100", call(41, 0x100, 1, 0))
                for family in (2, 10): say("raw %d" % family, call(41, family, 3, 1).split(":")[0])
                say("raw cloexec", call(41, 2, 3 | 0o2000000, 1).split(":")[0])
                pair = (ctypes.c_int * 2)()
                for kind in (1, 2, 3, 5): say("pair %d" % kind, call(53, 1, kind, 0, ctypes.addressof(pair)))
                """)
            let outside = try probe.outside(tier)
            #expect(outside["netlink 15"] == "ok" && outside["pair 2"] == "ok:0" && outside["pair 3"] == "ok:0")
            if tier == .root {
                #expect(outside["raw 2"] == "ok" && outside["family 17"] == "ok" && outside["packet high"] == "ok")
            }
            let inside = try probe.inside(host)
            for family in 0..<64 {
                let expected = [1, 2, 10, 16].contains(family) ? "ok" : "EAFNOSUPPORT"
                #expect(inside["family \(family)"] == expected, "family \(family): \(inside["family \(family)"] ?? "")")
            }
            for number in 1..<23 { #expect(inside["netlink \(number)"] == "EAFNOSUPPORT", "netlink \(number)") }
            #expect(inside["netlink 0"] == "ok")
            #expect(inside["packet high"] == "EAFNOSUPPORT" && inside["family 0x100"] == "EAFNOSUPPORT")
            for name in ["raw 2", "raw 10", "raw cloexec", "pair 2", "pair 3"] {
                #expect(inside[name] == "EPERM", "\(name)")
            }
            #expect(inside["pair 1"] == "ok:0" && inside["pair 5"] == "ok:0")
        }

        @Test("A call of a foreign architecture kills the process", arguments: Tier.all)
        func architectures(tier: Tier) throws {
            let host = try TestHost(tier)
            let probe = Probe(
                """
                import mmap
                def ended(f):
                    pid = os.fork()
                    if pid == 0: f(); os._exit(0)
                    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
                code.write(bytes.fromhex("b814000000cd80c3"))
                i386 = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
                say("i386", ended(i386))
                say("x32", ended(lambda: libc.syscall(ctypes.c_long(0x40000000 + 39))))
                """)
            let outside = try probe.outside(tier)
            #expect(outside["x32"] == "0", "outside the kernel answers: \(outside)")
            let inside = try probe.inside(host)
            #expect(inside["x32"] == "-31", "SIGSYS: \(inside)")
            // A kernel without 32-bit entry answers the instruction itself with SIGSEGV, there as here.
            if outside["i386"] == "0" { #expect(inside["i386"] == "-31", "SIGSYS: \(inside)") }
        }

        @Test("Devices cannot be made, and a program cannot watch its own filter", arguments: Tier.all)
        func devices(tier: Tier) throws {
            let host = try TestHost(tier)
            let probe = Probe(
                """
                def node(kind, device):
                    os.mknod(path, 0o600 | kind, device); os.unlink(path); return True
                path = sys.argv[1] + "/bulkhead-node"
                say("character", attempt(lambda: node(0o020000, 0x103)))
                say("block", attempt(lambda: node(0o060000, 0x103)))
                say("fifo", attempt(lambda: node(0o010000, 0)))
                say("listener", call(317, 1, 8, 1))
                say("filter", call(317, 1, 0, 1))
                """)
            let outside = try probe.outside(tier, [host.directory])
            if tier == .root { #expect(outside["character"] == "ok:True" && outside["block"] == "ok:True") }
            #expect(outside["listener"] != "EPERM" || tier == .user)
            let inside = try probe.inside(host, ["/workspace"])
            #expect(inside["character"] == "EPERM" && inside["block"] == "EPERM" && inside["listener"] == "EPERM")
            #expect(inside["fifo"] == "ok:True")
            #expect(inside["filter"] == "EFAULT", "a sandbox inside a job may add a filter of its own")
        }
    }
#endif
