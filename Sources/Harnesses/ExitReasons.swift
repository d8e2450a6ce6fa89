/// Words for how a process ended.
enum ExitReasons {
    /// Why an exit other than 0 is a failure. `tool` begins or continues a sentence: "claude", "the command".
    static func reason(tool: String, _ exit: ToolExit) -> String {
        switch exit {
        case .signalled(let signal):
            "\(signalled(tool, signal)) \(advice(forSignal: signal))"
        case .exited(126):
            "\(capitalized(tool)) could not be executed in the sandbox (status 126): check that the file is "
                + "executable, and that the interpreter its first line names is there too."
        case .exited(127):
            "\(capitalized(tool)) was not found in the sandbox (status 127, unless a script inside ended so): check "
                + "its name, and that the host has it in a directory that the sandbox shows and its PATH names."
        case .exited(let status) where status > 128 && status <= 128 + 64:
            "\(capitalized(tool)) ended with status \(status), which tools use for \(name(status - 128)). "
                + advice(forSignal: status - 128)
        case .exited(let status):
            "\(capitalized(tool)) ended with status \(status): the end of its output says why."
        }
    }

    /// The name of a signal (Linux, x86-64 and arm64), or its number.
    static func name(_ signal: Int) -> String {
        names[signal].map { "\($0) (signal \(signal))" } ?? "signal \(signal)"
    }

    private static let names = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
        31: "SIGSYS",
    ]

    private static func signalled(_ tool: String, _ signal: Int) -> String {
        "\(capitalized(tool)) was ended by \(name(signal))."
    }

    private static func advice(forSignal signal: Int) -> String {
        switch signal {
        case 2, 15: "If nobody cancelled the job, look for a time limit in its events."
        case 9: "If nobody cancelled the job, look for its memory or time limit in its events."
        case 24: "It used up its processor time: raise that limit or give it less to do."
        case 25: "It wrote a file over the size limit: raise that limit or write less."
        case 31: "It made a system call that the sandbox forbids: its last output may tell which part of it did."
        default: "The end of its output may say why."
        }
    }

    private static func capitalized(_ tool: String) -> String {
        // Only the articles: a tool's own name keeps its spelling.
        tool.hasPrefix("the ") ? "T" + tool.dropFirst() : tool
    }
}
