import CLinux
import Glibc
import Linux
import Logging

/// Brings a supervisor up: what needs root first, then the service user for good, then the loop.
public enum SupervisorMain {
    /// Where the other executables are looked for, beside this one or in libexec.
    static func companion(_ name: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = try check("readlink", "/proc/self/exe") { readlink("/proc/self/exe", &buffer, buffer.count - 1) }
        let own = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let directory = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
        let candidates = [
            directory + "/" + name, directory + "/../libexec/bulkhead/" + name, "/usr/libexec/bulkhead/" + name,
        ]
        guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw StartupError(
                "\(name) is neither beside \(own) nor in libexec; install all of Bulkhead's executables together")
        }
        return found
    }

    /// - Parameter flags: values by setting key.
    /// - Returns: the exit code.
    public static func run(flags: [String: String], configFile: String?) -> Int32 {
        do {
            return try start(flags, configFile)
        } catch let error as ConfigurationError {
            complain("bulkhead-supervisor: the configuration is not valid:\n\(error)")
            return 2
        } catch {
            complain("bulkhead-supervisor: \(error)")
            return 1
        }
    }

    private static func start(_ flags: [String: String], _ configFile: String?) throws -> Int32 {
        signal(SIGPIPE, SIG_IGN)
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        if bh_get_rlimit(7, &soft, &hard) == 0 { _ = bh_set_rlimit(7, hard, hard) }  // descriptors: as many as may be
        umask(0o022)  // for directories on the way; what is ours gets its mode by name
        // A relative path means this directory, whatever the process does later.
        var flags = flags
        for key in ["state-directory", "socket"] { if let path = flags[key] { flags[key] = absolutePath(path) } }
        let sources = ConfigurationSources(
            flags: flags, configFile: (configFile ?? environmentVariable("BULKHEAD_CONFIG")).map(absolutePath),
            environment: environment(), userID: getuid())
        let configuration = try Configuration.load(sources)
        let account = ServiceAccount.find(configuration, user: geteuid())

        let state = absolutePath(configuration.stateDirectory)
        try Places.makeState(state, account: account)
        let lock = try StateLock(directory: state)
        try lock.give(to: account)
        let places = try Places(configuration, account: account)
        let channel: Descriptor
        if configuration.spawnerSocket.isEmpty {
            channel = try SpawnerClient.start(
                executable: try companion("bulkhead-spawner"), worker: try companion("bulkhead-worker"),
                directory: places.workerDirectory, slots: configuration.slots, account: account)
        } else {
            channel = try SpawnerClient.connect(configuration.spawnerSocket, account: account)
        }
        umask(0o077)
        try Reachability.ensure(state, account: account)
        try account.become()

        let level = Logger.Level(rawValue: configuration.logLevel.rawValue) ?? .info
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        let supervisor = try Supervisor(
            configuration: configuration, sources: sources, account: account, places: places, lock: lock,
            spawnerChannel: channel, log: Logger(label: "bulkhead"))
        return try supervisor.run()
    }

    private static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }
}
