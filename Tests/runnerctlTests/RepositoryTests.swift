import Glibc
import IPC
import Linux
import Testing

@testable import runnerctl

@Suite struct RepositoryTests {
    @Test(
        "A bundle holds the base with its whole history, and making it changes nothing in the repository",
        arguments: [nil, "trunk~1", "v1"])
    func bundle(base: String?) throws {
        let source = try TestRepository(commits: 3)
        try source.git(["tag", "-a", "-m", "t", "v1", "HEAD~2"])
        let before = try source.snapshot()
        let repository = try UserRepository.open(source.path)
        let chosen = try repository.base(base)
        let file = try repository.bundle(chosen)
        #expect(try source.snapshot() == before)
        #expect(chosen.commit == (try source.git(["rev-parse", (base ?? "HEAD") + "^{commit}"])))
        #expect(chosen.branch == (base == nil ? "trunk" : "main"))
        #expect((chosen.note == nil) == (base == nil))

        let copy = source.directory + "/b.bundle"
        try Descriptor.open(copy, O_WRONLY | O_CREAT, mode: 0o600).writeAll(try file.readAll(limit: 1 << 20))
        let other = try TestRepository(commits: 0)
        try other.git(["fetch", "-q", copy, "refs/heads/\(chosen.branch):refs/heads/got"])
        #expect(try other.git(["rev-parse", "got"]) == chosen.commit)
        #expect(
            try other.git(["rev-list", "--count", "got"]) == (try source.git(["rev-list", "--count", chosen.commit])))
    }

    @Test("The file that is passed on cannot be written through")
    func readOnlyBundle() throws {
        let source = try TestRepository()
        let repository = try UserRepository.open(source.path)
        let file = try repository.bundle(try repository.base(nil))
        #expect(try PassedDescriptor.regularFile(file, maximum: 1 << 20) > 100)
        #expect(throws: SystemError.self) { try file.writeAll([0]) }
    }

    @Test("A repository of sha256 objects gets a bundle of version 3")
    func sha256() throws {
        let source = try TestRepository(initial: ["init", "-q", "-b", "trunk", "--object-format=sha256"])
        let repository = try UserRepository.open(source.path)
        let base = try repository.base(nil)
        let header = try BundleHeader(try repository.bundle(base).readAll(limit: 1 << 20))
        #expect(header.references == [.init(id: base.commit, name: "refs/heads/trunk")])
        #expect(base.commit.utf8.count == 64)
    }

    @Test("A bare repository, a subdirectory and a linked work tree are as good as a plain one")
    func kinds() throws {
        let source = try TestRepository(commits: 2)
        let bare = source.directory + "/bare.git"
        try source.git(["clone", "-q", "--bare", source.path, bare])
        #expect(try UserRepository.open(bare).isBare)
        #expect(try UserRepository.open(bare).base(nil).branch == "trunk")
        #expect(try WorkTreeState.note(UserRepository.open(bare)) == nil)
        try check("mkdir") { mkdir(source.path + "/sub", 0o755) }
        #expect(try UserRepository.open(source.path + "/sub").base(nil).branch == "trunk")
        let linked = source.directory + "/linked"
        try source.git(["worktree", "add", "-q", "-b", "other", linked])
        let repository = try UserRepository.open(linked)
        #expect(try repository.base(nil).branch == "other")
        #expect(repository.objects == source.path + "/.git/objects")
        try source.git(["update-ref", "refs/remotes/origin/feature/x", "HEAD"])
        #expect(try repository.base("origin/feature/x").branch == "feature/x")
    }

    @Test("What no job can be made of is refused with exit code 2 and what to do")
    func refusals() throws {
        let source = try TestRepository(commits: 3)
        expectFailure(2, "No such file") { _ = try UserRepository.open(source.directory + "/none") }
        expectFailure(2, "is no directory") { _ = try UserRepository.open(source.path + "/file 0.txt") }
        expectFailure(2, "git init") { _ = try UserRepository.open(source.directory) }

        let empty = try TestRepository(commits: 0)
        let emptied = try UserRepository.open(empty.path)
        expectFailure(2, "no commit yet") { _ = try emptied.base(nil) }

        let shallow = source.directory + "/shallow"
        try source.git(["clone", "-q", "--depth", "1", "file://" + source.path, shallow])
        expectFailure(2, "--unshallow") { _ = try UserRepository.open(shallow) }

        try source.git(["config", "remote.origin.promisor", "true"])
        expectFailure(2, "partial clone") { _ = try UserRepository.open(source.path) }
    }

    @Test(
        "A base that is no commit is refused",
        arguments: ["nothing", "HEAD:file 0.txt", "-x", "", "HEAD^{tree}", "trunk..trunk"])
    func badBase(name: String) throws {
        let source = try TestRepository()
        let repository = try UserRepository.open(source.path)
        expectFailure(2, "is no commit") { _ = try repository.base(name) }
    }

    @Test("A detached HEAD is a base, with a note")
    func detached() throws {
        let source = try TestRepository()
        try source.git(["checkout", "-q", "--detach"])
        let base = try UserRepository.open(source.path).base(nil)
        #expect(base.branch == "main")
        #expect(base.note?.contains("HEAD is detached") == true)
    }

    @Test(
        "A branch name that git refuses or that is taken is refused with exit code 2",
        arguments: [
            ("a..b", "no valid"), ("-x", "no valid"), ("", "no valid"), ("a b", "no valid"), ("@{-1}", "no valid"),
            ("HEAD", "no valid"),
            ("x\u{1b}", "no valid"), ("trunk", "exists"), ("trunk/x", "cannot hold"), ("deep", "cannot hold"),
            ("orphan", "checked out"),
        ])
    func branches(name: String, words: String) throws {
        let source = try TestRepository(commits: 2)
        try source.git(["branch", "deep/er"])
        try source.git(["symbolic-ref", "HEAD", "refs/heads/orphan"])
        let repository = try UserRepository.open(source.path)
        expectFailure(2, words) { try repository.requireNewBranch(name) }
        try repository.requireNewBranch("bulkhead/0123")
    }

    @Test("Uncommitted work is noticed, and a clean tree is not accused")
    func uncommitted() throws {
        let source = try TestRepository(commits: 2)
        let repository = try UserRepository.open(source.path)
        #expect(try WorkTreeState.note(repository) == nil)
        try source.write("file 0.txt", "other text that is longer\n")
        #expect(try WorkTreeState.note(repository)?.contains("(changed files)") == true)
        try source.git(["add", "."])
        #expect(try WorkTreeState.note(repository)?.contains("(staged changes)") == true)
        try source.git(["commit", "-qm", "x"])
        try source.write("new", "x")
        #expect(try WorkTreeState.note(repository)?.contains("(untracked files)") == true)
    }

    @Test("Git is ended when it takes too long or says too much, and a signal ends it too")
    func bounds() throws {
        let source = try TestRepository()
        let git = try UserRepository.open(source.path).git
        #expect(try git.run(["cat-file", "--batch"], stdin: Descriptor.pipe().read.raw, seconds: 1).code == 0)
        let open = try Descriptor.pipe()
        #expect(try git.run(["cat-file", "--batch"], stdin: open.read.raw, seconds: 0).cut == .time)
        #expect(try git.run(["log"], limit: 10).cut == .output)
        var interrupted = git
        let interrupts = try Interrupts([SIGUSR2])
        interrupted.interrupts = interrupts
        raise(SIGUSR2)
        #expect(throws: Interrupted.self) { _ = try interrupted.run(["cat-file", "--batch"], stdin: open.read.raw) }
    }

    @Test("Git's own variables do not lead it to another repository")
    func variables() throws {
        let source = try TestRepository()
        let hostile = [
            "PATH": environmentVariable("PATH") ?? "", "GIT_DIR": "/nonexistent", "GIT_INDEX_FILE": "/x",
            "GIT_CONFIG_COUNT": "1",
        ]
        let git = Git(inRepository: source.path, interrupts: nil, inherited: hostile)
        #expect(try git.run(["rev-parse", "HEAD"]).succeeded)
        #expect(git.environment["GIT_INDEX_FILE"] == nil && git.environment["GIT_CONFIG_COUNT"] == nil)
    }
}
