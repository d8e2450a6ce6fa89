extension ConfigurationLoader {
    private static let maximumYAMLBytes = 1 << 20
    private static let maximumDotEnvBytes = 64 << 10
    private static let maximumNames = 4_096
    private static let maximumFragments = 256

    /// The YAML files, then `.env`.
    mutating func loadFiles() {
        guard let main = sources.configFile ?? surroundings.mainFile else { return }
        // An empty or relative path has a meaning only by the working directory; it is left as the operator wrote it.
        let directory = main.utf8.contains(UInt8(ascii: "/")) ? ConfigurationPath.parent(of: main) : "."
        self.directory = directory
        if surroundings.isSystem { checkDirectory(directory) }
        loadYAML(main, isRequired: sources.configFile != nil)
        if sources.configFile == nil { loadFragments("\(directory == "/" ? "" : directory)/conf.d") }
        loadDotEnv("\(directory == "/" ? "" : directory)/.env")
    }

    private mutating func loadFragments(_ directory: String) {
        let names: [String]
        do throws(ConfigurationHostFailure) {
            names = try sources.host.listDirectory(directory, maximumNames: Self.maximumNames)
        } catch {
            if error == .absent { return }
            return add(directory, Self.explanation(error, limit: "\(Self.maximumNames) names"))
        }
        if surroundings.isSystem { checkDirectory(directory) }
        // Names that begin with a dot are those of editors and package managers.
        let visible = names.filter { !$0.hasPrefix(".") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for name in visible where name.hasSuffix(".yml") {
            configuration.warnings.append(
                "\(directory)/\(ShownText.quoted(name)) is ignored: only names that end in .yaml are read")
        }
        let fragments = visible.filter { $0.hasSuffix(".yaml") }
        guard fragments.count <= Self.maximumFragments else {
            return add(directory, "found \(fragments.count) files, wanted at most \(Self.maximumFragments)")
        }
        for name in fragments { loadYAML("\(directory)/\(name)", isRequired: true) }
    }

    private mutating func loadYAML(_ path: String, isRequired: Bool) {
        guard let text = read(path, maximumBytes: Self.maximumYAMLBytes, isRequired: isRequired) else { return }
        let file = ConfigurationYAMLFile(path: path, text: text)
        problems += file.problems
        for entry in file.entries { set(entry.setting, entry.value, .file(path, line: entry.line)) }
    }

    private mutating func loadDotEnv(_ path: String) {
        guard let text = read(path, maximumBytes: Self.maximumDotEnvBytes, isRequired: false) else { return }
        let file = ConfigurationDotEnvFile(path: path, text: text)
        problems += file.problems
        for entry in file.entries { set(entry.setting, .text(entry.value), .dotEnv(file: path, line: entry.line)) }
    }

    /// The text of a file; nil if it is absent or not fit to be used, and then the problem is noted.
    private mutating func read(_ path: String, maximumBytes: Int, isRequired: Bool) -> String? {
        let file: ConfigurationHostFile
        do throws(ConfigurationHostFailure) {
            file = try sources.host.readFile(path, maximumBytes: maximumBytes)
        } catch {
            if error == .absent, !isRequired { return nil }
            add(path, Self.explanation(error, limit: "\(Configuration.ByteSize(bytes: Int64(maximumBytes)))"))
            return nil
        }
        guard !surroundings.isSystem || checkOwnership(path, file.attributes) else { return nil }
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            add(path, line: Self.lineOfInvalidByte(file.bytes), "not valid UTF-8; save the file in that encoding")
            return nil
        }
        return text
    }

    /// Who can write a file or its directory can set everything, so nobody but the trusted owners may.
    private mutating func checkOwnership(_ path: String, _ attributes: ConfigurationHostAttributes) -> Bool {
        var isFine = true
        if attributes.mode & 0o022 != 0 {
            add(path, "others than its owner can write it; run: chmod go-w '\(path)'")
            isFine = false
        }
        if !surroundings.trustedOwners.contains(attributes.owner) {
            add(
                path,
                "it belongs to uid \(attributes.owner), wanted root or the service user; run: chown root '\(path)'")
            isFine = false
        }
        return isFine
    }

    private mutating func checkDirectory(_ path: String) {
        do throws(ConfigurationHostFailure) {
            let attributes = try sources.host.directoryAttributes(path)
            // In a sticky directory such as /tmp nobody can replace the file of another.
            if attributes.mode & 0o1000 == 0 { _ = checkOwnership(path, attributes) }
        } catch {
            if error != .absent { add(path, Self.explanation(error, limit: "")) }
        }
    }

    private mutating func add(_ file: String, line: Int? = nil, _ message: String) {
        problems.append(.init(file: file, line: line, message: message))
    }

    private static func explanation(_ failure: ConfigurationHostFailure, limit: String) -> String {
        switch failure {
        case .absent: "there is no such file; name one that exists"
        case .tooLarge: "too large, wanted at most \(limit)"
        case .wrongKind: "not a regular file, or not a directory where one is wanted"
        case .failed(let reason): "cannot be read: \(reason)"
        }
    }

    private static func lineOfInvalidByte(_ bytes: [UInt8]) -> Int {
        // A line feed never occurs inside a longer UTF-8 sequence, so each line is valid or not by itself.
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0) + 1
    }
}
