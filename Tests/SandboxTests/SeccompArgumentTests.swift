import Testing

@testable import Sandbox

/// Argument rules compare 64 bits where the kernel looks at 32: a rule that does not mask is passed by setting high
/// bits (CVE-2019-10063). Every case here is tried with them.
@Suite("Seccomp: arguments")
struct SeccompArgumentTests {
    private static let highBits: [UInt64] = [0, 1 << 32, 1 << 63, 0xffff_ffff << 32]

    private func image() throws -> SeccompImage { try SeccompImage.shared.get() }

    @Test("Only UNIX, INET, INET6 and NETLINK sockets can be made, whatever the high bits say")
    func socketFamilies() throws {
        let image = try image()
        for family in UInt64(0)...100 {
            for high in Self.highBits {
                let expected: SeccompImage.Verdict =
                    [1, 2, 10, 16].contains(family) ? .allowed : SeccompImage.eafnosupport
                #expect(try image.evaluate("socket", high | family, 1, 0) == expected, "family \(family), high \(high)")
            }
        }
    }

    @Test("A family of any size above the table is refused")
    func largeFamilies() throws {
        let image = try image()
        for bit in 6..<32 {
            for low in [0, 1, 2, 10, 16] as [UInt64] {
                for call in ["socket", "socketpair"] {
                    #expect(
                        try image.evaluate(call, 1 << UInt64(bit) | low, 1, 0) != .allowed,
                        "\(call), bit \(bit), \(low)")
                }
            }
        }
    }

    @Test("Protocols and types whose first use loads a kernel module are refused, and the ordinary ones are not")
    func exoticProtocols() throws {
        let image = try image()
        for family in [UInt64(2), 10] {
            for (type, number) in [(1, 0), (1, 6), (2, 0), (2, 17), (0x80801, 6)] as [(UInt64, UInt64)] {
                #expect(try image.evaluate("socket", family, type, number) == .allowed, "\(family), \(type), \(number)")
            }
            for high in Self.highBits {
                for number in [33, 115, 132, 136, 256, 262, 512, 1 << 31] as [UInt64] {
                    #expect(try image.evaluate("socket", family, 1, high | number) != .allowed, "\(family), \(number)")
                }
                for type in [4, 5, 6, 10] as [UInt64] {
                    #expect(try image.evaluate("socket", family, high | type, 0) != .allowed, "\(family), type \(type)")
                }
                #expect(try image.evaluate("setsockopt", 3, high | 6, high | 31) != .allowed, "TCP_ULP")
            }
        }
        #expect(try image.evaluate("setsockopt", 3, 6, 1) == .allowed, "TCP_NODELAY")
    }

    @Test("The core limit cannot be lowered from the 1 that stops a piped core_pattern, and can be read")
    func coreLimit() throws {
        let image = try image()
        for high in Self.highBits {
            #expect(try image.evaluate("setrlimit", high | 4, 4096, 0) != .allowed)
            #expect(try image.evaluate("prlimit64", 0, high | 4, 4096) != .allowed)
        }
        #expect(try image.evaluate("prlimit64", 0, 4, 0) == .allowed, "only reads")
        #expect(try image.evaluate("prlimit64", 0, 7, 4096) == .allowed, "another limit")
    }

    @Test("Of netlink only the protocol ROUTE is to be had")
    func netlinkProtocols() throws {
        let image = try image()
        #expect(try image.evaluate("socket", 16, 3, 0) == .allowed)
        #expect(try image.evaluate("socket", 16, 0x80003, 0) == .allowed)
        for netlink in UInt64(1)...40 {
            for high in Self.highBits {
                #expect(
                    try image.evaluate("socket", high | 16, 3, high | netlink) == SeccompImage.eafnosupport,
                    "\(netlink)")
            }
        }
    }

    @Test("Raw IP sockets answer EPERM, with any flags")
    func rawSockets() throws {
        let image = try image()
        for family in [2, 10] as [UInt64] {
            for flags in [0, 0x800, 0x80000, 0x80800] as [UInt64] {
                for high in Self.highBits {
                    #expect(try image.evaluate("socket", high | family, high | flags | 3, 1) == SeccompImage.eperm)
                    #expect(try image.evaluate("socket", high | family, high | flags | 1, 0) == .allowed)
                    #expect(try image.evaluate("socket", high | family, high | flags | 2, 0) == .allowed)
                }
            }
        }
    }

    @Test("A socket pair is a stream: a datagram one can be sent to any path")
    func socketPairs() throws {
        let image = try image()
        for flags in [0, 0x800, 0x80000] as [UInt64] {
            for high in Self.highBits {
                #expect(try image.evaluate("socketpair", high | 1, high | flags | 2) == SeccompImage.eperm)
                #expect(try image.evaluate("socketpair", high | 1, high | flags | 3) == SeccompImage.eperm)
                #expect(try image.evaluate("socketpair", high | 1, high | flags | 1) == .allowed)
                #expect(try image.evaluate("socketpair", high | 1, high | flags | 5) == .allowed)
            }
        }
        for family in UInt64(0)...100 where ![1, 2, 10, 16].contains(family) {
            #expect(try image.evaluate("socketpair", family, 1) == SeccompImage.eafnosupport, "\(family)")
        }
    }

    @Test("clone makes no namespace, alone or among other flags")
    func cloneNamespaces() throws {
        let image = try image()
        // NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
        for flag in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] as [UInt64] {
            for others in [0, 17, 0x3d_0f00, 0x8000_0000] as [UInt64] {
                for high in Self.highBits {
                    #expect(try image.evaluate("clone", high | others | flag) == SeccompImage.eperm)
                }
            }
        }
    }

    @Test("clone makes processes and threads", arguments: [17, 0x3d_0f00, 0x120_0011, 0x4111, 0x100_0000] as [UInt64])
    func cloneProcesses(flags: UInt64) throws {
        #expect(try image().evaluate("clone", flags) == .allowed)
    }

    @Test("Input cannot be pushed into a terminal, nor its discipline changed")
    func terminalIoctls() throws {
        let image = try image()
        for command in [0x5412, 0x541c, 0x5423, 0x541d] as [UInt64] {
            for high in Self.highBits {
                #expect(try image.evaluate("ioctl", 0, high | command) == SeccompImage.eperm)
                #expect(try image.evaluate("ioctl", .max, high | command, .max) == SeccompImage.eperm)
            }
        }
        for command in [0x5401, 0x5413, 0x541b, 0x5421] as [UInt64] {  // TCGETS TIOCGWINSZ FIONREAD FIONBIO
            #expect(try image.evaluate("ioctl", 1, command) == .allowed)
        }
    }

    @Test("Only the personalities of ordinary programs can be set")
    func personalities() throws {
        let image = try image()
        for value in [0, 8, 0x20000, 0x20008, 0xffff_ffff] as [UInt64] {
            #expect(try image.evaluate("personality", value) == .allowed, "\(value)")
        }
        // ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, MMAP_PAGE_ZERO; and the allowed ones with high bits.
        for value in [1, 0x40000, 0x400000, 0x100000, 0x60000, 1 << 32, 8 | 1 << 32, .max] as [UInt64] {
            #expect(try image.evaluate("personality", value) == SeccompImage.enosys, "\(value)")
        }
    }

    @Test("A filter of a job's own can be set, but without a listener that answers for its children")
    func seccompListener() throws {
        let image = try image()
        for high in Self.highBits {
            for flags in [8, 9, 0x18, 0x2a] as [UInt64] {
                #expect(try image.evaluate("seccomp", high | 1, high | flags) == SeccompImage.eperm)
            }
            for flags in [0, 1, 2, 0x10] as [UInt64] {
                #expect(try image.evaluate("seccomp", high | 1, high | flags) == .allowed)
            }
        }
        #expect(try image.evaluate("seccomp", 2, 0) == .allowed)
    }

    @Test("Devices cannot be made; files, pipes and sockets can")
    func deviceNodes() throws {
        let image = try image()
        for high in Self.highBits {
            for mode in [0, 0o644, 0o4755, 0xf0000] as [UInt64] {
                for device in [0x2000, 0x6000] as [UInt64] {
                    #expect(try image.evaluate("mknodat", 0, 0, high | device | mode, 0x103) == SeccompImage.eperm)
                    if SeccompImage.number("mknod") != nil {
                        #expect(try image.evaluate("mknod", 0, high | device | mode, 0x103) == SeccompImage.eperm)
                    }
                }
                for kind in [0, 0x8000, 0x1000, 0xc000] as [UInt64] {
                    #expect(try image.evaluate("mknodat", 0, 0, high | kind | mode) == .allowed)
                }
            }
        }
    }

    @Test("Every rule on arguments is about a call that is allowed otherwise")
    func rulesAreOnAllowedCalls() {
        let calls = Set(SeccompPolicy.argumentRules.map(\.call))
        #expect(calls.isSubset(of: SeccompPolicy.allowed))
        #expect(
            calls == [
                "socket", "socketpair", "clone", "ioctl", "seccomp", "mknod", "mknodat", "setsockopt", "setrlimit",
                "prlimit64",
            ])
    }
}
