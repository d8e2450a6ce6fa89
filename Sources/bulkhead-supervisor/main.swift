import ArgumentParser
import Glibc
import IPC
import Supervisor

struct Options: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulkhead-supervisor",
        abstract: "Runs jobs in sandboxes. In the foreground, with its log on stderr.",
        discussion:
            "It is ready when its socket answers. SIGTERM drains and ends it, a second one ends it at once, SIGHUP reads the configuration again.",
        version: "bulkhead-supervisor \(bulkheadVersion)")

    @Option(help: "Read this configuration file alone.")
    var config: String?
    @Option(help: "State directory.")
    var state: String?
    @Option(help: "Path of the socket.")
    var socket: String?
    @Option(help: "User to become when started as root.")
    var serviceUser: String?
    @Option(help: "strict or available.")
    var isolation: String?
    @Option(help: "Jobs at the same time.")
    var slots: String?
    @Option(help: "trace, debug, info, notice, warning or error.")
    var logLevel: String?

    mutating func run() throws {
        let flags = [
            "state-directory": state, "socket": socket, "service-user": serviceUser, "isolation": isolation,
            "slots": slots,
            "log-level": logLevel,
        ].compactMapValues { $0 }
        let code = SupervisorMain.run(flags: flags, configFile: config)
        if code != 0 { throw ExitCode(code) }
    }
}

Options.main()
