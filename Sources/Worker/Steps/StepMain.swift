import Glibc
import IPC
import Linux

/// How a step ends early.
struct StepEnd: Error {
    let code: Int32
    let reason: String

    static func noChange(_ reason: String) -> StepEnd { StepEnd(code: Step.Exit.noChange, reason: reason) }
    /// What the agent left, or what the repository holds, cannot be taken: a policy, not a fault.
    static func refused(_ reason: String) -> StepEnd {
        StepEnd(code: Step.Exit.refused, reason: reason.cut(toBytes: 1000))
    }
}

/// Entry of the `step` mode: Bulkhead's own code as a tool of the sandbox, with one party's rights.
enum StepMain {
    static func run(_ arguments: [String]) -> Int32 {
        guard arguments.count == 1, let step = Step(rawValue: arguments[0]),
            fcntl(Step.Descriptors.result, F_GETFD) >= 0, let text = environmentVariable(Step.orderVariable)
        else {
            complain("bulkhead-worker: `step` is started by the worker of a job, never by hand")
            return 2
        }
        do {
            let repository = try JSON(parsing: Array(text.utf8)).decode(Order.Repository.self)
            let result: JSON
            switch step {
            case .fetch: result = try FetchStep(repository).run()
            case .checkout: result = try CheckoutStep(repository).run()
            case .import: result = try ImportStep(repository).run()
            case .publish: result = try PublishStep(repository).run()
            case .archive: result = try ArchiveStep(repository).run()
            }
            report(result)
            return Step.Exit.done
        } catch let end as StepEnd {
            report(["reason": .string(end.reason)])
            return end.code
        } catch {
            report(["reason": .string("\(error)")])
            return 1
        }
    }

    private static func report(_ result: JSON) {
        try? Descriptor(owning: dup(Step.Descriptors.result)).writeAll(result.bytes())
    }
}
