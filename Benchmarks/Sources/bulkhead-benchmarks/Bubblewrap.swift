import Glibc

/// The peer: bubblewrap with the smallest root that runs programs, and with nothing that it does not do unasked (no
/// seccomp, no Landlock, no limits, no verification).
struct Bubblewrap {
    let path: String
    let tools: String

    /// - Throws: `Failure` when it is not installed.
    init(tools: String) throws {
        path = try findProgram("bwrap", package: "bubblewrap")
        self.tools = tools
    }

    func arguments(_ command: [String]) -> [String] {
        [
            path, "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib64", "/lib64", "--symlink",
            "usr/lib",
            "/lib", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", tools, "/tool", "--",
        ] + command
    }
}

/// - Throws: `Failure` naming the Debian package.
func findProgram(_ name: String, package: String) throws -> String {
    for directory in ["/usr/bin", "/usr/local/bin", "/bin"] where access(directory + "/" + name, X_OK) == 0 {
        return directory + "/" + name
    }
    throw Failure("\(name) is not installed; as root: apt-get install --no-install-recommends \(package)")
}
