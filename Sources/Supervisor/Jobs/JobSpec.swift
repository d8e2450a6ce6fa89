import Harnesses
import IPC
import Linux

/// A job as it is kept: the request, resolved. Opaque to the store.
struct JobSpec: Codable {
    var harness: String
    var argv: [String]
    var prompt: String?
    var title: String
    /// Milliseconds; 0 is the configured limit.
    var timeout: Int64
    var repository: SubmitRequest.Repository?

    /// The largest and smallest priority that a submitter may ask for.
    static let priorities = -100...100

    /// Checks a request against local policy.
    /// - Throws: `ProtocolError.invalid` for what can never run, `.refused` for what this host does not allow.
    init(_ request: SubmitRequest, _ configuration: Configuration) throws(ProtocolError) {
        guard let harness = Harness.named(request.harness) else {
            let known = Harness.builtIn.map(\.name).sorted().joined(separator: ", ")
            throw ProtocolError(.invalid, "there is no harness \"\(request.harness.prefix(40))\"; known: \(known)")
        }
        if harness.name == "exec", !configuration.harnessExec {
            throw ProtocolError(.refused, "the harness exec is switched off on this host (harness.exec)")
        }
        let derived = request.prompt ?? request.argv?.joined(separator: " ") ?? harness.name
        let title = request.title ?? derived.cut(toBytes: 200).replacing("\0", with: " ")
        guard title.utf8.count <= 1024, !title.utf8.contains(0) else {
            throw ProtocolError(.invalid, "a title has at most 1024 bytes and no NUL")
        }
        guard Self.priorities.contains(request.priority ?? 0) else {
            throw ProtocolError(.invalid, "a priority is -100 to 100")
        }
        let limit = configuration.limitsWallClock.milliseconds
        if let timeout = request.timeout {
            guard timeout >= 1000 else { throw ProtocolError(.invalid, "a timeout is at least 1 second") }
            guard timeout <= limit else {
                throw ProtocolError(
                    .refused, "the timeout is above this host's limits.wall-clock (\(configuration.limitsWallClock))")
            }
        }
        if let repository = request.repository { try Self.check(repository) }
        self.harness = harness.name
        argv = request.argv ?? []
        prompt = request.prompt
        self.title = title
        timeout = request.timeout ?? limit
        repository = request.repository
        _ = try plan(configuration)
    }

    /// What to run.
    /// - Throws: `ProtocolError.invalid` with the harness's reason.
    func plan(_ configuration: Configuration) throws(ProtocolError) -> HarnessPlan {
        guard let harness = Harness.named(harness) else {
            throw ProtocolError(.invalid, "there is no harness \"\(harness)\"")
        }
        let isClaude = harness.name == "claude"
        do {
            var plan = try harness.plan(
                HarnessRequest(
                    prompt: prompt, argv: argv, title: title,
                    model: isClaude && !configuration.harnessClaudeModel.isEmpty
                        ? configuration.harnessClaudeModel : nil,
                    permissionMode: isClaude ? configuration.harnessClaudePermissionMode : nil))
            if isClaude, !plan.argv.isEmpty { plan.argv[0] = configuration.harnessClaudeCommand }
            return plan
        } catch {
            throw ProtocolError(.invalid, "\(error)")
        }
    }

    private static func check(_ repository: SubmitRequest.Repository) throws(ProtocolError) {
        guard isObjectID(repository.base) else { throw ProtocolError(.invalid, "the base is no full object id") }
        guard isBranchName(repository.baseBranch) else {
            throw ProtocolError(.invalid, "\"\(repository.baseBranch.prefix(80))\" is no branch name")
        }
        if let branch = repository.branch, !isBranchName(branch) || branch == repository.baseBranch {
            throw ProtocolError(.invalid, "\"\(branch.prefix(80))\" cannot be the new branch's name")
        }
    }

    static func isObjectID(_ text: String) -> Bool {
        (text.utf8.count == 40 || text.utf8.count == 64)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// Stricter than git's own rule: what every tool on the way agrees on. Compared byte by byte, as git does: to Swift
    /// a `-` with a combining mark is another character, and no `-`.
    static func isBranchName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard (1...200).contains(bytes.count), bytes.first != UInt8(ascii: "-"), name != "@", name != "HEAD" else {
            return false
        }
        let forbidden = Set("~^:?*[\\".utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7f && !forbidden.contains($0) }) else { return false }
        guard bytes.firstRange(of: Array("..".utf8)) == nil, bytes.firstRange(of: Array("@{".utf8)) == nil else {
            return false
        }
        let dot = UInt8(ascii: ".")
        return bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            part.first != nil && part.first != dot && part.last != dot && !part.ends(with: ".lock".utf8)
        }
    }
}

extension Collection where Element == UInt8 {
    fileprivate func ends(with suffix: some Collection<UInt8>) -> Bool {
        count >= suffix.count && dropFirst(count - suffix.count).elementsEqual(suffix)
    }
}

/// How a job ended, as it is kept.
struct JobOutcome: Codable {
    var outcome: JobInfo.Outcome
    var branch: String?
    var commit: String?
    var commits: Int64?
    var diffstat: JobInfo.DiffStat?
    var usage: JobInfo.Usage?
    var notes: [String]?
    var resultBytes: Int64?
    var artifactBytes: Int64?
}
