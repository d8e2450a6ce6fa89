import Glibc
import IPC
import Linux
import Testing

@testable import Supervisor

/// A directory that is removed with its last reference.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let base = environmentVariable("TMPDIR") ?? "/tmp"
        var template = Array((base + "/bulkhead-supervisor-XXXXXX").utf8CString)
        path = try #require(
            template.withUnsafeMutableBufferPointer { raw in
                raw.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
            })
    }

    deinit {
        let null = Descriptor(owning: open("/dev/null", O_RDWR | O_CLOEXEC))
        let remover = Child(
            argv: ["rm", "-rf", "--", path], environment: [], descriptors: [null.raw, null.raw, null.raw])
        _ = try? remover.run()
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Descriptor.open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600).writeAll(bytes)
    }

    func exists(_ name: String) -> Bool { access(path + "/" + name, F_OK) == 0 }
}

extension EventLoop {
    /// Runs rounds until the condition holds; a test that waits in vain fails here, within ten seconds.
    func drive(_ sourceLocation: SourceLocation = #_sourceLocation, until condition: () throws -> Bool) throws {
        for _ in 0..<2000 {
            if try condition() { return }
            try runOnce(maximumWait: 5)
        }
        Issue.record("the condition did not come true", sourceLocation: sourceLocation)
    }
}

/// The error of a body that is to be refused by protocol; fails where it ends otherwise.
func refusal<T>(_ sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> T) -> ProtocolError? {
    do {
        _ = try body()
        Issue.record("nothing was refused", sourceLocation: sourceLocation)
    } catch let error as ProtocolError {
        return error
    } catch {
        Issue.record("ended with \(error)", sourceLocation: sourceLocation)
    }
    return nil
}
