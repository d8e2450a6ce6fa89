/// One piece of a harness's argv template. Each gives whole elements: nothing of a request is ever joined into a
/// command string, and no shell reads the result.
enum ArgumentTemplate: Sendable, Equatable {
    /// Always this element.
    case literal(String)
    /// The permission mode asked for, or the default.
    case permissionMode(default: String)
    /// `prefix` and the model in one element (so a value can never be read as an option), or nothing.
    case model(prefix: String)
    /// `prefix` and the turn limit in one element, or nothing.
    case maxTurns(prefix: String)
    /// The operator's command as it is.
    case command

    /// The elements for a request.
    /// - Throws: ``HarnessError`` for a field that is not acceptable.
    func elements(for request: HarnessRequest) throws(HarnessError) -> [String] {
        switch self {
        case .literal(let element): return [element]
        case .permissionMode(let standard):
            return [try RequestChecks.permissionMode(request.permissionMode ?? standard)]
        case .model(let prefix):
            guard let model = request.model else { return [] }
            return [prefix + (try RequestChecks.model(model))]
        case .maxTurns(let prefix):
            guard let maxTurns = request.maxTurns else { return [] }
            return [prefix + String(try RequestChecks.maxTurns(maxTurns))]
        case .command: return try RequestChecks.command(request.argv)
        }
    }
}

/// What a harness does with a prompt.
enum PromptMode: Sendable, Equatable {
    /// It is required, and written to standard input.
    case onStdin
    /// It has no use, and its presence is a mistake of the one who asks.
    case refused
    /// It has no use, and does not matter.
    case ignored
}

/// Which parser reads what the tool prints.
enum ParserKind: Sendable, Equatable {
    /// Output means nothing; the exit status decides.
    case exitStatus(tool: String)
    /// claude's `stream-json`.
    case claude
}
