/// Everything an operator can set, decoded and checked.
///
/// There is one property for each row of the table of settings; the table (`ConfigurationSetting.all`) holds the key,
/// type, bounds, default and documentation of each, and nothing about a setting is said anywhere else. A value of this
/// type comes from ``load(_:)`` only, so every property is inside the bounds of its row.
public struct Configuration: Sendable {
    /// `state-directory`: absolute, normalised path.
    public var stateDirectory = ""
    /// `socket`: absolute path of fewer than 100 bytes.
    public var socket = ""
    /// `socket-group`: used only where a group of this name exists.
    public var socketGroup = ""
    /// `service-user`: the user the service runs as.
    public var serviceUser = ""
    /// `spawner-socket`: absolute path, or empty to start a spawner as a child.
    public var spawnerSocket = ""
    /// `log-level`.
    public var logLevel = LogLevel.info
    /// `isolation`.
    public var isolation = Isolation.strict
    /// `slots`: jobs at the same time, 1 to 256.
    public var slots = 0
    /// `queue-limit`: jobs that may wait.
    public var queueLimit = 0
    /// `uid-range.first`: first host uid for jobs; 0 means that it is taken from `/etc/subuid`.
    public var uidRangeFirst = 0
    /// `uid-range.count`: number of host uids, a multiple of 4; 0 means that it is taken from `/etc/subuid`.
    public var uidRangeCount = 0
    /// `sandbox.trees`: absolute paths a job sees read-only.
    public var sandboxTrees: [String] = []
    /// `sandbox.path`: the directories of a job's `PATH`, in order.
    public var sandboxPath: [String] = []
    /// `limits.wall-clock`.
    public var limitsWallClock = Duration(milliseconds: 0)
    /// `limits.idle-output`.
    public var limitsIdleOutput = Duration(milliseconds: 0)
    /// `limits.processes`: processes and threads of a job.
    public var limitsProcesses = 0
    /// `limits.open-files`: file descriptors of each process.
    public var limitsOpenFiles = 0
    /// `limits.file-size`: the largest file a job can write.
    public var limitsFileSize = ByteSize(bytes: 0)
    /// `limits.workspace`: bytes of a job's workspace.
    public var limitsWorkspace = ByteSize(bytes: 0)
    /// `limits.workspace-files`: files and directories of a job's workspace.
    public var limitsWorkspaceFiles = 0
    /// `limits.bundle`: the largest bundle a client may hand over.
    public var limitsBundle = ByteSize(bytes: 0)
    /// `limits.artifact`: the largest artifact kept.
    public var limitsArtifact = ByteSize(bytes: 0)
    /// `limits.output`: log bytes kept of one job.
    public var limitsOutput = ByteSize(bytes: 0)
    /// `limits.line`: the longest log line.
    public var limitsLine = ByteSize(bytes: 0)
    /// `publish.max-files`: files a published tree may have.
    public var publishMaxFiles = 0
    /// `publish.max-bytes`: bytes a published pack may have.
    public var publishMaxBytes = ByteSize(bytes: 0)
    /// `publish.max-path`: bytes a published path may have.
    public var publishMaxPath = 0
    /// `kill.interrupt`: from SIGINT to SIGTERM.
    public var killInterrupt = Duration(milliseconds: 0)
    /// `kill.terminate`: from SIGTERM to SIGKILL.
    public var killTerminate = Duration(milliseconds: 0)
    /// `drain-timeout`: how long a stop waits for running jobs.
    public var drainTimeout = Duration(milliseconds: 0)
    /// `commit.name`: author of the commits that are published.
    public var commitName = ""
    /// `commit.email`: e-mail address of that author.
    public var commitEmail = ""
    /// `harness.exec`: whether operators may run commands of their own.
    public var harnessExec = false
    /// `harness.claude.command`: program name or absolute path.
    public var harnessClaudeCommand = ""
    /// `harness.claude.model`: empty leaves the choice to the tool.
    public var harnessClaudeModel = ""
    /// `harness.claude.permission-mode`.
    public var harnessClaudePermissionMode = ""
    /// `store.retention-jobs`: ended jobs kept in the store.
    public var storeRetentionJobs = 0

    /// Where each value came from, by key. It has an entry for every setting.
    public var origins: [String: Origin] = [:]
    /// What the operator should know and what does not stop a start, one sentence each.
    public var warnings: [String] = []

    // The blanks above never leave this module: `load` fills every one from the table, and a test compares the two.
    init() {}
}

extension Configuration {
    /// How much the supervisor logs, from most to least.
    public enum LogLevel: String, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error
    }

    /// What happens where a layer of the sandbox is missing.
    public enum Isolation: String, Sendable, CaseIterable {
        /// A job is refused unless every required layer holds.
        case strict
        /// A job runs with the layers this host has.
        case available
    }
}

/// One row of `config show --origin`.
public struct SettingValue: Sendable, Equatable {
    /// The dotted key, such as `limits.wall-clock`.
    public let key: String
    /// The value as it would be written in the environment.
    public let value: String
    /// What set it.
    public let origin: Origin
    /// One line that says what the setting does.
    public let doc: String
}

extension Configuration {
    /// Every setting with its value and origin, in the order of the reference.
    public func listing() -> [SettingValue] {
        ConfigurationSetting.all.map { setting in
            SettingValue(
                key: setting.key, value: setting.text(self), origin: origins[setting.key] ?? .defaultValue,
                doc: setting.summary)
        }
    }
}
