@testable import Supervisor

/// A host that is a dictionary.
struct FakeConfigurationHost: ConfigurationHost {
    var files: [String: ConfigurationHostFile] = [:]
    var directories: [String: ConfigurationHostAttributes] = [:]
    var users: [String: UInt32] = ["bulkhead": 990]
    var homes: [UInt32: String] = [:]

    mutating func add(_ path: String, _ text: String, mode: UInt32 = 0o644, owner: UInt32 = 0) {
        add(path, bytes: Array(text.utf8), mode: mode, owner: owner)
    }

    mutating func add(_ path: String, bytes: [UInt8], mode: UInt32 = 0o644, owner: UInt32 = 0) {
        files[path] = ConfigurationHostFile(bytes: bytes, attributes: .init(owner: owner, mode: mode))
        let directory = ConfigurationPath.parent(of: path)
        if directories[directory] == nil { directories[directory] = .init(owner: owner, mode: 0o755) }
    }

    func readFile(_ path: String, maximumBytes: Int) throws(ConfigurationHostFailure) -> ConfigurationHostFile {
        guard let file = files[path] else { throw .absent }
        guard file.bytes.count <= maximumBytes else { throw .tooLarge }
        return file
    }

    func listDirectory(_ path: String, maximumNames: Int) throws(ConfigurationHostFailure) -> [String] {
        guard directories[path] != nil else { throw .absent }
        let prefix = "\(path)/"
        return files.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    func directoryAttributes(_ path: String) throws(ConfigurationHostFailure) -> ConfigurationHostAttributes {
        guard let attributes = directories[path] else { throw .absent }
        return attributes
    }

    func userID(ofUser name: String) -> UInt32? { users[name] }
    func homeDirectory(ofUser userID: UInt32) -> String? { homes[userID] }
}

enum ConfigurationTestSupport {
    static let main = "/etc/bulkhead/bulkhead.yaml"

    /// What root gets from this main file and these variables.
    static func load(
        yaml: String? = nil, environment: [String: String] = [:], flags: [String: String] = [:]
    ) throws(ConfigurationError) -> Configuration {
        var host = FakeConfigurationHost()
        if let yaml { host.add(main, yaml) }
        return try .load(ConfigurationSources(flags: flags, environment: environment, userID: 0, host: host))
    }

    /// The problems of a load, as a person sees them; empty if it succeeds.
    static func problems(_ sources: ConfigurationSources) -> [String] {
        do throws(ConfigurationError) {
            _ = try Configuration.load(sources)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    static func problems(
        yaml: String? = nil, environment: [String: String] = [:], flags: [String: String] = [:]
    ) -> [String] {
        var host = FakeConfigurationHost()
        if let yaml { host.add(main, yaml) }
        return problems(ConfigurationSources(flags: flags, environment: environment, userID: 0, host: host))
    }
}
