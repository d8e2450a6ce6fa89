import CLinux
import Glibc
import IPC
import Linux
import Sandbox

/// As G: takes the one pack that import made, checks it as hostile, and makes the branch and a bundle of exactly it.
/// Git never sees a file of the agent here, only objects in a quarantine.
struct PublishStep {
    let repository: Order.Repository
    private let quarantine = SandboxPath.git + "/quarantine.git"

    init(_ repository: Order.Repository) { self.repository = repository }

    func run() throws -> JSON {
        let claim = try readClaim()
        let git = Git(directory: quarantine)
        try git.run(["init", "-q", "--bare", "--template=", "--object-format=\(ObjectID.format(of: repository.base))"])
        let alternates = try Descriptor.open(quarantine + "/objects/info/alternates", O_WRONLY | O_CREAT, mode: 0o600)
        try alternates.writeAll(Array((FetchStep.pristine + "/objects\n").utf8))

        try takePack(git)
        try checkHistory(git, claim)
        let objects = try newObjects(git, claim)
        var audit = try TreeAudit(git, limits: repository, newBlobs: objects.blobs)
        defer { audit.end() }
        try audit.learnBase(repository.base)
        for commit in objects.commits { try audit.check(commit) }
        if let tree = claim.tree { try audit.check(tree) }

        let tip = try commit(git, claim)
        try git.run(["update-ref", "refs/heads/\(repository.branch)", tip])
        return try deliver(git, tip: tip, notes: claim.notes)
    }

    private func readClaim() throws -> ImportStep.Claim {
        let bytes = try Descriptor(owning: dup(Step.Descriptors.previous)).readAll(limit: 64 << 10)
        let claim = try JSON(parsing: bytes).decode(ImportStep.Claim.self)
        guard ObjectID.isValid(claim.head), claim.tree.map(ObjectID.isValid) ?? true else {
            throw StepEnd.refused("the import named no objects")
        }
        return claim
    }

    private func takePack(_ git: Git) throws {
        do {
            try git.run(
                [
                    "index-pack", "--stdin", "--fix-thin", "--strict", "--fsck-objects",
                    "--max-input-size=\(repository.maximumBytes)",
                ],
                stdin: Step.Descriptors.input)
        } catch let failed as Git.Failed {
            throw StepEnd.refused("the agent's work was refused by git fsck: \(failed.message)")
        }
    }

    private func checkHistory(_ git: Git, _ claim: ImportStep.Claim) throws {
        guard git.succeeds(["cat-file", "-e", claim.head + "^{commit}"]),
            claim.head == repository.base || git.succeeds(["merge-base", "--is-ancestor", repository.base, claim.head])
        else { throw StepEnd.refused("the agent's history does not continue the base") }
        guard claim.tree.map({ git.succeeds(["cat-file", "-e", $0 + "^{tree}"]) }) ?? true else {
            throw StepEnd.refused("the import's tree is missing from its pack")
        }
    }

    /// Every object that the base does not have: git itself finds what is missing on the way.
    private func newObjects(_ git: Git, _ claim: ImportStep.Claim) throws -> (commits: [String], blobs: [String: Int64])
    {
        let limit = 200 * Int(clamping: repository.maximumFiles)
        let wanted = [claim.head] + [claim.tree].compactMap { $0 } + ["^" + repository.base]
        let listed: [UInt8]
        do {
            listed = try git.run(["rev-list", "--objects", "--no-object-names"] + wanted, limit: limit)
        } catch let failed as Git.Failed {
            throw StepEnd.refused("the agent's work is incomplete: \(failed.message)")
        } catch let error as SystemError where error.code == EFBIG {
            throw StepEnd.refused("the agent's work has more objects than publish.max-files allows")
        }
        let file = try Descriptor.sealed("objects", listed)
        let table = try git.run(
            ["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], stdin: file.raw, limit: 2 * limit)
        var commits: [String] = []
        var blobs: [String: Int64] = [:]
        for line in table.split(separator: 0x0a) {
            let fields = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard fields.count == 3, let size = Int64(fields[2]) else {
                throw StepEnd.refused("an object of the agent's work is missing")
            }
            switch fields[1] {
            case "commit": commits.append(String(fields[0]))
            case "blob": blobs[String(fields[0])] = size
            case "tree": continue
            default: throw StepEnd.refused("the agent's work holds a \(fields[1]) object")
            }
        }
        return (commits, blobs)
    }

    /// The commit that the branch will stand on: the agent's last one, or one more for what it left uncommitted.
    private func commit(_ git: Git, _ claim: ImportStep.Claim) throws -> String {
        guard let tree = claim.tree else { return claim.head }
        var git = git
        for role in ["AUTHOR", "COMMITTER"] {
            git.environment["GIT_\(role)_NAME"] = repository.committerName
            git.environment["GIT_\(role)_EMAIL"] = repository.committerEmail
        }
        let message = try Descriptor.sealed("message", Array(repository.message.utf8))
        let bytes = try git.run(["commit-tree", tree, "-p", claim.head, "-F", "-"], stdin: message.raw, limit: 256)
        let id = String(decoding: bytes, as: UTF8.self).trimmingNewline()
        guard ObjectID.isValid(id) else { throw StepEnd.refused("git made no commit") }
        return id
    }

    private func deliver(_ git: Git, tip: String, notes: [String]) throws -> JSON {
        try git.run(
            ["bundle", "create", "-q", "-", "refs/heads/\(repository.branch)", "^" + repository.base],
            output: Step.Descriptors.output)
        var status = stat()
        try check("fstat", "bundle") { fstat(Step.Descriptors.output, &status) }
        guard Int64(status.st_size) <= repository.maximumBundle else {
            throw StepEnd.refused(
                "the branch's bundle has \(status.st_size) bytes; limits.bundle allows \(repository.maximumBundle)")
        }
        let commits = try git.run(["rev-list", "--count", "\(repository.base)..\(tip)"], limit: 64)
        let stat = try DiffStat(git, from: repository.base, to: tip)
        return [
            "branch": .string(repository.branch), "commit": .string(tip), "base": .string(repository.base),
            "commits": .int(Int64(String(decoding: commits, as: UTF8.self).trimmingNewline()) ?? 0),
            "files": .int(stat.files), "insertions": .int(stat.insertions), "deletions": .int(stat.deletions),
            "notes": .array(notes.prefix(20).map { .string(String($0.prefix(400))) }),
        ]
    }
}

/// How much a branch changes: counts only, from output of a bounded size.
struct DiffStat {
    private(set) var files: Int64 = 0
    private(set) var insertions: Int64 = 0
    private(set) var deletions: Int64 = 0

    init(_ git: Git, from base: String, to tip: String) throws {
        let table = try git.run(
            ["diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", base, tip],
            limit: 64 << 20)
        for record in table.split(separator: 0) {
            let fields = record.split(separator: 0x09, maxSplits: 2)
            guard fields.count == 3 else { continue }
            files += 1
            insertions += Int64(String(decoding: fields[0], as: UTF8.self)) ?? 0  // "-" for a binary file
            deletions += Int64(String(decoding: fields[1], as: UTF8.self)) ?? 0
        }
    }
}
