/// Where a configuration comes from. Everything outside the process is behind ``host``, so that loading is a function
/// of this value.
public struct ConfigurationSources: Sendable {
    /// Setting key → text, from the command line.
    public var flags: [String: String]
    /// The file of `--config`, which is then the only one; nil for the usual places.
    public var configFile: String?
    /// The environment of the process.
    public var environment: [String: String]
    /// The effective uid of the process: it decides between the places of the system and those of a user.
    public var userID: UInt32
    /// Files and accounts.
    public var host: any ConfigurationHost

    /// Makes sources; only `userID` and `environment` have no sensible absence.
    public init(
        flags: [String: String] = [:], configFile: String? = nil, environment: [String: String], userID: UInt32,
        host: any ConfigurationHost = SystemConfigurationHost()
    ) {
        self.flags = flags
        self.configFile = configFile
        self.environment = environment
        self.userID = userID
        self.host = host
    }
}

/// The little of a host that a configuration depends on.
public protocol ConfigurationHost: Sendable {
    /// Reads a regular file of at most so many bytes, following symbolic links. Owner and mode are those of the file
    /// that was read, not of a later look at the same path.
    func readFile(_ path: String, maximumBytes: Int) throws(ConfigurationHostFailure) -> ConfigurationHostFile
    /// Lists a directory without `.` and `..`, in any order, at most so many names.
    func listDirectory(_ path: String, maximumNames: Int) throws(ConfigurationHostFailure) -> [String]
    /// Owner and mode of a directory.
    func directoryAttributes(_ path: String) throws(ConfigurationHostFailure) -> ConfigurationHostAttributes
    /// The uid of a user; nil if there is none.
    func userID(ofUser name: String) -> UInt32?
    /// The home directory of the accounts' database; nil if there is none.
    func homeDirectory(ofUser userID: UInt32) -> String?
}

/// Why the host did not answer.
public enum ConfigurationHostFailure: Error, Sendable, Equatable {
    /// There is nothing at the path.
    case absent
    /// More than was asked for.
    case tooLarge
    /// Neither a regular file, nor a directory where one is asked for.
    case wrongKind
    /// The system's words, such as "Permission denied".
    case failed(String)
}

/// Owner and permission bits.
public struct ConfigurationHostAttributes: Sendable, Equatable {
    /// The owner's uid.
    public let owner: UInt32
    /// Permission bits with setuid, setgid and sticky: the low 12 bits.
    public let mode: UInt32

    /// Makes attributes.
    public init(owner: UInt32, mode: UInt32) {
        self.owner = owner
        self.mode = mode
    }
}

/// What a file held and whose it was.
public struct ConfigurationHostFile: Sendable, Equatable {
    /// All its bytes.
    public let bytes: [UInt8]
    /// Its owner and mode.
    public let attributes: ConfigurationHostAttributes

    /// Makes a file.
    public init(bytes: [UInt8], attributes: ConfigurationHostAttributes) {
        self.bytes = bytes
        self.attributes = attributes
    }
}

/// What the defaults and the places of files depend on, worked out once.
struct ConfigurationSurroundings: Sendable {
    /// Root or the service user: the places of the system are used.
    let isSystem: Bool
    /// The uids that may own the system's files: root, this process, the service user.
    let trustedOwners: Set<UInt32>
    private let environment: [String: String]
    private let home: String?

    init(_ sources: ConfigurationSources) {
        // The files are not read yet, so a service user that is named in one of them cannot decide where they are.
        let name = "service-user"
        let variable = ConfigurationSetting.named(name)?.environmentName ?? ""
        let serviceUser = sources.flags[name] ?? sources.environment[variable] ?? "bulkhead"
        let serviceUserID = sources.host.userID(ofUser: serviceUser)
        isSystem = sources.userID == 0 || sources.userID == serviceUserID
        trustedOwners = Set([0, sources.userID] + (serviceUserID.map { [$0] } ?? []))
        environment = sources.environment
        home =
            Self.normalised(sources.environment["HOME"])
            ?? Self.normalised(sources.host.homeDirectory(ofUser: sources.userID))
    }

    /// The main configuration file of the usual places; nil if there is no home directory.
    var mainFile: String? {
        if isSystem { return "/etc/bulkhead/bulkhead.yaml" }
        return userDirectory("XDG_CONFIG_HOME", orHome: ".config").map { "\($0)/bulkhead/bulkhead.yaml" }
    }

    /// The value of a variable that holds an absolute path. The XDG specification has others ignored.
    func absolute(_ variable: String) -> String? { Self.normalised(environment[variable]) }

    /// A directory that a variable names, or else one below the home directory.
    func userDirectory(_ variable: String, orHome path: String) -> String? {
        absolute(variable) ?? home.map { $0 == "/" ? "/\(path)" : "\($0)/\(path)" }
    }

    private static func normalised(_ path: String?) -> String? {
        guard var path else { return nil }
        if path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return ConfigurationPath.isNormalised(path) ? path : nil
    }
}
