import ArgumentParser
import IPC

/// `config`: the settings in force, and whether the files could be used.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show or check the supervisor's configuration.",
        subcommands: [ConfigShowCommand.self, ConfigCheckCommand.self])
}

/// `config show`
struct ConfigShowCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show the settings in force.")

    @OptionGroup var supervisor: SupervisorOptions
    @Flag(help: "Show where each setting comes from.")
    var origin = false

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.config)
        if supervisor.json { return console.json(reply.result) }
        var table = Table(origin ? ["KEY", "VALUE", "ORIGIN"] : ["KEY", "VALUE"])
        for setting in try reply.decode(ConfigReport.self).settings {
            table.add([setting.key, setting.value] + (origin ? [setting.origin] : []))
        }
        table.show(on: console)
    }
}

/// `config check`
struct ConfigCheckCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read the configuration files again without using them.")

    @OptionGroup var supervisor: SupervisorOptions

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.configCheck)
        let report = try reply.decode(ConfigCheckReport.self)
        if supervisor.json {
            console.json(reply.result)
        } else {
            for problem in report.problems { console.out.line(console.out.styled(Sanitizer.line(problem), .red)) }
            for warning in report.warnings {
                console.out.line(console.out.styled(Sanitizer.line("warning: " + warning), .yellow))
            }
            if report.ok { console.out.line("the configuration is good") }
        }
        if !report.ok {
            try console.finish()
            throw ExitCode(ExitStatus.failed)
        }
    }
}
