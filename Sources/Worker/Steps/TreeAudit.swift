import IPC
import Linux

/// Our own walk of every tree that would be published: modes, names, counts, sizes, depth. Each distinct tree is read
/// once and its totals kept, so that a tree bomb (10^12 files in a kilobyte) costs what its few objects cost.
struct TreeAudit {
    static let maximumDepth = 256
    static let maximumTree = 64 << 20

    /// What a tree holds when checked out.
    private struct Totals {
        var files: Int64 = 0
        var bytes: Int64 = 0
        var longestPath: Int64 = 0
        /// Directories above the deepest file, this one included.
        var depth = 1
    }

    private struct Entry {
        let mode: Substring
        let name: [UInt8]
        let id: String
    }

    private let reader: ObjectReader
    private let limits: Order.Repository
    private let newBlobs: [String: Int64]
    private let idBytes: Int
    private let judging: Bool
    /// Totals by tree, and whether the tree is the base's own.
    private var known: [String: Totals] = [:]
    private var baseTrees: Set<String> = []
    private var baseGitlinks: Set<[UInt8]> = []

    /// - Parameter judging: looks at modes and names too, and not only at how much there is.
    init(_ git: Git, limits: Order.Repository, newBlobs: [String: Int64], judging: Bool = true) throws {
        self.judging = judging
        reader = try ObjectReader(git)
        self.limits = limits
        self.newBlobs = newBlobs
        idBytes = limits.base.utf8.count / 2
    }

    func end() { reader.end() }

    /// Takes the base as it is: its trees are not judged, and its gitlinks may stay.
    /// - Throws: `StepEnd.refused`
    mutating func learnBase(_ commit: String) throws {
        var waiting = [(try reader.read(commit + "^{tree}", limit: Self.maximumTree).id)]
        while let tree = waiting.popLast() {
            guard baseTrees.insert(tree).inserted else { continue }
            for entry in try entries(of: tree) {
                if entry.mode == "40000" { waiting.append(entry.id) }
                if entry.mode == "160000" { baseGitlinks.insert(entry.name + Array(entry.id.utf8)) }
            }
        }
    }

    /// Checks the tree of a commit, or a tree.
    /// - Throws: `StepEnd.refused`, naming what and where.
    mutating func check(_ object: String) throws {
        let root = try reader.read(object + "^{tree}", limit: Self.maximumTree).id
        let totals = try totals(of: root)
        guard totals.depth <= Self.maximumDepth else {
            throw StepEnd.refused("directories are nested deeper than \(Self.maximumDepth)")
        }
        guard totals.files <= limits.maximumFiles else {
            throw StepEnd.refused("the work has \(totals.files) files; publish.max-files allows \(limits.maximumFiles)")
        }
        guard totals.bytes <= limits.maximumBytes else {
            throw StepEnd.refused(
                "the work's new files have \(totals.bytes) bytes; publish.max-bytes allows \(limits.maximumBytes)")
        }
        guard totals.longestPath <= limits.maximumPath else {
            throw StepEnd.refused(
                "the work has a path of \(totals.longestPath) bytes; publish.max-path allows \(limits.maximumPath)")
        }
    }

    /// Depth-first without recursion: a tree's totals follow from those of its children.
    private mutating func totals(of root: String) throws -> Totals {
        var stack: [(tree: String, entries: [Entry]?)] = [(root, nil)]
        var open: Set<String> = []
        while let (tree, loaded) = stack.last {
            if known[tree] != nil {
                stack.removeLast()
                continue
            }
            guard let loaded else {
                guard open.count < Self.maximumDepth, open.insert(tree).inserted else {
                    throw StepEnd.refused("directories are nested deeper than \(Self.maximumDepth)")
                }
                let entries = try entries(of: tree)
                if judging, !baseTrees.contains(tree) { for entry in entries { try judge(entry) } }
                stack[stack.count - 1].entries = entries
                for entry in entries where entry.mode == "40000" && known[entry.id] == nil {
                    stack.append((entry.id, nil))
                }
                continue
            }
            known[tree] = sum(loaded)
            open.remove(tree)
            stack.removeLast()
        }
        return known[root] ?? Totals()
    }

    private func sum(_ entries: [Entry]) -> Totals {
        var totals = Totals()
        for entry in entries {
            let name = Int64(entry.name.count)
            if entry.mode == "40000", let below = known[entry.id] {
                totals.files = totals.files.addingSaturated(below.files)
                totals.bytes = totals.bytes.addingSaturated(below.bytes)
                totals.longestPath = max(totals.longestPath, name + 1 + below.longestPath)
                totals.depth = max(totals.depth, below.depth + 1)
            } else {
                totals.files = totals.files.addingSaturated(1)
                totals.bytes = totals.bytes.addingSaturated(newBlobs[entry.id] ?? 0)
                totals.longestPath = max(totals.longestPath, name)
            }
        }
        return totals
    }

    private func judge(_ entry: Entry) throws {
        let shown = String(decoding: entry.name.prefix(200).map { $0 < 0x20 || $0 == 0x7f ? 0x3f : $0 }, as: UTF8.self)
        switch entry.mode {
        case "100644", "100755", "120000", "40000": break
        case "160000":
            guard baseGitlinks.contains(entry.name + Array(entry.id.utf8)) else {
                throw StepEnd.refused(
                    "\"\(shown)\" is a repository of its own (a gitlink): remove its .git, or commit it elsewhere")
            }
        default: throw StepEnd.refused("\"\(shown)\" has the mode \(entry.mode), which git does not write")
        }
        guard entry.name.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw StepEnd.refused("the file name \"\(shown)\" holds control characters")
        }
        guard !entry.name.isEmpty, !entry.name.contains(0x2f), entry.name != [0x2e], entry.name != [0x2e, 0x2e] else {
            throw StepEnd.refused("a tree holds the name \"\(shown)\"")
        }
    }

    /// `mode SP name NUL id`, again and again.
    private func entries(of tree: String) throws -> [Entry] {
        let object = try reader.read(tree, limit: Self.maximumTree)
        guard object.type == "tree" else {
            guard judging else { return [] }
            throw StepEnd.refused("object \(tree) is no tree")
        }
        var entries: [Entry] = []
        var rest = object.content[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: 0x20), let end = rest[space...].firstIndex(of: 0),
                rest.endIndex - end > idBytes,
                let mode = String(validating: rest[..<space], as: UTF8.self)
            else { throw StepEnd.refused("tree \(tree) is malformed") }
            let id = rest[(end + 1)..<(end + 1 + idBytes)].map { byte in
                let digits = String(byte, radix: 16)
                return byte < 16 ? "0" + digits : digits
            }.joined()
            entries.append(Entry(mode: mode[...], name: Array(rest[(space + 1)..<end]), id: id))
            rest = rest[(end + 1 + idBytes)...]
        }
        return entries
    }
}

extension Int64 {
    fileprivate func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
