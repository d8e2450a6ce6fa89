import Glibc
import Linux

/// Whether there is work that a job will not see. `git status` would run the filters that a repository's
/// configuration names; this looks only at the index and at what stat(2) says.
enum WorkTreeState {
    /// A note for the user, or nil when all is committed, or when finding out takes too long.
    static func note(_ repository: UserRepository) throws -> String? {
        guard !repository.isBare else { return nil }
        let staged = try repository.git.run(
            ["diff-index", "--cached", "--quiet", "--ignore-submodules=all", "--no-ext-diff", "HEAD"], seconds: 5)
        var found: [String] = []
        if staged.code == 1 { found.append("staged changes") }
        if try hasChangedFiles(repository) { found.append("changed files") }
        let others = try repository.git.run(
            ["ls-files", "--others", "--exclude-standard", "--directory", "--no-empty-directory"], limit: 0, seconds: 3)
        if others.cut == .output { found.append("untracked files") }
        guard !found.isEmpty else { return nil }
        return
            "uncommitted work is not part of the job (\(found.joined(separator: ", "))): commit it first if it should be"
    }

    private static func hasChangedFiles(_ repository: UserRepository) throws -> Bool {
        let top = try repository.git.run(["rev-parse", "--show-toplevel"])
        guard top.succeeded else { return false }
        var git = repository.git
        git.leading = ["-C", top.line]
        let listed = try git.run(["ls-files", "-z", "--debug"], limit: 64 << 20, seconds: 5)
        guard listed.succeeded else { return false }
        return entries(listed.output).contains { isChanged($0, in: top.line) }
    }

    struct Entry: Equatable {
        let path: String
        let modifiedSeconds: Int64
        let modifiedNanoseconds: Int64
        let size: Int64
    }

    /// Reads the output of `ls-files -z --debug`: a path, NUL, then lines of what the index knows of the file.
    static func entries(_ bytes: [UInt8]) -> [Entry] {
        var entries: [Entry] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0) {
            let path = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 1)...]
            var facts: [String: (Int64, Int64)] = [:]
            while rest.first == 0x20, let newline = rest.firstIndex(of: 0x0a) {
                let line = String(decoding: rest[..<newline], as: UTF8.self)
                rest = rest[(newline + 1)...]
                for field in line.split(whereSeparator: { $0 == "\t" }) {
                    let parts = field.split(separator: ":").map { $0.filter { $0 != " " } }
                    guard parts.count >= 2, let first = Int64(parts[1]) else { continue }
                    facts[parts[0]] = (first, parts.count > 2 ? Int64(parts[2]) ?? 0 : 0)
                }
            }
            guard let modified = facts["mtime"], let size = facts["size"] else { continue }
            entries.append(
                Entry(path: path, modifiedSeconds: modified.0, modifiedNanoseconds: modified.1, size: size.0))
        }
        return entries
    }

    private static func isChanged(_ entry: Entry, in top: String) -> Bool {
        var status = stat()
        guard lstat(top + "/" + entry.path, &status) == 0 else { return true }
        guard status.st_mode & S_IFMT != S_IFDIR else { return false }  // a submodule
        return Int64(status.st_mtim.tv_sec) & 0xffff_ffff != entry.modifiedSeconds
            || Int64(status.st_size) != entry.size
    }
}
