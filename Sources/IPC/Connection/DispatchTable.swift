/// Which message may come in which state of a connection (OpenSSH's monitor is the model): a message outside its
/// state, or a once-only one repeated, ends the connection.
public struct DispatchTable<State: Hashable & Sendable>: Sendable {
    public struct Rule: Sendable {
        let states: Set<State>
        let once: Bool
        public static func `in`(_ states: State...) -> Rule { Rule(states: Set(states), once: false) }
        public static func once(_ states: State...) -> Rule { Rule(states: Set(states), once: true) }
    }

    private let rules: [String: Rule]
    private var seen: Set<String> = []

    public init(_ rules: [String: Rule]) { self.rules = rules }

    /// The types that the table knows.
    public var types: [String] { rules.keys.sorted() }

    /// Passes the message or throws what is wrong with it.
    public mutating func admit(_ type: String, in state: State) throws(ProtocolError) {
        guard let rule = rules[type] else {
            throw ProtocolError(.unexpected, "unknown message type \"\(type.prefix(40))\"")
        }
        guard rule.states.contains(state) else {
            throw ProtocolError(.unexpected, "\(type) is not allowed in state \(state)")
        }
        if rule.once, !seen.insert(type).inserted { throw ProtocolError(.unexpected, "\(type) may come only once") }
    }
}
