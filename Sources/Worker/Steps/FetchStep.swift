import Glibc
import IPC
import Linux
import Sandbox

/// As G: makes the pristine git directory that later decides what is new. Everything in it was checked.
struct FetchStep {
    static let pristine = SandboxPath.git + "/pristine.git"

    let repository: Order.Repository

    init(_ repository: Order.Repository) { self.repository = repository }

    func run() throws -> JSON {
        let git = Git(directory: Self.pristine)
        try git.run(["init", "-q", "--bare", "--template=", "--object-format=\(ObjectID.format(of: repository.base))"])
        try Bundle.index(into: git, base: repository.base, checked: true)
        try git.run(["update-ref", "refs/bulkhead/base", repository.base])
        _ = try git.object(["rev-parse", "--verify", "-q", "refs/bulkhead/base^{commit}"])
        return ["base": .string(repository.base)]
    }
}

/// As A: the agent's own clone, made from the same bundle, so that the two share no object store.
struct CheckoutStep {
    let repository: Order.Repository

    init(_ repository: Order.Repository) { self.repository = repository }

    func run() throws -> JSON {
        let git = Git(directory: SandboxPath.workspace + "/.git", ["GIT_WORK_TREE": SandboxPath.workspace])
        try git.run([
            "init", "-q", "--template=", "--object-format=\(ObjectID.format(of: repository.base))",
            "--initial-branch=\(repository.baseBranch)",
        ])
        // GIT_WORK_TREE is written as core.worktree by init; the clone shall be an ordinary one.
        _ = git.succeeds(["config", "--unset", "core.worktree"])
        try Bundle.index(into: git, base: repository.base, checked: false)
        try git.run(["update-ref", "refs/heads/\(repository.baseBranch)", repository.base])
        do {
            try git.run(["reset", "-q", "--hard"])
        } catch let failed as Git.Failed {
            throw StepEnd.refused("the base commit cannot be checked out: \(failed.message)")
        }
        return ["branch": .string(repository.baseBranch)]
    }
}
