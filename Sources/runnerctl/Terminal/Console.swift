import CLinux
import IPC
import Linux

/// Standard output for results, standard error for progress, and the width both have.
struct Console {
    let out: Output
    let err: Output
    /// Columns of a line, at least 20.
    let columns: Int

    init(out: Output, err: Output, columns: Int) {
        self.out = out
        self.err = err
        self.columns = max(20, columns)
    }

    static func standard(variable: (String) -> String? = environmentVariable) -> Console {
        let terminal = bh_terminal_columns(1)
        let columns = terminal > 0 ? Int(terminal) : variable("COLUMNS").flatMap { Int($0) } ?? 80
        return Console(out: .standardOutput(), err: .standardError(), columns: min(columns, 1000))
    }

    /// A report: on lines of its own for a person, on one line for a program.
    func json(_ value: JSON) { out.line(out.isTerminal ? value.pretty() : value.line) }

    /// A line about what goes on.
    func progress(_ text: String) { err.line(err.styled(Sanitizer.line(text), .dim)) }

    /// A line that should not be overlooked.
    func warn(_ text: String) { err.line(err.styled(Sanitizer.line(text), .yellow)) }

    /// Tells what could not be written.
    /// - Throws: `CommandFailure` when standard output failed otherwise than by its reader's going away.
    func finish() throws(CommandFailure) {
        if let failure = out.failure { throw .failed("the output could not be written: \(failure)") }
    }
}
