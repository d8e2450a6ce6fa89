extension ConfigurationSetting {
    /// The table of settings: the order is that of the reference, and a computed default may read the rows above it.
    static let all: [ConfigurationSetting] = general + sandbox + limits + publishing + ending + tools

    private static let general: [ConfigurationSetting] = [
        ConfigurationSetting(
            "state-directory", \.stateDirectory, .text(.path), default: .stateDirectory,
            "Where jobs, events and logs are kept."),
        ConfigurationSetting(
            "socket", \.socket, .text(.path), default: .socket,
            "The socket that workers and `runnerctl` connect to; fewer than 100 bytes."),
        ConfigurationSetting(
            "socket-group", \.socketGroup, .text(.account), default: "bulkhead",
            "The group whose members may use the socket; used only if that group exists."),
        ConfigurationSetting(
            "service-user", \.serviceUser, .text(.account), default: "bulkhead",
            "The user the service runs as."),
        ConfigurationSetting(
            "spawner-socket", \.spawnerSocket, .text(.pathOrEmpty), default: "",
            "The socket of a spawner that a service manager started; empty starts one as a child."),
        ConfigurationSetting(
            "log-level", \.logLevel, .choice, default: "info", "How much the supervisor logs."),
        ConfigurationSetting(
            "isolation", \.isolation, .choice, default: "strict",
            "`strict` refuses a job unless every required layer of the sandbox holds; `available` runs it with what "
                + "the host has."),
        ConfigurationSetting(
            "slots", \.slots, .integer(1...256), default: "4", "How many jobs run at the same time."),
        ConfigurationSetting(
            "queue-limit", \.queueLimit, .integer(1...1_000_000), default: "10000",
            "How many jobs may wait; over it a new job is refused."),
        ConfigurationSetting(
            "uid-range.first", \.uidRangeFirst, .integer(0...4_294_967_290), default: "0",
            "The first host uid for jobs; 0 takes the range from `/etc/subuid`."),
        ConfigurationSetting(
            "uid-range.count", \.uidRangeCount, .integer(0...16_777_216), default: "0",
            "How many host uids, a multiple of 4 and at least 4 for each slot; 0 takes it from `/etc/subuid`."),
    ]

    private static let sandbox: [ConfigurationSetting] = [
        ConfigurationSetting(
            "sandbox.trees", \.sandboxTrees, .paths, default: "/usr",
            "Directories of the host that a job sees, read-only."),
        ConfigurationSetting(
            "sandbox.path", \.sandboxPath, .paths, default: "/usr/local/bin:/usr/bin:/bin",
            "`PATH` of the tools in a job."),
    ]

    private static let limits: [ConfigurationSetting] = [
        ConfigurationSetting(
            "limits.wall-clock", \.limitsWallClock, .duration(.seconds(1) ... .hours(168)), default: "1h",
            "How long a job may run."),
        ConfigurationSetting(
            "limits.idle-output", \.limitsIdleOutput, .duration(.seconds(1) ... .hours(168)), default: "10m",
            "How long a job may print nothing."),
        ConfigurationSetting(
            "limits.processes", \.limitsProcesses, .integer(16...1_000_000), default: "512",
            "Processes and threads of a job."),
        ConfigurationSetting(
            "limits.open-files", \.limitsOpenFiles, .integer(64...1_048_576), default: "4096",
            "File descriptors of each process."),
        ConfigurationSetting(
            "limits.file-size", \.limitsFileSize, .size(.mebibytes(1) ... .gibibytes(1024)), default: "4GiB",
            "The largest file a job can write."),
        ConfigurationSetting(
            "limits.workspace", \.limitsWorkspace, .size(.mebibytes(16) ... .gibibytes(1024)), default: "2GiB",
            "Bytes of a job's workspace."),
        ConfigurationSetting(
            "limits.workspace-files", \.limitsWorkspaceFiles, .integer(1_000...100_000_000), default: "500000",
            "Files and directories of a job's workspace."),
        ConfigurationSetting(
            "limits.bundle", \.limitsBundle, .size(.mebibytes(1) ... .gibibytes(64)), default: "1GiB",
            "The largest bundle a client may hand over."),
        ConfigurationSetting(
            "limits.artifact", \.limitsArtifact, .size(.kibibytes(1) ... .gibibytes(64)), default: "256MiB",
            "The largest artifact that is kept."),
        ConfigurationSetting(
            "limits.output", \.limitsOutput, .size(.mebibytes(1) ... .gibibytes(1024)), default: "1GiB",
            "Bytes of log of one job."),
        ConfigurationSetting(
            "limits.line", \.limitsLine, .size(.kibibytes(1) ... .kibibytes(256)), default: "64KiB",
            "The longest log line."),
    ]

    private static let publishing: [ConfigurationSetting] = [
        ConfigurationSetting(
            "publish.max-files", \.publishMaxFiles, .integer(1...10_000_000), default: "100000",
            "Files that a published tree may have."),
        ConfigurationSetting(
            "publish.max-bytes", \.publishMaxBytes, .size(.kibibytes(1) ... .gibibytes(1024)), default: "2GiB",
            "Bytes that a published tree may have."),
        ConfigurationSetting(
            "publish.max-path", \.publishMaxPath, .integer(64...4096), default: "4096",
            "Bytes that a path in a published tree may have."),
    ]

    private static let ending: [ConfigurationSetting] = [
        ConfigurationSetting(
            "kill.interrupt", \.killInterrupt, .duration(Configuration.Duration(milliseconds: 100) ... .minutes(10)),
            default: "5s", "How long a cancelled job has from SIGINT to SIGTERM."),
        ConfigurationSetting(
            "kill.terminate", \.killTerminate, .duration(Configuration.Duration(milliseconds: 100) ... .minutes(10)),
            default: "5s", "How long it then has from SIGTERM to SIGKILL."),
        ConfigurationSetting(
            "drain-timeout", \.drainTimeout, .duration(.seconds(1) ... .hours(24)), default: "1m",
            "How long a stop waits for running jobs."),
    ]

    private static let tools: [ConfigurationSetting] = [
        ConfigurationSetting(
            "commit.name", \.commitName, .text(.personName), default: "Bulkhead",
            "Author and committer of published commits."),
        ConfigurationSetting(
            "commit.email", \.commitEmail, .text(.email), default: "bulkhead@localhost", "Their e-mail address."),
        ConfigurationSetting(
            "harness.exec", \.harnessExec, .boolean, default: "true",
            "Whether operators may run commands of their own as jobs."),
        ConfigurationSetting(
            "harness.claude.command", \.harnessClaudeCommand, .text(.command), default: "claude",
            "The program of the claude harness."),
        ConfigurationSetting(
            "harness.claude.model", \.harnessClaudeModel, .text(.modelOrEmpty), default: "",
            "Its model; empty leaves the choice to the tool."),
        ConfigurationSetting(
            "harness.claude.permission-mode", \.harnessClaudePermissionMode, .text(.word), default: "acceptEdits",
            "Its permission mode."),
        ConfigurationSetting(
            "store.retention-jobs", \.storeRetentionJobs, .integer(1...10_000_000), default: "10000",
            "How many ended jobs the store keeps."),
    ]
}

extension ConfigurationSetting.Fallback {
    fileprivate static let stateDirectory = Self.computed(
        described: "`/var/lib/bulkhead`; for a user `$XDG_STATE_HOME/bulkhead` or `~/.local/state/bulkhead`"
    ) { surroundings, _ in
        if surroundings.isSystem { return "/var/lib/bulkhead" }
        return surroundings.userDirectory("XDG_STATE_HOME", orHome: ".local/state").map { "\($0)/bulkhead" }
    }

    fileprivate static let socket = Self.computed(
        described: "`/run/bulkhead/supervisor.sock`; for a user `$XDG_RUNTIME_DIR/bulkhead/supervisor.sock` or "
            + "`supervisor.sock` in the state directory"
    ) { surroundings, configuration in
        if surroundings.isSystem { return "/run/bulkhead/supervisor.sock" }
        if let directory = surroundings.absolute("XDG_RUNTIME_DIR") { return "\(directory)/bulkhead/supervisor.sock" }
        guard !configuration.stateDirectory.isEmpty else { return nil }
        return "\(configuration.stateDirectory)/supervisor.sock"
    }
}
