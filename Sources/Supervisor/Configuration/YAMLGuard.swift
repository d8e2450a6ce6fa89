/// Looks at the text of a YAML file before the parser does, and refuses what a configuration has no use for.
///
/// The parser expands an alias while it composes, so a few lines of aliases of aliases cost it exponential time, and it
/// recurses once for each level of nesting: both must be gone before it starts. What is left is mappings by
/// indentation, lists, and scalars on one line. On that subset this scanner and the parser agree about where a node
/// begins; where they could disagree (a scalar over several lines, a mapping in braces) the text is refused.
struct YAMLGuard {
    struct Finding: Equatable {
        let line: Int
        let message: String
    }

    private static let maximumIndentation = 40

    /// Whether a `[` is open.
    private var inList = false
    /// In a list: an item has begun, and only `,` or `]` may follow on a later line.
    private var itemBegun = false
    private var sawContent = false

    /// All lines with something that is refused, at most one finding each; empty if the parser may have the text.
    static func findings(in text: String) -> [Finding] {
        var state = YAMLGuard()
        var findings: [Finding] = []
        let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            var line = Array(line)
            if line.last == "\r" { line.removeLast() }
            if let message = state.scan(line) {
                findings.append(Finding(line: index + 1, message: message))
                state.inList = false
            }
        }
        return findings
    }

    /// Scans one line; a message if something in it is refused.
    private mutating func scan(_ line: [Unicode.Scalar]) -> String? {
        // To the parser these end a line too, so a comment could end where an editor shows that it goes on.
        if let other = line.first(where: { ["\r", "\u{85}", "\u{2028}", "\u{2029}", "\u{feff}"].contains($0) }) {
            return "the character U+\(Self.hexadecimal(other)) is not allowed here; use plain line ends and no BOM"
        }
        let (message, end) = scanContent(line)
        if let message { return message }
        guard let odd = line[..<end].first(where: { !ShownText.isPrintable($0) }) else { return nil }
        return odd == "\t"
            ? "a tab is not allowed here; use spaces"
            : "the character U+\(Self.hexadecimal(odd)) is not allowed here; in double quotes it can be written as \\u"
    }

    /// The message, and where content ends and a comment begins.
    private mutating func scanContent(_ line: [Unicode.Scalar]) -> (String?, Int) {
        var index = line.prefix { $0 == " " }.count
        guard index < line.count, line[index] != "#" else { return (nil, index) }
        // The parser knows these at the begin of a line, also where a list is open.
        if index == 0, let message = documentMarker(line) { return (message, 0) }
        if !inList {
            if index > Self.maximumIndentation { return ("indented by \(index), wanted at most 40 spaces", index) }
            if Self.isMarker(line, "---") {
                sawContent = true
                return (nil, line.firstIndex(of: "#") ?? line.count)
            }
        }
        sawContent = true
        var atNode = true
        var closed = false
        var inSequence = false
        while index < line.count {
            let character = line[index]
            let endsToken = index + 1 == line.count || line[index + 1] == " "
            if character == "#", atNode || closed || line[index - 1] == " " { return (nil, index) }
            defer { index += 1 }
            if character == " " { continue }
            if closed {
                guard character == ":", endsToken, !inList else { return ("unexpected text after a value", index) }
                closed = false
                atNode = true
                continue
            }
            if atNode, character == "\"" || character == "'" {
                if inList, itemBegun { return (Self.continued, index) }
                guard let end = Self.endOfQuotes(line, from: index) else {
                    return ("quotes must be closed on the same line", index)
                }
                index = end
                atNode = false
                itemBegun = true
                if !inList {
                    closed = true
                } else if end + 1 < line.count, ![" ", ",", "]"].contains(line[end + 1]) {
                    return ("unexpected text after a value", end)
                }
            } else if inList {
                switch character {
                case "]":
                    inList = false
                    closed = true
                case ",":
                    itemBegun = false
                    atNode = true
                case "[", "{", "}", ":", "?":
                    return ("a list in brackets holds plain values; put text with \(character) in quotes", index)
                default:
                    if atNode {
                        if itemBegun { return (Self.continued, index) }
                        if let message = Self.refusal(character, endsToken: endsToken) { return (message, index) }
                        if character == "-", endsToken { return ("\"- \" is not allowed in brackets", index) }
                    }
                    atNode = false
                    itemBegun = true
                }
            } else if atNode {
                if character == "-", endsToken {
                    if inSequence { return ("a list in a list is not allowed", index) }
                    inSequence = true
                } else if character == "[" {
                    inList = true
                    itemBegun = false
                } else if let message = Self.refusal(character, endsToken: endsToken) {
                    return (message, index)
                } else {
                    atNode = false
                }
            } else if character == ":", endsToken {
                atNode = true
            }
        }
        return (nil, line.count)
    }

    private static let continued = "a value may not go on over the next line; a comma is missing, or it needs quotes"

    /// `---` may stand before the content, alone; the other markers at the begin of a line are refused.
    private func documentMarker(_ line: [Unicode.Scalar]) -> String? {
        if line.first == "%" { return "directives are not allowed" }
        if Self.isMarker(line, "...") { return "only one document is allowed; remove \"...\"" }
        guard Self.isMarker(line, "---") else { return nil }
        let rest = line.dropFirst(3).drop { $0 == " " }
        if sawContent { return "only one document is allowed; use a file in conf.d for the rest" }
        return rest.isEmpty || rest.first == "#" ? nil : "nothing may follow \"---\" on its line"
    }

    /// `---x` is a scalar, not a marker.
    private static func isMarker(_ line: [Unicode.Scalar], _ marker: String) -> Bool {
        line.starts(with: marker.unicodeScalars) && (line.count == 3 || line[3] == " ")
    }

    /// Why a character may not begin a node; nil if it may.
    private static func refusal(_ character: Unicode.Scalar, endsToken: Bool) -> String? {
        switch character {
        case "&": "anchors (&name) are not allowed; write the value out, or put the text in quotes"
        case "*": "aliases (*name) are not allowed; write the value out, or put the text in quotes"
        case "!": "tags (!name) are not allowed; put the text in quotes"
        case "|", ">": "text over several lines is not allowed; write it on one line"
        case "{", "}": "a mapping in braces is not allowed; write its keys on lines of their own, indented"
        case "]", ",", "%", "@", "`": "a value may not begin with \(character); put it in quotes"
        case "?" where endsToken: "keys with \"?\" are not allowed"
        case ":" where endsToken: "a key is missing before \":\""
        default: nil
        }
    }

    /// Where the quotes that open at `start` are closed; nil if the line ends first.
    private static func endOfQuotes(_ line: [Unicode.Scalar], from start: Int) -> Int? {
        let quote = line[start]
        var index = start + 1
        while index < line.count {
            if quote == "\"", line[index] == "\\" {
                index += 2
            } else if line[index] == quote {
                let doubled = quote == "'" && index + 1 < line.count && line[index + 1] == quote
                if !doubled { return index }
                index += 2
            } else {
                index += 1
            }
        }
        return nil
    }

    private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
        String(scalar.value, radix: 16, uppercase: true)
    }
}
