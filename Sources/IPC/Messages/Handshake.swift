/// The first frame of every connection, at most 4 KiB, within 5 seconds.
public struct Hello: Message {
    public static let type = "hello"
    public enum Role: String, Codable, Sendable { case control, worker }

    public var `protocol`: Int
    public var role: Role
    /// Name and version of the program, for logs only.
    public var client: String
    /// Worker only: the job it was forked for and the job's secret (64 hexadecimal digits).
    public var job: String?
    public var secret: String?

    public init(
        protocol version: Int = protocolVersion, role: Role, client: String, job: String? = nil, secret: String? = nil
    ) {
        self.protocol = version
        self.role = role
        self.client = client
        self.job = job
        self.secret = secret
    }
}

/// The supervisor's answer to a hello it accepts.
public struct Welcome: Message {
    public static let type = "welcome"
    public var `protocol`: Int
    public var server: String
    public var pid: Int

    public init(server: String, pid: Int) {
        self.protocol = protocolVersion
        self.server = server
        self.pid = pid
    }
}

/// The last frame before the supervisor closes a connection because of what the peer did.
public struct Failure: Message {
    public static let type = "error"
    public var code: String
    public var message: String

    public init(_ error: ProtocolError) {
        code = error.code.rawValue
        message = error.message
    }

    public var error: ProtocolError { ProtocolError(.init(rawValue: code), message) }
}
