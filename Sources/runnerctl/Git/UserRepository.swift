import Glibc
import Linux

/// A repository of the calling user: read to make a job's bundle, written only to take the one new branch.
struct UserRepository {
    /// The commit that a job starts from.
    struct Base: Equatable {
        let commit: String
        /// The branch name it is checked out as in the job.
        let branch: String
        /// Something to tell the user about the choice.
        let note: String?
    }

    let path: String
    let git: Git
    /// The object directory, absolute.
    let objects: String
    let isBare: Bool

    /// Finds the repository that `path` is in, and refuses what no job can be made of.
    /// - Throws: `CommandFailure` with exit code 2.
    static func open(_ path: String, interrupts: Interrupts? = nil) throws -> UserRepository {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw CommandFailure.usage(
                "--repo \(path): \(SystemError.text(errno)); name the directory of a git repository")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw CommandFailure.usage("--repo \(path) is no directory; name the directory of a git repository")
        }
        let git = Git(inRepository: path, interrupts: interrupts)
        func ask(_ arguments: [String]) throws -> String {
            let answer = try git.run(["rev-parse"] + arguments)
            guard answer.succeeded else { throw UserRepository.unusable(path, answer.message) }
            return answer.line
        }
        let isBare = try ask(["--is-bare-repository"]) == "true"
        // Before anything looks at objects: git would fetch what is missing from where the configuration says.
        let promisors = try git.run(
            ["config", "--get-regexp", "^(extensions\\.partialclone|remote\\..*\\.(promisor|partialclonefilter))$"])
        guard promisors.code == 1 else {
            throw CommandFailure.usage(
                "\(path) is a partial clone; a job needs the whole history. Clone it again without --filter.")
        }
        guard try ask(["--is-shallow-repository"]) == "false" else {
            throw CommandFailure.usage(
                "\(path) is a shallow clone; a job needs the whole history. Get it with `git fetch --unshallow`.")
        }
        let objects = try ask(["--path-format=absolute", "--git-path", "objects"])
        guard objects.hasPrefix("/"), !objects.contains("\n") else {
            throw CommandFailure.usage(
                "\(path): the path of its objects has a line break, which git's alternates cannot hold")
        }
        return UserRepository(path: path, git: git, objects: objects, isBare: isBare)
    }

    private static func unusable(_ path: String, _ message: String) -> CommandFailure {
        if message.contains("not a git repository") {
            return .usage(
                "\(path) is not a git repository; make one with `git init` and a first commit, or name another with --repo"
            )
        }
        if message.contains("dubious ownership") {
            return .usage(
                "\(path) belongs to another user; if you trust it: git config --global --add safe.directory PATH")
        }
        return .usage("git cannot use \(path): \(message)")
    }

    /// The commit that `reference` (nil: what HEAD is at) names, and the branch name to start from.
    /// - Throws: `CommandFailure` with exit code 2.
    func base(_ reference: String?) throws -> Base {
        let name = reference ?? "HEAD"
        guard !name.hasPrefix("-"), !name.isEmpty else {
            throw CommandFailure.usage("--base \(name) is no commit of \(path)")
        }
        let found = try git.run(["rev-parse", "--verify", "--quiet", name + "^{commit}"])
        guard found.succeeded, ObjectID.isValid(found.line) else {
            if reference == nil {
                throw CommandFailure.usage(
                    "\(path) has no commit yet; commit something first, or name another with --base")
            }
            throw CommandFailure.usage("--base \(name) is no commit of \(path); `git branch --all` shows its branches")
        }
        let full: String
        if reference == nil {
            full = try git.run(["symbolic-ref", "--quiet", "HEAD"]).line
        } else {
            full = try git.run(["rev-parse", "--symbolic-full-name", name]).line
        }
        if let branch = UserRepository.branchName(of: full), try isValidBranch(branch) {
            return Base(commit: found.line, branch: branch, note: nil)
        }
        let what = reference.map { "\($0) is no branch" } ?? "HEAD is detached"
        return Base(
            commit: found.line, branch: "main",
            note: "\(what): the job starts from commit \(found.line.prefix(12)) and calls it \"main\"")
    }

    /// `refs/heads/x` and `refs/remotes/origin/x` are called x in the job.
    static func branchName(of reference: String) -> String? {
        if reference.hasPrefix("refs/heads/") { return String(reference.dropFirst("refs/heads/".count)) }
        guard reference.hasPrefix("refs/remotes/") else { return nil }
        let parts = reference.split(separator: "/", maxSplits: 3)
        return parts.count == 4 && parts[3] != "HEAD" ? String(parts[3]) : nil
    }

    private func isValidBranch(_ name: String) throws -> Bool {
        guard !name.hasPrefix("-"), name != "HEAD", name.utf8.count <= 244 else { return false }
        let checked = try git.run(["check-ref-format", "--branch", name])
        return checked.succeeded && checked.line == name  // @{-1} would come back as another name
    }

    /// Accepts the name of a branch that can be made.
    /// - Throws: `CommandFailure` with exit code 2 for a name git refuses, and for one that is taken.
    func requireNewBranch(_ name: String) throws {
        guard try isValidBranch(name) else {
            throw CommandFailure.usage("\"\(name)\" is no valid branch name (git check-ref-format tells the rules)")
        }
        if try commit(of: name) != nil {
            throw CommandFailure.usage(
                "the branch \(name) exists in \(path); name another with --branch, or delete it with `git branch -D \(name)`"
            )
        }
        if try git.run(["symbolic-ref", "--quiet", "HEAD"]).line == "refs/heads/" + name {
            throw CommandFailure.usage(
                "\(name) is checked out in \(path), though without a commit; name another branch")
        }
        try requireRoom(for: name)
    }

    /// A branch `a` and a branch `a/b` cannot both be.
    private func requireRoom(for name: String) throws {
        var parent = name[...]
        while let slash = parent.lastIndex(of: "/") {
            parent = parent[..<slash]
            guard try commit(of: String(parent)) == nil else {
                throw CommandFailure.usage(
                    "the branch \(parent) exists in \(path), so git cannot hold \(name); name another with --branch")
            }
        }
        let below = try git.run(["for-each-ref", "--count=1", "--format=%(refname)", "refs/heads/\(name)/"])
        guard below.succeeded, below.output.isEmpty else {
            throw CommandFailure.usage(
                "branches below \(name)/ exist in \(path), so git cannot hold \(name); name another with --branch")
        }
    }

    /// The commit a branch is at, or nil where there is no such branch.
    func commit(of branch: String) throws -> String? {
        let shown = try git.run(["show-ref", "--verify", "--hash", "refs/heads/" + branch])
        return shown.succeeded && ObjectID.isValid(shown.line) ? shown.line : nil
    }

    /// A bundle of one commit with its whole history, as a nameless file opened for reading. It is written here and
    /// not by `git bundle`, which takes only what a reference names: nothing of the repository changes for it.
    /// - Throws: `CommandFailure`, `SystemError` (disk full), `Interrupted`.
    func bundle(_ base: Base) throws -> Descriptor {
        let file = try Scratch.file()
        try file.writeAll(Array(BundleHeader.text(commit: base.commit, branch: base.branch).utf8))
        let wanted = try Descriptor.sealed("revisions", Array("\(base.commit)\n".utf8))
        let packed = try git.run(
            ["pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset"], stdin: wanted.raw,
            stdout: file.raw, seconds: 3600)
        guard packed.succeeded else {
            throw CommandFailure.failed(
                "git could not pack \(base.commit.prefix(12)) of \(path): \(packed.message). Is the disk of \(Scratch.directory) full? "
                    + "`git fsck` tells whether the repository is whole.")
        }
        return try Scratch.readOnly(file)
    }
}
