import CLinux
import Glibc
import Linux
import Testing

@Suite("Descriptor")
struct DescriptorTests {
    @Test(
        "Reading to the end stops at the limit: as many bytes pass, one more is EFBIG",
        arguments: [0, 1, 65_536, 200_000])
    func readLimit(_ count: Int) throws {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        #expect(try Descriptor.sealed("file", content).readAll(limit: count) == content)
        let larger = try Descriptor.sealed("file", content + [0])
        #expect { try larger.readAll(limit: count) } throws: { ($0 as? SystemError)?.code == EFBIG }
    }

    @Test("Reading an endless file ends at the limit")
    func endless() throws {
        #expect { try readFile("/dev/zero", limit: 100_000) } throws: { ($0 as? SystemError)?.code == EFBIG }
    }

    @Test("A read gives no more than asked for, then nothing at the end")
    func shortReads() throws {
        let file = try Descriptor.sealed("file", [1, 2, 3])
        #expect(try file.read(2) == [1, 2])
        #expect(try file.read(2) == [3])
        #expect(try file.read(2) == [])
    }

    @Test("A sealed file can be neither written, resized, mapped for writing nor unsealed, also when opened anew")
    func sealed() throws {
        let file = try Descriptor.sealed("order", [1, 2, 3])
        #expect(bh_memfd_seals(file.raw) == 0xF, "seal, shrink, grow and write")
        let again = try Descriptor.open("/proc/self/fd/\(file.raw)", O_RDWR)
        for descriptor in [file, again, try file.duplicate()] {
            #expect(throws: SystemError("write", code: EPERM)) { try descriptor.writeAll([9]) }
            #expect(ftruncate(descriptor.raw, 2) == -1 && errno == EPERM)
            #expect(ftruncate(descriptor.raw, 4) == -1 && errno == EPERM)
            #expect(mmap(nil, 3, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.raw, 0) == MAP_FAILED && errno == EPERM)
            #expect(bh_memfd_seal(descriptor.raw) == -1 && errno == EPERM)
        }
        #expect(try file.readAll(limit: 3) == [1, 2, 3])
    }

    @Test("A sealed file holds content of any size, and is read from its start", arguments: [0, 1, 3_000_000])
    func sealedContent(_ count: Int) throws {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(try Descriptor.sealed("file", content).readAll(limit: count) == content)
    }

    @Test("Every descriptor that is made here is closed by exec")
    func closeOnExec() throws {
        let (first, second) = try Descriptor.socketPair()
        let pipe = try Descriptor.pipe()
        let made = [
            first, second, pipe.read, pipe.write, try Descriptor.sealed("file", []), try Descriptor.open("/", O_RDONLY),
            try first.duplicate(), try Descriptor.sealed("program", [], executable: true),
        ]
        for descriptor in made { #expect(fcntl(descriptor.raw, F_GETFD) == FD_CLOEXEC) }
    }

    @Test("Letting go of a descriptor closes it, a second close does nothing, and uses after it fail")
    func closing() throws {
        let pipe = try Descriptor.pipe()
        pipe.write.close()
        pipe.write.close()
        #expect(pipe.write.raw == -1)
        #expect(try pipe.read.read(1).isEmpty)
        #expect(throws: SystemError("write", code: EBADF)) { try pipe.write.writeAll([1]) }
        #expect(throws: SystemError("dup", code: EBADF)) { try pipe.write.duplicate() }
        let (first, second) = try Descriptor.socketPair()
        do {
            let dropped = Descriptor(owning: first.release())
            #expect(dropped.raw >= 0)
        }
        #expect(try second.read(1).isEmpty)
    }

    @Test("A released descriptor stays open: it is the caller's")
    func releasing() throws {
        let pipe = try Descriptor.pipe()
        let raw = pipe.write.release()
        #expect(pipe.write.raw == -1)
        let again = Descriptor(owning: raw)
        try again.writeAll([7])
        #expect(try pipe.read.read(1) == [7])
    }

    @Test("A non-blocking descriptor says EAGAIN instead of waiting, and can be made to wait again")
    func nonBlocking() throws {
        let pipe = try Descriptor.pipe()
        try pipe.read.setNonBlocking()
        #expect(throws: SystemError("read", code: EAGAIN)) { try pipe.read.read(1) }
        try pipe.read.setNonBlocking(false)
        #expect(fcntl(pipe.read.raw, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test("A file that cannot be opened is named with the system's reason")
    func missingFile() {
        #expect(throws: SystemError("open", "/nonexistent/file", code: ENOENT)) { try readFile("/nonexistent/file") }
        #expect(SystemError("open", "/x", code: ENOENT).description == "open /x: No such file or directory")
        #expect(SystemError("fork", code: EAGAIN).description == "fork: Resource temporarily unavailable")
    }

    @Test("Text is what is UTF-8 and within the limit; anything else is nil")
    func text() throws {
        let file = try Descriptor.sealed("text", Array("ä\n".utf8))
        let path = "/proc/self/fd/\(file.raw)"
        #expect(readText(path) == "ä\n")
        #expect(readText(path, limit: 2) == nil)
        #expect(readText("/nonexistent/file") == nil)
        let binary = try Descriptor.sealed("binary", [0xC3, 0x28])
        #expect(readText("/proc/self/fd/\(binary.raw)") == nil)
        withExtendedLifetime((file, binary)) {}
    }

    @Test("A call is made again after a signal, and its other errors are thrown with their name")
    func checking() throws {
        var calls = 0
        let result = try check("call") { () -> Int32 in
            calls += 1
            errno = EINTR
            return calls < 3 ? -1 : 5
        }
        #expect(result == 5 && calls == 3)
        #expect(throws: SystemError("call", "subject", code: EIO)) {
            try check("call", "subject") { () -> Int32 in
                errno = EIO
                return -1
            }
        }
    }
}
