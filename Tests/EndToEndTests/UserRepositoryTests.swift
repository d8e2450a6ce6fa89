import Foundation
import Testing

/// The user's own repository takes one new branch, and nothing else of it changes.
@Suite("The user's repository", .serialized)
struct UserRepositoryTests {
    @Test("A detached job's branch is fetched later, once and again", arguments: Tier.all)
    func detached(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let started = try host.runnerctl([
            "run", "--detach", "--json", "--repo", repository.path, "--", "sh", "-c", "echo x > new",
        ])
        #expect(started.code == 0, "\(started.errorText)")
        let job = try JobResult(started).id
        try #require(!job.isEmpty)
        #expect(try host.runnerctl(["events", job, "--follow"]).code == 0)
        #expect(try repository.git("for-each-ref", "--format=%(refname)") == "refs/heads/main")
        for _ in 1...2 {
            let fetched = try host.runnerctl(["fetch", job, "--repo", repository.path, "--json"])
            #expect(fetched.code == 0, "\(fetched.errorText)")
            #expect(try JobResult(fetched).branch == "bulkhead/\(job)")
        }
        #expect(try repository.tree("bulkhead/\(job)").keys.sorted() == ["README.md", "new"])
    }

    @Test("A fetch into another repository than the job's is refused and changes nothing there", arguments: Tier.all)
    func wrongRepository(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let other = try Repository(in: host, name: "other", files: ["unrelated": "x\n"])
        let result = try host.script(repository, [], "echo x > new")
        let before = try Snapshot(of: other.path)
        let fetched = try host.runnerctl(["fetch", result.id, "--repo", other.path])
        #expect(fetched.code == 2)
        #expect(fetched.errorText.contains("does not hold the job's base"))
        let changed = try Snapshot(of: other.path).changes(since: before)
        #expect(changed == [])
    }

    @Test(
        "The user's index, HEAD, work tree, configuration and other references stay byte for byte", arguments: Tier.all)
    func untouched(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host, files: ["README.md": "hello\n", "other": "other\n"])
        let prepared = try host.shell(
            in: repository.path,
            """
            set -e
            git tag v1 && git tag -a -m annotated v2 && git branch other
            git remote add origin https://example.invalid/x.git
            git update-ref refs/remotes/origin/main HEAD
            echo stashed >> other && git stash -q
            git fetch -q . other:fetched
            echo staged > staged && git add staged
            echo changed >> README.md
            echo untracked > untracked
            mkdir -p .git/hooks && printf '#!/bin/sh\\nexit 1\\n' > .git/hooks/pre-commit && chmod 755 .git/hooks/pre-commit
            test -e .git/FETCH_HEAD && test -e .git/logs/HEAD
            """)
        try #require(prepared.code == 0, "\(prepared.errorText)")
        let before = try Snapshot(of: repository.path)
        let result = try host.script(
            repository, [], "echo x > new; git tag v9.9; git branch more; git commit -q --allow-empty -m mine")
        #expect(result.code == 0, "\(result.errors)")
        let reference = "refs/heads/bulkhead/\(result.id)"
        let allowed = [
            ".git/refs/heads/bulkhead", ".git/logs/refs/heads/bulkhead", ".git/\(reference)", ".git/logs/\(reference)",
        ]
        let changed = try Snapshot(of: repository.path).changes(since: before)
            .filter { !$0.hasPrefix(".git/objects/") && !allowed.contains($0) }
        #expect(changed == [])
        #expect(try repository.tree(reference).keys.sorted() == ["README.md", "new", "other"])
        #expect(result.errors.contains("uncommitted work is not part of the job"))
    }

    @Test("A bare repository and a linked work tree are repositories too", arguments: Tier.all)
    func otherKinds(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        try repository.git("worktree", "add", "-q", "-b", "side", host.directory + "/linked")
        try host.shell(in: host.directory, "git clone -q --bare repo bare.git")
        for path in ["/linked", "/bare.git", "/repo/.git"] {
            let result = try JobResult(
                host.runnerctl(["run", "--json", "--repo", host.directory + path, "--", "sh", "-c", "echo x > new"]))
            let branch = try #require(result.branch, "\(path): \(result.errors)")
            let listed = try host.git(in: host.directory + path, ["ls-tree", "--name-only", branch])
            #expect(listed.text == "README.md\nnew\n", "\(path)")
        }
    }
}
