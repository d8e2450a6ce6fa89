/// An operator's request. `id` is the client's, from 1, and is not used again while the request is open.
public struct Request: Message {
    public static let type = "request"
    public var id: Int64
    public var method: String
    public var params: JSON?
    public var fds: Int?

    public init(id: Int64, method: String, params: JSON? = nil, fds: Int? = nil) {
        self.id = id
        self.method = method
        self.params = params
        self.fds = fds
    }

    public var descriptorCount: Int { fds ?? 0 }
}

/// The answer to a request: a result, or an error.
public struct Response: Message {
    public struct Problem: Codable, Sendable, Equatable {
        public var code: String
        public var message: String
    }

    public static let type = "response"
    public var id: Int64
    public var result: JSON?
    public var error: Problem?
    public var fds: Int?

    public init(id: Int64, result: JSON, fds: Int? = nil) {
        self.id = id
        self.result = result
        self.fds = fds
    }

    public init(id: Int64, error: ProtocolError) {
        self.id = id
        self.error = Problem(code: error.code.rawValue, message: error.message)
    }

    public var descriptorCount: Int { fds ?? 0 }
}

/// One stored event of a subscription (`id` is that of the `events` request). Each takes one credit.
public struct Item: Message {
    public static let type = "item"
    public var id: Int64
    /// The job's sequence number of the first thing in `event`, and how many numbers it takes (a batch of log lines
    /// takes one for each line).
    public var seq: Int64
    public var count: Int
    /// Milliseconds since the epoch.
    public var at: Int64
    public var event: JSON

    public init(id: Int64, seq: Int64, count: Int, at: Int64, event: JSON) {
        self.id = id
        self.seq = seq
        self.count = count
        self.at = at
        self.event = event
    }
}

/// The end of a subscription: nothing of this id follows.
public struct End: Message {
    public static let type = "end"
    public var id: Int64
    /// `finished` (the job is over and all was sent), `caught-up` (not following), or `cancelled`.
    public var reason: String

    public init(id: Int64, reason: String) {
        self.id = id
        self.reason = reason
    }
}

/// Lets the supervisor send this many further items. Without credit it sends and buffers nothing.
public struct Credit: Message {
    public static let type = "credit"
    public var id: Int64
    public var items: Int

    public init(id: Int64, items: Int) {
        self.id = id
        self.items = items
    }
}

/// Ends a subscription early.
public struct Unsubscribe: Message {
    public static let type = "unsubscribe"
    public var id: Int64

    public init(id: Int64) { self.id = id }
}
