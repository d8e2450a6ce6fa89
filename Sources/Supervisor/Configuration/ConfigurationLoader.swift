extension Configuration {
    /// Reads every source, decodes, and checks the settings against each other.
    ///
    /// The order of precedence is flags, environment, `.env`, files, defaults; a value that loses is checked all the
    /// same. The files are `configFile` alone if it is given and else `bulkhead.yaml` and `conf.d/*.yaml` of the
    /// system's or the user's directory, where the later file wins and an absent one is no mistake.
    ///
    /// - Throws: everything that is wrong in all sources at once.
    public static func load(_ sources: ConfigurationSources) throws(ConfigurationError) -> Configuration {
        var loader = ConfigurationLoader(sources)
        loader.loadFiles()
        loader.loadEnvironment()
        loader.loadFlags()
        loader.applyDefaults()
        loader.checkTogether()
        guard loader.problems.isEmpty else { throw ConfigurationError(problems: loader.problems) }
        return loader.configuration
    }
}

/// The state of one load.
struct ConfigurationLoader {
    let sources: ConfigurationSources
    let surroundings: ConfigurationSurroundings
    var configuration = Configuration()
    var problems: [ConfigurationError.Problem] = []
    /// Keys with a value that was refused: nothing is concluded from what stands in their place.
    var refused: Set<String> = []
    /// The directory of the main file, also where there is none in it.
    var directory: String?

    /// Names that other programs and the tests of this project read.
    private static let namesOfOthers: Set<String> = [
        "BULKHEAD_SOCKET", "BULKHEAD_CONFIG", "BULKHEAD_MUST_SANDBOX",
    ]
    private static let prefixOfOthers = "BULKHEAD_CANARY"

    init(_ sources: ConfigurationSources) {
        self.sources = sources
        surroundings = ConfigurationSurroundings(sources)
    }

    /// Decodes one value; the last one that decodes wins.
    mutating func set(_ setting: ConfigurationSetting, _ value: ConfigurationRawValue, _ origin: Origin) {
        do throws(ConfigurationValueProblem) {
            try setting.decode(value, &configuration)
            configuration.origins[setting.key] = origin
        } catch {
            refused.insert(setting.key)
            problems.append(Self.problem(setting, origin, error.message))
        }
    }

    /// A problem with a value, at the place that the value came from.
    static func problem(
        _ setting: ConfigurationSetting, _ origin: Origin, _ message: String
    ) -> ConfigurationError.Problem {
        switch origin {
        case .file(let file, let line): .init(file: file, line: line, message: "\(setting.key): \(message)")
        case .dotEnv(let file, let line):
            .init(file: file, line: line, message: "\(setting.environmentName): \(message)")
        case .environment(let name): .init(file: nil, line: nil, message: "\(name): \(message)")
        case .flag: .init(file: nil, line: nil, message: "\(origin): \(message)")
        case .defaultValue: .init(file: nil, line: nil, message: "\(setting.key) (default): \(message)")
        }
    }

    mutating func loadEnvironment() {
        for (name, value) in sources.environment.sorted(by: { $0.key < $1.key }) {
            guard name.hasPrefix(ConfigurationSetting.environmentPrefix) else { continue }
            if let setting = ConfigurationSetting.named(environment: name) {
                set(setting, .text(value), .environment(name))
            } else if !Self.namesOfOthers.contains(name), !name.hasPrefix(Self.prefixOfOthers) {
                let suggestion = ConfigurationSetting.suggestion(forEnvironment: name)
                configuration.warnings.append(
                    "the environment has \(ShownText.quoted(name)), which is no setting and is ignored\(suggestion)")
            }
        }
    }

    mutating func loadFlags() {
        for (key, value) in sources.flags.sorted(by: { $0.key < $1.key }) {
            if let setting = ConfigurationSetting.named(key) {
                set(setting, .text(value), .flag(key))
            } else {
                let suggestion = ConfigurationSetting.suggestion(forKey: key)
                let message = "unknown setting \(ShownText.quoted(key)) on the command line\(suggestion)"
                problems.append(.init(file: nil, line: nil, message: message))
            }
        }
    }

    mutating func applyDefaults() {
        for setting in ConfigurationSetting.all where configuration.origins[setting.key] == nil {
            let text: String?
            switch setting.fallback {
            case .fixed(let fixed): text = fixed
            case .computed(_, let compute): text = compute(surroundings, configuration)
            }
            if let text {
                set(setting, .text(text), .defaultValue)
            } else {
                // One message is enough: whoever lacks a state directory for this reason lacks the socket too.
                let known = refused.contains("state-directory")
                refused.insert(setting.key)
                if known { continue }
                let message = "no home directory is known; set HOME or \(setting.environmentName)"
                problems.append(Self.problem(setting, .defaultValue, message))
            }
        }
    }
}
