/// What a tool says about its whole run. All of it is the tool's claim, and no field decides anything that costs.
public struct HarnessResult: Sendable, Equatable {
    /// The last answer, or the errors where there is none; at most ``HarnessLimits/textBytes``.
    public var text: String?
    /// Whether the run failed. True also where the tool did not say, or said it in a way that cannot be read.
    public var isError: Bool
    /// The tool's word for the kind of end. claude says `success` here for API errors too: use ``isError``.
    public var subtype: String?
    /// The cost by the tool's own price list, in US dollars.
    public var costUSD: Double?
    /// How many turns were taken.
    public var turns: Int?
    /// The session, if it is one that can be resumed: 1 to 128 letters, digits, `-` and `_`.
    public var sessionID: String?
    /// How long it took by the tool's clock, in milliseconds.
    public var durationMilliseconds: Int64?
    /// Tokens sent, those read from or written to a cache not counted.
    public var inputTokens: Int64?
    /// Tokens received.
    public var outputTokens: Int64?
    /// Why the run ended, in the tool's words (`completed`, `api_error`, `aborted_tools` …).
    public var terminalReason: String?
    /// The HTTP status of the API error that ended the run, 100 to 599.
    public var apiErrorStatus: Int?

    /// Makes a result; what is not given is unknown.
    public init(
        text: String? = nil, isError: Bool, subtype: String? = nil, costUSD: Double? = nil, turns: Int? = nil,
        sessionID: String? = nil, durationMilliseconds: Int64? = nil, inputTokens: Int64? = nil,
        outputTokens: Int64? = nil, terminalReason: String? = nil, apiErrorStatus: Int? = nil
    ) {
        self.text = text
        self.isError = isError
        self.subtype = subtype
        self.costUSD = costUSD
        self.turns = turns
        self.sessionID = sessionID
        self.durationMilliseconds = durationMilliseconds
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.terminalReason = terminalReason
        self.apiErrorStatus = apiErrorStatus
    }
}
