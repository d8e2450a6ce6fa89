/// The `.env` file of the configuration directory: `BULKHEAD_…=value`, one a line.
///
/// No shell reads it and nothing is expanded, so what a shell would expand is refused where it is not quoted away:
/// a value never means one thing here and another in a terminal.
struct ConfigurationDotEnvFile {
    struct Entry {
        let setting: ConfigurationSetting
        let value: String
        let line: Int
    }

    private(set) var entries: [Entry] = []
    private(set) var problems: [ConfigurationError.Problem] = []

    /// Reads the text of the file at `path`, which is only used in messages.
    init(path: String, text: String) {
        var lineOfName: [String: Int] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let number = index + 1
            do throws(ConfigurationValueProblem) {
                guard let (name, value) = try Self.assignment(in: line) else { continue }
                if let first = lineOfName.updateValue(number, forKey: name) {
                    throw ConfigurationValueProblem("\(name) is set twice; the first is on line \(first)")
                }
                guard name.hasPrefix(ConfigurationSetting.environmentPrefix) else {
                    throw ConfigurationValueProblem(
                        "\(ShownText.quoted(name)) is no setting of Bulkhead; only BULKHEAD_ names belong in this file")
                }
                guard let setting = ConfigurationSetting.named(environment: name) else {
                    // Looking for the nearest name is slow, and nobody is shown more than so many problems.
                    let isShown = problems.count < ConfigurationError.shownProblems
                    let suggestion = isShown ? ConfigurationSetting.suggestion(forEnvironment: name) : ""
                    throw ConfigurationValueProblem("unknown setting \(ShownText.quoted(name))\(suggestion)")
                }
                entries.append(Entry(setting: setting, value: value, line: number))
            } catch {
                problems.append(.init(file: path, line: number, message: error.message))
            }
        }
    }

    /// Name and value of a line; nil if it is blank or a comment. Messages never repeat a value: somebody may have put
    /// a secret here by mistake.
    private static func assignment(
        in line: Substring
    ) throws(ConfigurationValueProblem) -> (name: String, value: String)? {
        var rest = trimmed(line.last == "\r" ? line.dropLast() : line)
        if rest.isEmpty || rest.first == "#" { return nil }
        if rest.hasPrefix("export ") || rest.hasPrefix("export\t") {
            rest = trimmed(rest.dropFirst("export ".count))
        }
        guard let equals = rest.firstIndex(of: "=") else {
            throw ConfigurationValueProblem("found no \"=\", wanted NAME=value")
        }
        let name = rest[..<equals]
        guard isName(name) else {
            throw ConfigurationValueProblem("found no name before \"=\", wanted NAME=value without spaces around \"=\"")
        }
        return (String(name), try value(rest[rest.index(after: equals)...]))
    }

    private static func value(_ text: Substring) throws(ConfigurationValueProblem) -> String {
        switch text.first {
        case "'":
            let body = text.dropFirst()
            guard let end = body.firstIndex(of: "'") else { throw unclosed }
            try checkEnd(body[body.index(after: end)...])
            return String(body[..<end])
        case "\"":
            return try doubleQuoted(text.dropFirst())
        default:
            return try unquoted(text)
        }
    }

    private static func doubleQuoted(_ text: Substring) throws(ConfigurationValueProblem) -> String {
        var value = ""
        var rest = text
        while let character = rest.popFirst() {
            switch character {
            case "\"":
                try checkEnd(rest)
                return value
            case "$", "`":
                throw expansion
            case "\\":
                guard let escaped = rest.popFirst() else { throw unclosed }
                guard "\\\"$`".contains(escaped) else {
                    throw ConfigurationValueProblem("a backslash in double quotes may only stand before \\, \", $ or `")
                }
                value.append(escaped)
            default:
                value.append(character)
            }
        }
        throw unclosed
    }

    private static func unquoted(_ text: Substring) throws(ConfigurationValueProblem) -> String {
        var end = text.endIndex
        if let comment = text.indices.first(where: { index in
            text[index] == "#" && (index == text.startIndex || isBlank(text[text.index(before: index)]))
        }) {
            end = comment
        }
        let value = trimmed(text[..<end])
        if value.contains(where: { "$`".contains($0) }) { throw expansion }
        if value.contains(where: { "\\\"' \t;&|<>()".contains($0) }) {
            throw ConfigurationValueProblem("a value with spaces or characters of the shell must be in single quotes")
        }
        if text.first.map(isBlank) == true, !value.isEmpty {
            throw ConfigurationValueProblem("found a space after \"=\", wanted NAME=value without spaces around \"=\"")
        }
        return String(value)
    }

    private static func checkEnd(_ rest: Substring) throws(ConfigurationValueProblem) {
        let tail = trimmed(rest)
        guard tail.isEmpty || tail.first == "#" && rest.first.map(isBlank) == true else {
            throw ConfigurationValueProblem("unexpected text after the closing quote")
        }
    }

    private static var unclosed: ConfigurationValueProblem {
        ConfigurationValueProblem("the quote is not closed on the same line")
    }

    private static var expansion: ConfigurationValueProblem {
        ConfigurationValueProblem("$ and ` are not expanded in this file; put the value in single quotes")
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 128 else { return false }
        let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        return !isDigit(first)
            && text.utf8.allSatisfy { byte in
                isDigit(byte) || byte == UInt8(ascii: "_")
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
    }

    private static func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop(while: isBlank)
        while text.last.map(isBlank) == true { text.removeLast() }
        return text
    }
}
