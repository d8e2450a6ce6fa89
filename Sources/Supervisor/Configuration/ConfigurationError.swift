/// Everything that is wrong with a configuration, so that one edit can mend it.
public struct ConfigurationError: Error, Sendable, Equatable {
    /// One thing that is wrong.
    public struct Problem: Sendable, Equatable {
        /// The file it is in, or nil if it is in no file (a flag, a variable).
        public let file: String?
        /// The line, from 1, or nil if it is the file as a whole.
        public let line: Int?
        /// What is wrong and what to do.
        public let message: String

        /// Makes a problem of its place and message.
        public init(file: String?, line: Int?, message: String) {
            self.file = file
            self.line = line
            self.message = message
        }
    }

    /// At least one problem, in the order of precedence of the sources, lowest first.
    public let problems: [Problem]

    /// Makes an error of its problems.
    public init(problems: [Problem]) {
        self.problems = problems
    }
}

extension ConfigurationError.Problem: CustomStringConvertible {
    /// `file:line: message`, on one line.
    public var description: String {
        guard let file else { return message }
        guard let line else { return "\(file): \(message)" }
        return "\(file):\(line): \(message)"
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// A hostile file of a megabyte can hold hundreds of thousands of mistakes; a log should not.
    static let shownProblems = 100

    /// One line for each problem; after 100 only how many more there are.
    public var description: String {
        var lines = problems.prefix(Self.shownProblems).map(\.description)
        if problems.count > Self.shownProblems {
            lines.append("and \(problems.count - Self.shownProblems) more problems")
        }
        return lines.joined(separator: "\n")
    }
}
