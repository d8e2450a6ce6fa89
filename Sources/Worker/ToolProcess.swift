import CLinux
import Glibc
import Linux
import Sandbox

/// Starts one tool inside the sandbox, with the ids and the Landlock domain of its party.
struct ToolLaunch {
    var argv: [String]
    var environment: [String: String]
    var directory: String?
    /// Descriptors 0, 1, 2 and on.
    var descriptors: [Descriptor]
    var uid: UInt32
    var domain: Landlock.Domain
    /// Set to run the worker's own executable.
    var executable: Descriptor?

    /// - Throws: `Child.Failure` or `SystemError`
    func start(trees: [String], split: Bool) throws -> Int32 {
        let ruleset = try Landlock.ruleset(domain, trees: trees)
        var child = Child(
            argv: argv, environment: environment.map { "\($0.key)=\($0.value)" }.sorted(),
            path: environment["PATH"] ?? "", descriptors: descriptors.map(\.raw))
        child.directory = directory
        child.executable = executable?.raw ?? -1
        child.identity = split ? uid : nil
        child.landlock = ruleset?.raw ?? -1
        child.confined = true
        return try child.start()
    }
}

/// The kill barrier: nothing that ran before it runs after it.
enum KillBarrier {
    /// Kills every process of this namespace but this one and reaps until none is left. One kill(-1) by pid 1 is
    /// enough: it is atomic against fork. Without capability (single-uid tier) all have this process's own uid.
    /// - Returns: how the watched process ended, if it ended here.
    static func raise(watching pid: Int32?) -> ProcessEnd? {
        var end: ProcessEnd?
        while true {
            _ = kill(-1, SIGKILL)
            var code: Int32 = 0
            var status: Int32 = 0
            let reaped = bh_wait(0, 0, &code, &status)
            if reaped < 0 { return end }  // ECHILD: nobody is left
            if reaped == pid { end = ProcessEnd(siCode: code, status: status) }
        }
    }
}
