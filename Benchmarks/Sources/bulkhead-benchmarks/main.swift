import Glibc

/// Runs the parts one after another. What cannot be measured is said and does not keep the others from running.
/// - Returns: the exit code: 0 unless a measurement could not be made. Missed targets are for people to judge.
func runBenchmarks() -> Int32 {
    let surroundings: Surroundings
    do {
        let options = try Options(Array(CommandLine.arguments.dropFirst()))
        signal(SIGPIPE, SIG_IGN)
        Cleanup.shared.handleSignals()
        surroundings = Surroundings(
            binaries: options.binaries, work: try WorkDirectory(tool: options.tool), options: options)
    } catch {
        complain("\(error)")
        return 2
    }
    defer { Cleanup.shared.run() }
    print(
        geteuid() == 0
            ? "tier: multi-uid (started as root)"
            : "tier: single-uid (an ordinary user): fewer steps at start; the product's own tier needs root"
    )

    var rows: [Row] = []
    var notes: [String] = []
    var failures = 0
    for part in surroundings.options.parts {
        complain("measuring: \(part.rawValue)")
        do {
            let result =
                switch part {
                case .start: try ColdStart(surroundings: surroundings).measure()
                case .memory: try Memory(surroundings: surroundings).measure()
                case .log: try LogThroughput(surroundings: surroundings).measure()
                case .jobs: try JobRate(surroundings: surroundings).measure()
                }
            rows += result.0
            notes += result.1
        } catch {
            failures += 1
            notes.append("NOT MEASURED: \(part.rawValue): \(error)")
        }
    }
    print(Table.text(Row.header, rows.map(\.cells)))
    for note in notes { print(note) }
    return failures == 0 ? 0 : 1
}

func complain(_ text: String) {
    let bytes = Array("bulkhead-benchmarks: \(text)\n".utf8)
    _ = write(2, bytes, bytes.count)
}

exit(runBenchmarks())
