import Foundation
import Testing

/// Something odd that a job leaves, and how the job must end.
struct Leaving: Sendable, CustomTestStringConvertible {
    enum End: Sendable {
        /// The branch holds these files beside the base's, and a note says this where there is one to expect.
        case branch([String], note: String? = nil)
        /// Nothing is published, for a reason that holds this text; the work is kept.
        case refusal(String)
    }

    let name: String
    let script: String
    let end: End

    var testDescription: String { name }

    /// Makes an object that git would not make, commits it, and moves HEAD to it.
    private static func tree(_ name: String, _ entries: String, refused reason: String) -> Leaving {
        let perl = """
            my $b = `echo hi | git hash-object -w --stdin`; chomp $b; my $raw = "";
            my @e = (\(entries)); while (@e) { my ($m, $n) = splice @e, 0, 2; $raw .= "$m $n\\0" . pack("H*", $b); }
            open my $f, ">", "/tmp/tree"; binmode $f; print $f $raw; close $f;
            my $t = `git hash-object -t tree -w --literally /tmp/tree`; chomp $t;
            my $c = `git commit-tree -p HEAD -m bad $t`; chomp $c; exit system "git update-ref HEAD $c";
            """
        return Leaving(
            name: "a commit with \(name)", script: "cat > /tmp/make.pl <<'END'\n\(perl)\nEND\nperl /tmp/make.pl",
            end: .refusal(reason))
    }

    static let trees = [
        tree("the name ..", "'100644', '..'", refused: "'..'"),
        tree("the name .git", "'100644', '.git'", refused: "'.git'"),
        tree("the name .GIT", "'100644', '.GIT'", refused: "'.GIT'"),
        tree("the name git~1", "'100644', 'git~1'", refused: "'git~1'"),
        tree("a .gitmodules link", "'120000', '.gitmodules'", refused: "'.gitmodules'"),
        tree("an empty name", "'100644', ''", refused: "empty filename"),
        tree("a slash in a name", "'100644', 'a/b'", refused: "fullPathname"),
        tree("a name twice", "'100644', 'a', '100644', 'a'", refused: "duplicateEntries"),
        tree("names out of order", "'100644', 'b', '100644', 'a'", refused: "treeNotSorted"),
        tree("a zero-padded mode", "'0100644', 'a'", refused: "zeroPaddedFilemode"),
        tree("the mode 100666", "'100666', 'f'", refused: "mode 100666"),
        tree("the mode 120777", "'120777', 'f'", refused: "mode 120777"),
        tree("a gitlink", "'160000', 'sub'", refused: "\"sub\" is a repository of its own"),
        tree("a directory that is a file's object", "'40000', 'd'", refused: "unable to read tree"),
        tree("control characters in a name", "'100644', \"a\\e[31mb\"", refused: "control characters"),
    ]

    static let files = [
        Leaving(
            name: "a .gitmodules link", script: "ln -s README.md .gitmodules", end: .branch([], note: ".gitmodules")),
        Leaving(name: ".GIT", script: "mkdir .GIT; echo > .GIT/config", end: .branch([], note: ".GIT/config")),
        Leaving(name: "git~1", script: "mkdir git~1; echo > git~1/config", end: .branch([], note: "git~1/config")),
        Leaving(
            name: ".git with an invisible character",
            script: "d=$(printf '.g\\342\\200\\214it'); mkdir $d; echo > $d/config",
            end: .refusal("hasDotgit")),
        Leaving(
            name: "1,000 directories inside each other",
            script: "perl -e 'for (1..1000) { mkdir q(d); chdir q(d) } open F, q(>x)'",
            end: .refusal("nested deeper than 256")),
        Leaving(
            name: "a path longer than a path can be",
            script: "perl -e 'for (1..30) { mkdir q(d) x 200; chdir q(d) x 200 } open F, q(>x)'",
            end: .branch([], note: "path")),
        Leaving(
            name: "a path of 2,000 bytes",
            script: "perl -e 'for (1..9) { mkdir q(d) x 220; chdir q(d) x 220 } open F, q(>x)'",
            end: .branch([Array(repeating: String(repeating: "d", count: 220), count: 9).joined(separator: "/") + "/x"])
        ),
        Leaving(
            name: "an escape sequence in a name", script: "touch \"$(printf 'a\\033[31mb')\"",
            end: .refusal("control characters")),
        Leaving(
            name: "a line break in a name", script: "touch \"$(printf 'a\\nb')\"", end: .refusal("control characters")),
        Leaving(
            name: "a FIFO and a socket",
            script: "mkfifo fifo; perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => q(s), Listen => 1)'",
            end: .branch([])),
        Leaving(
            name: "files and directories that nobody may read",
            script:
                "echo a > a; chmod 000 a; echo b > b; chmod 600 b; mkdir c d; echo c > c/c; chmod 000 c; echo d > d/d; chmod 300 d",
            end: .branch(["a", "b", "c/c", "d/d"])),
        Leaving(name: "no .git", script: "rm -rf .git", end: .branch([], note: "unusable")),
        Leaving(name: "an empty .git", script: "rm -rf .git; mkdir .git", end: .branch([], note: "unusable")),
        Leaving(
            name: "a .git that leads nowhere", script: "rm -rf .git; echo 'gitdir: /nonexistent' > .git",
            end: .branch([], note: "unusable")),
        Leaving(
            name: "a .git that is a link", script: "mv .git /tmp/real; ln -s /tmp/real .git", end: .branch([])),
        Leaving(
            name: "a pack of garbage",
            script: "chmod u+w .git/objects/pack/*; for f in .git/objects/pack/*.pack; do echo garbage > $f; done",
            end: .branch([], note: "unusable")),
        Leaving(
            name: "a committed file whose object is gone",
            script:
                "echo new > new; git add new; git commit -q -m mine; rm -f .git/objects/$(git rev-parse HEAD:new | sed 's,..,&/,')",
            end: .branch(["new"])),
        Leaving(
            name: "a committed file whose object is garbage",
            script:
                "echo new > new; git add new; git commit -q -m mine; f=.git/objects/$(git rev-parse HEAD:new | sed 's,..,&/,'); "
                + "chmod u+w $f; echo garbage > $f",
            end: .refusal("could not be packed")),
        Leaving(
            name: "HEAD at an unrelated history", script: "git checkout -q --orphan other; git commit -q -m other",
            end: .branch([], note: "does not continue the base")),
        Leaving(
            name: "the base rewritten", script: "git commit -q --amend -m other",
            end: .branch([], note: "does not continue the base")),
        Leaving(name: "HEAD that is garbage", script: "echo garbage > .git/HEAD", end: .branch([], note: "no commit")),
        Leaving(
            name: "HEAD at an object that is not there",
            script: "echo 1111111111111111111111111111111111111111 > .git/HEAD", end: .branch([], note: "no commit")),
        Leaving(
            name: "replaced objects", script: "git replace HEAD $(git commit-tree -m fake 'HEAD^{tree}')",
            end: .branch([])),
        Leaving(
            name: "a nested repository without a commit", script: "git init -q n; echo x > n/x",
            end: .branch([], note: "'n/'")),
        Leaving(
            name: "an index of garbage and a stale lock", script: "echo garbage > .git/index; : > .git/index.lock",
            end: .branch([])),
    ]
}

/// What a job leaves becomes the right branch, or is refused by name with the work kept.
@Suite("Hostile trees", .serialized, .tags(.sandbox))
struct HostileTreeTests {
    @Test(
        "Odd files lose nothing of the rest, or are refused by name with the work kept", arguments: Tier.all,
        Leaving.files)
    func oddFiles(_ tier: Tier, _ leaving: Leaving) throws { try check(tier, leaving) }

    @Test(
        "A commit that git itself would not make is refused by name, with the work kept", arguments: Tier.all,
        Leaving.trees)
    func badTrees(_ tier: Tier, _ leaving: Leaving) throws { try check(tier, leaving) }

    private func check(_ tier: Tier, _ leaving: Leaving) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let result = try host.script(repository, [], leaving.script + "\necho work > work.txt")
        switch leaving.end {
        case .refusal(let reason): try expectRefusal(host, repository, result, reason)
        case .branch(let more, let note):
            #expect(result.code == 0, "\(result.message)")
            let branch = try #require(result.branch)
            #expect(try Set(repository.tree(branch).keys) == Set(["README.md", "work.txt"] + more))
            let notes = (result.object["notes"] as? [String] ?? []).joined(separator: "\n")
            if let note { #expect(notes.contains(note), "the result says what is missing: \(notes)") }
            #expect(try repository.git("fsck", "--strict", "--no-dangling") == "")
        }
    }

    private func expectRefusal(_ host: TestHost, _ repository: Repository, _ result: JobResult, _ reason: String) throws
    {
        #expect(result.code == 4, "\(result.outcome)")
        #expect(result.reason == "publish-refused")
        #expect(result.message.contains(reason), "\(result.message)")
        #expect(try repository.git("for-each-ref", "--format=%(refname)") == "refs/heads/main")
        #expect(try host.artifact(of: result).contains("./work.txt"))
    }

    @Test("A tree of 10^12 files in a kilobyte is refused at once, with the work kept", arguments: Tier.all)
    func treeBomb(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let script = """
            b=$(echo x | git hash-object -w --stdin)
            t=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '100644 blob %s\\tf%s\\n' $b $i; done | git mktree)
            for level in 1 2 3 4 5 6 7 8 9 10 11; do
                t=$(for i in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree %s\\td%s\\n' $t $i; done | git mktree)
            done
            git update-ref HEAD $(git commit-tree -p HEAD -m bomb $t)
            echo work > work.txt
            """
        // The limit bounds what the test costs where the bomb is not seen.
        let result = try host.script(repository, ["--timeout", "10s"], script)
        try expectRefusal(host, repository, result, "files")
    }

    @Test("10,000 files come back as 10,000 files", arguments: Tier.all)
    func manyFiles(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let result = try host.script(
            repository, [], "mkdir m; cd m; i=0; while [ $i -lt 10000 ]; do echo $i > f$i; i=$((i+1)); done")
        let branch = try #require(result.branch, "\(result.errors)")
        #expect(try repository.tree(branch).count == 10_001)
        #expect(try repository.git("cat-file", "blob", "\(branch):m/f9999") == "9999")
    }

    @Test("Each limit of publishing refuses by its name, and the work is kept", arguments: Tier.all)
    func limits(_ tier: Tier) throws {
        let host = try TestHost(tier, configuration: "publish:\n  max-files: 20\n  max-bytes: 64KiB\n  max-path: 64\n")
        let repository = try Repository(in: host)
        let work = "; echo work > work.txt"
        for (script, limit) in [
            ("for i in $(seq 30); do : > f$i; done", "publish.max-files"),
            ("head -c 200000 /dev/zero > zeros", "publish.max-bytes"),
            ("d=$(printf 'd%.0s' $(seq 60)); mkdir $d; : > $d/file", "publish.max-path"),
        ] {
            let result = try host.script(repository, [], script + work)
            try expectRefusal(host, repository, result, limit)
        }
        #expect(try host.script(repository, [], "echo small > small").code == 0)
    }

    @Test("Work that is larger than an artifact may be is refused without one, and says so", arguments: Tier.all)
    func artifactLimit(_ tier: Tier) throws {
        let host = try TestHost(tier, configuration: "limits:\n  artifact: 64KiB\n")
        let repository = try Repository(in: host)
        let result = try host.script(repository, [], "touch \"$(printf 'a\\nb')\"; head -c 300000 /dev/urandom > large")
        #expect(result.code == 4 && result.reason == "publish-refused")
        #expect(!result.message.contains("kept as an artifact"))
        #expect(try host.runnerctl(["artifact", result.id, "-o", host.directory + "/none.tar"]).code == 2)
    }

    @Test("A gitlink of the base stays as it is", arguments: Tier.all)
    func baseGitlink(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let id = "1234567890123456789012345678901234567890"
        try repository.git("update-index", "--add", "--cacheinfo", "160000,\(id),sub")
        try repository.git("commit", "-q", "-m", "gitlink")
        let result = try host.script(repository, [], "echo x > new")
        let branch = try #require(result.branch, "\(result.errors) \(result.message)")
        #expect(try repository.git("rev-parse", "\(branch):sub") == id)
        #expect(try repository.git("diff", "--name-only", "main", branch) == "new")
    }
}
