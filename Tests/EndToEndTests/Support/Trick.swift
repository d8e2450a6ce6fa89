import Foundation
import Testing

/// A way to have git execute something, planted in a repository by whoever works in it.
struct Trick: Sendable, CustomTestStringConvertible {
    let name: String
    /// Plants it. `$E` is a command that leaves the marker and ignores its arguments; `$M` also passes its input on.
    let plant: String
    /// What somebody would do in such a repository without Bulkhead.
    let trigger: String
    /// The end of a job with it: nil is completed, with the work in the branch; else what the refusal names.
    var refusal: String?
    /// Runs in the user's repository before the job, to make it part of the base.
    var base = ""

    var testDescription: String { name }

    static let all = [
        Trick(
            name: "hooks",
            plant: """
                mkdir -p .git/hooks
                for hook in pre-commit post-commit commit-msg prepare-commit-msg reference-transaction post-index-change \\
                    post-checkout post-merge pre-push update pre-receive post-receive post-update pre-auto-gc post-rewrite; do
                    printf '#!/bin/sh\\n%s\\n' "$M" > .git/hooks/$hook; chmod 755 .git/hooks/$hook
                done
                """,
            trigger: "git commit -q --allow-empty -m x"),
        Trick(
            name: "core.hooksPath",
            plant: """
                mkdir mine; printf '#!/bin/sh\\n%s\\n' "$M" > mine/reference-transaction; chmod 755 mine/reference-transaction
                git config core.hooksPath mine
                """,
            trigger: "git update-ref refs/heads/x HEAD"),
        Trick(name: "core.fsmonitor", plant: "git config core.fsmonitor \"$M\"", trigger: "git status"),
        Trick(
            name: "core.fsmonitor in an included file",
            plant: "git config -f included core.fsmonitor \"$M\"; git config include.path ../included",
            trigger: "git status"),
        Trick(
            name: "core.fsmonitor in the work tree's own configuration",
            plant:
                "git config extensions.worktreeConfig true; git config -f .git/config.worktree core.fsmonitor \"$M\"",
            trigger: "git status"),
        Trick(
            name: "filter.*.clean",
            plant: "git config filter.m.clean \"$M\"; echo '* filter=m' > .gitattributes", trigger: "git add -A"),
        Trick(
            name: "filter.*.process in info/attributes",
            plant: "git config filter.m.process \"$M\"; mkdir -p .git/info; echo '* filter=m' > .git/info/attributes",
            trigger: "git add -A"),
        Trick(
            name: "textconv",
            plant: "git config diff.m.textconv \"$M\"; echo '* diff=m' > .gitattributes; echo more >> README.md",
            trigger: "git diff"),
        Trick(
            name: "diff.external", plant: "git config diff.external \"$M\"; echo more >> README.md", trigger: "git diff"
        ),
        Trick(
            name: "core.sshCommand",
            plant: "git config core.sshCommand \"$E\"; git config remote.origin.url ssh://host.invalid/x",
            trigger: "git fetch origin"),
        Trick(
            name: "credential.helper", plant: "git config credential.helper \"!$E\"",
            trigger: "printf 'protocol=https\\nhost=host.invalid\\n\\n' | GIT_TERMINAL_PROMPT=0 git credential fill"),
        Trick(
            name: "a remote that is a command",
            plant: "git config protocol.ext.allow always; printf '#!/bin/sh\\n%s\\n' \"$E\" > x.sh; chmod 755 x.sh; "
                + "git config remote.origin.url \"ext::$PWD/x.sh\"",
            trigger: "git fetch origin"),
        Trick(
            name: "a promisor remote that is a command",
            plant: "git config protocol.ext.allow always; printf '#!/bin/sh\\n%s\\n' \"$E\" > x.sh; chmod 755 x.sh; "
                + "git config remote.origin.url \"ext::$PWD/x.sh\"; git config remote.origin.promisor true; "
                + "git config core.repositoryFormatVersion 1; git config extensions.partialClone origin; "
                + "echo 1111111111111111111111111111111111111111 > .git/HEAD",
            trigger: "git rev-parse 'HEAD^{commit}'"),
        Trick(
            name: "gpg.program",
            plant: "git config gpg.program \"$PWD/g.sh\"; git config commit.gpgSign true; "
                + "printf '#!/bin/sh\\n%s\\n' \"$E\" > g.sh; chmod 755 g.sh",
            trigger: "git commit -q --allow-empty -m x"),
        Trick(
            name: "core.alternateRefsCommand with alternates",
            plant: "git config core.alternateRefsCommand \"$M\"; git init -q --bare .git/other.git; "
                + "echo \"$PWD/.git/other.git/objects\" > .git/objects/info/alternates",
            trigger: "git rev-list -n 1 --alternate-refs HEAD"),
        Trick(
            name: ".git file that leads elsewhere",
            plant:
                "git config core.fsmonitor \"$M\"; mkdir below; mv .git below/real; echo 'gitdir: below/real' > .git",
            trigger: "git status"),
        Trick(
            name: "core.worktree elsewhere",
            plant:
                "mkdir /tmp/elsewhere.$$; git config core.worktree /tmp/elsewhere.$$; git config core.fsmonitor \"$M\"",
            trigger: "git status"),
        Trick(
            name: "nested repository with a filter",
            plant: """
                git init -q n; git -C n config user.name n; git -C n config user.email n@example.invalid
                echo one > n/file; git -C n add file; git -C n commit -q -m nested
                git -C n config filter.m.clean "$M"; echo '* filter=m' > n/.gitattributes; echo two > n/file
                """,
            trigger: "git add -A; git status", refusal: "\"n\" is a repository of its own"),
        Trick(
            name: "nested repository behind a .git file",
            plant: """
                git init -q --separate-git-dir=away n; git -C n config user.name n; git -C n config user.email n@example.invalid
                echo one > n/file; git -C n add file; git -C n commit -q -m nested
                git -C n config filter.m.process "$M"; echo '* filter=m' > n/.gitattributes; echo two > n/file
                """,
            trigger: "git add -A; git status", refusal: "\"n\" is a repository of its own"),
        Trick(
            name: "a submodule's directory that the agent filled",
            plant: """
                git init -q sub; git -C sub config user.name n; git -C sub config user.email n@example.invalid
                echo one > sub/file; git -C sub add file; git -C sub commit -q -m nested
                git -C sub config core.fsmonitor "$M"; echo two > sub/file
                """,
            trigger: "git status", refusal: "\"sub\" is a repository of its own",
            base:
                "git update-index --add --cacheinfo 160000,1234567890123456789012345678901234567890,sub; git commit -q -m gitlink"
        ),
        Trick(
            name: "submodule.*.update",
            plant:
                "git config submodule.sub.update \"!$M\"; git config submodule.sub.url \"$PWD\"; git config submodule.sub.active true; "
                + "printf '[submodule \"sub\"]\\n\\tpath = sub\\n\\turl = ./\\n' > .gitmodules; git clone -q . sub 2>/dev/null",
            trigger: "git submodule update sub", refusal: "\"sub\" is a repository of its own",
            base: "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git commit -q -m gitlink"),
    ]
}

/// A file on the host that only an execution outside the sandbox can make: inside, /tmp is another one.
struct Marker {
    static let word = "EXECUTED-AS-"
    private let path = "/tmp/bulkhead-marker-\(UUID().uuidString)"

    /// Defines `$M` and `$E` for a shell. They tell their uid, for the log of a phase; `$M` passes a filter's input on.
    /// Arguments that git appends are a comment.
    var definition: String {
        let mark = "echo \(Marker.word)$(id -u) . >&2; : > \(path);"
        return "M='\(mark) cat #'\nE='\(mark) #'\n"
    }

    var isThere: Bool { FileManager.default.fileExists(atPath: path) }
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
