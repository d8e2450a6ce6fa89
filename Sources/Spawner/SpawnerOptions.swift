/// The command line of `bulkhead-spawner`.
public struct SpawnerOptions: Sendable {
    public enum Channel: Sendable, Equatable {
        /// A connected socket inherited from the supervisor that started this process.
        case descriptor(Int32)
        /// A socket of its own, for a unit of its own; one supervisor at a time, of the same user.
        case listen(String)
    }

    public var channel: Channel
    public var worker: String
    /// The directory that holds the workers' name of the supervisor's socket; the working directory of every worker.
    public var directory: String
    public var slots: Int
    /// First host uid (and gid) of slot 0; four a slot. nil asks for the single-uid tier.
    public var firstUID: UInt32?
    /// The user to become when started as root.
    public var user: UInt32?
    public var group: UInt32?

    public static let usage = """
        usage: bulkhead-spawner (--channel FD | --listen PATH) --worker FILE --directory DIR --slots N
                                [--first-uid N] [--user UID --group GID]
        """

    /// - Throws: `SpawnerError` naming the argument.
    public init(_ arguments: [String]) throws {
        var values: [String: String] = [:]
        var rest = arguments[...]
        let known: Set = [
            "--channel", "--listen", "--worker", "--directory", "--slots", "--first-uid", "--user", "--group",
        ]
        while let name = rest.popFirst() {
            guard known.contains(name) else { throw SpawnerError("unknown argument \(name)\n\(Self.usage)") }
            guard let value = rest.popFirst() else { throw SpawnerError("\(name) needs a value\n\(Self.usage)") }
            guard values.updateValue(value, forKey: name) == nil else { throw SpawnerError("\(name) is given twice") }
        }
        func number(_ name: String) throws -> UInt32? {
            guard let text = values[name] else { return nil }
            guard let number = UInt32(text) else { throw SpawnerError("\(name) needs a number, not \"\(text)\"") }
            return number
        }
        switch (try number("--channel"), values["--listen"]) {
        case (let descriptor?, nil): channel = .descriptor(Int32(clamping: descriptor))
        case (nil, let path?): channel = .listen(path)
        default: throw SpawnerError("one of --channel and --listen is needed\n\(Self.usage)")
        }
        guard let worker = values["--worker"], let directory = values["--directory"], let slots = try number("--slots")
        else {
            throw SpawnerError("--worker, --directory and --slots are needed\n\(Self.usage)")
        }
        guard (1...1024).contains(slots) else { throw SpawnerError("--slots is 1 to 1024") }
        self.worker = worker
        self.directory = directory
        self.slots = Int(slots)
        firstUID = try number("--first-uid")
        user = try number("--user")
        group = try number("--group")
        if let firstUID {
            let (last, overflow) = firstUID.addingReportingOverflow(slots * UInt32(IDMap.idsPerSlot))
            guard firstUID >= 1000, !overflow, last < UInt32.max else {
                throw SpawnerError("--first-uid \(firstUID): \(slots) slots need 4 ids each, from 1000 up")
            }
            for (name, id) in [("--user", user), ("--group", group)] {
                if let id, id >= firstUID, id < last { throw SpawnerError("\(name) \(id) is one of the jobs' own ids") }
            }
        }
    }
}

/// What the spawner says before it gives up.
public struct SpawnerError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
