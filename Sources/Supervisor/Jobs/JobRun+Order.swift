import Glibc
import Harnesses
import IPC
import Linux

/// What a run hands to its worker: the order, and the repository's bundle.
extension JobRun {
    func orderFile() throws -> Descriptor {
        let order: [UInt8]
        do {
            order = try JSON(encoding: try makeOrder()).bytes()
        } catch {
            throw Unstartable(reason: "\(error)")
        }
        return try Descriptor.sealed("order", order)
    }

    func inputFile() throws -> Descriptor {
        do {
            return try context.spool.open(.inputs, id)
        } catch  where error.code == ENOENT {
            throw Unstartable(reason: "its repository is not in the spool any more; run it again")
        }
    }

    private func makeOrder() throws -> Order {
        let settings = context.configuration
        let plan = try spec.plan(settings)
        let repository = spec.repository.map { repository in
            let branch = repository.branch ?? "bulkhead/\(id)"
            return Order.Repository(
                base: repository.base, baseBranch: repository.baseBranch, branch: branch,
                message: "\(spec.title)\n\nBulkhead-Job: \(id)\n", committerName: settings.commitName,
                committerEmail: settings.commitEmail, maximumFiles: Int64(settings.publishMaxFiles),
                maximumBytes: settings.publishMaxBytes.bytes, maximumPath: Int64(settings.publishMaxPath),
                maximumBundle: settings.limitsBundle.bytes, maximumArtifact: settings.limitsArtifact.bytes)
        }
        judge.expect(branch: repository?.branch, base: repository?.base)
        return Order(
            job: id, kind: repository == nil ? .prompt : .change,
            isolation: settings.isolation == .strict ? .strict : .available,
            root: Order.Root(
                trees: settings.sandboxTrees, path: settings.sandboxPath,
                workspaceBytes: settings.limitsWorkspace.bytes,
                workspaceFiles: Int64(settings.limitsWorkspaceFiles)),
            limits: Order.Limits(
                wallClock: spec.timeout, idleOutput: settings.limitsIdleOutput.milliseconds,
                processes: Int64(settings.limitsProcesses), openFiles: Int64(settings.limitsOpenFiles),
                fileSize: settings.limitsFileSize.bytes, output: settings.limitsOutput.bytes,
                line: settings.limitsLine.bytes),
            ladder: Order.Ladder(
                interrupt: settings.killInterrupt.milliseconds, terminate: settings.killTerminate.milliseconds),
            tool: Order.Tool(
                argv: plan.argv, environment: plan.environment, stdin: String(decoding: plan.stdin, as: UTF8.self)),
            repository: repository)
    }
}
