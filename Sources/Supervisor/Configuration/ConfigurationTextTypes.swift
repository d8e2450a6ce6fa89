/// A set of texts that are safe where the setting is used: as a path, as a name, as one element of an argv.
struct ConfigurationTextRule: Sendable {
    /// For the reference.
    let name: String
    /// For messages: "wanted …".
    let wanted: String
    let accepts: @Sendable (String) -> Bool
}

extension ConfigurationTextRule {
    /// An absolute path in its shortest form, so that two texts never name one place and a prefix test is a real one.
    static let path = Self(
        name: "absolute path",
        wanted: "an absolute path without \"//\", \".\", \"..\", a colon or a slash at the end",
        accepts: ConfigurationPath.isNormalised)

    static let pathOrEmpty = Self(
        name: "absolute path or empty", wanted: "\(path.wanted), or empty text",
        accepts: { $0.isEmpty || path.accepts($0) })

    /// A user or group as shadow's tools accept it, and no number: a number would be read as an id somewhere.
    static let account = Self(
        name: "user or group name", wanted: "a name of at most 32 letters, digits, \"_\", \"-\" or \".\", no number",
        accepts: { text in
            (1...32).contains(text.utf8.count) && text.utf8.allSatisfy { isWord($0, or: "_-.") }
                && text.utf8.first.map { isLetter($0) || $0 == UInt8(ascii: "_") } == true
        })

    /// A program found by `PATH`, or an absolute path. Never an option and never a relative path, which would be
    /// looked up in what the agent wrote.
    static let command = Self(
        name: "program name or absolute path", wanted: "the name of a program or an absolute path",
        accepts: { text in
            if text.utf8.first == UInt8(ascii: "/") { return ConfigurationPath.isNormalised(text) }
            return (1...128).contains(text.utf8.count) && startsWithWord(text)
                && text.utf8.allSatisfy { isWord($0, or: "._+-") }
        })

    /// One argv element that a tool cannot take for an option.
    static let word = Self(
        name: "word", wanted: "a word of at most 64 letters, digits or \"-\"",
        accepts: { text in
            (1...64).contains(text.utf8.count) && startsWithWord(text) && text.utf8.allSatisfy { isWord($0, or: "-") }
        })

    static let modelOrEmpty = Self(
        name: "model name or empty",
        wanted: "the name of a model (letters, digits and any of . _ : / @ [ ] -), or empty text",
        accepts: { text in
            text.isEmpty
                || text.utf8.count <= 128 && startsWithWord(text) && text.utf8.allSatisfy { isWord($0, or: "._:/@[]-") }
        })

    /// What git accepts as a name without dropping characters of it.
    static let personName = Self(
        name: "text", wanted: "1 to 128 bytes of printable text without < or > and without spaces around it",
        accepts: { text in
            (1...128).contains(text.utf8.count) && text.unicodeScalars.allSatisfy(ShownText.isPrintable)
                && !text.utf8.contains { "<>".utf8.contains($0) } && text.first != " " && text.last != " "
        })

    static let email = Self(
        name: "e-mail address", wanted: "an address such as name@host of at most 254 bytes",
        accepts: { text in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            return text.utf8.count <= 254 && parts.count == 2
                && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { isWord($0, or: "._+-") } }
        })

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isWord(_ byte: UInt8, or others: String) -> Bool {
        isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || others.utf8.contains(byte)
    }

    private static func startsWithWord(_ text: String) -> Bool {
        text.utf8.first.map { isWord($0, or: "") } ?? false
    }
}

/// Questions about paths that need no file system.
enum ConfigurationPath {
    /// PATH_MAX less its NUL, and NAME_MAX.
    private static let maximumBytes = 4095
    private static let maximumComponent = 255

    static func isNormalised(_ text: String) -> Bool {
        if text == "/" { return true }
        guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count <= maximumBytes,
            text.unicodeScalars.allSatisfy({ ShownText.isPrintable($0) && $0 != ":" })
        else { return false }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= maximumComponent
        }
    }

    /// Whether a path is a directory or lies below it; both normalised.
    static func isInside(_ path: String, _ directory: String) -> Bool {
        directory == "/" || path == directory || path.utf8.starts(with: "\(directory)/".utf8)
    }

    /// The directory that holds a path, which must not be `/` itself.
    static func parent(of path: String) -> String {
        let end = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }
}

extension ConfigurationValueType where Value == String {
    static func text(_ rule: ConfigurationTextRule) -> Self {
        Self(
            reference: rule.name,
            parse: { raw throws(ConfigurationValueProblem) in
                if case .plain(let text) = raw {
                    guard case .text = ConfigurationPlainScalar(text) else {
                        throw ConfigurationValueProblem(
                            found: raw, wanted: "\(rule.wanted) (text like this needs quotes)")
                    }
                }
                guard let text = raw.scalarText, rule.accepts(text) else {
                    throw ConfigurationValueProblem(found: raw, wanted: rule.wanted)
                }
                return text
            }, format: { $0 })
    }
}

extension ConfigurationValueType where Value == [String] {
    private static var maximumItems: Int { 64 }

    /// A YAML list of paths; between colons in a variable or flag, as in `PATH`.
    static let paths = Self(
        reference: "list of absolute paths",
        parse: { raw throws(ConfigurationValueProblem) in
            let items: [ConfigurationRawValue]
            switch raw {
            case .list(let found): items = found
            case .text(""): items = []
            case .text(let text):
                items = text.split(separator: ":", omittingEmptySubsequences: false).map { .text(String($0)) }
            case .plain, .quoted, .mapping:
                throw ConfigurationValueProblem(
                    found: raw, wanted: "a list of absolute paths, such as [/usr, /opt/tools]")
            }
            guard items.count <= maximumItems else {
                throw ConfigurationValueProblem("found a list of \(items.count), wanted at most \(maximumItems) paths")
            }
            let one = ConfigurationValueType<String>.text(.path)
            var paths: [String] = []
            for item in items {
                let path = try one.parse(item)
                guard !paths.contains(path) else {
                    throw ConfigurationValueProblem("\(ShownText.quoted(path)) is in the list twice")
                }
                paths.append(path)
            }
            return paths
        }, format: { $0.joined(separator: ":") })
}
