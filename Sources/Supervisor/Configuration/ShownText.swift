/// How text that somebody else wrote appears in our messages.
enum ShownText {
    /// The most characters of foreign text in a message.
    static let maximumCharacters = 80

    /// The text in quotes, cut, and without a character that could move a terminal's cursor or reorder the line.
    static func quoted(_ text: String) -> String {
        var shown = ""
        var count = 0
        for scalar in text.unicodeScalars {
            if count == maximumCharacters {
                return "\"\(shown)\"…"
            }
            count += 1
            if scalar == "\"" || scalar == "\\" {
                shown += "\\"
                shown.unicodeScalars.append(scalar)
            } else if isPrintable(scalar) {
                shown.unicodeScalars.append(scalar)
            } else {
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return "\"\(shown)\""
    }

    /// False for controls, formatting (which includes bidirectional overrides), separators other than the plain
    /// space, and code points without a meaning.
    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }
}
