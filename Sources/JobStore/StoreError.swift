import Glibc

/// Why the store refused or failed, in words for the person who has to act on it.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is, for code that has to decide.
    public enum Code: String, Sendable {
        /// No room on the disk or in the quota. Nothing that was acknowledged is lost; the call can be repeated.
        case full
        /// The kernel or SQLite failed in another way.
        case io
        /// What is on disk is not what the store wrote.
        case corrupt
        /// The job is not in a state that the caller expected.
        case conflict
        /// The state machine has no such edge.
        case illegalTransition
        /// No such job.
        case notFound
        /// A job with that id exists.
        case duplicate
        /// A value is malformed or over its limit.
        case invalid
        /// The database was written by a newer version.
        case newerSchema
        /// Others could write the directory, or it is not ours.
        case unsafeDirectory
        /// Another process has the store open.
        case locked
        /// The store has been closed.
        case closed
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened, to what, and what to do next.
    public let message: String

    /// The message.
    public var description: String { message }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// No room at `path`.
    public static func full(_ path: String) -> StoreError {
        StoreError(
            .full,
            "No space is left for \(path). Nothing acknowledged is lost. Free space (or raise the quota) on that file "
                + "system; writing goes on by itself.")
    }

    /// A system call failed with `errno` while doing `action` to `path`.
    static func system(_ action: String, _ path: String, _ number: Int32) -> StoreError {
        if number == ENOSPC || number == EDQUOT { return .full(path) }
        return StoreError(
            .io,
            "Could not \(action) \(path): \(String(cString: strerror(number))). Check that file system and the "
                + "kernel log, then start the supervisor again.")
    }

    static func notFound(_ id: String) -> StoreError {
        StoreError(.notFound, "There is no job \(printable(id)). `runnerctl list` shows the jobs there are.")
    }

    static func invalid(_ what: String) -> StoreError { StoreError(.invalid, what) }

    static let closed = StoreError(
        .closed, "The job store has been closed, so it can do nothing more. Open it again first.")

    /// Text from outside, safe to stand in a message: short, and without control characters.
    static func printable(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(64).map { $0.isASCII && $0.value > 0x20 && $0.value < 0x7F ? $0 : "?" }
        return "\"" + String(String.UnicodeScalarView(shown)) + "\""
    }
}
