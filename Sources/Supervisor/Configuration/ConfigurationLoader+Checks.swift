extension ConfigurationLoader {
    /// Where a sandbox puts directories of its own: a tree of the host there would be covered, or would cover.
    private static let jobsOwn = [
        "/tmp", "/workspace", "/home/agent", "/git", "/import", "/handover", "/job", "/private",
    ]

    /// What no setting shows by itself. A check is left out if a value that it needs was refused.
    mutating func checkTogether() {
        checkSockets()
        checkIDs()
        for key in ["sandbox.trees", "sandbox.path"] where !refused.contains(key) { checkList(key) }
        checkTreesHideState()
        checkLimits()
        if configuration.isolation == .available {
            warn(
                "isolation",
                "isolation is \"available\": jobs also run without the layers that this host cannot give (`runnerctl doctor` names them)"
            )
        }
    }

    private mutating func problem(_ key: String, _ message: String) {
        guard let setting = ConfigurationSetting.named(key) else { return }
        problems.append(Self.problem(setting, configuration.origins[key] ?? .defaultValue, message))
    }

    private mutating func warn(_ key: String, _ message: String) {
        configuration.warnings.append("\(message) (\(configuration.origins[key] ?? .defaultValue))")
    }

    private func isKnown(_ keys: String...) -> Bool { refused.isDisjoint(with: keys) }

    private mutating func checkSockets() {
        for (key, path) in [("socket", configuration.socket), ("spawner-socket", configuration.spawnerSocket)] {
            // sun_path has 108 bytes, and the socket has a second name that is longer by "worker/".
            guard isKnown(key), path.utf8.count >= 100 else { continue }
            problem(key, "the path has \(path.utf8.count) bytes, wanted fewer than 100; choose a shorter directory")
        }
        if isKnown("socket", "spawner-socket"), configuration.socket == configuration.spawnerSocket {
            problem("spawner-socket", "it is the same path as socket; give each its own")
        }
    }

    private mutating func checkIDs() {
        guard isKnown("uid-range.first", "uid-range.count") else { return }
        let first = configuration.uidRangeFirst
        let count = configuration.uidRangeCount
        if (first == 0) != (count == 0) {
            let missing = first == 0 ? "uid-range.first" : "uid-range.count"
            let given = first == 0 ? "uid-range.count" : "uid-range.first"
            return problem(given, "\(missing) is 0; set both, or set both to 0 to use /etc/subuid")
        }
        guard first != 0 else { return }
        if count % 4 != 0 {
            problem("uid-range.count", "\(count) is not a multiple of 4; a slot has four uids")
        }
        if isKnown("slots"), count < configuration.slots * 4 {
            let wanted = configuration.slots * 4
            problem("uid-range.count", "\(count) is too few: \(configuration.slots) slots need at least \(wanted)")
        }
        if first < 1_000 {
            problem("uid-range.first", "\(first) is a system account's; choose a range that no account is in")
        } else if first < 65_536 {
            warn(
                "uid-range.first", "uid-range.first is \(first): make sure that no account of this host is in the range"
            )
        }
        if first + count > Int(UInt32.max) {
            problem("uid-range.count", "the range ends at \(first + count - 1), wanted at most 4294967294")
        }
        for owner in surroundings.trustedOwners.sorted() where (first..<first + count).contains(Int(owner)) {
            problem("uid-range.first", "the range holds uid \(owner), which the service itself uses; choose another")
        }
    }

    private mutating func checkList(_ key: String) {
        if key == "sandbox.path" {
            guard configuration.sandboxPath.isEmpty else { return }
            return problem(key, "found an empty list, wanted at least one directory, such as [/usr/bin]")
        }
        if configuration.sandboxTrees.isEmpty {
            problem(key, "found an empty list, wanted at least one directory, such as [/usr]")
        }
        for tree in configuration.sandboxTrees {
            let forbidden = ["/proc", "/sys", "/dev", "/run", "/var/run"]
            if tree == "/" {
                problem(key, "\"/\" would show a job the whole host; name the directories its tools need")
            } else if let system = forbidden.first(where: { ConfigurationPath.isInside(tree, $0) }) {
                problem(key, "\(ShownText.quoted(tree)) is in \(system), which shows the running host; remove it")
            } else if let own = Self.jobsOwn.first(where: { ConfigurationPath.isInside(tree, $0) }) {
                problem(
                    key,
                    "\(ShownText.quoted(tree)) is in \(own), where a job has its own; show it from another directory, such as /opt"
                )
            } else if tree == "/etc" {
                problem(key, "\"/etc\" holds the host's secrets and a job has its own; remove it")
            } else if let risky = ["/home", "/root", "/var", "/tmp", "/etc", "/boot", "/srv"].first(where: {
                ConfigurationPath.isInside(tree, $0)
            }) {
                warn(key, "every job can read \(ShownText.quoted(tree)): make sure that no secret is in it (\(risky))")
            }
        }
    }

    /// A tree that holds the state, the socket or the configuration would hand all jobs to each job.
    private mutating func checkTreesHideState() {
        guard isKnown("sandbox.trees") else { return }
        var places: [(name: String, path: String)] = []
        if isKnown("state-directory") { places.append(("the state directory", configuration.stateDirectory)) }
        if isKnown("socket") { places.append(("the socket", configuration.socket)) }
        if !configuration.spawnerSocket.isEmpty, isKnown("spawner-socket") {
            places.append(("the spawner's socket", configuration.spawnerSocket))
        }
        if let directory { places.append(("the configuration", directory)) }
        for tree in configuration.sandboxTrees where tree != "/" {
            for place in places {
                let isShown =
                    ConfigurationPath.isInside(place.path, tree)
                    // A tree below the state directory is as bad; one below the others is not.
                    || place.name == "the state directory" && ConfigurationPath.isInside(tree, place.path)
                guard isShown else { continue }
                let message =
                    "\(ShownText.quoted(tree)) would show a job \(place.name), \(ShownText.quoted(place.path))"
                problem("sandbox.trees", "\(message); remove it or move the other")
            }
        }
    }

    private mutating func checkLimits() {
        if isKnown("limits.line", "limits.output"), configuration.limitsLine > configuration.limitsOutput {
            problem("limits.line", "a line may not be longer than limits.output, \(configuration.limitsOutput)")
        }
        if isKnown("limits.idle-output", "limits.wall-clock"),
            configuration.limitsIdleOutput > configuration.limitsWallClock
        {
            warn(
                "limits.idle-output",
                "limits.idle-output has no effect: it is over limits.wall-clock, \(configuration.limitsWallClock)"
            )
        }
        if isKnown("state-directory"), configuration.stateDirectory == "/" {
            problem("state-directory", "\"/\" cannot be the state directory; name one that is Bulkhead's alone")
        }
    }
}
