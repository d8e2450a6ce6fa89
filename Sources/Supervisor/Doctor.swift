import CLinux
import Glibc
import Harnesses
import IPC
import Linux

/// What a host may get wrong, checked from inside the running supervisor, each with its remedy.
struct Doctor {
    let configuration: Configuration
    let abilities: SpawnerClient.Abilities?
    let places: Places
    let account: ServiceAccount

    func report() -> DoctorReport {
        let checks = kernel() + layers() + identities() + tools() + storage() + sockets()
        return DoctorReport(ok: !checks.contains { $0.state == .failed }, checks: checks)
    }

    /// How to get a layer that is missing.
    static func remedy(_ layer: String) -> String {
        switch layer {
        case "uid split": "Start the supervisor as root (or by its systemd unit)"
        case "landlock": "Boot a kernel with landlock in its lsm= list (Debian 12's has it)"
        case "cgroup limits": "Limits are by rlimit; cgroup limits come with a later version"
        default: "See docs/operations.md"
        }
    }

    private func kernel() -> [DoctorReport.Check] {
        let release = readText("/proc/sys/kernel/osrelease")?.split(separator: "\n").first.map(String.init) ?? "unknown"
        let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        let isNew = numbers.count == 2 && (numbers[0] > 5 || (numbers[0] == 5 && numbers[1] >= 12))
        return [
            DoctorReport.Check(
                "kernel", isNew ? .ok : .failed, release,
                remedy: isNew ? nil : "Bulkhead needs Linux 5.12 or newer; Debian 12 has 6.1")
        ]
    }

    private func layers() -> [DoctorReport.Check] {
        guard let abilities else {
            return [
                DoctorReport.Check("spawner", .failed, "has not reported yet", remedy: "Look at the supervisor's log")
            ]
        }
        var checks: [DoctorReport.Check] = []
        if abilities.unusable {
            checks.append(
                DoctorReport.Check(
                    "namespaces", .failed, abilities.problem ?? "cannot be made",
                    remedy:
                        "Allow user namespaces: sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, AppArmor's apparmor_restrict_unprivileged_userns"
                ))
        } else if let problem = abilities.problem {
            checks.append(DoctorReport.Check("uid mapping", .warning, problem, remedy: Self.remedy("uid split")))
        }
        for layer in abilities.layers {
            let state: DoctorReport.Check.State =
                layer.state == "on"
                ? .ok : layer.state == "missing" && configuration.isolation == .strict ? .failed : .warning
            checks.append(
                DoctorReport.Check(
                    "layer: \(layer.name)", state, layer.detail, remedy: state == .ok ? nil : Self.remedy(layer.name)))
        }
        return checks
    }

    private func identities() -> [DoctorReport.Check] {
        guard let abilities else { return [] }
        guard abilities.isSplit else {
            return [
                DoctorReport.Check(
                    "tier", configuration.isolation == .strict ? .failed : .warning,
                    "single-uid: every job runs as uid \(account.uid)", remedy: Self.remedy("uid split"))
            ]
        }
        let last = abilities.firstUID + Int64(4 * configuration.slots) - 1
        let passwd = readText("/etc/passwd") ?? ""
        let taken = passwd.split(separator: "\n").compactMap { line -> String? in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count > 2, let uid = Int64(fields[2]), (abilities.firstUID...last).contains(uid) else {
                return nil
            }
            return String(fields[0])
        }
        return [
            DoctorReport.Check("tier", .ok, "multi-uid: four host ids a slot"),
            DoctorReport.Check(
                "uid range", taken.isEmpty ? .ok : .failed,
                "\(abilities.firstUID) to \(last)"
                    + (taken.isEmpty ? "" : ", but these accounts are in it: \(taken.joined(separator: ", "))"),
                remedy: taken.isEmpty ? nil : "Set uid-range.first to a range that no account uses"),
        ]
    }

    private func tools() -> [DoctorReport.Check] {
        let wanted: [(String, Bool, String)] = [
            ("git", true, "apt install git"), ("tar", true, "apt install tar"), ("sh", true, "apt install dash"),
            (
                configuration.harnessClaudeCommand, false,
                "Install claude below a directory of sandbox.trees, or set harness.claude.command"
            ),
        ]
        return wanted.map { tool, isNeeded, remedy in
            let candidates = tool.contains("/") ? [tool] : configuration.sandboxPath.map { $0 + "/" + tool }
            guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
                return DoctorReport.Check(
                    "tool: \(tool)", isNeeded ? .failed : .warning,
                    "not found in \(configuration.sandboxPath.joined(separator: ":"))", remedy: remedy)
            }
            return DoctorReport.Check("tool: \(tool)", .ok, found + version(found, tool))
        }
    }

    /// Only of git: the version decides what `index-pack --fsck-objects` catches.
    private func version(_ path: String, _ tool: String) -> String {
        guard tool == "git", let pipe = try? Descriptor.pipe(), let null = try? Descriptor.open("/dev/null", O_RDWR)
        else { return "" }
        let child = Child(
            argv: [path, "--version"], environment: ["PATH=/usr/bin:/bin", "HOME=/nonexistent"],
            descriptors: [null.raw, pipe.write.raw, null.raw])
        guard let pid = try? child.start() else { return "" }
        pipe.write.close()
        let text = (try? pipe.read.readAll(limit: 256)) ?? []
        _ = try? ProcessEnd.wait(for: pid)
        return " (" + String(decoding: text, as: UTF8.self).split(separator: "\n").joined() + ")"
    }

    private func storage() -> [DoctorReport.Check] {
        var bytes: UInt64 = 0
        var inodes: UInt64 = 0
        guard bh_statfs_free(places.state, &bytes, &inodes) == 0 else {
            return [
                DoctorReport.Check(
                    "state directory", .failed, "\(places.state) cannot be examined",
                    remedy: "Check that it exists and is mounted")
            ]
        }
        let isTight = bytes < 1 << 30
        var status = stat()
        let isPrivate = stat(places.state, &status) == 0 && status.st_mode & 0o077 == 0 && status.st_uid == geteuid()
        return [
            DoctorReport.Check(
                "state directory", isPrivate ? .ok : .failed, places.state,
                remedy: isPrivate ? nil : "chown it to the service user and chmod 0700"),
            DoctorReport.Check(
                "disk", isTight ? .warning : .ok, "\(bytes >> 20) MiB free",
                remedy: isTight ? "Free space: a full disk makes jobs wait" : nil),
        ]
    }

    private func sockets() -> [DoctorReport.Check] {
        var status = stat()
        guard lstat(places.socket, &status) == 0 else {
            return [
                DoctorReport.Check(
                    "socket", .warning, "\(places.socket) is not visible to the service user",
                    remedy:
                        "Operators reach it all the same; to have it checked, put it in a directory that the service user may enter"
                )
            ]
        }
        let isOpen = status.st_mode & 0o007 != 0
        return [
            DoctorReport.Check(
                "socket", isOpen ? .failed : .ok, places.socket,
                remedy: isOpen ? "chmod o-rwx: every local user can control this supervisor" : nil)
        ]
    }
}

extension Supervisor {
    func doctorReport() -> DoctorReport {
        Doctor(configuration: configuration, abilities: spawner.abilities, places: places, account: account).report()
    }
}
