/// The system call policy as a table: names first, then the rules on arguments. Reasons and measurements are in
/// docs/design/0002-seccomp.md. What is in neither list answers ENOSYS, which is what programs expect of a kernel
/// that does not have a call; foreign architectures (i386, x32) are killed.
public enum SeccompPolicy {
    /// Refused with EPERM, so that a tool that probes degrades and a test can tell policy from absence.
    public static let refused: [String] = words(
        """
        ptrace process_vm_readv process_vm_writev process_madvise kcmp bpf perf_event_open userfaultfd
        keyctl add_key request_key
        mount umount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
        unshare setns name_to_handle_at open_by_handle_at
        init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff
        clock_settime clock_adjtime adjtimex settimeofday stime sethostname setdomainname quotactl quotactl_fd acct
        syslog iopl ioperm vhangup lookup_dcookie nfsservctl fanotify_init fanotify_mark
        modify_ldt vmsplice memfd_secret migrate_pages move_pages mbind set_mempolicy_home_node
        pidfd_getfd uselib ustat sysfs
        """)

    /// Answered as if the kernel did not have them: glibc and libuv fall back only on ENOSYS.
    public static let absent: [String] = words("clone3 io_uring_setup io_uring_enter io_uring_register")

    /// What build tools, git, node, python, compilers and claude use (123 measured), and what container engines allow
    /// by default beyond that without a capability, less the calls above.
    public static let allowed: [String] = words(
        """
        accept accept4 access alarm arch_prctl bind brk cachestat capget capset chdir chmod chown clock_getres
        clock_gettime clock_nanosleep clone close close_range connect copy_file_range creat dup dup2 dup3
        epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
        eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat
        fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs
        fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat getcpu getcwd getdents
        getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority
        getrandom getresgid getresuid getrlimit get_robust_list getrusage getsid getsockname getsockopt
        get_thread_area gettid gettimeofday getuid getxattr get_mempolicy inotify_add_watch inotify_init inotify_init1
        inotify_rm_watch ioctl ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset
        landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr
        lstat madvise map_shadow_stack membarrier memfd_create mincore mkdir mkdirat mknod mknodat mlock mlock2
        mlockall mmap mprotect mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat
        open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll
        ppoll prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pwrite64 pwritev pwritev2 read
        readahead readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat
        renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
        rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam
        sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_setaffinity
        sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
        sendfile sendmmsg sendmsg sendto setfsgid setfsuid setgid setgroups set_mempolicy setitimer setpgid setpriority setregid
        setresgid setresuid setreuid setrlimit set_robust_list setsid setsockopt set_thread_area set_tid_address
        setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socket socketpair splice
        stat statfs statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create
        timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times
        tkill truncate umask uname unlink unlinkat utime utimensat utimes vfork wait4 waitid write writev
        """)

    /// The personalities that the kernel's own users set: everything else answers ENOSYS.
    static let personalities: [UInt64] = [0, 8, 0x20000, 0x20008, 0xffff_ffff]

    /// UNIX, INET, INET6; and NETLINK for protocol ROUTE alone, which node, ip and Python's if_nameindex need.
    static let families: Set<UInt64> = [1, 2, 10, 16]

    /// A rule on arguments: `errno` when every condition holds. Comparisons are masked to the 32 bits that the kernel
    /// looks at; a 64-bit compare is passed with high bits set (CVE-2019-10063).
    struct ArgumentRule {
        let call: String
        let errno: Int32
        let conditions: [Condition]
    }

    enum Condition {
        /// `argument & mask == value`
        case masked(argument: UInt32, mask: UInt64, value: UInt64)
        /// `argument != value`, all 64 bits: high bits set can only make it refuse.
        case not(argument: UInt32, value: UInt64)
    }

    /// DCCP, L2TP, SCTP, UDP-Lite, SMC, MPTCP.
    static let exoticProtocols: [UInt64] = [33, 115, 132, 136, 256, 262]

    static let errnoEPERM: Int32 = 1
    static let errnoEPROTONOSUPPORT: Int32 = 93
    static let errnoEAFNOSUPPORT: Int32 = 97

    static var argumentRules: [ArgumentRule] {
        let word: UInt64 = 0xffff_ffff
        var rules: [ArgumentRule] = []
        func refuse(_ call: String, _ conditions: Condition..., errno: Int32 = errnoEPERM) {
            rules.append(ArgumentRule(call: call, errno: errno, conditions: conditions))
        }
        for call in ["socket", "socketpair"] {
            for family in UInt64(0)..<64 where !families.contains(family) {
                refuse(call, .masked(argument: 0, mask: word, value: family), errno: errnoEAFNOSUPPORT)
            }
            for bit in 6..<32 {  // every family of 64 and more
                refuse(call, .masked(argument: 0, mask: 1 << bit, value: 1 << bit), errno: errnoEAFNOSUPPORT)
            }
            refuse(
                call, .masked(argument: 0, mask: word, value: 16), .not(argument: 2, value: 0),
                errno: errnoEAFNOSUPPORT)
            for family in [UInt64(2), 10] {
                let isFamily = Condition.masked(argument: 0, mask: word, value: family)
                // Raw IP, and the types of SCTP and DCCP, whose first use loads a kernel module.
                for type in [UInt64(3), 4, 5, 6, 10] {
                    refuse(call, isFamily, .masked(argument: 1, mask: 0xf, value: type))
                }
                for protocolNumber in exoticProtocols {
                    refuse(
                        call, isFamily, .masked(argument: 2, mask: word, value: protocolNumber),
                        errno: errnoEPROTONOSUPPORT)
                }
                for bit in 9..<32 {  // every protocol of 512 and more
                    refuse(
                        call, isFamily, .masked(argument: 2, mask: 1 << bit, value: 1 << bit),
                        errno: errnoEPROTONOSUPPORT)
                }
            }
        }
        // TCP_ULP: its first use loads a kernel module. Programs go on without kernel TLS.
        refuse("setsockopt", .masked(argument: 1, mask: word, value: 6), .masked(argument: 2, mask: word, value: 31))
        // RLIMIT_CORE stays 1: below that a piped core_pattern would run a helper of root's on the job's memory. Answered
        // as done, because programs that lower it on purpose end where they cannot.
        refuse("setrlimit", .masked(argument: 0, mask: word, value: 4), errno: 0)
        refuse("prlimit64", .masked(argument: 1, mask: word, value: 4), .not(argument: 2, value: 0), errno: 0)
        // A datagram or raw pair can be disconnected and sent to any visible path socket.
        for type in [UInt64(2), 3] {
            refuse(
                "socketpair", .masked(argument: 0, mask: word, value: 1), .masked(argument: 1, mask: 0xf, value: type))
        }
        for bit in [17, 25, 26, 27, 28, 29, 30] {  // CLONE_NEW*
            refuse("clone", .masked(argument: 0, mask: 1 << bit, value: 1 << bit))
        }
        for command in [UInt64(0x5412), 0x541c, 0x5423, 0x541d] {  // TIOCSTI TIOCLINUX TIOCSETD TIOCCONS
            refuse("ioctl", .masked(argument: 1, mask: word, value: command))
        }
        // SECCOMP_FILTER_FLAG_NEW_LISTENER: a listener could answer for its children.
        refuse("seccomp", .masked(argument: 0, mask: word, value: 1), .masked(argument: 1, mask: 8, value: 8))
        for device in [UInt64(0x2000), 0x6000] {  // S_IFCHR, S_IFBLK
            refuse("mknod", .masked(argument: 1, mask: 0xf000, value: device))
            refuse("mknodat", .masked(argument: 2, mask: 0xf000, value: device))
        }
        return rules
    }

    private static func words(_ text: String) -> [String] {
        text.split(whereSeparator: \.isWhitespace).map(String.init)
    }
}
