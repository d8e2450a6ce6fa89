import Glibc
import IPC
import Linux

/// A git bundle: a few text lines, then a pack. Only the pack goes to git, because fetching from a bundle checks
/// nothing (fetch.fsckObjects has no effect on bundles in git 2.39).
struct Bundle {
    static let maximumHeader = 64 << 10

    let references: [(id: String, name: String)]
    let prerequisites: [String]
    let packOffset: Int

    /// Reads the header of a bundle, version 2 or 3.
    /// - Throws: `StepEnd.refused` for what is no bundle.
    init(descriptor: Int32) throws {
        var header = [UInt8](repeating: 0, count: Bundle.maximumHeader)
        let count = try check("pread", "bundle") { pread(descriptor, &header, header.count, 0) }
        header = Array(header.prefix(count))
        var offset = 0
        func line() throws -> Substring {
            guard let end = header[offset...].firstIndex(of: 0x0a) else {
                throw StepEnd.refused("the bundle's header does not end within \(Bundle.maximumHeader) bytes")
            }
            defer { offset = end + 1 }
            guard let text = String(validating: header[offset..<end], as: UTF8.self) else {
                throw StepEnd.refused("the bundle's header is not UTF-8")
            }
            return text[...]
        }
        let signature = try line()
        guard signature == "# v2 git bundle" || signature == "# v3 git bundle" else {
            throw StepEnd.refused("the file is no git bundle of version 2 or 3")
        }
        var references: [(String, String)] = []
        var prerequisites: [String] = []
        while true {
            let next = try line()
            if next.isEmpty { break }
            if next.hasPrefix("@") {
                guard next.hasPrefix("@object-format=") else {
                    throw StepEnd.refused("unknown bundle capability \(next)")
                }
                continue
            }
            if next.hasPrefix("-") {
                prerequisites.append(String(next.dropFirst().prefix { $0 != " " }))
                continue
            }
            let parts = next.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, ObjectID.isValid(String(parts[0])) else {
                throw StepEnd.refused("the bundle's header has the line \"\(next.prefix(80))\"")
            }
            references.append((String(parts[0]), String(parts[1])))
        }
        self.references = references
        self.prerequisites = prerequisites
        packOffset = offset
    }

    /// Indexes the pack of the input bundle into a repository.
    /// - Throws: `StepEnd.refused` when the pack is broken or, checked, not what fsck accepts.
    static func index(into git: Git, base: String, checked: Bool) throws {
        let descriptor = Step.Descriptors.input
        let bundle = try Bundle(descriptor: descriptor)
        guard bundle.prerequisites.isEmpty, bundle.references.contains(where: { $0.id == base }) else {
            throw StepEnd.refused("the bundle does not hold \(base) with its whole history")
        }
        try check("lseek", "bundle") { lseek(descriptor, off_t(bundle.packOffset), SEEK_SET) }
        do {
            try git.run(
                ["index-pack", "--stdin"] + (checked ? ["--strict", "--fsck-objects"] : []), stdin: descriptor)
        } catch let failed as Git.Failed {
            throw StepEnd.refused("the repository's objects were refused: \(failed.message)")
        }
    }
}
