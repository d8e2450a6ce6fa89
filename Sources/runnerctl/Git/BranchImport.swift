import Glibc
import IPC
import Linux

/// Brings a job's branch into the user's repository. The bundle counts as hostile: `git fetch` from a bundle checks
/// nothing (fetch.fsckObjects has no effect on bundles in git 2.39), so the pack is indexed, checked and walked in a
/// quarantine repository first, and the user's repository takes one commit by its id from there.
struct BranchImport {
    /// Bytes of a bundle that are accepted.
    static let maximumSize: Int64 = 4 << 30
    /// Files that a branch may have more than its base: 1 KB of pack can hold 10^12 of them.
    static let maximumNewEntries = 200_000

    let repository: UserRepository
    let job: String
    let branch: String
    let commit: String
    let base: String
    var interrupts: Interrupts?

    /// - Throws: `CommandFailure` for ids and names that are none.
    init(repository: UserRepository, job: JobInfo, interrupts: Interrupts? = nil) throws(CommandFailure) {
        guard let branch = job.branch, let commit = job.commit, let base = job.base, !branch.hasPrefix("-"),
            ObjectID.isValid(commit), ObjectID.isValid(base), commit.utf8.count == base.utf8.count
        else {
            throw .failed(
                "job \(job.id) names no branch, commit and base; `runnerctl show \(job.id)` tells what it has")
        }
        self.repository = repository
        self.job = job.id
        self.branch = branch
        self.commit = commit
        self.base = base
        self.interrupts = interrupts
    }

    /// Checks the bundle and makes the branch. A branch that is already at the commit is left as it is.
    /// - Returns: what the branch changes.
    /// - Throws: `CommandFailure`; the user's repository is then as it was, except for unreferenced objects when the
    ///   very last step failed.
    func run(_ bundle: Descriptor, size: Int64) throws -> DiffSummary {
        if try repository.commit(of: branch) != commit { try repository.requireNewBranch(branch) }
        do {
            let actual = try PassedDescriptor.regularFile(bundle, maximum: BranchImport.maximumSize)
            guard size > 0, actual >= size else { throw refused("it has \(actual) bytes, \(size) were announced") }
        } catch let error as ProtocolError {
            throw refused(error.message)
        }
        let file = try Scratch.file()
        try Scratch.copy(bundle.raw, size: size, to: file, interrupts: interrupts)
        let header = try readHeader(file)
        return try Scratch.withDirectory { directory in
            let path = directory + "/quarantine.git"
            let quarantine = Git(quarantine: path, interrupts: interrupts)
            try make(quarantine, path)
            try takePack(quarantine, file, header, size: size)
            try checkHistory(quarantine)
            try checkEntries(quarantine)
            let summary = try DiffSummary(quarantine, from: base, to: commit)
            try takeCommit(from: path)
            return summary
        }
    }

    private func refused(_ reason: String) -> CommandFailure {
        .failed(
            "the branch that the supervisor gave back was refused: \(reason). Nothing was changed in \(repository.path)."
        )
    }

    private func readHeader(_ file: Descriptor) throws -> BundleHeader {
        try check("lseek") { lseek(file.raw, 0, SEEK_SET) }
        let head = try file.read(BundleHeader.maximumLength + 4)
        do throws(BundleHeader.Refusal) {
            let header = try BundleHeader(head)
            try header.require(branch: branch, commit: commit, base: base)
            return header
        } catch {
            throw refused(error.description)
        }
    }

    private func make(_ git: Git, _ path: String) throws {
        let made = try git.run(["init", "-q", "--bare", "--template=", "--object-format=\(ObjectID.format(of: base))"])
        guard made.succeeded else {
            throw CommandFailure.failed("no quarantine repository could be made: \(made.message)")
        }
        let alternates = try Descriptor.open(
            path + "/objects/info/alternates", O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try alternates.writeAll(Array((repository.objects + "\n").utf8))
        guard try git.run(["cat-file", "-e", base + "^{commit}"]).succeeded else {
            throw CommandFailure.usage(
                "\(repository.path) does not hold the job's base \(base.prefix(12)); name the repository the job was made from with --repo"
            )
        }
    }

    private func takePack(_ git: Git, _ file: Descriptor, _ header: BundleHeader, size: Int64) throws {
        try check("lseek") { lseek(file.raw, off_t(header.packOffset), SEEK_SET) }
        let indexed = try git.run(
            ["index-pack", "--stdin", "--fix-thin", "--strict", "--fsck-objects", "--max-input-size=\(size)"],
            stdin: file.raw, seconds: 600)
        guard indexed.succeeded else {
            throw refused(
                indexed.cut == nil ? "git fsck says: \(indexed.message)" : "checking it took over ten minutes")
        }
    }

    private func checkHistory(_ git: Git) throws {
        guard try git.run(["cat-file", "-e", commit + "^{commit}"]).succeeded else {
            throw refused("its commit is missing")
        }
        guard try git.run(["merge-base", "--is-ancestor", base, commit]).succeeded else {
            throw refused("its history does not continue the base")
        }
        let walked = try git.stream(
            ["rev-list", "--objects", "--no-object-names", commit, "^" + base], seconds: 120, onOutput: { _ in true })
        guard walked.succeeded else {
            throw refused(
                walked.cut == nil ? "objects of it are missing: \(walked.message)" : "walking it took over two minutes")
        }
    }

    /// Before anything that takes time or memory for each file of the branch.
    private func checkEntries(_ git: Git) throws {
        let known = try BranchImport.countEntries(git, base, limit: 10_000_000)
        let limit = known + BranchImport.maximumNewEntries
        guard try BranchImport.countEntries(git, commit, limit: limit) <= limit else {
            throw refused("it has over \(limit) files, \(BranchImport.maximumNewEntries) more than its base")
        }
        let changed = try git.run(
            ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, commit], limit: 256 << 20,
            seconds: 60)
        guard changed.succeeded else { throw refused("its changes are too many to look at") }
        // Records and paths take turns: a path may begin with a colon too.
        let records = changed.output.split(separator: 0, omittingEmptySubsequences: false)
        for index in stride(from: 0, to: records.count - 1, by: 2) {
            let fields = records[index].split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 5,
                ["100644", "100755", "120000", "000000"].contains(fields[1])
            else {
                throw refused("it adds an entry that is no file and no link (mode \(fields.dropFirst().first ?? "?"))")
            }
        }
    }

    /// Entries of a commit's whole tree; one more than `limit` stands for all that is more.
    static func countEntries(_ git: Git, _ commit: String, limit: Int) throws -> Int {
        var count = 0
        let ending = try git.stream(["ls-tree", "-r", "-z", "--name-only", commit], seconds: 60) { chunk in
            count += chunk.count { $0 == 0 }
            return count <= limit
        }
        guard ending.succeeded || ending.cut == .output else {
            throw CommandFailure.failed(
                "the tree of \(commit.prefix(12)) could not be walked within a minute: \(ending.message)")
        }
        return count
    }

    /// The commit by its id, then the branch where there is none yet: neither can move an existing branch.
    private func takeCommit(from path: String) throws {
        if try repository.commit(of: branch) == commit { return }
        var git = repository.git
        git.environment["GIT_ALLOW_PROTOCOL"] = "file"
        // The longest match wins: no url.*.insteadOf of the repository's configuration can lead git elsewhere.
        git.environment["GIT_CONFIG_COUNT"] = "1"
        git.environment["GIT_CONFIG_KEY_0"] = "url.\(path).insteadOf"
        git.environment["GIT_CONFIG_VALUE_0"] = path
        let fetched = try git.run(
            [
                "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
                "--no-auto-maintenance", "--no-prune", "--no-prune-tags", "--no-show-forced-updates", "--refmap=", path,
                commit,
            ], seconds: 600)
        guard fetched.succeeded else {
            throw CommandFailure.failed("git fetch into \(repository.path) failed: \(fetched.message)")
        }
        let made = try git.run([
            "update-ref", "-m", "bulkhead: job \(job)", "refs/heads/" + branch, commit, ObjectID.zero(like: commit),
        ])
        guard made.succeeded else {
            throw CommandFailure.failed(
                "git could not make the branch \(branch) in \(repository.path): \(made.message)")
        }
    }
}
