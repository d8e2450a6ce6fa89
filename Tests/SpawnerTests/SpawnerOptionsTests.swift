import Testing

@testable import Spawner

@Suite("Spawner options")
struct SpawnerOptionsTests {
    /// What the supervisor passes.
    private static let usual = [
        "--channel", "3", "--worker", "/w", "--directory", "/d", "--slots", "4", "--first-uid", "100000",
        "--user", "990", "--group", "990",
    ]

    /// The usual arguments with one changed, or taken away.
    private func arguments(_ name: String, _ value: String?) -> [String] {
        var arguments = Self.usual
        if let place = arguments.firstIndex(of: name) {
            if let value { arguments[place + 1] = value } else { arguments.removeSubrange(place...(place + 1)) }
        } else if let value {
            arguments += [name, value]
        }
        return arguments
    }

    /// What is said about arguments that are refused; nil where they are taken.
    private func refusal(_ arguments: [String]) throws -> String? {
        do {
            _ = try SpawnerOptions(arguments)
            return nil
        } catch let error as SpawnerError {
            return error.description
        }
    }

    @Test("The supervisor's own arguments are taken as they are")
    func usualArguments() throws {
        let options = try SpawnerOptions(Self.usual)
        #expect(options.channel == .descriptor(3))
        #expect(options.worker == "/w")
        #expect(options.directory == "/d")
        #expect(options.slots == 4)
        #expect(options.firstUID == 100_000)
        #expect(options.user == 990)
        #expect(options.group == 990)
    }

    @Test("A unit's spawner listens by itself, and without a range asks for the single-uid tier")
    func listening() throws {
        let options = try SpawnerOptions(["--listen", "/run/s", "--worker", "/w", "--directory", "/d", "--slots", "1"])
        #expect(options.channel == .listen("/run/s"))
        #expect(options.firstUID == nil)
        #expect(options.user == nil)
    }

    @Test("An unknown argument is refused", arguments: ["--uid", "-h", "", "slots", "--Slots", "--slots=4"])
    func unknownArgument(name: String) throws {
        let text = try #require(try refusal(Self.usual + [name, "1"]))
        #expect(text.contains("unknown argument \(name)"))
        #expect(text.contains("usage:"))
    }

    @Test("An argument without its value is refused")
    func missingValue() throws {
        for name in ["--channel", "--worker", "--slots", "--first-uid", "--user", "--group", "--listen"] {
            let text = try #require(try refusal(arguments(name, nil) + [name]))
            #expect(text.contains("\(name) needs a value"))
        }
    }

    @Test("An argument that is given twice is refused, even with the same value")
    func givenTwice() throws {
        for (name, value) in [("--worker", "/w"), ("--slots", "4"), ("--user", "990"), ("--channel", "3")] {
            #expect(try refusal(Self.usual + [name, value])?.contains("\(name) is given twice") == true)
        }
    }

    @Test("Exactly one channel is needed")
    func oneChannel() throws {
        #expect(try refusal(arguments("--channel", nil))?.contains("--channel and --listen") == true)
        #expect(try refusal(Self.usual + ["--listen", "/run/s"])?.contains("--channel and --listen") == true)
    }

    @Test("Worker, directory and slots cannot be left out", arguments: ["--worker", "--directory", "--slots"])
    func required(name: String) throws {
        #expect(try refusal(arguments(name, nil))?.contains("are needed") == true)
    }

    @Test(
        "What is no number is refused",
        arguments: ["", "x", "-1", "1.5", "0x10", " 4", "4294967296", "99999999999999999999"])
    func badNumber(value: String) throws {
        for name in ["--channel", "--slots", "--first-uid", "--user", "--group"] {
            #expect(try refusal(arguments(name, value))?.contains("\(name) needs a number") == true, "\(name)")
        }
    }

    @Test("There are 1 to 1024 slots")
    func slots() throws {
        for (value, isTaken) in [("0", false), ("1", true), ("1024", true), ("1025", false), ("4294967295", false)] {
            #expect((try refusal(arguments("--slots", value)) == nil) == isTaken, "\(value)")
        }
    }

    @Test("A range below 1000 is refused: those ids belong to the system")
    func lowRange() throws {
        for value in ["0", "1", "999"] {
            #expect(try refusal(arguments("--first-uid", value))?.contains("from 1000 up") == true, "\(value)")
        }
        #expect(try refusal(arguments("--first-uid", "1000")) == nil)
    }

    @Test("A range that reaches past the last id is refused")
    func overflowingRange() throws {
        // 4294967295 is "no uid" to the kernel: the last slot may end at 4294967294.
        for value in ["4294967295", "4294967290", "4294967280"] {
            #expect(try refusal(arguments("--first-uid", value)) != nil, "\(value)")
        }
        #expect(try refusal(arguments("--first-uid", "4294967278")) == nil)
    }

    @Test("The service's own uid may not be one of the jobs' ids")
    func overlappingUser() throws {
        for user in ["100000", "100001", "100015"] {
            #expect(try refusal(arguments("--user", user))?.contains("one of the jobs' own ids") == true, "\(user)")
        }
        for user in ["99999", "100016"] { #expect(try refusal(arguments("--user", user)) == nil, "\(user)") }
    }

    @Test("The service's own gid may not be one of the jobs' ids: the gid map is the same range")
    func overlappingGroup() throws {
        for group in ["100000", "100001", "100015"] {
            #expect(try refusal(arguments("--group", group))?.contains("one of the jobs' own ids") == true, "\(group)")
        }
        for group in ["99999", "100016"] { #expect(try refusal(arguments("--group", group)) == nil, "\(group)") }
    }
}
