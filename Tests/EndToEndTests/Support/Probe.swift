import Foundation
import Glibc
import Testing

/// A Python program that makes attempts and says one `name=result` a line: run on the host first, so that the attempt
/// is known to work, then the same program as a job.
struct Probe {
    /// What programs may use: `call(number, …)` is a raw system call, `attempt(f)` an errno's name or the result.
    private static let prelude = #"""
        import ctypes, errno, os, signal, socket, struct, sys
        libc = ctypes.CDLL(None, use_errno=True)
        def name(number): return errno.errorcode.get(number, str(number))
        def call(number, *arguments):
            ctypes.set_errno(0)
            result = libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(a & 0xffffffffffffffff) for a in arguments])
            return name(ctypes.get_errno()) if result == -1 else "ok:%d" % result
        def attempt(f):
            try: return "ok:%s" % (f(),)
            except OSError as error: return name(error.errno)
            except Exception as error: return type(error).__name__
        def say(key, value): print("%s=%s" % (key, value), flush=True)

        """#

    private let program: String
    static let python = "/usr/bin/python3"

    init(_ program: String) { self.program = Probe.prelude + program }

    func command(_ arguments: [String]) -> [String] { [Probe.python, "-c", program] + arguments }

    /// Without a sandbox, as the tier's user.
    func outside(_ tier: Tier, _ arguments: [String] = []) throws -> [String: String] {
        let result = try run(tier.prefix + command(arguments), directory: "/")
        try #require(result.code == 0, "the probe failed on the host: \(result.errorText)")
        return Probe.parse(result.text)
    }

    /// As a job.
    func inside(_ host: TestHost, _ arguments: [String] = []) throws -> [String: String] {
        let result = try JobResult(host.runnerctl(["run", "--json", "--title", "probe", "--"] + command(arguments)))
        let errors = result.errors
        try #require(result.state == "completed", "the probe failed as a job: \(result.message) \(errors)")
        return Probe.parse(try host.printed(result.id))
    }

    private static func parse(_ text: String) -> [String: String] {
        var found: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
        }
        return found
    }
}

extension Needs {
    /// For `.enabled(if:)`: the attempts are Python programs.
    static var python: Bool { access(Probe.python, X_OK) == 0 || mustSandbox }
}

/// Sockets of the host that no job may reach.
final class CanarySockets {
    let tcp: UInt16
    let udp: UInt16
    let abstract: String
    let path: String
    private var descriptors: [Int32] = []
    private let udpDescriptor: Int32

    init(in directory: String) throws {
        abstract = "bulkhead-canary-\(UInt64.random(in: 0...UInt64.max))"
        path = directory + "/canary.sock"
        func made(_ raw: Int32) throws -> Int32 {
            guard raw >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            return raw
        }
        func bound(_ type: __socket_type) throws -> (Int32, UInt16) {
            let raw = try made(socket(AF_INET, Int32(type.rawValue), 0))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            try withUnsafeMutablePointer(to: &address) {
                try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = try made(bind(raw, $0, length))
                    _ = try made(getsockname(raw, $0, &length))
                }
            }
            return (raw, UInt16(bigEndian: address.sin_port))
        }
        let (stream, tcp) = try bound(SOCK_STREAM)
        _ = try made(listen(stream, 16))
        self.tcp = tcp
        (udpDescriptor, udp) = try bound(SOCK_DGRAM)
        descriptors = [stream, udpDescriptor]
        for name in ["\0" + abstract, path] {
            let raw = try made(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.utf8) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
            try withUnsafePointer(to: &address) {
                try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = try made(bind(raw, $0, length)) }
            }
            _ = try made(listen(raw, 16))
            descriptors.append(raw)
        }
        for raw in descriptors { _ = fcntl(raw, F_SETFD, FD_CLOEXEC) }
        chmod(path, 0o777)
    }

    /// Datagrams that have arrived since the last question.
    func datagrams() -> Int {
        var buffer = [UInt8](repeating: 0, count: 512)
        var count = 0
        while recv(udpDescriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) >= 0 { count += 1 }
        return count
    }

    deinit { for raw in descriptors { close(raw) } }
}
