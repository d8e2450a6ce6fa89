/// What set a value. The cases stand in the order of precedence, the strongest first.
public enum Origin: Sendable, Equatable {
    /// The command line; the associated value is the key.
    case flag(String)
    /// The process environment; the associated value is the variable's name.
    case environment(String)
    /// The `.env` file beside the main configuration file.
    case dotEnv(file: String, line: Int)
    /// A YAML file.
    case file(String, line: Int)
    /// Nothing: the default of the table.
    case defaultValue
}

extension Origin: CustomStringConvertible {
    /// A short phrase for a person, such as `/etc/bulkhead/bulkhead.yaml:12`.
    public var description: String {
        switch self {
        case .flag(let key): "flag --\(key)"
        case .environment(let name): "environment \(name)"
        case .dotEnv(let file, let line), .file(let file, let line): "\(file):\(line)"
        case .defaultValue: "default"
        }
    }
}
