/// One row of the table of settings: all that is known about a setting is here.
struct ConfigurationSetting: Sendable {
    /// The dotted key.
    let key: String
    /// Type and bounds for the reference.
    let reference: String
    /// What holds if nothing sets it.
    let fallback: Fallback
    /// One line that says what the setting does.
    let summary: String
    /// Reads a value into its property.
    let decode: @Sendable (ConfigurationRawValue, inout Configuration) throws(ConfigurationValueProblem) -> Void
    /// The property as text that a variable or flag would need.
    let text: @Sendable (Configuration) -> String

    init<Value: Sendable>(
        _ key: String, _ property: any WritableKeyPath<Configuration, Value> & Sendable,
        _ type: ConfigurationValueType<Value>, default fallback: Fallback, _ summary: String
    ) {
        self.key = key
        reference = type.reference
        self.fallback = fallback
        self.summary = summary
        decode = { raw, configuration throws(ConfigurationValueProblem) in
            configuration[keyPath: property] = try type.parse(raw)
        }
        text = { type.format($0[keyPath: property]) }
    }

    /// The variable that sets it: `limits.wall-clock` is `BULKHEAD_LIMITS_WALL_CLOCK`.
    var environmentName: String {
        Self.environmentPrefix
            + String(key.uppercased().map { $0 == "." || $0 == "-" ? "_" : $0 })
    }

    static let environmentPrefix = "BULKHEAD_"

    /// The row of a key.
    static func named(_ key: String) -> ConfigurationSetting? { byKey[key] }

    /// The row of a variable.
    static func named(environment name: String) -> ConfigurationSetting? { byEnvironmentName[name] }

    /// Whether some key begins with this path and a dot.
    static func isSection(_ path: String) -> Bool { sections.contains(path) }

    private static let byKey = Dictionary(all.map { ($0.key, $0) }) { first, _ in first }
    private static let byEnvironmentName = Dictionary(all.map { ($0.environmentName, $0) }) { first, _ in first }
    private static let sections = Set(
        all.flatMap { setting in
            let parts = setting.key.split(separator: ".")
            return (1..<max(parts.count, 1)).map { parts.prefix($0).joined(separator: ".") }
        })

    /// The end of a message about an unknown key: what was probably meant, or nothing.
    static func suggestion(forKey key: String) -> String {
        if let nearest = NearestKey.nearest(to: key, among: all.map(\.key)) {
            return "; did you mean \"\(nearest)\"?"
        }
        guard let section = key.split(separator: ".").first,
            let nearest = NearestKey.nearest(to: String(section), among: sections.sorted())
        else { return "" }
        let names = all.filter { $0.key.hasPrefix("\(nearest).") }.map { $0.key.dropFirst(nearest.count + 1) }
        return "; did you mean a key of \"\(nearest)\": \(names.joined(separator: ", "))?"
    }

    /// The same for a variable.
    static func suggestion(forEnvironment name: String) -> String {
        NearestKey.nearest(to: name, among: all.map(\.environmentName)).map { "; did you mean \($0)?" } ?? ""
    }
}

extension ConfigurationSetting {
    /// The value that holds if nothing sets a setting.
    enum Fallback: Sendable, ExpressibleByStringLiteral {
        /// Always the same text.
        case fixed(String)
        /// Text that depends on the host and the settings above it in the table; nil if the host does not tell.
        /// `described` is for the reference, in Markdown.
        case computed(described: String, @Sendable (ConfigurationSurroundings, Configuration) -> String?)

        init(stringLiteral value: String) {
            self = .fixed(value)
        }
    }
}
