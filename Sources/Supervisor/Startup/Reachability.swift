import CLinux
import Glibc
import Linux

/// Makes the state directory reachable for the service user where it lies below a directory that only root may enter
/// (a mkdtemp of root's, or /root). The supervisor's own mount namespace shows, in that directory's place, a memory
/// file system with nothing but the way to the state directory: nothing is lost, since the service user could not
/// have seen anything else there, and no permission of the host is loosened.
enum Reachability {
    /// - Throws: `StartupError` naming the directory and what to do.
    static func ensure(_ path: String, account: ServiceAccount) throws {
        guard geteuid() == 0, let barrier = try firstBarrier(path, account) else { return }
        do {
            let raw = try check("open_tree", path) { bh_open_tree(AT_FDCWD, path, 1) }
            let tree = Descriptor(owning: raw)
            try check("unshare") { bh_unshare_mounts() }
            try check("mount slave", "/") { bh_mount(nil, "/", nil, UInt(BH_MS_REC | BH_MS_SLAVE), nil) }
            let flags = UInt(BH_MS_NOSUID | BH_MS_NODEV | BH_MS_NOEXEC)
            try check("mount tmpfs", barrier) { bh_mount("tmpfs", barrier, "tmpfs", flags, "size=64k,mode=0711") }
            var way = barrier
            for part in path.dropFirst(barrier.count).split(separator: "/") {
                way += "/" + part
                try check("mkdir", way) { mkdir(way, 0o711) }
            }
            try check("move_mount", path) { bh_move_mount(tree.raw, path) }
        } catch {
            throw StartupError(
                "the state directory \(path) cannot be reached by uid \(account.uid), because \(barrier) is not open to it (\(error)); "
                    + "choose another --state, or chmod o+x \(barrier)")
        }
    }

    /// The topmost directory on the way that the service user may not enter.
    private static func firstBarrier(_ path: String, _ account: ServiceAccount) throws -> String? {
        var way = ""
        for part in path.split(separator: "/") {
            way += "/" + part
            var status = stat()
            try check("stat", way) { stat(way, &status) }
            let bits: mode_t =
                status.st_uid == account.uid ? S_IXUSR : status.st_gid == account.gid ? S_IXGRP : S_IXOTH
            if status.st_mode & bits == 0 { return way }
        }
        return nil
    }
}

/// An absolute path without `.`, `..` and doubled slashes; links are followed where the path exists.
func absolutePath(_ path: String) -> String {
    var parts: [Substring.UTF8View] = []
    let whole = path.utf8.first == UInt8(ascii: "/") ? path : (workingDirectory() ?? "") + "/" + path
    // By bytes, as the kernel does: a slash with a combining mark is another character to Swift.
    for part in whole.utf8.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
        if part.elementsEqual("..".utf8) { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.map { String(Substring($0)) }.joined(separator: "/")
}

private func workingDirectory() -> String? {
    guard let path = getcwd(nil, 0) else { return nil }
    defer { free(path) }
    return String(cString: path)
}
