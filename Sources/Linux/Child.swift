import CLinux
import Glibc

/// A program to be forked and executed (see tool.c): the one way from Swift to it.
public struct Child {
    public var argv: [String]
    public var environment: [String]
    /// Where an argv[0] without a slash is looked for; colon-separated.
    public var path: String
    public var directory: String?
    /// Raw descriptors that become 0, 1, 2 and on.
    public var descriptors: [Int32]
    /// An ELF file to execute instead of looking argv[0] up.
    public var executable: Int32 = -1
    /// The uid and gid to take, with no groups.
    public var identity: UInt32?
    /// A Landlock ruleset to enter.
    public var landlock: Int32 = -1
    /// Drop every capability and verify it, and no_new_privs with it.
    public var confined = false

    public init(argv: [String], environment: [String] = [], path: String = "/usr/bin:/bin", descriptors: [Int32]) {
        self.argv = argv
        self.environment = environment
        self.path = path
        self.descriptors = descriptors
    }

    /// Why a program did not start.
    public struct Failure: Error, CustomStringConvertible {
        public let stage: Int32
        public let error: SystemError
        public var description: String { "\(error)" }
        /// The program itself is missing or not executable.
        public var isExec: Bool { stage == Int32(BH_STAGE_EXEC.rawValue) }
    }

    /// - Returns: the pid.
    /// - Throws: `Failure`
    public func start() throws(Failure) -> Int32 {
        guard !argv.isEmpty else {
            throw Failure(
                stage: Int32(BH_STAGE_EXEC.rawValue),
                error: SystemError("start", "a program without a name", code: EINVAL))
        }
        var stage: Int32 = 0
        let pid = withCStrings(argv) { arguments in
            withCStrings(environment) { variables in
                withCStrings([path, directory].compactMap { $0 }) { texts in
                    descriptors.withUnsafeBufferPointer { fds in
                        var tool = bh_tool()
                        tool.executable = executable
                        tool.argv = arguments
                        tool.envp = variables
                        tool.path = UnsafePointer(texts[0])
                        tool.directory = directory == nil ? nil : UnsafePointer(texts[1])
                        tool.fds = fds.baseAddress
                        tool.fd_count = Int32(fds.count)
                        tool.take_ids = identity == nil ? 0 : 1
                        tool.uid = identity ?? 0
                        tool.gid = identity ?? 0
                        tool.landlock = landlock
                        tool.confined = confined ? 1 : 0
                        return bh_spawn_tool(&tool, &stage)
                    }
                }
            }
        }
        guard pid > 0 else { throw Failure(stage: stage, error: SystemError("start", argv.first ?? "")) }
        return pid
    }

    /// Starts it and waits for its end.
    /// - Throws: `Failure` or `SystemError`
    public func run() throws -> ProcessEnd { try ProcessEnd.wait(for: try start()) }
}

/// How a process ended.
public struct ProcessEnd: Equatable, Sendable {
    /// Exit code, or nil when a signal ended it.
    public let code: Int32?
    public let signal: Int32?

    /// From the si_code and si_status of waitid(2).
    public init(siCode: Int32, status: Int32) {
        let exited = siCode == 1  // CLD_EXITED
        code = exited ? status : nil
        signal = exited ? nil : status
    }

    /// - Throws: `SystemError`
    public static func wait(for pid: Int32) throws(SystemError) -> ProcessEnd {
        var code: Int32 = 0
        var status: Int32 = 0
        try check("waitid") { bh_wait(pid, 0, &code, &status) }
        return ProcessEnd(siCode: code, status: status)
    }
}

/// The value of an environment variable, where it is UTF-8.
public func environmentVariable(_ name: String) -> String? {
    getenv(name).flatMap { String(validatingCString: $0) }
}
