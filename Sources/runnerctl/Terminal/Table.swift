/// Rows that fit a terminal. The cells are sanitised here, so that no command can forget it.
struct Table {
    /// The heading of each column.
    let headings: [String]
    private(set) var rows: [[String]] = []
    private static let gap = 2

    init(_ headings: [String]) { self.headings = headings }

    mutating func add(_ cells: [String]) { rows.append(cells.map { Sanitizer.line($0) }) }

    /// The lines, each at most `columns` wide. What does not fit is cut from the widest column, marked with "…".
    func lines(columns: Int, heading: Bool = true) -> [String] {
        let all = (heading ? [headings] : []) + rows
        var widths = headings.indices.map { column in
            all.map { $0.indices.contains(column) ? DisplayWidth.of($0[column]) : 0 }.max() ?? 0
        }
        let gaps = Table.gap * max(0, widths.count - 1)
        while widths.reduce(gaps, +) > columns, let widest = widths.max(), widest > 1,
            let column = widths.lastIndex(of: widest)
        {
            // Down to the next narrower column at once, but never further than is needed.
            let next = widths.filter { $0 < widest }.max() ?? 1
            widths[column] -= max(1, min(widest - next, widths.reduce(gaps, +) - columns))
        }
        return all.map { row in
            let cells = row.indices.map { index in
                let cell = DisplayWidth.truncated(row[index], to: widths[index])
                let isLast = index == row.count - 1
                return isLast ? cell : cell + String(repeating: " ", count: widths[index] - DisplayWidth.of(cell))
            }
            let line = cells.joined(separator: String(repeating: " ", count: Table.gap))
            return DisplayWidth.truncated(line.trimmingTrailingSpaces(), to: columns)
        }
    }

    func show(on console: Console) {
        for (index, line) in lines(columns: console.columns).enumerated() {
            console.out.line(index == 0 ? console.out.styled(line, .bold) : line)
        }
    }
}

/// How many columns text takes. An approximation: two for East Asian wide characters and emoji, none for combining
/// marks. Too wide a guess only cuts a cell earlier.
enum DisplayWidth {
    static func of(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + of($1) } }

    /// Lines of at most `columns`, broken between words; a longer word has a line of its own.
    static func wrapped(_ text: String, to columns: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, of(last) + 1 + of(String(word)) <= columns {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.isEmpty ? [""] : lines
    }

    static func truncated(_ text: String, to columns: Int) -> String {
        guard of(text) > columns else { return text }
        var output = String.UnicodeScalarView()
        var used = 0
        for scalar in text.unicodeScalars {
            guard used + of(scalar) <= columns - 1 else { break }
            used += of(scalar)
            output.append(scalar)
        }
        return columns > 0 ? String(output) + "…" : ""
    }

    private static func of(_ scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115f, 0x231a...0x231b, 0x23e9...0x23f3, 0x25fd...0x27bf, 0x2b1b...0x2b55, 0x2e80...0x303e,
            0x3041...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff01...0xff60,
            0xffe0...0xffe6, 0x16fe0...0x18cff, 0x1b000...0x1b2ff, 0x1f000...0x1faff, 0x20000...0x3fffd:
            return 2
        default: return 1
        }
    }
}

extension String {
    func trimmingTrailingSpaces() -> String {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
