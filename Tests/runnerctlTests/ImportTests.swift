import Glibc
import IPC
import Linux
import Testing

@testable import runnerctl

@Suite struct ImportTests {
    private static let branch = "bulkhead/0123"

    private static func edit(_ clone: TestRepository) throws {
        try clone.write("file 0.txt", "line 0\nmore\n")
        try clone.write("ü \u{202e}.txt", "new\n")
        try clone.git(["add", "."])
        try clone.git(["commit", "-q", "-m", "work"])
    }

    private static func bring(_ source: TestRepository, _ job: JobInfo, _ bundle: Descriptor, _ size: Int64) throws
        -> DiffSummary
    {
        try BranchImport(repository: UserRepository.open(source.path), job: job).run(bundle, size: size)
    }

    /// The job's bundle is refused with these words, and the repository is as it was.
    private static func refuse(
        _ words: String, _ source: TestRepository, _ job: JobInfo, _ bundle: Descriptor, _ size: Int64,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try source.snapshot()
        expectFailure(1, words, { _ = try bring(source, job, bundle, size) }, sourceLocation: sourceLocation)
        #expect(try source.snapshot() == before, sourceLocation: sourceLocation)
        #expect(throws: (any Error).self, sourceLocation: sourceLocation) {
            let exists = try Git(inRepository: source.path, interrupts: nil).run(["cat-file", "-e", job.commit ?? ""])
            if !exists.succeeded { throw SystemError("absent", code: 0) }
        }
    }

    @Test("A good branch arrives, and index, HEAD, FETCH_HEAD, configuration, tags and work tree stay byte for byte")
    func good() throws {
        let source = try TestRepository(commits: 2)
        try source.write("file 1.txt", "staged\n")
        try source.git(["add", "."])
        try source.write("file 1.txt", "and changed\n")
        try source.git(["config", "fetch.prune", "true"])
        try source.git(["config", "fetch.writeCommitGraph", "true"])
        let base = try source.git(["rev-parse", "HEAD"])
        let (job, bundle, size) = try source.result(branch: Self.branch, base: base) { clone in
            try Self.edit(clone)
            try clone.git(["tag", "v9"])
        }
        let made = [".git/refs/heads/bulkhead", ".git/logs/refs/heads/bulkhead"]
        let before = try source.snapshot(without: made)
        let summary = try Self.bring(source, job, bundle, size)
        #expect(try source.snapshot(without: made) == before)
        #expect(try source.git(["rev-parse", Self.branch]) == job.commit)
        #expect(summary.totals == .init(files: 2, insertions: 2, deletions: 0))
        #expect(summary.files.map(\.path) == ["file 0.txt", "ü \\u{202e}.txt"])
        #expect(try source.git(["fsck", "--strict"]) == "")
        #expect(try source.git(["tag"]) == "")
        #expect(access(source.path + "/.git/FETCH_HEAD", F_OK) != 0)

        // Once more is no error and changes nothing.
        let after = try source.snapshot()
        _ = try Self.bring(source, job, bundle, size)
        #expect(try source.snapshot() == after)
    }

    @Test(
        "A hostile configuration of the repository executes nothing when a job is made of it and its branch is brought")
    func hostileConfiguration() throws {
        let source = try TestRepository(commits: 2)
        let marker = source.directory + "/marker"
        let plant = source.directory + "/plant"
        try Descriptor.open(plant, O_WRONLY | O_CREAT, mode: 0o755).writeAll(
            Array("#!/bin/sh\necho \"$0 $*\" >>\(marker)\ncat\n".utf8))
        let base = try source.git(["rev-parse", "HEAD"])
        let (job, bundle, size) = try source.result(branch: Self.branch, base: base) { clone in
            try clone.write(".gitattributes", "* filter=evil diff=evil\n")
            try Self.edit(clone)
        }
        for (key, value) in [
            "alias.fetch": "!\(plant)", "alias.rev-parse": "!\(plant)", "core.fsmonitor": plant,
            "core.hooksPath": source.directory + "/hooks",
            "core.alternateRefsCommand": plant, "core.sshCommand": plant, "core.pager": plant, "core.gitProxy": plant,
            "diff.external": plant,
            "url.ext::\(plant) .insteadOf": "/",
            "url.ext::\(plant) %S .insteadOf": source.directory.split(separator: "/").first.map { "/" + $0 } ?? "/",
            "uploadpack.packObjectsHook": plant, "gc.auto": "1", "filter.evil.clean": plant,
            "filter.evil.smudge": plant,
            "diff.evil.textconv": plant, "diff.evil.command": plant, "protocol.ext.allow": "always",
            "credential.helper": plant,
            "gpg.program": plant, "core.editor": plant, "remote.origin.url": "ext::\(plant)",
            "remote.origin.uploadpack": plant,
        ] { try source.git(["config", key, value]) }
        try check("mkdir") { mkdir(source.directory + "/hooks", 0o755) }
        for hook in [
            "reference-transaction", "post-index-change", "pre-auto-gc", "post-checkout", "fsmonitor-watchman",
        ] {
            for place in [source.directory + "/hooks/", source.path + "/.git/hooks/"] {
                try Descriptor.open(place + hook, O_WRONLY | O_CREAT, mode: 0o755).writeAll(
                    Array("#!/bin/sh\necho hook >>\(marker)\n".utf8))
            }
        }
        try Descriptor.open(source.path + "/.git/info/attributes", O_WRONLY | O_CREAT, mode: 0o644).writeAll(
            Array("* filter=evil diff=evil\n".utf8))
        try Descriptor.open(source.path + "/.git/objects/info/alternates", O_WRONLY | O_CREAT, mode: 0o644).writeAll(
            Array("\(source.path)/.git/objects\n".utf8))
        try source.write("file 0.txt", "LINE 0\n")  // of the size that the index knows: only its content tells

        let repository = try UserRepository.open(source.path)
        let chosen = try repository.base(nil)
        try repository.requireNewBranch(Self.branch)
        _ = try WorkTreeState.note(repository)
        _ = try repository.bundle(chosen)
        _ = try Self.bring(source, job, bundle, size)
        #expect(readText(marker) == nil)
        #expect(try repository.commit(of: Self.branch) == job.commit)

        // The marker would have been written: the same configuration does execute for a plain git.
        _ = try? source.git(["diff", "HEAD"])
        #expect(readText(marker) != nil)
    }

    @Test("A bundle that is not the job's branch, or lies about its size, is refused")
    func wrongBundle() throws {
        let source = try TestRepository(commits: 2)
        let base = try source.git(["rev-parse", "HEAD"])
        let (job, bundle, size) = try source.result(branch: Self.branch, base: base, Self.edit)
        var other = job
        other.branch = "other"
        try Self.refuse("instead of refs/heads/other", source, other, bundle, size)
        other = job
        other.commit = String(repeating: "a", count: 40)
        try Self.refuse("the job's commit is", source, other, bundle, size)
        other = job
        other.base = try source.git(["rev-parse", "HEAD~1"])
        try Self.refuse("other than the job's base", source, other, bundle, size)
        try Self.refuse("were announced", source, job, bundle, size + 1)
        try Self.refuse("git fsck says", source, job, bundle, size - 21)
        try Self.refuse("not a regular file", source, job, Descriptor.pipe().read, size)
        other = job
        other.commit = "HEAD"
        expectFailure(1, "names no branch") { _ = try Self.bring(source, other, bundle, size) }
    }

    @Test("A branch that appeared in the meantime is not moved, even where it could be")
    func existingBranch() throws {
        let source = try TestRepository(commits: 2)
        let base = try source.git(["rev-parse", "HEAD"])
        let (job, bundle, size) = try source.result(branch: Self.branch, base: base, Self.edit)
        try source.git(["branch", Self.branch, base])
        expectFailure(2, "exists") { _ = try Self.bring(source, job, bundle, size) }
        #expect(try source.git(["rev-parse", Self.branch]) == base)
    }

    @Test("A repository without the job's base is told so")
    func otherRepository() throws {
        let source = try TestRepository(commits: 2)
        let base = try source.git(["rev-parse", "HEAD"])
        let (job, bundle, size) = try source.result(branch: Self.branch, base: base, Self.edit)
        let other = try TestRepository(commits: 0)
        expectFailure(2, "does not hold the job's base") { _ = try Self.bring(other, job, bundle, size) }
    }

    @Test("History that does not continue the base, with missing objects or with what fsck refuses, is refused")
    func hostileHistory() throws {
        let source = try TestRepository(commits: 2)
        let base = try source.git(["rev-parse", "HEAD"])
        let (unrelated, bundle, size) = try source.result(branch: Self.branch, base: base) { clone in
            let tree = try clone.git(["write-tree"])
            let commit = try clone.git(["commit-tree", "-m", "root", tree])
            try clone.git(["reset", "-q", "--hard", commit])
        }
        try Self.refuse("does not continue the base", source, unrelated, bundle, size)

        let (climbing, second, secondSize) = try source.result(branch: Self.branch, base: base) { clone in
            let blob = try clone.git(["hash-object", "-w", "--stdin"], stdin: Array("x".utf8))
            let git = try clone.git(["mktree", "--missing"], stdin: Array("100644 blob \(blob)\tconfig\n".utf8))
            let tree = try clone.git(["mktree", "--missing"], stdin: Array("040000 tree \(git)\t.git\n".utf8))
            let commit = try clone.git(["commit-tree", "-m", "evil", "-p", base, tree])
            try clone.git(["update-ref", "HEAD", commit])
        }
        try Self.refuse("git fsck says", source, climbing, second, secondSize)

        let (module, third, thirdSize) = try source.result(branch: Self.branch, base: base) { clone in
            try clone.git(["update-index", "--add", "--cacheinfo", "160000,\(base),module"])
            try clone.git(["commit", "-q", "-m", "gitlink"])
        }
        try Self.refuse("mode 160000", source, module, third, thirdSize)
    }

    @Test("A small bundle of very many files is refused before anything lists them", .timeLimit(.minutes(1)))
    func treeBomb() throws {
        let source = try TestRepository(commits: 1)
        let base = try source.git(["rev-parse", "HEAD"])
        let (job, bundle, size) = try source.result(branch: Self.branch, base: base) { clone in
            let blob = try clone.git(["hash-object", "-w", "--stdin"], stdin: Array("x".utf8))
            var tree = try clone.git(
                ["mktree"], stdin: Array((0..<100).map { "100644 blob \(blob)\tf\($0)\n" }.joined().utf8))
            for _ in 0..<5 {
                tree = try clone.git(
                    ["mktree"], stdin: Array((0..<100).map { "040000 tree \(tree)\td\($0)\n" }.joined().utf8))
            }
            let commit = try clone.git(["commit-tree", "-m", "bomb", "-p", base, tree])
            try clone.git(["update-ref", "HEAD", commit])
        }
        #expect(size < 20_000)
        try Self.refuse("over 200001 files", source, job, bundle, size)
    }

    @Test("The quarantine is removed when the bundle is refused, and links in it are not followed")
    func cleaned() throws {
        let source = try TestRepository(commits: 1)
        let keep = source.directory + "/keep"
        try Descriptor.open(keep, O_WRONLY | O_CREAT, mode: 0o600).writeAll([1])
        var place = ""
        #expect(throws: Interrupted.self) {
            try Scratch.withDirectory(in: source.directory) { directory in
                place = directory
                var status = stat()
                stat(directory, &status)
                #expect(status.st_mode & 0o777 == 0o700)
                symlink(source.directory, directory + "/link")
                mkdir(directory + "/sub", 0o700)
                try Descriptor.open(directory + "/sub/file", O_WRONLY | O_CREAT, mode: 0o600).writeAll([1])
                throw Interrupted()
            }
        }
        #expect(!place.isEmpty && access(place, F_OK) != 0)
        #expect(access(keep, F_OK) == 0)
    }
}
