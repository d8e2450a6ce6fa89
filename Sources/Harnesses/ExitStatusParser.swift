/// For tools whose output means nothing to us: a run succeeded if it ended with status 0.
struct ExitStatusParser: HarnessParser {
    /// What to call the tool in a reason.
    let tool: String
    let readsOutput = false

    mutating func consume(line: ArraySlice<UInt8>, stream: OutputStream) -> [HarnessEvent] { [] }

    func verdict(_ exit: ToolExit) -> HarnessVerdict {
        exit == .exited(0) ? .succeeded : .failed(reason: ExitReasons.reason(tool: tool, exit))
    }
}
