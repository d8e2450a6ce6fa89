import Glibc

/// Calls `body` with a NULL-terminated array of C strings, as exec wants argv and envp.
public func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws -> Result
) rethrows -> Result {
    var copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return try copies.withUnsafeMutableBufferPointer { buffer in
        // The array holds at least its NULL, so it has a base address; an empty fallback keeps this total.
        guard let base = buffer.baseAddress else { return try withUnsafePointer(to: nil) { try body($0) } }
        return try body(UnsafePointer(base))
    }
}

/// This process's arguments without its name.
public func commandLineArguments() -> [String] { Array(CommandLine.arguments.dropFirst()) }

/// Writes one line to stderr.
public func complain(_ message: String) {
    try? Descriptor(owning: dup(2)).writeAll(Array((message + "\n").utf8))
}
