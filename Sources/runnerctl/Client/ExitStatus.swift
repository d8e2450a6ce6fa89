import IPC

/// The exit codes, a contract with scripts.
enum ExitStatus {
    static let done: Int32 = 0
    static let failed: Int32 = 1
    static let usage: Int32 = 2
    static let noSupervisor: Int32 = 3
    static let refused: Int32 = 4
    static let timedOut: Int32 = 124
    static let cancelled: Int32 = 130

    /// The exit code of `run` for a job that is over.
    static func of(_ job: JobInfo) -> Int32 {
        switch job.outcome?.reason {
        case "publish-refused": return refused
        case "timed-out", "idle": return timedOut
        case "cancelled": return cancelled
        default: break
        }
        switch job.state {
        case "completed": return done
        case "cancelled": return cancelled
        default: return failed
        }
    }
}

/// Why a command ends otherwise than it should. The message says what happened and what to do next.
struct CommandFailure: Error, Equatable, CustomStringConvertible {
    let code: Int32
    let message: String
    var description: String { message }

    init(_ code: Int32, _ message: String) {
        self.code = code
        self.message = message
    }

    /// What the supervisor answered, with the exit code that it means.
    init(_ error: ProtocolError) {
        let code =
            switch error.code {
            case .refused, .notPermitted: ExitStatus.refused
            case .invalid, .notFound, .ambiguous: ExitStatus.usage
            case .wrongVersion, .stalled: ExitStatus.noSupervisor
            default: ExitStatus.failed
            }
        self.init(code, error.message)
    }

    static func usage(_ message: String) -> CommandFailure { CommandFailure(ExitStatus.usage, message) }
    static func failed(_ message: String) -> CommandFailure { CommandFailure(ExitStatus.failed, message) }
    static func lost(_ message: String) -> CommandFailure { CommandFailure(ExitStatus.noSupervisor, message) }
}

/// The user asked to leave (Ctrl-C): exit code 130, with nothing more to say.
struct Interrupted: Error {}
