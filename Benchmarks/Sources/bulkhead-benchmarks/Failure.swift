import Glibc

/// Why a measurement could not be made: what happened, to what, and what to do next.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// A system call that failed, with errno as it is now.
    static func system(_ call: String, _ subject: String = "") -> Failure {
        let code = errno
        return Failure("\(call)\(subject.isEmpty ? "" : " \(subject)"): \(String(cString: strerror(code)))")
    }
}
