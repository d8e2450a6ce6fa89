/// One line of the result.
struct Row {
    enum Target {
        /// Ours divided by the peer's, at p50 and at p99.
        case ratio(Double)
        /// In the row's unit, at every sample.
        case atMost(Double)
        case none
    }

    let what: String
    let unit: String
    let ours: Samples
    var peer = Samples()
    var target = Target.none

    var ratio50: Double? { peer.isEmpty ? nil : ours.p50 / peer.p50 }
    var ratio99: Double? { peer.isEmpty ? nil : ours.p99 / peer.p99 }

    /// The row as it is printed.
    var cells: [String] {
        [
            what, unit, Row.number(ours.p50), Row.number(ours.p99), Row.number(peer.p50), Row.number(peer.p99),
            Row.ratio(ratio50), Row.ratio(ratio99), targetText, verdict,
        ]
    }

    static let header = [
        "what", "unit", "ours p50", "ours p99", "peer p50", "peer p99", "ratio p50", "ratio p99", "target", "verdict",
    ]

    private var targetText: String {
        switch target {
        case .ratio(let limit): "ratio ≤ \(Row.number(limit))"
        case .atMost(let limit): "≤ \(Row.number(limit)) \(unit)"
        case .none: "-"
        }
    }

    private var verdict: String {
        switch target {
        case .ratio(let limit):
            switch ((ratio50 ?? .infinity) <= limit, (ratio99 ?? .infinity) <= limit) {
            case (true, true): "met"
            case (true, false): "met at p50 only"
            default: "missed"
            }
        case .atMost(let limit): ours.percentile(1) <= limit ? "met" : "missed"
        case .none: "-"
        }
    }

    /// Three digits that count, no exponent.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        let decimals = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : 2
        let scale = [1.0, 10, 100][decimals]
        let scaled = Int64((abs(value) * scale).rounded())
        let sign = value < 0 ? "-" : ""
        guard decimals > 0 else { return sign + "\(scaled)" }
        let digits = String(repeating: "0", count: max(0, decimals + 1 - "\(scaled)".count)) + "\(scaled)"
        return sign + digits.dropLast(decimals) + "." + digits.suffix(decimals)
    }

    private static func ratio(_ value: Double?) -> String { value.map(number) ?? "-" }
}

/// Columns of plain text, as wide as they must be.
enum Table {
    static func text(_ header: [String], _ rows: [[String]]) -> String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        let lines = all.map { cells in
            cells.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                // Words to the left, numbers to the right.
                return column < 2 || column > 7 ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }
        let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
        return ([lines[0], rule] + lines.dropFirst()).map { String($0.trimmingTrailingSpaces()) }.joined(
            separator: "\n")
    }
}

extension String {
    fileprivate func trimmingTrailingSpaces() -> Substring {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return text
    }
}
