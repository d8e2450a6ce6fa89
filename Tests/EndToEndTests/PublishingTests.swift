import Foundation
import Testing

/// What a job did becomes a branch: exactly that, and nothing else changes.
@Suite("Publishing", .serialized)
struct PublishingTests {
    @Test("The branch holds exactly what the job edited, added, deleted, renamed and linked", arguments: Tier.all)
    func everyKindOfChange(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(
            in: host,
            files: [
                "README.md": "hello\n", "keep/untouched.txt": "as it was\n", "gone.txt": "gone\n",
                "old name.txt": "moved\n",
                "dir/edit.txt": "one\ntwo\n", "tool.sh": "#!/bin/sh\n", "file-to-directory": "file\n",
                "directory-to-file/a": "a\n", "directory-to-file/b": "b\n",
            ])
        try repository.write("was-executable.sh", "#!/bin/sh\n")
        try host.shell(in: repository.path, "chmod 755 was-executable.sh && git add -A && git commit -q -m more")
        let result = try host.script(
            repository, [],
            """
            set -e
            printf 'edited\\n' >> README.md
            printf 'one\\n2\\n' > dir/edit.txt
            rm gone.txt
            mv 'old name.txt' 'new name.txt'
            mkdir -p 'a dir/ünï/日本語' empty-directory
            printf 'x' > 'a dir/ünï/日本語/файл с пробелом.txt'
            printf 'dash' > ./-dash.txt
            printf 'option' > ./--help
            printf 'quotes' > "it's \\"quoted\\" \\\\.txt"
            printf '\\000\\001\\377' > binary.dat
            : > empty
            chmod 755 tool.sh
            chmod 644 was-executable.sh
            printf 'private' > private.txt
            chmod 600 private.txt
            printf 'all' > all.sh
            chmod 777 all.sh
            ln -s README.md link
            ln -s '/nonexistent/else where' dangling
            rm file-to-directory
            mkdir file-to-directory
            printf 'inside\\n' > file-to-directory/inside
            rm -r directory-to-file
            printf 'now a file\\n' > directory-to-file
            """)
        #expect(result.code == 0, "\(result.errors) \(result.outcome)")
        let branch = try #require(result.branch)
        #expect(branch == "bulkhead/\(result.id)")
        let expected: [String: FileContent] = [
            "README.md": FileContent("100644", "hello\nedited\n"),
            "keep/untouched.txt": FileContent("100644", "as it was\n"),
            "new name.txt": FileContent("100644", "moved\n"),
            "dir/edit.txt": FileContent("100644", "one\n2\n"),
            "a dir/ünï/日本語/файл с пробелом.txt": FileContent("100644", "x"),
            "-dash.txt": FileContent("100644", "dash"),
            "--help": FileContent("100644", "option"),
            "it's \"quoted\" \\.txt": FileContent("100644", "quotes"),
            "binary.dat": FileContent(mode: "100644", bytes: Data([0, 1, 255])),
            "empty": FileContent("100644", ""),
            "tool.sh": FileContent("100755", "#!/bin/sh\n"),
            "was-executable.sh": FileContent("100644", "#!/bin/sh\n"),
            "private.txt": FileContent("100644", "private"),
            "all.sh": FileContent("100755", "all"),
            "link": FileContent("120000", "README.md"),
            "dangling": FileContent("120000", "/nonexistent/else where"),
            "file-to-directory/inside": FileContent("100644", "inside\n"),
            "directory-to-file": FileContent("100644", "now a file\n"),
        ]
        let found = try host.contents(repository, branch)
        #expect(found == expected)
        #expect(try repository.git("rev-parse", branch) == result.commit)
        #expect(try repository.git("fsck", "--strict", "--no-dangling") == "")
    }

    @Test("The commit bears the configured identity, the title and the job", arguments: Tier.all)
    func identity(_ tier: Tier) throws {
        let host = try TestHost(tier, configuration: "commit:\n  name: Robot Ünïcode\n  email: robot@example.invalid\n")
        let repository = try Repository(in: host)
        let base = try repository.git("rev-parse", "HEAD")
        let result = try host.script(repository, ["--title", "Add a file; it's \"new\""], "echo x > new")
        let branch = try #require(result.branch)
        let who = try repository.git("log", "-1", "--format=%an <%ae>|%cn <%ce>|%P", branch)
        let robot = "Robot Ünïcode <robot@example.invalid>"
        #expect(who == "\(robot)|\(robot)|\(base)")
        let message = try repository.git("log", "-1", "--format=%B", branch)
        #expect(message.hasPrefix("Add a file; it's \"new\"\n\nBulkhead-Job: \(result.id)\n"))
    }

    @Test("The agent's own commits are kept, and the uncommitted rest is one commit more", arguments: Tier.all)
    func ownCommits(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let result = try host.script(
            repository, [],
            """
            set -e
            git config user.name 'The Agent' && git config user.email agent@example.invalid
            echo one > one && git add one && git commit -q -m 'first of the agent'
            echo two > two && git add two && git commit -q -m 'second of the agent'
            git rev-parse HEAD
            echo rest > rest
            """)
        let branch = try #require(result.branch, "\(result.errors)")
        let log = try repository.git("log", "--reverse", "--format=%s|%an|%ae", "main..\(branch)").split(
            separator: "\n")
        try #require(log.count == 3)
        #expect(log[0] == "first of the agent|The Agent|agent@example.invalid")
        #expect(log[1] == "second of the agent|The Agent|agent@example.invalid")
        #expect(log[2].hasSuffix("|Bulkhead|bulkhead@localhost"))
        let printed = try host.printed(result.id).trimmingCharacters(in: .newlines)
        #expect(try repository.git("rev-parse", "\(branch)~1") == printed)
        #expect(try repository.tree(branch).keys.sorted() == ["README.md", "one", "rest", "two"])
    }

    @Test("With everything committed, the branch is at the agent's own commit", arguments: Tier.all)
    func allCommitted(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let result = try host.script(
            repository, [],
            "git checkout -q -b elsewhere && echo x > x && git add x && git commit -q -m mine && git rev-parse HEAD")
        let branch = try #require(result.branch, "\(result.errors)")
        #expect(try repository.git("rev-parse", branch) == host.printed(result.id).trimmingCharacters(in: .newlines))
        #expect(try repository.git("branch", "--list", "elsewhere") == "")
    }

    @Test("A job that changes nothing is a success of its own kind, without a branch", arguments: Tier.all)
    func noChange(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let before = try Snapshot(of: repository.path)
        let result = try host.script(
            repository, [], "echo x > README.md && git checkout -q README.md && mkdir empty && touch README.md")
        #expect(result.code == 0)
        #expect(result.state == "completed")
        #expect(result.reason == "no-change")
        #expect(result.branch == nil && result.commit == nil)
        let changed = try Snapshot(of: repository.path).changes(since: before)
        #expect(changed == [])
    }

    @Test("A failing command makes no branch and says so", arguments: Tier.all)
    func failure(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let result = try host.script(repository, [], "echo x > new; exit 7")
        #expect(result.code == 1)
        #expect(result.reason == "harness-failed")
        #expect(result.outcome["exitCode"] as? Int == 7)
        #expect(try repository.git("for-each-ref", "--format=%(refname)") == "refs/heads/main")
    }

    @Test("Ignored files are not added, and a tracked file that is ignored stays and can change", arguments: Tier.all)
    func ignored(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(
            in: host,
            files: [
                ".gitignore": "*.log\nbuild/\n", "kept.log": "kept\n", "edited.log": "before\n", "gone.log": "gone\n",
            ])
        try repository.git("add", "-f", "kept.log", "edited.log", "gone.log")
        try repository.git("commit", "-q", "-m", "tracked although ignored")
        let result = try host.script(
            repository, [],
            "echo junk > junk.log; mkdir build; echo o > build/o; echo after > edited.log; rm gone.log; echo new > new.txt"
        )
        let branch = try #require(result.branch, "\(result.errors)")
        #expect(
            try host.contents(repository, branch) == [
                ".gitignore": FileContent("100644", "*.log\nbuild/\n"), "kept.log": FileContent("100644", "kept\n"),
                "edited.log": FileContent("100644", "after\n"), "new.txt": FileContent("100644", "new\n"),
            ])
    }

    @Test(
        "Line ends become what an ordinary clone would commit, and untouched files stay byte for byte",
        arguments: Tier.all)
    func lineEnds(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(
            in: host, files: ["stored-with-crlf.txt": "a\r\nb\r\n", "lf.txt": "a\nb\n", "data.bin": "x\r\n"])
        try repository.write(".gitattributes", "* text=auto\n*.bin -text\n")
        try repository.git("add", ".gitattributes")
        try repository.git("commit", "-q", "-m", "attributes after the fact")
        let script = "printf 'n\\r\\nm\\r\\n' > new.txt; printf 'a\\r\\nc\\r\\n' > lf.txt; printf 'y\\r\\n' > data.bin"
        let expected = try host.ordinaryTree(repository, after: script)
        let result = try host.script(repository, [], script)
        let branch = try #require(result.branch, "\(result.errors)")
        #expect(try repository.git("rev-parse", "\(branch)^{tree}") == expected)
        let files = try host.contents(repository, branch)
        #expect(files["stored-with-crlf.txt"] == FileContent("100644", "a\r\nb\r\n"))
        #expect(files["new.txt"] == FileContent("100644", "n\nm\n"))
    }

    @Test("A file that attributes would normalise is no change while nobody touches it", arguments: Tier.all)
    func notNormalised(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host, files: ["crlf.txt": "a\r\nb\r\n"])
        try repository.write(".gitattributes", "*.txt text\n")
        try repository.git("add", ".gitattributes")
        try repository.git("commit", "-q", "-m", "attributes after the fact")
        let result = try host.script(repository, [], "echo new > new.md")
        let branch = try #require(result.branch, "\(result.errors)")
        #expect(try repository.git("diff", "--name-only", "main", branch) == "new.md")
    }

    @Test("A repository of SHA-256 objects gets its branch", arguments: Tier.all)
    func sha256(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host, format: "sha256")
        let result = try host.script(
            repository, [], "echo changed >> README.md; git add -A; git commit -q -m mine; mkdir d; echo x > d/x")
        let branch = try #require(result.branch, "\(result.errors) \(result.outcome)")
        #expect(result.commit?.utf8.count == 64)
        #expect(
            try host.contents(repository, branch) == [
                "README.md": FileContent("100644", "hello\nchanged\n"), "d/x": FileContent("100644", "x\n"),
            ])
    }

    @Test("The branch has the name and the base that were asked for", arguments: Tier.all)
    func namedBranch(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        try repository.git("branch", "release/1.0")
        try repository.write("later", "later\n")
        try repository.git("add", "-A")
        try repository.git("commit", "-q", "-m", "later")
        let result = try host.script(
            repository, ["--branch", "feature/ünï-1", "--base", "release/1.0"],
            "git branch --show-current; echo x > new")
        #expect(result.branch == "feature/ünï-1", "\(result.errors)")
        #expect(try host.printed(result.id) == "release/1.0\n")
        #expect(try repository.tree("refs/heads/feature/ünï-1").keys.sorted() == ["README.md", "new"])
        #expect(try repository.git("merge-base", "main", "feature/ünï-1") == repository.git("rev-parse", "release/1.0"))
    }
}
