import Yams

/// A YAML file as settings: flat keys with their values and lines, and all that is wrong with its form.
struct ConfigurationYAMLFile {
    struct Entry {
        let setting: ConfigurationSetting
        let value: ConfigurationRawValue
        let line: Int
    }

    private(set) var entries: [Entry] = []
    private(set) var problems: [ConfigurationError.Problem] = []
    private let path: String

    /// Reads the text of the file at `path`, which is only used in messages.
    init(path: String, text: String) {
        self.path = path
        let findings = YAMLGuard.findings(in: text)
        guard findings.isEmpty else {
            problems = findings.map { .init(file: path, line: $0.line, message: $0.message) }
            return
        }
        do {
            // The basic resolver gives no meaning to scalars: what they mean is for the type of each setting to say.
            // The encoding is named, because the default is taken from a variable of the environment.
            let parser = try Yams.Parser(yaml: text, resolver: .basic, encoding: .utf8)
            // A node only borrows its anchor from the parser.
            try withExtendedLifetime(parser) {
                guard let root = try parser.singleRoot() else { return }
                walkRoot(root)
            }
        } catch {
            note(error, text: text)
        }
    }

    private mutating func add(_ line: Int?, _ message: String) {
        problems.append(.init(file: path, line: line, message: message))
    }

    private mutating func walkRoot(_ root: Node) {
        if case .mapping(let mapping) = root {
            walk(mapping, below: "")
        } else if Self.value(root) != .plain("") {
            add(root.mark?.line, "found \(Self.value(root).found), wanted settings, such as \"slots: 4\"")
        }
    }

    private mutating func walk(_ mapping: Node.Mapping, below prefix: String) {
        for (keyNode, valueNode) in mapping {
            let line = keyNode.mark?.line ?? 0
            guard Self.isBare(keyNode), Self.isBare(valueNode) else {
                add(line, "anchors, aliases and tags are not allowed; write the value out")
                continue
            }
            guard case .scalar(let scalar) = keyNode else {
                add(line, "found \(Self.value(keyNode).found) as a key, wanted the name of a setting")
                continue
            }
            let key = scalar.string
            let path = prefix + key
            if key.contains(".") {
                add(line, "key \(ShownText.quoted(path)) must be nested: one line and one indentation for each part")
            } else if let setting = ConfigurationSetting.named(path) {
                entries.append(Entry(setting: setting, value: Self.value(valueNode), line: line))
            } else if ConfigurationSetting.isSection(path) {
                walkSection(valueNode, path: path, line: line)
            } else if case .mapping(let unknown) = valueNode, !unknown.isEmpty {
                walk(unknown, below: "\(path).")
            } else {
                // Looking for the nearest key is slow, and nobody is shown more than so many problems.
                let isShown = problems.count < ConfigurationError.shownProblems
                let suggestion = isShown ? ConfigurationSetting.suggestion(forKey: path) : ""
                add(line, "unknown key \(ShownText.quoted(path))\(suggestion)")
            }
        }
    }

    private mutating func walkSection(_ node: Node, path: String, line: Int) {
        if case .mapping(let mapping) = node {
            walk(mapping, below: "\(path).")
        } else if Self.value(node) != .plain("") {
            // A section whose lines are all comments is empty and no mistake.
            add(line, "\(path): found \(Self.value(node).found), wanted the settings of \"\(path)\", indented below it")
        }
    }

    private static func value(_ node: Node) -> ConfigurationRawValue {
        switch node {
        case .scalar(let scalar): scalar.style == .plain ? .plain(scalar.string) : .quoted(scalar.string)
        case .sequence(let items): .list(items.map(value))
        case .mapping: .mapping
        case .alias: .mapping
        }
    }

    /// The second line of defence behind `YAMLGuard`: no anchor and no tag but the one that the shape implies.
    private static func isBare(_ node: Node) -> Bool {
        guard node.anchor == nil else { return false }
        switch node {
        case .scalar: return node.tag == Tag(.str)
        case .sequence(let items): return node.tag == Tag(.seq) && items.allSatisfy(isBare)
        case .mapping: return node.tag == Tag(.map)
        case .alias: return false
        }
    }
}

extension ConfigurationYAMLFile {
    /// Turns the parser's error into ours.
    private mutating func note(_ error: any Error, text: String) {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = context.map { " (\($0.text), line \($0.mark.line))" } ?? ""
            add(mark.line, "not valid YAML: \(problem)\(place)")
        case .duplicatedKeysInMapping(let names, let context):
            guard let name = names.first else { return add(context.mark.line, "duplicate key") }
            let again = Self.lineOfSecond(name, after: context.mark, in: text)
            let first = again == nil ? "" : "; the first is on line \(context.mark.line)"
            add(again ?? context.mark.line, "duplicate key \(ShownText.quoted(name))\(first)")
            for other in names.dropFirst() {
                add(again ?? context.mark.line, "duplicate key \(ShownText.quoted(other)) in the same section")
            }
        case .reader(let problem, _, _, _):
            add(nil, "not valid YAML: \(problem)")
        default:
            add(nil, "not valid YAML")
        }
    }

    /// The parser tells only where a duplicate key stands first. The next one has the same indentation.
    private static func lineOfSecond(_ name: String, after first: Mark, in text: String) -> Int? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated().dropFirst(first.line) {
            let content = line.drop { $0 == " " }
            let indentation = line.count - content.count
            if content.isEmpty || content.first == "#" || indentation > first.column - 1 { continue }
            guard indentation == first.column - 1 else { return nil }
            let key = content.prefix { $0 != ":" }.filter { $0 != "\"" && $0 != "'" && $0 != " " }
            if key == name { return index + 1 }
        }
        return nil
    }
}
