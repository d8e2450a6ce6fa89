import CLinux
import Glibc
import IPC
import Linux
import Sandbox

/// As A, with every route closed: what the agent left becomes one pack. Whatever the agent planted in its repository
/// runs here, if anywhere, with nothing to gain. What this step says is a claim; publish checks it.
struct ImportStep {
    /// What publish is told.
    struct Claim: Codable {
        /// The last commit to keep: one of the agent's, or the base.
        var head: String
        /// The tree of what was not committed, where there is some.
        var tree: String?
        var notes: [String]
    }

    let repository: Order.Repository
    private let own = SandboxPath.importing + "/own.git"
    private let agents = SandboxPath.workspace + "/.git"

    init(_ repository: Order.Repository) { self.repository = repository }

    func run() throws -> JSON {
        var notes: [String] = []
        let git = Git(
            directory: own, ["GIT_WORK_TREE": SandboxPath.workspace, "GIT_INDEX_FILE": own + "/index"])
        let store = Git(directory: own)
        try store.run([
            "init", "-q", "--bare", "--template=", "--object-format=\(ObjectID.format(of: repository.base))",
        ])
        makeReadable(&notes)
        let head = try takeObjects(store, &notes)
        if head != repository.base { try checkSize(store, head) }

        try git.run(["read-tree", head])
        let added = try git.code(["add", "--all", "--ignore-errors", "--", "."])
        if added.code == 1 {
            notes.append(
                "some files could not be added: \(added.complaints.joined(separator: "; "))".cut(toBytes: 4000))
        } else if added.code != 0 {
            throw StepEnd.refused("git could not take the work tree: \(added.message)")
        }
        try restoreUntouched(git, head)
        let tree = try git.object(["write-tree"])
        let isClean = tree == (try store.object(["rev-parse", "--verify", "-q", "\(head)^{tree}"]))
        if isClean, head == repository.base { throw StepEnd.noChange("the work tree is as it was") }

        try pack(store, head: head, tree: isClean ? nil : tree)
        return try JSON(encoding: Claim(head: head, tree: isClean ? nil : tree, notes: notes))
    }

    /// Makes the agent's objects visible, or the base's alone where its repository is beyond use.
    /// - Returns: the commit that the result stands on.
    private func takeObjects(_ store: Git, _ notes: inout [String]) throws -> String {
        var status = stat()
        if lstat(agents + "/objects", &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            let alternates = try Descriptor.open(
                own + "/objects/info/alternates", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            try alternates.writeAll(Array((agents + "/objects\n").utf8))
            if store.succeeds(["cat-file", "-e", repository.base + "^{tree}"]) {
                return agentsHead(store, &notes)
            }
            unlink(own + "/objects/info/alternates")
        }
        notes.append("the agent's repository is unusable: only its files are kept, not its commits")
        try Bundle.index(into: store, base: repository.base, checked: false)
        return repository.base
    }

    private func agentsHead(_ store: Git, _ notes: inout [String]) -> String {
        let theirs = Git(directory: agents)
        guard let head = try? theirs.object(["rev-parse", "--verify", "-q", "HEAD^{commit}"]) else {
            notes.append("the agent's HEAD is no commit: only its files are kept")
            return repository.base
        }
        guard head != repository.base else { return head }
        guard store.succeeds(["merge-base", "--is-ancestor", repository.base, head]) else {
            notes.append("the agent's history does not continue the base: only its files are kept")
            return repository.base
        }
        return head
    }

    /// A tree of 10^12 files in a kilobyte would keep `read-tree` busy for ever. Publish looks closer.
    private func checkSize(_ store: Git, _ head: String) throws {
        var audit = try TreeAudit(store, limits: repository, newBlobs: [:], judging: false)
        defer { audit.end() }
        try audit.learnBase(repository.base)
        try audit.check(head)
    }

    /// Puts files back that are, byte for byte, what the base has: with a fresh index, `add` sends every file through the
    /// line-end rules again, and files that nobody touched would appear changed.
    private func restoreUntouched(_ git: Git, _ head: String) throws {
        let limit = 512 * Int(clamping: repository.maximumFiles)
        let changed = try git.run(
            ["diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--diff-filter=M", head],
            limit: limit)
        var paths: [[UInt8]] = []
        var entries: [(mode: String, id: String)] = []
        let records = changed.split(separator: 0, omittingEmptySubsequences: false)
        for index in stride(from: 0, to: records.count - 1, by: 2) {
            let fields = String(decoding: records[index], as: UTF8.self).split(separator: " ")
            // Only the content of an ordinary file; and `--stdin-paths` has no way to say a line end.
            guard fields.count == 5, fields[0].hasPrefix(":100"), fields[0].dropFirst() == fields[1],
                !records[index + 1].contains(0x0a)
            else { continue }
            paths.append(Array(records[index + 1]))
            entries.append((String(fields[1]), String(fields[2])))
        }
        guard !paths.isEmpty else { return }
        let list = try Descriptor.sealed(
            "paths", paths.flatMap { Array((SandboxPath.workspace + "/").utf8) + $0 + [0x0a] })
        // An odd path that git reads otherwise costs this courtesy, not the work.
        guard
            let hashes = try? git.run(["hash-object", "--no-filters", "--stdin-paths"], stdin: list.raw, limit: limit)
        else { return }
        var restored: [UInt8] = []
        for (index, hash) in hashes.split(separator: 0x0a).enumerated() where index < paths.count {
            let (mode, id) = entries[index]
            guard hash.elementsEqual(id.utf8) else { continue }
            restored += Array("\(mode) \(id)\t".utf8) + paths[index] + [0]
        }
        guard !restored.isEmpty else { return }
        let index = try Descriptor.sealed("index", restored)  // named, so that it stays open until git has ended
        try git.run(["update-index", "-z", "--index-info"], stdin: index.raw)
    }

    /// Files and directories that their owner may not read would be left out; the owner may change that.
    private func makeReadable(_ notes: inout [String]) {
        var walker = TreeWalker(root: SandboxPath.workspace)
        walker.makeReadable()
        notes += walker.notes
    }

    private func pack(_ store: Git, head: String, tree: String?) throws {
        let wanted = ([head] + [tree].compactMap { $0 } + ["^" + repository.base]).joined(separator: "\n") + "\n"
        let list = try Descriptor.sealed("revisions", Array(wanted.utf8))
        do {
            try store.run(
                ["pack-objects", "-q", "--revs", "--thin", "--delta-base-offset", "--stdout"], stdin: list.raw,
                output: Step.Descriptors.output)
        } catch let failed as Git.Failed {
            throw StepEnd.refused("the work could not be packed: \(failed.message)")
        }
    }
}
