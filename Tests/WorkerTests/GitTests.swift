import Glibc
import Linux
import Testing

@testable import Worker

@Suite("Git runner")
struct GitTests {
    private let repository: TestRepository

    init() throws { repository = try TestRepository() }

    /// A git alias runs a shell: a git that prints what a test wants.
    private func script(_ text: String) -> [String] { ["-c", "alias.say=!\(text)", "say"] }

    @Test("Output within the limit is captured whole, above it git is ended")
    func boundedCapture() throws {
        let git = repository.git
        #expect(try git.run(script("printf 12345678"), limit: 8) == Array("12345678".utf8))
        for text in ["printf 123456789", "yes"] {
            #expect {
                try git.run(script(text), limit: 8)
            } throws: { error in
                (error as? SystemError)?.code == EFBIG
            }
        }
    }

    @Test("A failure names the command, its code and git's own fatal line")
    func failureText() throws {
        let git = repository.git
        #expect {
            try git.run(["rev-parse", "--verify", "no-such-thing"])
        } throws: { error in
            guard let failed = error as? Git.Failed else { return false }
            return failed.command == "rev-parse" && failed.code == 128 && failed.message.hasPrefix("fatal:")
                && "\(failed)".hasPrefix("git rev-parse failed with 128: fatal:")
        }
    }

    @Test("Of what git says, the last fatal or error line counts, shortened to 400 characters")
    func messageIsChosen() throws {
        let git = repository.git
        let (code, message, _) = try git.code(
            script("(echo hint: a; echo error: first; echo fatal: last; echo hint: b) >&2; exit 3; :"))
        #expect(code == 3)
        #expect(message == "fatal: last")
        #expect(try git.code(script("echo plain >&2; exit 1; :")).message == "plain")
        let long = try git.code(script("printf 'fatal: %01000d' 7 >&2; exit 1; :")).message
        #expect(long.count == 400)
    }

    @Test("The last line is found however much git said before it")
    func lastLineOfMuch() throws {
        let git = repository.git
        let (_, message, _) = try git.code(
            script("(seq -f 'warning: object %g is odd' 4000; echo fatal: end) >&2; exit 1; :"))
        #expect(message == "fatal: end")
    }

    @Test("A git that a signal ended has no code, and counts as failed")
    func signalled() throws {
        let git = repository.git
        let (code, _, _) = try git.code(script("kill -9 $PPID; sleep 5; :"))
        #expect(code == nil)
        #expect(!git.succeeds(script("kill -9 $PPID; sleep 5; :")))
    }

    @Test("Success is code 0 and nothing else")
    func succeeds() throws {
        let git = repository.git
        #expect(git.succeeds(script("true; :")))
        #expect(!git.succeeds(script("exit 1; :")))
        #expect(!git.succeeds(["no-such-command"]))
    }

    @Test("What is no object id is not taken for one")
    func objectIDs() throws {
        let git = repository.git
        #expect(throws: Git.Failed.self) { try git.object(script("echo refs/heads/main; :")) }
        #expect(throws: Git.Failed.self) { try git.object(script("true; :")) }
        let id = String(repeating: "0f", count: 20)
        #expect(try git.object(script("echo \(id); :")) == id)
        for text in ["", "0f", id + "0", id.uppercased(), String(id.dropLast()) + "g", id + "\n", " " + id.dropFirst()]
        {
            #expect(!ObjectID.isValid(text), "\(text)")
        }
        #expect(ObjectID.isValid(id + String(repeating: "0", count: 24)))
        #expect(ObjectID.format(of: id) == "sha1")
        #expect(ObjectID.format(of: id + String(repeating: "0", count: 24)) == "sha256")
    }

    @Test("A hook, a file-system monitor and a pager of the repository are not run")
    func nothingOfTheRepositoryRuns() throws {
        let mark = repository.directory.path + "/mark"
        let bait = repository.directory.path + "/bait"
        try repository.directory.write("bait", "#!/bin/sh\necho ran >> \(mark)\n", mode: 0o755)
        for hook in ["reference-transaction", "pre-commit", "post-update", "update"] {
            try repository.directory.write("r.git/hooks/\(hook)", "#!/bin/sh\necho ran >> \(mark)\n", mode: 0o755)
        }
        // Written by hand: git config would refuse some of them for a bare repository.
        try repository.directory.write(
            "r.git/config",
            "[core]\n\tbare = true\n\trepositoryformatversion = 0\n\tfsmonitor = \(bait)\n"
                + "\thooksPath = \(repository.directory.path)/r.git/hooks\n"
                + "\tpager = \(bait)\n\talternateRefsCommand = \(bait)\n[diff]\n\texternal = \(bait)\n")
        let commit = try repository.commit(try repository.tree([.init("100644", "a", try repository.blob("a\n"))]))
        try repository.git.run(["update-ref", "refs/heads/main", commit])
        _ = try DiffStat(repository.git, from: commit, to: commit)
        #expect(access(mark, F_OK) != 0)
    }

    @Test("No variable of this process reaches git but PATH")
    func environmentIsOwn() throws {
        setenv("BULKHEAD_TEST_LEAK", "1", 1)
        defer { unsetenv("BULKHEAD_TEST_LEAK") }
        let git = repository.git
        let names = String(decoding: try git.run(script("env; :")), as: UTF8.self)
        #expect(names.contains("GIT_DIR="))
        #expect(names.contains("GIT_ALLOW_PROTOCOL=none"))
        #expect(!names.contains("BULKHEAD_TEST_LEAK"))
    }
}
