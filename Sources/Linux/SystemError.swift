import CLinux
import Glibc

/// A system call that failed: which one, on what, and why.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The call as a person would name it, such as `open`.
    public let call: String
    /// What it was called on: a path, a uid; empty when that adds nothing.
    public let subject: String
    public let code: Int32

    public init(_ call: String, _ subject: String = "", code: Int32 = bh_errno()) {
        self.call = call
        self.subject = subject
        self.code = code
    }

    public var description: String {
        "\(call)\(subject.isEmpty ? "" : " \(subject)"): \(SystemError.text(code))"
    }

    /// The system's words for an error number.
    public static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// Runs a call until a signal no longer interrupts it, and throws what else it failed with.
/// - Throws: `SystemError` naming `call` and `subject`.
@discardableResult
@inline(never)  // so that no ARC traffic of the caller can stand between the call and the reading of errno
public func check<Result: SignedInteger>(
    _ call: String, _ subject: @autoclosure () -> String = "", _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = bh_errno()
        if code == EINTR { continue }
        throw SystemError(call, subject(), code: code)
    }
}
