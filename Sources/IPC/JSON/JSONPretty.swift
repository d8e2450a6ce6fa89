extension JSON {
    /// The value as text for people: one member or element a line, two spaces a level, keys sorted.
    ///
    /// It is JSON of the same value. What could steer a terminal or mislead its reader (C1 controls, DEL, marks of
    /// writing direction, line separators, invisible characters) is escaped too, for the text may be a job's.
    public func pretty() -> String {
        var output: [UInt8] = []
        writePretty(into: &output, indentation: 0)
        return String(decoding: output, as: UTF8.self)
    }

    private func writePretty(into output: inout [UInt8], indentation: Int) {
        func newLine(_ depth: Int) {
            output.append(0x0A)
            output.append(contentsOf: repeatElement(0x20, count: 2 * depth))
        }
        switch self {
        case .array(let elements) where !elements.isEmpty:
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                newLine(indentation + 1)
                element.writePretty(into: &output, indentation: indentation + 1)
            }
            newLine(indentation)
            output.append(UInt8(ascii: "]"))
        case .object(let members) where !members.isEmpty:
            output.append(UInt8(ascii: "{"))
            for (index, member) in Self.sorted(members).enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                newLine(indentation + 1)
                Self.appendVisible(member.key, into: &output)
                output.append(contentsOf: ": ".utf8)
                member.value.writePretty(into: &output, indentation: indentation + 1)
            }
            newLine(indentation)
            output.append(UInt8(ascii: "}"))
        case .string(let value): Self.appendVisible(value, into: &output)
        default: write(into: &output)
        }
    }

    private static func appendVisible(_ text: String, into output: inout [UInt8]) {
        var quoted: [UInt8] = []
        JSONWriter.appendString(text, into: &quoted)
        for scalar in String(decoding: quoted, as: UTF8.self).unicodeScalars {
            if scalar.isASCII, scalar.value != 0x7F {
                output.append(UInt8(truncatingIfNeeded: scalar.value))
            } else if scalar.misleads {
                for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                    output.append(UInt8(ascii: "\\"))
                    JSONWriter.appendHexadecimal(unit, into: &output)
                }
            } else {
                output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }
}

extension Unicode.Scalar {
    /// Whether a terminal or a reader may take the character for something else than it is.
    fileprivate var misleads: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }
}
