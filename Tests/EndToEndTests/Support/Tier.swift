import Foundation
import Glibc
import Testing

/// Who runs the supervisor: root, with four host ids a job; or an ordinary user, with one.
enum Tier: String, CaseIterable, CustomTestStringConvertible {
    case root
    case user

    var testDescription: String { self == .root ? "started as root" : "started by an ordinary user" }

    /// The tiers that this test run can show. Root shows both.
    static var all: [Tier] { getuid() == 0 ? [.root, .user] : [.user] }

    /// The ordinary user of a run as root: an id without an account, which is what a container's user often is.
    static let ordinaryUID: uid_t = getuid() == 0 ? 65_531 : getuid()

    var uid: uid_t { self == .root ? 0 : Tier.ordinaryUID }

    /// In front of a command, to run it as this tier's user.
    var prefix: [String] {
        guard getuid() == 0, self == .user else { return [] }
        return [
            "/usr/bin/setpriv", "--reuid=\(uid)", "--regid=\(uid)", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all",
        ]
    }
}

/// What a test needs of its host. Under BULKHEAD_MUST_SANDBOX=1, as in CI, nothing is skipped: what is missing fails.
enum Needs {
    static let mustSandbox = ProcessInfo.processInfo.environment["BULKHEAD_MUST_SANDBOX"] == "1"

    /// For `.enabled(if:)`: the multi-uid tier needs root.
    static var root: Bool { getuid() == 0 || mustSandbox }
}

extension Tag {
    /// Shows an attack or a layer from inside a real sandbox.
    @Tag static var sandbox: Self
}
