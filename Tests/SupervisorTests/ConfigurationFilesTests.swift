import Glibc
import Testing

@testable import Supervisor

@Suite("Which files are trusted")
struct ConfigurationFilesTests {
    private func problems(_ host: FakeConfigurationHost, userID: UInt32 = 0, file: String? = nil) -> [String] {
        ConfigurationTestSupport.problems(
            ConfigurationSources(configFile: file, environment: ["HOME": "/home/u"], userID: userID, host: host))
    }

    @Test(
        "A file of the system that others can write is refused with the command to run",
        arguments: ["/etc/bulkhead/bulkhead.yaml", "/etc/bulkhead/conf.d/1.yaml", "/etc/bulkhead/.env"],
        [UInt32(0o664), 0o646])
    func writable(path: String, mode: UInt32) {
        var host = FakeConfigurationHost()
        host.add(path, "", mode: mode)
        #expect(problems(host) == ["\(path): others than its owner can write it; run: chmod go-w '\(path)'"])
    }

    @Test("A directory of the system that others can write is refused, unless it is sticky")
    func writableDirectory() {
        var host = FakeConfigurationHost()
        host.add("/etc/bulkhead/conf.d/1.yaml", "")
        host.directories["/etc/bulkhead/conf.d"] = .init(owner: 0, mode: 0o775)
        #expect(problems(host).first?.contains("chmod go-w '/etc/bulkhead/conf.d'") == true)
        host.directories["/etc/bulkhead/conf.d"] = .init(owner: 0, mode: 0o1777)
        #expect(problems(host) == [])
    }

    @Test("A file of the system belongs to root or the service user")
    func owner() {
        var host = FakeConfigurationHost()
        host.add("/etc/bulkhead/bulkhead.yaml", "", owner: 990)
        #expect(problems(host) == [])
        host.add("/etc/bulkhead/bulkhead.yaml", "", owner: 1000)
        #expect(problems(host).first?.contains("chown root") == true)
    }

    @Test("Root's file of --config is held to the same rules")
    func explicit() {
        var host = FakeConfigurationHost()
        host.add("/srv/x.yaml", "", mode: 0o666)
        #expect(problems(host, file: "/srv/x.yaml").count == 1)
        #expect(problems(host, userID: 1000, file: "/srv/x.yaml") == [])
    }

    @Test("Text that is not UTF-8 is refused with its line")
    func invalidUTF8() {
        var host = FakeConfigurationHost()
        host.add("/etc/bulkhead/bulkhead.yaml", bytes: Array("slots: 3\n# ".utf8) + [0xc3, 0x28])
        #expect(problems(host) == ["/etc/bulkhead/bulkhead.yaml:2: not valid UTF-8; save the file in that encoding"])
    }

    @Test("Fragments are read in the order of their bytes; hidden and other names are not read")
    func fragments() throws {
        var host = FakeConfigurationHost()
        for (name, slots) in [("9.yaml", 9), ("10.yaml", 10), (".99.yaml", 99), ("99.yaml~", 98), ("99.yml", 97)] {
            host.add("/etc/bulkhead/conf.d/\(name)", "slots: \(slots)\n")
        }
        let configuration = try Configuration.load(ConfigurationSources(environment: [:], userID: 0, host: host))
        #expect(configuration.slots == 9)
        #expect(configuration.warnings.count == 1)
        #expect(configuration.warnings.first?.contains("99.yml") == true)
    }

    @Test("More than 256 fragments are refused")
    func manyFragments() {
        var host = FakeConfigurationHost()
        for number in 0...256 { host.add("/etc/bulkhead/conf.d/\(number).yaml", "") }
        #expect(problems(host) == ["/etc/bulkhead/conf.d: found 257 files, wanted at most 256"])
    }
}

@Suite("The real host")
struct ConfigurationSystemHostTests {
    private let host = SystemConfigurationHost()

    /// Runs the body with a new directory and removes it with the files in it.
    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/bulkhead-configuration-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        let path = try #require(made)
        defer {
            for name in (try? host.listDirectory(path, maximumNames: 100)) ?? [] { unlink("\(path)/\(name)") }
            rmdir(path)
        }
        try body(path)
    }

    private func write(_ path: String, _ bytes: [UInt8], mode: mode_t) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        try #require(fchmod(descriptor, mode) == 0)
    }

    @Test("A file is read whole, with its owner and mode, up to the bound")
    func reads() throws {
        try withDirectory { directory in
            let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
            try write("\(directory)/f", bytes, mode: 0o640)
            let file = try host.readFile("\(directory)/f", maximumBytes: bytes.count)
            #expect(file.bytes == bytes)
            #expect(file.attributes == .init(owner: geteuid(), mode: 0o640))
            #expect(throws: ConfigurationHostFailure.tooLarge) {
                try host.readFile("\(directory)/f", maximumBytes: bytes.count - 1)
            }
        }
    }

    @Test("What is no regular file is refused without waiting for it")
    func kinds() throws {
        try withDirectory { directory in
            try #require(mkfifo("\(directory)/fifo", 0o600) == 0)
            for path in ["\(directory)/fifo", directory, "/dev/null"] {
                #expect(throws: ConfigurationHostFailure.wrongKind) { try host.readFile(path, maximumBytes: 10) }
            }
            #expect(throws: ConfigurationHostFailure.wrongKind) {
                try host.directoryAttributes("\(directory)/fifo")
            }
            #expect(throws: ConfigurationHostFailure.absent) { try host.readFile("\(directory)/x", maximumBytes: 1) }
            #expect(throws: ConfigurationHostFailure.absent) {
                try host.listDirectory("\(directory)/x", maximumNames: 1)
            }
        }
    }

    @Test("A directory is listed without its dots, up to the bound")
    func lists() throws {
        try withDirectory { directory in
            for name in ["a", ".b", "c"] { try write("\(directory)/\(name)", [], mode: 0o600) }
            #expect(try host.listDirectory(directory, maximumNames: 3).sorted() == [".b", "a", "c"])
            #expect(throws: ConfigurationHostFailure.tooLarge) { try host.listDirectory(directory, maximumNames: 2) }
            #expect(try host.directoryAttributes(directory) == .init(owner: geteuid(), mode: 0o700))
        }
    }

    @Test("Accounts are found by name and uid")
    func accounts() {
        #expect(host.userID(ofUser: "root") == 0)
        #expect(host.homeDirectory(ofUser: 0) == "/root")
        #expect(host.userID(ofUser: "no-such-user-here") == nil)
        #expect(host.homeDirectory(ofUser: 4_294_967_000) == nil)
    }
}
