import Foundation
import Testing

/// Whoever works in a repository can have git execute what he likes. Nothing of it happens with other rights than his.
@Suite("Hostile repositories", .serialized, .tags(.sandbox))
struct HostileRepositoryTests {
    @Test(
        "What an agent plants for git to execute runs neither on the host nor as the git party", arguments: Tier.all,
        Trick.all)
    func planted(_ tier: Tier, _ trick: Trick) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        if !trick.base.isEmpty { try #require(host.shell(in: repository.path, trick.base).code == 0) }
        let marker = Marker()
        defer { marker.remove() }
        let plant = marker.definition + "set -e\n\(trick.plant)\nset +e\n"

        try host.shell(in: host.directory, "cp -a repo ordinary")
        let planted = try host.shell(in: host.directory + "/ordinary", plant)
        try #require(planted.code == 0, "\(planted.errorText)")
        marker.remove()
        try host.shell(in: host.directory + "/ordinary", trick.trigger)
        try #require(marker.isThere, "without Bulkhead the trick works")
        marker.remove()

        let result = try host.script(repository, [], plant + "echo work > work.txt")
        #expect(!marker.isThere, "nothing ran on the host")
        try expectNoExecution(host, result)
        if let refusal = trick.refusal {
            #expect(result.code == 4 && result.reason == "publish-refused", "\(result.outcome)")
            #expect(result.message.contains(refusal), "\(result.message)")
            #expect(try host.artifact(of: result).contains("./work.txt"))
        } else {
            #expect(result.code == 0, "\(result.message)")
            let branch = try #require(result.branch)
            #expect(try host.contents(repository, branch)["work.txt"] == FileContent("100644", "work\n"))
        }
        // The user looks at what came back.
        for look in ["git status", "git log --stat --all", "git diff main...\(result.branch ?? "main")"] {
            #expect(try host.shell(in: repository.path, look).code == 0)
        }
        #expect(!marker.isThere, "nothing runs when the user looks at the branch")
    }

    /// The marker's command tells its uid on stderr, which is the log of the phase that it runs in.
    private func expectNoExecution(_ host: TestHost, _ result: JobResult) throws {
        let log = try host.log(of: result.id)
        for phase in ["fetch", "publish"] {
            #expect(!(log[phase] ?? "").contains(Marker.word), "\(phase): \(log[phase] ?? "")")
        }
        // Import runs as the agent, with nothing to gain. As the git party it would have something.
        if host.tier == .root {
            for (phase, text) in log where phase != "agent" {
                #expect(!text.replacing(Marker.word + "3 ", with: "").contains(Marker.word), "\(phase): \(text)")
            }
        }
    }

    @Test(
        "What a nested repository has git execute is seen in the import's log, as the agent and as nobody else",
        arguments: Tier.all)
    func control(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let plant = """
            git init -q n; git -C n config user.name n; git -C n config user.email n@example.invalid
            echo one > n/file; git -C n add file; git -C n commit -q -m nested
            git add n; git commit -q -m gitlink
            git -C n config filter.m.clean "$M"; echo '* filter=m' > n/.gitattributes; echo two > n/file
            """
        let result = try host.script(repository, [], Marker().definition + plant)
        #expect(result.code == 4 && result.message.contains("\"n\" is a repository of its own"), "\(result.outcome)")
        // Without this, the absence of the word in the other tests would show nothing.
        let log = try host.log(of: result.id)
        #expect((log["import"] ?? "").contains(Marker.word), "the log shows what runs")
        try expectNoExecution(host, result)
    }

    /// Configuration of the user's own repository that executes something at what `run` and `fetch` do there.
    static let ownTricks = [
        Trick(
            name: "core.hooksPath with reference-transaction",
            plant: "mkdir .git/mine; for h in reference-transaction post-index-change pre-auto-gc post-checkout; do "
                + "printf '#!/bin/sh\\n%s\\n' \"$M\" > .git/mine/$h; chmod 755 .git/mine/$h; done; git config core.hooksPath .git/mine",
            trigger: "git update-ref refs/heads/x HEAD"),
        Trick(
            name: "hooks",
            plant:
                "mkdir -p .git/hooks; for h in reference-transaction post-index-change pre-auto-gc post-checkout; do "
                + "printf '#!/bin/sh\\n%s\\n' \"$M\" > .git/hooks/$h; chmod 755 .git/hooks/$h; done",
            trigger: "git update-ref refs/heads/x HEAD"),
        Trick(name: "core.fsmonitor", plant: "git config core.fsmonitor \"$M\"", trigger: "git status"),
        Trick(
            name: "core.alternateRefsCommand with alternates",
            plant: "git config core.alternateRefsCommand \"$M\"; git clone -q --bare . .git/other.git; "
                + "echo \"$PWD/.git/other.git/objects\" > .git/objects/info/alternates",
            trigger: "git rev-list -n 1 --alternate-refs HEAD"),
        Trick(
            name: "url.*.insteadOf to a command",
            plant:
                "git config protocol.ext.allow always; printf '#!/bin/sh\\n%s\\n' \"$E\" > .git/x.sh; chmod 755 .git/x.sh; "
                + "git config url.\"ext::$PWD/.git/x.sh \".insteadOf /",
            trigger: "git fetch /tmp/anything"),
        Trick(
            name: "filter and textconv and diff.external",
            plant:
                "git config filter.m.clean \"$M\"; git config diff.m.textconv \"$M\"; git config diff.external \"$M\"; mkdir -p .git/info; "
                + "echo '* filter=m diff=m' > .git/info/attributes; printf 'HELLO\\n' > README.md",
            trigger: "git diff"),
        Trick(
            name: "uploadpack.packObjectsHook and core.sshCommand and credential.helper",
            plant:
                "git config core.sshCommand \"$E\"; git config credential.helper \"!$E\"; git config core.gitProxy \"$E\"; "
                + "git config remote.origin.url ssh://host.invalid/x",
            trigger: "git fetch origin"),
        Trick(
            name: "core.pager, pager.* and alias.*",
            plant:
                "git config core.pager \"$M\"; git config pager.rev-parse \"$M\"; git config alias.x \"!$M\"; git config pager.x true",
            trigger: "git x"),
    ]

    @Test(
        "Configuration of the user's own repository executes nothing when a job is made of it", arguments: Tier.all,
        ownTricks)
    func ownConfiguration(_ tier: Tier, _ trick: Trick) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let marker = Marker()
        defer { marker.remove() }
        let planted = try host.shell(in: repository.path, marker.definition + "set -e\n" + trick.plant)
        try #require(planted.code == 0, "\(planted.errorText)")
        marker.remove()
        try host.shell(in: repository.path, trick.trigger)
        try #require(marker.isThere, "without Bulkhead the trick works")
        marker.remove()

        let result = try host.script(repository, [], "echo x > new")
        #expect(result.code == 0, "\(result.errors)")
        let branch = try #require(result.branch)
        #expect(!marker.isThere, "run executed it")
        try #require(host.shell(in: repository.path, "rm -f .git/refs/heads/\(branch)").code == 0)
        let fetched = try host.runnerctl(["fetch", result.id, "--repo", repository.path])
        #expect(fetched.code == 0, "\(fetched.errorText)")
        #expect(!marker.isThere, "fetch executed it")
    }

    @Test("A partial clone is refused before git could fetch what is missing from a command", arguments: Tier.all)
    func partialClone(_ tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let marker = Marker()
        defer { marker.remove() }
        let plant = """
            printf '#!/bin/sh\\n%s\\n' "$E" > .git/x.sh; chmod 755 .git/x.sh; git config protocol.ext.allow always
            git config remote.origin.url "ext::$PWD/.git/x.sh"; git config remote.origin.promisor true
            git config core.repositoryFormatVersion 1; git config extensions.partialClone origin
            rm -rf .git/objects/??
            """
        try host.shell(in: repository.path, marker.definition + plant)
        try host.shell(in: repository.path, "git rev-parse 'HEAD^{commit}'")
        try #require(marker.isThere, "without Bulkhead the trick works")
        marker.remove()
        let result = try host.script(repository, [], "true")
        #expect(result.code == 2)
        #expect(result.errors.contains("partial clone"), "\(result.errors)")
        #expect(!marker.isThere)
    }
}
