/// The text at the head of a git bundle, versions 2 and 3, read strictly: what is not exactly as git writes it is
/// refused, for the rest of the file goes to git on the strength of it.
struct BundleHeader: Equatable {
    /// The longest header that is looked at.
    static let maximumLength = 64 << 10

    struct Reference: Equatable {
        let id: String
        let name: String
    }

    let references: [Reference]
    let prerequisites: [String]
    /// Where the pack begins.
    let packOffset: Int

    /// Why a file is refused.
    struct Refusal: Error, Equatable, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// Reads the beginning of a file.
    /// - Throws: `Refusal`
    init(_ bytes: [UInt8]) throws(Refusal) {
        var reader = LineReader(bytes: bytes)
        let signature = try reader.next()
        guard signature == "# v2 git bundle" || signature == "# v3 git bundle" else {
            throw Refusal("the file is no git bundle of version 2 or 3")
        }
        var format: String?
        var references: [Reference] = []
        var prerequisites: [String] = []
        while true {
            let line = try reader.next()
            if line.isEmpty { break }
            if line.hasPrefix("@") {
                guard signature.hasPrefix("# v3"), references.isEmpty, prerequisites.isEmpty, format == nil,
                    line == "@object-format=sha1" || line == "@object-format=sha256"
                else { throw Refusal("the bundle states a capability that is not known here") }
                format = String(line.dropFirst("@object-format=".count))
            } else if line.hasPrefix("-") {
                // A comment may follow the id.
                let id = String(line.dropFirst().prefix { $0 != " " })
                guard references.isEmpty, ObjectID.isValid(id) else {
                    throw Refusal("the bundle's header has a bad prerequisite line")
                }
                prerequisites.append(id)
            } else {
                let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, ObjectID.isValid(String(parts[0])), !parts[1].isEmpty else {
                    throw Refusal("the bundle's header has a bad reference line")
                }
                references.append(Reference(id: String(parts[0]), name: String(parts[1])))
            }
            guard references.count + prerequisites.count <= 64 else {
                throw Refusal("the bundle's header has too many lines")
            }
        }
        let length = format == "sha256" ? 64 : 40
        guard (references.map(\.id) + prerequisites).allSatisfy({ $0.utf8.count == length }) else {
            throw Refusal("the bundle's ids are not of its object format")
        }
        guard bytes.dropFirst(reader.offset).starts(with: Array("PACK".utf8)) else {
            throw Refusal("no pack follows the bundle's header")
        }
        self.references = references
        self.prerequisites = prerequisites
        packOffset = reader.offset
    }

    /// Accepts a bundle of exactly this branch at this commit, on top of this base alone.
    /// - Throws: `Refusal`
    func require(branch: String, commit: String, base: String) throws(Refusal) {
        guard references.count == 1, let reference = references.first else {
            throw Refusal("the bundle holds \(references.count) references instead of the one branch")
        }
        guard reference.name == "refs/heads/" + branch else {
            throw Refusal("the bundle holds \(reference.name) instead of refs/heads/\(branch)")
        }
        guard reference.id == commit else {
            throw Refusal("the bundle's branch is at \(reference.id), the job's commit is \(commit)")
        }
        guard prerequisites.allSatisfy({ $0 == base }) else {
            throw Refusal("the bundle builds on commits other than the job's base \(base)")
        }
    }

    /// The header of a bundle with one branch and its whole history.
    static func text(commit: String, branch: String) -> String {
        let format = ObjectID.format(of: commit)
        let signature = format == "sha1" ? "# v2 git bundle\n" : "# v3 git bundle\n@object-format=\(format)\n"
        return signature + "\(commit) refs/heads/\(branch)\n\n"
    }

    private struct LineReader {
        let bytes: [UInt8]
        var offset = 0

        mutating func next() throws(Refusal) -> String {
            guard let end = bytes[offset...].prefix(BundleHeader.maximumLength - offset).firstIndex(of: 0x0a) else {
                throw Refusal("the bundle's header does not end within \(BundleHeader.maximumLength) bytes")
            }
            guard let text = String(validating: bytes[offset..<end], as: UTF8.self),
                !text.utf8.contains(where: { $0 < 0x20 })
            else { throw Refusal("the bundle's header is not plain text") }
            offset = end + 1
            return text
        }
    }
}
