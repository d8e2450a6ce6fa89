import IPC

/// What a branch changes, by file, from output of a bounded size and in a bounded time.
struct DiffSummary: Equatable {
    /// Files that are listed.
    static let maximumListed = 50

    struct File: Equatable {
        let path: String
        /// nil for a binary file.
        let insertions: Int64?
        let deletions: Int64?
    }

    private(set) var files: [File] = []
    private(set) var fileCount: Int64 = 0
    private(set) var insertions: Int64 = 0
    private(set) var deletions: Int64 = 0
    /// False when there was more than could be looked at.
    private(set) var isComplete = true

    /// Asks git, in a repository whose configuration is ours: no program of the user's or the branch's is run for it.
    init(_ git: Git, from base: String, to commit: String) throws {
        let ending = try git.run(
            ["diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", base, commit],
            limit: 16 << 20, seconds: 30)
        self.init(numstat: ending.output)
        isComplete = ending.succeeded
    }

    /// Reads `--numstat -z`: insertions, tab, deletions, tab, path, NUL.
    init(numstat: [UInt8]) {
        for record in numstat.split(separator: 0) {
            let fields = record.split(separator: 0x09, maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let added = Int64(String(decoding: fields[0], as: UTF8.self))
            let removed = Int64(String(decoding: fields[1], as: UTF8.self))
            fileCount += 1
            insertions = insertions.addingReportingOverflow(added ?? 0).partialValue
            deletions = deletions.addingReportingOverflow(removed ?? 0).partialValue
            if files.count < DiffSummary.maximumListed {
                let path = String(decoding: Sanitizer.bytes(Array(fields[2]), oneLine: true), as: UTF8.self)
                files.append(File(path: path, insertions: added, deletions: removed))
            }
        }
    }

    /// The totals as the reports have them.
    var totals: JobInfo.DiffStat { .init(files: fileCount, insertions: insertions, deletions: deletions) }

    /// Lines of at most `columns`, the totals last.
    func lines(columns: Int) -> [String] {
        let counts = files.map { file in
            guard let added = file.insertions, let removed = file.deletions else { return "binary" }
            return "+\(added) -\(removed)"
        }
        let room = max(8, columns - 4 - (counts.map(\.count).max() ?? 0))
        let width = min(room, files.map { DisplayWidth.of($0.path) }.max() ?? 0)
        var lines = zip(files, counts).map { file, count in
            // The end of a path tells more than its beginning.
            let path = DiffSummary.shortened(file.path, to: width)
            return " \(path)\(String(repeating: " ", count: max(0, width - DisplayWidth.of(path)))) | \(count)"
        }
        if fileCount > files.count {
            lines.append(" … and \(Words.count(fileCount - Int64(files.count), "more file"))")
        }
        let totals = "\(Words.count(fileCount, "file")) changed, +\(insertions) -\(deletions)"
        lines.append(" " + (isComplete ? totals : "at least \(totals); the rest was too much to count"))
        return lines.map { DisplayWidth.truncated($0, to: columns) }
    }

    private static func shortened(_ path: String, to width: Int) -> String {
        guard DisplayWidth.of(path) > width else { return path }
        var kept = String.UnicodeScalarView()
        for scalar in path.unicodeScalars.reversed() {
            guard DisplayWidth.of(String(kept)) + DisplayWidth.of(String(scalar)) < width else { break }
            kept.append(scalar)
        }
        return "…" + String(String.UnicodeScalarView(kept.reversed()))
    }
}
