import CLinux
import Glibc
import Linux

/// Goes through a work tree, by descriptor and without following links, and gives its owner back the right to read
/// what it may not read. Bounded in depth and count: what is beyond is left as it is.
struct TreeWalker {
    static let maximumDepth = 512
    /// PATH_MAX less its NUL: git opens files by path.
    static let maximumPath = 4095
    static let maximumEntries = 2_000_000

    let root: String
    private(set) var notes: [String] = []
    private var entries = 0
    private var isTooDeep = false
    private var isTooLong = false

    init(root: String) { self.root = root }

    mutating func makeReadable() {
        var status = stat()
        if lstat(root, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_mode & S_IRWXU != S_IRWXU {
            fchmodat(AT_FDCWD, root, status.st_mode & 0o7777 | S_IRWXU, 0)
        }
        guard let top = try? Descriptor.open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { return }
        walk(top.release(), depth: 0, pathLength: 0)
        if isTooLong {
            notes.append("files with paths of more than \(Self.maximumPath) bytes are left out: git cannot take them")
        }
        if isTooDeep { notes.append("directories deeper than \(Self.maximumDepth) keep their modes") }
        if entries >= Self.maximumEntries {
            notes.append("more than \(Self.maximumEntries) files: the rest keep their modes")
        }
    }

    /// Takes over `directory`.
    private mutating func walk(_ directory: Int32, depth: Int, pathLength: Int) {
        guard let stream = fdopendir(directory) else {
            close(directory)
            return
        }
        defer { closedir(stream) }
        while entries < Self.maximumEntries, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { start -> [CChar] in
                    Array(UnsafeBufferPointer(start: start, count: strnlen(start, 255))) + [0]
                }
            }
            if name == [0x2e, 0] || name == [0x2e, 0x2e, 0] { continue }
            entries += 1
            let length = pathLength + name.count  // with its slash
            if length > Self.maximumPath { isTooLong = true }
            var status = stat()
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFREG where status.st_mode & S_IRUSR == 0:
                fchmodat(directory, name, status.st_mode & 0o7777 | S_IRUSR, 0)
            case S_IFDIR:
                if status.st_mode & S_IRWXU != S_IRWXU {
                    fchmodat(directory, name, status.st_mode & 0o7777 | S_IRWXU, 0)
                }
                guard depth < Self.maximumDepth else {
                    isTooDeep = true
                    continue
                }
                let next = bh_openat2(directory, name, UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW), 0, 0)
                if next >= 0 { walk(next, depth: depth + 1, pathLength: length) }
            default: continue
            }
        }
    }
}
