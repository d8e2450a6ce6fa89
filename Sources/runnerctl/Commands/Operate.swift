import ArgumentParser
import IPC
import Linux

/// `pause`: no further job starts.
struct PauseCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Start no further jobs; those that run go on.")

    @OptionGroup var supervisor: SupervisorOptions
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("Resume by itself after this time, such as 30m.", valueName: "duration"))
    var duration: TimeSpan?

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.pause, PauseRequest(duration: duration?.milliseconds))
        try StatusCommand.show(mode: reply, supervisor, console)
    }
}

/// `resume`: jobs start again.
struct ResumeCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Start jobs again after a pause or drain.")

    @OptionGroup var supervisor: SupervisorOptions

    func run(_ console: Console) throws {
        try StatusCommand.show(mode: try supervisor.connect().call(.resume), supervisor, console)
    }
}

/// `drain`: lets what runs end.
struct DrainCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Start no further jobs and let those that run end.")

    @OptionGroup var supervisor: SupervisorOptions
    @Flag(help: "Answer when nothing runs any more.")
    var wait = false
    @Option(
        help: ArgumentHelp("Cancel what still runs after this time; a plain number is seconds.", valueName: "duration"))
    var deadline: TimeSpan?

    func run(_ console: Console) throws {
        let client = try supervisor.connect()
        let request = DrainRequest(wait: wait, deadline: deadline?.milliseconds)
        let reply = wait ? try client.call(.drain, request, timeout: nil) : try client.call(.drain, request)
        try StatusCommand.show(mode: reply, supervisor, console)
    }
}

/// `status`: one screen.
struct StatusCommand: SupervisorCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what the supervisor does now.")

    @OptionGroup var supervisor: SupervisorOptions

    func run(_ console: Console) throws {
        let reply = try supervisor.connect().call(.status)
        if supervisor.json { return console.json(reply.result) }
        StatusCommand.show(try reply.decode(StatusReport.self), on: console)
    }

    static func show(mode reply: Client.Reply, _ options: SupervisorOptions, _ console: Console) throws {
        if options.json { return console.json(reply.result) }
        let status = try reply.decode(StatusReport.self)
        let running = status.slots.count { $0.job != nil }
        console.out.line(
            Sanitizer.line("the supervisor is \(mode(status)); \(Words.count(Int64(running), "job")) running"))
    }

    private static func mode(_ status: StatusReport) -> String {
        guard let until = status.pausedUntil else { return status.mode }
        let left = Words.between(wallClockMilliseconds(), until) / 1000 * 1000
        return "\(status.mode), for \(Words.duration(milliseconds: left))"
    }

    static func show(_ status: StatusReport, on console: Console) {
        let out = console.out
        func fact(_ name: String, _ value: String, _ style: Output.Style = .plain) {
            let label = name + String(repeating: " ", count: max(1, 11 - name.count))
            for (index, line) in DisplayWidth.wrapped(Sanitizer.line(value), to: console.columns - 11).enumerated() {
                let start = index == 0 ? label : String(repeating: " ", count: 11)
                out.line(out.styled(start, .dim) + out.styled(line, style))
            }
        }
        fact(
            "supervisor",
            "\(mode(status)), version \(status.version), pid \(status.pid), up \(Words.age(since: status.startedAt))")
        fact("isolation", "\(status.isolation), tier \(status.tier)")
        if !status.missingLayers.isEmpty {
            fact(
                "missing", status.missingLayers.joined(separator: ", ") + " (`runnerctl doctor` tells how to get them)",
                .yellow)
        }
        let order = ["queued", "claimed", "starting", "running", "finishing", "completed", "failed", "cancelled"]
        let known = order.filter { status.jobs[$0, default: 0] > 0 }
        let other = status.jobs.keys.filter { !order.contains($0) }.sorted()
        let counts = (known + other).map { "\(status.jobs[$0, default: 0]) \($0)" }
        fact("jobs", counts.isEmpty ? "none" : counts.joined(separator: ", "))
        fact(
            "state",
            "\(status.stateDirectory), socket \(status.socket), \(Words.count(Int64(status.connections), "connection"))"
        )
        for warning in status.warnings { fact("warning", warning, .yellow) }
        guard !status.slots.isEmpty else { return }
        out.line()
        var table = Table(["SLOT", "JOB", "PHASE", "FOR", "TITLE"])
        for slot in status.slots {
            table.add([
                "\(slot.slot)", slot.job.map { Words.short($0) } ?? "idle", slot.phase ?? "-",
                slot.since.map { Words.age(since: $0) } ?? "-", slot.title ?? "",
            ])
        }
        table.show(on: console)
    }
}
