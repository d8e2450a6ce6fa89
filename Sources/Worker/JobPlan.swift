import IPC
import Sandbox

/// The phases of a job as data. Each has its own uid, Landlock domain and (with the gateway) routes; between two of
/// them stands the kill barrier.
struct JobPlan {
    struct Phase {
        let name: String
        let tasks: [Task]
    }

    enum Task: Equatable {
        /// Bulkhead's own code, run as a party like any other tool.
        case step(Step)
        /// The harness.
        case harness
    }

    let phases: [Phase]

    init(_ kind: Order.Kind) {
        switch kind {
        case .prompt:
            phases = [Phase(name: "agent", tasks: [.harness])]
        case .change:
            phases = [
                Phase(name: "fetch", tasks: [.step(.fetch), .step(.checkout)]),
                Phase(name: "agent", tasks: [.harness]),
                Phase(name: "import", tasks: [.step(.import)]),
                Phase(name: "publish", tasks: [.step(.publish)]),
            ]
        }
    }
}

/// A step: a mode of the worker's own executable, run inside the sandbox with the rights of one party.
enum Step: String, CaseIterable {
    /// As G: the pristine git directory, from the bundle.
    case fetch
    /// As A: the work tree, from the same bundle; it shares no object with the pristine directory.
    case checkout
    /// As A: what the agent left becomes one pack.
    case `import`
    /// As G: that pack, checked, becomes one branch and a bundle of it.
    case publish
    /// As A: what could not be published becomes an archive.
    case archive

    var domain: Landlock.Domain {
        switch self {
        case .fetch, .publish: .git
        case .checkout: .agent
        case .import, .archive: .importing
        }
    }

    func uid(_ ids: Identities) -> UInt32 {
        switch self {
        case .fetch, .publish: ids.git
        case .checkout, .import, .archive: ids.agent
        }
    }

    /// The exit codes that steps end with; everything else is a fault.
    enum Exit {
        static let done: Int32 = 0
        static let noChange: Int32 = 10
        static let refused: Int32 = 11
    }

    /// The descriptors that a step starts with, beside the usual three.
    enum Descriptors {
        /// What the step found, as JSON: read as a claim.
        static let result: Int32 = 3
        static let input: Int32 = 4
        static let output: Int32 = 5
        static let previous: Int32 = 6
    }

    static let orderVariable = "BULKHEAD_STEP"
}
