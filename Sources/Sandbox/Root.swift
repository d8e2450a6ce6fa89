import CLinux
import Glibc
import Linux

/// Builds the root that a job sees: a read-only memory file system with a few binds, one sized memory file system for
/// everything writable, a fresh /proc and a minimal /dev; then leaves the host's root for good.
struct Root {
    let policy: SandboxPolicy
    /// Built here, then made the root. Any existing directory serves: it is covered in this mount namespace only.
    private let stage = "/tmp"
    private let readOnly = UInt(BH_MS_NOSUID | BH_MS_NODEV)

    /// What a job may find mounted; everything else is an error at verification.
    private(set) var mountPoints: Set<String> = ["/"]

    init(policy: SandboxPolicy) { self.policy = policy }

    /// - Throws: `SystemError` naming the step.
    mutating func build() throws {
        // Nothing mounted from here on may reach the host.
        try check("mount private", "/") { bh_mount(nil, "/", nil, UInt(BH_MS_REC | BH_MS_PRIVATE), nil) }
        // Host trees are opened before the stage covers anything of them.
        var binds: [(target: String, tree: Descriptor)] = []
        for source in hostTrees() {
            let raw = try check("open_tree", source) { bh_open_tree(AT_FDCWD, source, 1) }
            binds.append((source, Descriptor(owning: raw)))
        }
        for source in Root.etcFiles where access(source, R_OK) == 0 {
            let raw = try check("open_tree", source) { bh_open_tree(AT_FDCWD, source, 1) }
            binds.append((source, Descriptor(owning: raw)))
        }
        var devices: [(name: String, tree: Descriptor)] = []
        for name in ["null", "zero", "full", "random", "urandom", "tty"] where access("/dev/\(name)", F_OK) == 0 {
            let raw = try check("open_tree", "/dev/\(name)") { bh_open_tree(AT_FDCWD, "/dev/\(name)", 0) }
            devices.append((name, Descriptor(owning: raw)))
        }
        let links = Root.mergedUsrLinks()

        try mount("tmpfs", stage, readOnly, "size=1m,nr_inodes=512,mode=0755")
        try makeDirectories()
        for (name, target) in links { try check("symlink", name) { symlink(target, stage + "/" + name) } }
        for bind in binds { try place(bind.tree, at: bind.target) }
        try makeDevices(devices)
        try makeWritable()
        try writeEtc()
        try makeProc()
        try enter()
    }

    /// The trees of the policy, and the top-level directories of a host where they are no links into /usr.
    private func hostTrees() -> [String] {
        let unmerged = ["/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"].filter {
            policy.trees.contains("/usr") && Root.linkTarget($0) == nil && access($0, F_OK) == 0
        }
        return policy.trees.filter { access($0, F_OK) == 0 } + unmerged
    }

    /// Read-only files of the host's /etc that tools need and that hold nothing of a tenant.
    private static let etcFiles = [
        "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ssl/certs",
        "/etc/ca-certificates.conf", "/etc/localtime", "/etc/mime.types", "/etc/services", "/etc/protocols",
        "/etc/debian_version",
    ]

    private static func linkTarget(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        let length = readlink(path, &buffer, buffer.count - 1)
        guard length > 0 else { return nil }
        return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func mergedUsrLinks() -> [(String, String)] {
        ["bin", "sbin", "lib", "lib64", "lib32", "libx32"].compactMap { name in
            guard let target = linkTarget("/" + name) else { return nil }
            let relative = target.hasPrefix("/") ? String(target.dropFirst()) : target
            return relative.hasPrefix("usr/") ? (name, relative) : nil
        }
    }

    private func mount(_ type: String, _ target: String, _ flags: UInt, _ options: String) throws {
        try check("mount \(type)", target) { bh_mount(type, target, type, flags, options) }
    }

    private func directory(_ path: String, mode: mode_t = 0o755) throws {
        // Each missing parent is made on the way, so that a tree may lie anywhere.
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += "/" + part
            if mkdir(stage + prefix, 0o755) != 0, errno != EEXIST { throw SystemError("mkdir", prefix) }
        }
        try check("chmod", path) { chmod(stage + path, mode) }
    }

    private func makeDirectories() throws {
        for path in ["/etc", "/dev", "/proc", "/home", "/root", "/run", "/var", "/var/tmp", "/mnt"] {
            try directory(path)
        }
    }

    private mutating func place(_ tree: Descriptor, at target: String) throws {
        // The tree and not its path: the stage may already cover that.
        var status = stat()
        try check("fstat", target) { fstat(tree.raw, &status) }
        if status.st_mode & S_IFMT == S_IFDIR {
            try directory(target)
        } else {
            let parent = target.split(separator: "/").dropLast().map { "/" + $0 }.joined()
            if !parent.isEmpty { try directory(parent) }
            try touch(target)
        }
        try check("move_mount", target) { bh_move_mount(tree.raw, stage + target) }
        try check("mount_setattr", target) { bh_mount_set_read_only(stage + target, 1) }
        mountPoints.insert(target)
    }

    private func touch(_ path: String) throws {
        _ = try Descriptor.open(stage + path, O_WRONLY | O_CREAT, mode: 0o644)
    }

    private mutating func makeDevices(_ devices: [(name: String, tree: Descriptor)]) throws {
        for (name, tree) in devices {
            try touch("/dev/" + name)
            try check("move_mount", "/dev/\(name)") { bh_move_mount(tree.raw, stage + "/dev/" + name) }
            mountPoints.insert("/dev/" + name)
        }
        try directory("/dev/pts")
        try mount(
            "devpts", stage + "/dev/pts", UInt(BH_MS_NOSUID | BH_MS_NOEXEC), "newinstance,ptmxmode=0666,mode=0620")
        mountPoints.insert("/dev/pts")
        let links = [
            ("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
        ]
        for (name, target) in links { try check("symlink", name) { symlink(target, stage + "/dev/" + name) } }
    }

    /// Two sized memory file systems, each shown in several places: one for the agent, with one budget of bytes and
    /// files, and one of the same size for git and the worker, so that an agent that fills its own loses no work.
    private mutating func makeWritable() throws {
        let ids = policy.identities
        try makeStore(
            SandboxPath.agentStore,
            [
                ("workspace", SandboxPath.workspace, ids.agent, 0o755),
                ("home", SandboxPath.agentHome, ids.agent, 0o700),
                ("tmp", SandboxPath.temporary, ids.agent, 0o1777), ("shm", "/dev/shm", ids.agent, 0o1777),
            ])
        try makeStore(
            SandboxPath.privateStore,
            [
                ("git", SandboxPath.git, ids.git, 0o700), ("import", SandboxPath.importing, ids.agent, 0o700),
                ("handover", SandboxPath.handover, ids.worker, 0o700),
            ])
    }

    private mutating func makeStore(
        _ store: String, _ parts: [(name: String, target: String, owner: UInt32, mode: mode_t)]
    ) throws {
        try directory(store)
        try mount(
            "tmpfs", stage + store, readOnly, "size=\(policy.writableBytes),nr_inodes=\(policy.writableFiles),mode=0711"
        )
        mountPoints.insert(store)
        for part in parts {
            let inside = stage + store + "/" + part.name
            try check("mkdir", part.name) { mkdir(inside, 0o700) }
            // The namespace's root may give a new directory to another of its own ids; nothing of the host changes.
            if getuid() == 0 { try check("chown", part.name) { chown(inside, part.owner, part.owner) } }
            try check("chmod", part.name) { chmod(inside, part.mode) }
            try directory(part.target)
            let raw = try check("open_tree", part.name) { bh_open_tree(AT_FDCWD, inside, 0) }
            let tree = Descriptor(owning: raw)
            try check("move_mount", part.target) { bh_move_mount(tree.raw, stage + part.target) }
            mountPoints.insert(part.target)
        }
    }

    private func writeEtc() throws {
        let ids = policy.identities
        var accounts = [("root", UInt32(0), "/root")]
        if ids.isSplit { accounts += [("worker", ids.worker, "/"), ("git", ids.git, "/git")] }
        accounts.append(("agent", ids.agent, SandboxPath.agentHome))
        let files: [(String, String)] = [
            (
                "passwd",
                accounts.map { "\($0.0):x:\($0.1):\($0.1)::\($0.2):/bin/sh\n" }.joined()
                    + "nobody:x:65534:65534::/:/bin/false\n"
            ),
            ("group", accounts.map { "\($0.0):x:\($0.1):\n" }.joined() + "nogroup:x:65534:\n"),
            ("hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 bulkhead\n"),
            ("hostname", "bulkhead\n"),
            ("resolv.conf", "# There is no name service in a job.\n"),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"),
            ("os-release", readText("/etc/os-release", limit: 4096) ?? ""),
            (
                "gitconfig",
                "[user]\n\tname = agent\n\temail = agent@bulkhead.invalid\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n"
            ),
            ("shells", "/bin/sh\n/bin/bash\n"),
        ]
        for (name, content) in files {
            let file = try Descriptor.open(stage + "/etc/" + name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
            try file.writeAll(Array(content.utf8))
        }
        try check("symlink", "mtab") { symlink("/proc/self/mounts", stage + "/etc/mtab") }
    }

    private mutating func makeProc() throws {
        let flags = UInt(BH_MS_NOSUID | BH_MS_NODEV | BH_MS_NOEXEC)
        try mount("proc", stage + "/proc", flags, "hidepid=2")
        mountPoints.insert("/proc")
    }

    private func enter() throws {
        try check("chdir", stage) { chdir(stage) }
        try check("pivot_root") { bh_pivot_root_here() }
        try check("mount_setattr", "/") { bh_mount_set_read_only("/", 0) }
    }
}
