/// What all measurements are given.
struct Surroundings {
    /// Where the release executables are.
    let binaries: String
    let work: WorkDirectory
    let options: Options
}

/// The command line.
struct Options {
    enum Part: String, CaseIterable { case start, memory, log, jobs }

    var binaries = ""
    var tool = ""
    var parts = Part.allCases
    /// Rounds of the cold start after the warm-up.
    var rounds = 300
    /// Rounds of 100 MiB.
    var logRounds = 7
    /// Rounds of `jobs` jobs.
    var jobRounds = 5
    var jobs = 200

    static let usage = """
        usage: bulkhead-benchmarks --binaries DIR --tool FILE [--only start,memory,log,jobs]
                                   [--rounds N] [--log-rounds N] [--job-rounds N] [--jobs N]
        Benchmarks/run.sh builds everything and passes what is left to this program.
        """

    /// - Throws: `Failure` naming the argument.
    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Failure("\(name) needs a value\n\(Self.usage)") }
            func number(_ range: ClosedRange<Int>) throws -> Int {
                guard let number = Int(value), range.contains(number) else {
                    throw Failure("\(name) is \(range.lowerBound) to \(range.upperBound), not \"\(value)\"")
                }
                return number
            }
            switch name {
            case "--binaries": binaries = value
            case "--tool": tool = value
            case "--rounds": rounds = try number(1...100_000)
            case "--log-rounds": logRounds = try number(1...1_000)
            case "--job-rounds": jobRounds = try number(1...1_000)
            case "--jobs": jobs = try number(2...1_000)
            case "--only":
                parts = try value.split(separator: ",").map { word in
                    guard let part = Part(rawValue: String(word)) else {
                        throw Failure("there is no part \"\(word)\"\n\(Self.usage)")
                    }
                    return part
                }
            default: throw Failure("unknown argument \(name)\n\(Self.usage)")
            }
        }
        guard !binaries.isEmpty, !tool.isEmpty else { throw Failure("--binaries and --tool are needed\n\(Self.usage)") }
    }
}
