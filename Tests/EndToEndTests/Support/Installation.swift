import Foundation
import Glibc

/// The built executables, copied once to a place that every user may execute from: the checkout may lie in a
/// directory of root's.
enum Installation {
    static let directory: Result<String, any Error> = Result {
        let build = try buildDirectory()
        var template = Array("/tmp/bulkhead-bin.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        let target = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(target, 0o755)
        for name in ["bulkhead-supervisor", "bulkhead-spawner", "bulkhead-worker", "runnerctl"] {
            let copied = try run(["/bin/cp", "--reflink=auto", build + "/" + name, target + "/" + name])
            guard copied.code == 0 else { throw MissingBinary(name: name, directory: build) }
            chmod(target + "/" + name, 0o755)
        }
        atexit { Installation.remove() }
        return target
    }

    struct MissingBinary: Error, CustomStringConvertible {
        let name: String
        let directory: String
        var description: String { "\(name) is not in \(directory): run `swift build` first" }
    }

    static func remove() {
        if case .success(let path) = directory { try? FileManager.default.removeItem(atPath: path) }
    }

    /// BULKHEAD_BIN, or where SwiftPM put the executables beside this test bundle.
    static func buildDirectory() throws -> String {
        if let given = ProcessInfo.processInfo.environment["BULKHEAD_BIN"] { return given }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var directory = URL(fileURLWithPath: own).deletingLastPathComponent()
        for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
            directory = URL(fileURLWithPath: argument).deletingLastPathComponent()
        }
        return directory.path
    }

    static func path(_ name: String) throws -> String { try directory.get() + "/" + name }
}
