import CSeccomp
import Foundation
import Testing

@testable import Sandbox

@Suite("Seccomp: names")
struct SeccompPolicyTests {
    private func image() throws -> SeccompImage { try SeccompImage.shared.get() }

    /// Calls that lead out of a sandbox, to other processes' memory or to the machine itself.
    private static let dangerous = """
        ptrace process_vm_readv process_vm_writev process_madvise kcmp bpf perf_event_open userfaultfd keyctl add_key
        request_key mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
        unshare setns name_to_handle_at open_by_handle_at init_module finit_module delete_module kexec_load
        kexec_file_load reboot swapon swapoff clock_settime clock_adjtime adjtimex settimeofday sethostname
        setdomainname quotactl acct syslog iopl ioperm vhangup lookup_dcookie nfsservctl fanotify_init fanotify_mark
        modify_ldt vmsplice memfd_secret migrate_pages move_pages pidfd_getfd uselib ustat sysfs create_module
        get_kernel_syms query_module io_uring_setup io_uring_enter io_uring_register clone3 vserver afs_syscall tuxcall
        security _sysctl
        """.split(whereSeparator: \.isWhitespace).map(String.init)

    /// Newer than libseccomp 2.5.4 (Debian 12), which answers ENOSYS for them.
    private static let newerThanLibrary: Set = [
        "cachestat", "fchmodat2", "map_shadow_stack", "futex_wake", "futex_wait", "futex_requeue",
    ]
    /// Not calls of every architecture.
    private static let ofSomeArchitectures: Set = [
        "access", "alarm", "arch_prctl", "chmod", "chown", "creat", "dup2", "epoll_create", "epoll_ctl_old",
        "epoll_wait", "epoll_wait_old", "eventfd", "fork", "futimesat", "getdents", "getpgrp", "get_thread_area",
        "inotify_init", "lchown", "link", "lstat", "mkdir", "mknod", "newfstatat", "open", "pause", "pipe", "poll",
        "readlink", "rename", "rmdir", "select", "set_thread_area", "signalfd", "stat", "symlink", "sync_file_range",
        "time", "unlink", "utime", "utimes", "vfork",
    ]

    @Test("No name stands twice in the policy")
    func noDuplicates() {
        let all = SeccompPolicy.allowed + SeccompPolicy.refused + SeccompPolicy.absent + ["personality"]
        let repeated = Dictionary(grouping: all, by: \.self).filter { $1.count > 1 }.keys.sorted()
        #expect(repeated.isEmpty)
    }

    @Test("Every allowed name is one that libseccomp knows, but for those newer than it")
    func namesResolve() {
        let unknown = SeccompPolicy.allowed.filter { seccomp_syscall_resolve_name($0) == -1 }
        #expect(Set(unknown).subtracting(Self.newerThanLibrary).isEmpty)
        let elsewhere = SeccompPolicy.allowed.filter { seccomp_syscall_resolve_name($0) < -1 }
        #expect(Set(elsewhere).subtracting(Self.ofSomeArchitectures).isEmpty)
    }

    @Test("Every refused and absent name is one that libseccomp knows")
    func refusedNamesResolve() {
        let newer: Set = ["set_mempolicy_home_node", "quotactl_fd", "memfd_secret", "process_madvise"]
        let unknown = (SeccompPolicy.refused + SeccompPolicy.absent).filter { seccomp_syscall_resolve_name($0) == -1 }
        #expect(Set(unknown).subtracting(newer).isEmpty)
    }

    @Test("Every allowed call passes both filters")
    func allowedPass() throws {
        let image = try image()
        for name in SeccompPolicy.allowed where !["socket", "socketpair"].contains(name) {
            guard let number = SeccompImage.number(name) else { continue }
            #expect(try image.evaluate(number) == .allowed, "\(name)")
        }
    }

    @Test("Every refused call answers EPERM, whatever its arguments")
    func refusedAnswerEPERM() throws {
        let image = try image()
        for name in SeccompPolicy.refused {
            guard let number = SeccompImage.number(name) else { continue }
            for value in [0, 1, UInt64.max] {
                let verdict = try image.evaluate(number, [UInt64](repeating: value, count: 6))
                #expect(verdict == SeccompImage.eperm, "\(name)(\(value))")
            }
        }
    }

    @Test("Calls that glibc and libuv replace by themselves answer ENOSYS")
    func absentAnswerENOSYS() throws {
        let image = try image()
        for name in SeccompPolicy.absent { #expect(try image.evaluate(name) == SeccompImage.enosys, "\(name)") }
    }

    @Test("Nothing dangerous is allowed")
    func nothingDangerous() throws {
        let image = try image()
        #expect(Set(SeccompPolicy.allowed).isDisjoint(with: Self.dangerous))
        for name in Self.dangerous {
            guard let number = SeccompImage.number(name) else { continue }
            let verdict = try image.evaluate(number)
            #expect(verdict == SeccompImage.eperm || verdict == SeccompImage.enosys, "\(name): \(verdict)")
        }
    }

    @Test("ptrace, bpf and umount2 answer EPERM, which tells a policy from a kernel without them")
    func namedRefusals() throws {
        let image = try image()
        for name in ["ptrace", "bpf", "umount2"] { #expect(try image.evaluate(name) == SeccompImage.eperm, "\(name)") }
    }

    @Test("What no list names answers ENOSYS", arguments: [500, 600, 1000, 4095, 0x3fff_ffff] as [Int32])
    func unknownNumbers(number: Int32) throws {
        #expect(try image().evaluate(number) == SeccompImage.enosys)
        #expect(try image().evaluate(number, [.max, .max, .max]) == SeccompImage.enosys)
    }

    @Test("A number below the first call is never allowed", arguments: [-1, -2, .min] as [Int32])
    func negativeNumbers(number: Int32) throws {
        #expect(try image().evaluate(number) != .allowed)
    }

    @Test("Every call that the tools of a job were seen to make is allowed, or is clone3")
    func measuredCalls() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let sample = folder.appendingPathComponent("Samples").appendingPathComponent("syscalls-union.txt")
        let names = try String(contentsOf: sample, encoding: .utf8).split(separator: "\n").map(String.init)
        try #require(names.count > 100)
        let missing = Set(names).subtracting(SeccompPolicy.allowed).subtracting(["clone3"])
        #expect(missing.isEmpty)
    }

    @Test("A call of another architecture kills the process, allowed or not")
    func foreignArchitectures() throws {
        let image = try image()
        let native = seccomp_arch_native()
        // i386, x86-64, ARM, AArch64, RISC-V 64, and none at all.
        for arch in [0x4000_0003, 0xc000_003e, 0x4000_0028, 0xc000_00b7, 0xc000_00f3, 0] as [UInt32]
        where arch != native {
            for number in [0, 1, 56, 101, 1000] as [Int32] {
                #expect(try image.evaluate(number, arch: arch) == .killed, "arch \(String(arch, radix: 16)), \(number)")
            }
        }
    }

    @Test("An x32 call kills the process: its numbers would pass by every rule")
    func x32() throws {
        guard seccomp_arch_native() == 0xc000_003e else { return }
        let image = try image()
        for number in [0, 1, 41, 56, 512, 520, 547] as [Int32] {
            #expect(try image.evaluate(0x4000_0000 | number) == .killed, "\(number)")
        }
    }

    @Test("The image holds two programs that the kernel would take")
    func imageFits() throws {
        let programs = try image().programs
        #expect(programs.count == 2)
        for program in programs { #expect((1...4096).contains(program.instructions.count)) }
    }

    @Test("Compiling twice gives the same image")
    func isReproducible() throws {
        #expect(try SeccompFilters.compile() == SeccompFilters.compile())
    }
}
