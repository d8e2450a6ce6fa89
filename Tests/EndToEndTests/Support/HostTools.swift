import Foundation
import Glibc
import Testing

/// What tests do on the host, beside Bulkhead, as the tier's user.
extension TestHost {
    /// Runs git in a directory with no configuration but the repository's own.
    func git(in path: String, _ arguments: [String], input: Data? = nil) throws -> CommandResult {
        try run(
            tier.prefix + ["/usr/bin/git", "-C", path] + arguments,
            environment: ["GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"], input: input)
    }

    /// Runs a shell script in a directory, with the repository's own configuration alone. What it leaves running is
    /// ended with it.
    @discardableResult
    func shell(in path: String, _ script: String) throws -> CommandResult {
        try run(
            tier.prefix + ["/usr/bin/timeout", "-k", "1", "20", "/bin/sh", "-c", script],
            environment: ["GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"], directory: path)
    }

    /// Every file of a commit with its mode and content; a link's content is where it leads.
    func contents(_ repository: Repository, _ commit: String) throws -> [String: FileContent] {
        var files: [String: FileContent] = [:]
        for (name, mode) in try repository.tree(commit) {
            let blob = try git(in: repository.path, ["cat-file", "blob", "\(commit):\(name)"])
            #expect(blob.code == 0, "\(name): \(blob.errorText)")
            files[name] = FileContent(mode: mode, bytes: blob.output)
        }
        return files
    }

    /// The id of the tree that an ordinary clone would commit after the same script.
    func ordinaryTree(_ repository: Repository, after script: String) throws -> String {
        let clone = directory + "/ordinary"
        try #require(shell(in: directory, "git clone -q '\(repository.path)' '\(clone)'").code == 0)
        try #require(shell(in: clone, script).code == 0)
        let tree = try shell(in: clone, "git add -A 2>/dev/null && git write-tree")
        try #require(tree.code == 0, "\(tree.errorText)")
        return tree.text.trimmingCharacters(in: .newlines)
    }

    /// Ends the supervisor and keeps its state, so that `start()` begins again on it.
    func stopSupervisor() {
        signal(SIGTERM)
        _ = supervisor?.wait(20) { supervisor?.process.isRunning != true }
    }

    /// What a job printed in each phase, both streams together.
    func log(of job: String) throws -> [String: String] {
        var text: [String: String] = [:]
        for line in try runnerctl(["events", job, "--json"]).text.split(separator: "\n") {
            guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                continue
            }
            let event = object["event"] as? [String: Any] ?? object
            guard event["type"] as? String == "log", let phase = event["phase"] as? String else { continue }
            if let part = event["text"] as? String { text[phase, default: ""] += part }
            if let part = event["b64"] as? String, let data = Data(base64Encoded: part) {
                text[phase, default: ""] += String(decoding: data, as: UTF8.self)
            }
        }
        return text
    }

    /// Names in the archive that a refused job left; none where there is no archive.
    func artifact(of job: JobResult) throws -> [String] {
        let file = directory + "/\(job.id).tar"
        let saved = try runnerctl(["artifact", job.id, "-o", file])
        guard saved.code == 0 else { return [] }
        let listed = try run(["/bin/tar", "-tf", file])
        #expect(listed.code == 0, "\(listed.errorText)")
        return listed.text.split(separator: "\n").map(String.init)
    }
}

/// One file of a commit.
struct FileContent: Equatable, CustomStringConvertible {
    let mode: String
    let bytes: Data

    init(mode: String, bytes: Data) {
        self.mode = mode
        self.bytes = bytes
    }

    init(_ mode: String, _ text: String) { self.init(mode: mode, bytes: Data(text.utf8)) }

    var description: String { "\(mode) \(String(decoding: bytes.prefix(60), as: UTF8.self))" }
}

/// Every file below a directory, byte for byte, with its kind, mode and time of change: what "untouched" means.
struct Snapshot {
    private var files: [String: String] = [:]

    init(of directory: String) throws {
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory)
        for name in names {
            var status = stat()
            guard lstat(directory + "/" + name, &status) == 0 else { continue }
            let kind = status.st_mode & S_IFMT
            // Directories change their times with what is added in them; what was added is seen by itself.
            var text = "mode \(String(status.st_mode, radix: 8)) owner \(status.st_uid)"
            if kind != S_IFDIR { text += " modified \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)" }
            if kind == S_IFREG {
                text +=
                    " bytes "
                    + (FileManager.default.contents(atPath: directory + "/" + name) ?? Data()).base64EncodedString()
            } else if kind == S_IFLNK {
                text += try " to " + FileManager.default.destinationOfSymbolicLink(atPath: directory + "/" + name)
            }
            files[name] = text
        }
    }

    /// Names that are new, gone or changed since another snapshot.
    func changes(since before: Snapshot) -> [String] {
        Set(files.keys).union(before.files.keys).filter { files[$0] != before.files[$0] }.sorted()
    }
}
