import Glibc
import IPC
import Linux
import Testing

@testable import runnerctl

/// What was written to an output.
final class Written {
    var bytes: [UInt8] = []
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }
}

/// A console whose output can be looked at.
struct TestConsole {
    let out = Written()
    let err = Written()
    let console: Console

    init(columns: Int = 80) {
        let (out, err) = (self.out, self.err)
        console = Console(
            out: Output { bytes throws(SystemError) in out.bytes += bytes },
            err: Output { bytes throws(SystemError) in err.bytes += bytes }, columns: columns)
    }
}

/// A git repository in a temporary directory, removed with it.
final class TestRepository {
    let directory: String
    let path: String

    init(_ name: String = "repo", initial: [String] = ["init", "-q", "-b", "trunk"], commits: Int = 1) throws {
        var template = Array("\(Scratch.directory)/runnerctl-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = directory + "/" + name
        try check("mkdir", path) { mkdir(path, 0o755) }
        try git(initial)
        for number in 0..<commits {
            try write("file \(number).txt", "line \(number)\n")
            try git(["add", "."])
            try git(["commit", "-q", "-m", "commit \(number)"])
        }
    }

    deinit { Scratch.remove(directory) }

    func write(_ name: String, _ content: String) throws {
        let file = try Descriptor.open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try file.writeAll(Array(content.utf8))
    }

    /// Runs git without anybody's configuration and gives its output.
    @discardableResult
    func git(_ arguments: [String], in place: String? = nil, stdin: [UInt8] = []) throws -> String {
        let pipe = try Descriptor.pipe()
        let input = try Descriptor.sealed("stdin", stdin)
        let child = Child(
            argv: ["git", "-C", place ?? path] + arguments,
            environment: [
                "PATH=\(environmentVariable("PATH") ?? "/usr/bin:/bin")", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
                "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=C",
                "GIT_COMMITTER_EMAIL=c@example.org", "LC_ALL=C",
            ], path: environmentVariable("PATH") ?? "/usr/bin:/bin", descriptors: [input.raw, pipe.write.raw, 2])
        let pid = try child.start()
        pipe.write.close()
        let output = String(decoding: try pipe.read.readAll(limit: 1 << 20), as: UTF8.self)
        let end = try ProcessEnd.wait(for: pid)
        try #require(end.code == 0, "git \(arguments.joined(separator: " "))")
        return output.hasSuffix("\n") ? String(output.dropLast()) : output
    }

    /// Every file of the repository and work tree but objects and the named paths, with its bytes.
    func snapshot(without excluded: [String] = []) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        func walk(_ place: String) throws {
            guard let listing = opendir(place) else { return }
            defer { closedir(listing) }
            while let entry = readdir(listing) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                let whole = place + "/" + name
                if name == "." || name == ".." || whole == path + "/.git/objects" { continue }
                if excluded.contains(where: { whole == path + "/" + $0 }) { continue }
                var status = stat()
                guard lstat(whole, &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR {
                    try walk(whole)
                } else if status.st_mode & S_IFMT == S_IFREG {
                    files[whole] = try readFile(whole)
                }
            }
        }
        try walk(path)
        return files
    }

    /// A job's result on top of a commit: a bundle as the worker makes it.
    func result(branch: String, base: String, _ change: (TestRepository) throws -> Void) throws -> (
        JobInfo, Descriptor, Int64
    ) {
        let clone = try TestRepository(initial: ["clone", "-q", path, "."], commits: 0)
        try clone.git(["checkout", "-q", "-b", branch, base])
        try change(clone)
        let commit = try clone.git(["rev-parse", "HEAD"])
        let file = clone.directory + "/result.bundle"
        try clone.git(["bundle", "create", "-q", file, "refs/heads/" + branch, "^" + base])
        let bundle = try Descriptor.open(file, O_RDONLY)
        var status = stat()
        fstat(bundle.raw, &status)
        return (
            TestJob.info(base: base, branch: branch, commit: commit, size: Int64(status.st_size)), bundle,
            Int64(status.st_size)
        )
    }
}

enum TestJob {
    static func info(base: String, branch: String, commit: String, size: Int64) -> JobInfo {
        var job = info(state: "completed", reason: "completed")
        job.base = base
        job.baseBranch = "trunk"
        job.branch = branch
        job.commit = commit
        job.resultBytes = size
        return job
    }

    static func info(state: String, reason: String? = nil) -> JobInfo {
        var job = JobInfo(
            id: "0123456789abcdef", number: 1, state: state, tenant: "default", plane: "local", submitter: 1000,
            priority: 0, harness: "exec", title: "a title", createdAt: 1_000, cancelRequested: false)
        job.outcome = reason.map { .init(reason: $0, message: "what happened") }
        return job
    }
}

/// A random source that gives the same bytes each time.
struct Repeatable: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var value = state
        value ^= value >> 33
        value = value &* 0xff51_afd7_ed55_8ccd
        return value ^ value >> 33
    }
}

/// A failure with this exit code whose message holds these words.
func expectFailure(
    _ code: Int32, _ words: String, _ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
) {
    do {
        try body()
        Issue.record("nothing was refused", sourceLocation: sourceLocation)
    } catch let failure as CommandFailure {
        #expect(failure.code == code, "\(failure.message)", sourceLocation: sourceLocation)
        #expect(failure.message.contains(words), "\(failure.message)", sourceLocation: sourceLocation)
    } catch {
        Issue.record("\(error)", sourceLocation: sourceLocation)
    }
}
