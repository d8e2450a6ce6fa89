/// Measured values of one thing, in one unit.
struct Samples {
    private(set) var values: [Double] = []
    /// A rate: then the bad end is the lower one.
    let moreIsBetter: Bool

    init(_ values: [Double] = [], moreIsBetter: Bool = false) {
        self.values = values
        self.moreIsBetter = moreIsBetter
    }

    mutating func add(_ value: Double) { values.append(value) }

    var isEmpty: Bool { values.isEmpty }

    /// The value that `part` (0 to 1) of all values do not exceed, by nearest rank: always one that was measured.
    func percentile(_ part: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        let rank = Int((part * Double(values.count)).rounded(.up))
        return values.sorted()[min(max(rank, 1), values.count) - 1]
    }

    var p50: Double { percentile(0.50) }
    /// Always of the bad end: what 99 of 100 samples are no worse than.
    var p99: Double { percentile(moreIsBetter ? 0.01 : 0.99) }
}
