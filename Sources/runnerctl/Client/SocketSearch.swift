import CLinux
import Glibc
import Linux

/// Where the supervisor's socket may be: an explicit place alone, else the system's and then the user's.
struct SocketSearch {
    /// In the order in which they are tried.
    let candidates: [String]

    init(option: String?, variable: (String) -> String? = environmentVariable) {
        func value(_ name: String) -> String? { variable(name).flatMap { $0.isEmpty ? nil : $0 } }
        if let explicit = option ?? value("BULKHEAD_SOCKET") {
            candidates = [explicit]
            return
        }
        var candidates = ["/run/bulkhead/supervisor.sock"]
        if let runtime = value("XDG_RUNTIME_DIR") { candidates.append(runtime + "/bulkhead/supervisor.sock") }
        if let home = value("HOME") { candidates.append(home + "/.local/state/bulkhead/supervisor.sock") }
        self.candidates = candidates
    }

    /// A connected socket of the first candidate that answers.
    /// - Throws: `CommandFailure` with exit code 3, naming each place and what was wrong with it.
    func connect() throws(CommandFailure) -> Descriptor {
        var tried: [String] = []
        for path in candidates {
            do throws(SystemError) {
                return Descriptor(owning: try check("connect", path) { bh_unix_connect(path) })
            } catch {
                tried.append("  \(path): \(SocketSearch.explanation(error.code))")
            }
        }
        throw .lost(
            """
            no supervisor answers. Tried:
            \(tried.joined(separator: "\n"))
            Start one with `systemctl start bulkhead`, or for yourself with `bulkhead-supervisor`; name another socket \
            with --socket PATH or BULKHEAD_SOCKET.
            """)
    }

    private static func explanation(_ code: Int32) -> String {
        switch code {
        case ENOENT: "does not exist"
        case ECONNREFUSED: "nobody listens (a supervisor that ended left it)"
        case EACCES: "no permission (operators are in the group that owns the socket)"
        case ENAMETOOLONG: "the path is longer than a socket's may be (107 bytes)"
        default: SystemError.text(code)
        }
    }
}
