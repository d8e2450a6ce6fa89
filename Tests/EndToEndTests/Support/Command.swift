import Foundation
import Glibc

/// A finished command.
struct CommandResult {
    var code: Int32
    var signal: Int32?
    var output: Data
    var errors: Data
    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// A running command whose output is gathered while it runs.
final class RunningCommand {
    let process = Process()
    private let outputPipe = Pipe()
    private let errorPipe = Pipe()
    private let queue = DispatchQueue(label: "output")
    private let group = DispatchGroup()
    private var output = Data()
    private var errors = Data()

    init(_ arguments: [String], environment: [String: String], directory: String?, input: Data?) throws {
        process.executableURL = URL(fileURLWithPath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.environment = environment
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        process.standardOutput = outputPipe
        process.standardError = errorPipe
        let inputPipe = input.map { _ in Pipe() }
        process.standardInput = inputPipe ?? FileHandle.nullDevice
        try process.run()
        gather(outputPipe) { self.output += $0 }
        gather(errorPipe) { self.errors += $0 }
        if let inputPipe, let input {
            try? inputPipe.fileHandleForWriting.write(contentsOf: input)
            try? inputPipe.fileHandleForWriting.close()
        }
    }

    var pid: Int32 { process.processIdentifier }

    /// Reads with a thread of its own: `readabilityHandler` can crash in the library's event loop when many short
    /// commands come and go.
    private func gather(_ pipe: Pipe, _ append: @escaping (Data) -> Void) {
        group.enter()
        let queue = queue
        let group = group
        let descriptor = fcntl(pipe.fileHandleForReading.fileDescriptor, F_DUPFD_CLOEXEC, 0)
        nonisolated(unsafe) let append = append  // called on `queue` only, which serialises both streams
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                let data = Data(buffer.prefix(count))
                queue.sync { append(data) }
            }
            close(descriptor)
            group.leave()
        }
    }

    /// What stderr held so far.
    var errorsSoFar: String { queue.sync { String(decoding: errors, as: UTF8.self) } }
    var outputSoFar: String { queue.sync { String(decoding: output, as: UTF8.self) } }

    /// Waits for the condition, looking again whenever a little time has passed; bounded.
    @discardableResult
    func wait(_ seconds: Double = 20, until condition: () -> Bool) -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if condition() { return true }
            usleep(5000)
        }
        return condition()
    }

    /// Waits for the end; kills what takes longer.
    func finish(_ seconds: Double = 60) -> CommandResult {
        // Not waitUntilExit: it waits for every descendant that inherited a descriptor of Foundation's too.
        if !wait(seconds, until: { !process.isRunning }) {
            kill(process.processIdentifier, SIGKILL)
            wait(5, until: { !process.isRunning })
        }
        guard !process.isRunning else {
            return queue.sync { CommandResult(code: -1, signal: SIGKILL, output: output, errors: errors) }
        }
        // A child of the command may hold its pipes; what was printed until now is what counts.
        _ = group.wait(timeout: .now() + 5)
        let isSignal = process.terminationReason == .uncaughtSignal
        return queue.sync {
            CommandResult(
                code: isSignal ? -1 : process.terminationStatus, signal: isSignal ? process.terminationStatus : nil,
                output: output,
                errors: errors)
        }
    }
}

/// Runs a command to its end, bounded.
@discardableResult
func run(
    _ arguments: [String], environment: [String: String] = [:], directory: String? = nil, input: Data? = nil,
    seconds: Double = 60
) throws -> CommandResult {
    var variables = [
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent",
    ]
    variables.merge(environment) { _, new in new }
    return try RunningCommand(arguments, environment: variables, directory: directory, input: input).finish(seconds)
}

/// Waits for a condition of the outside world, such as a process being gone; bounded.
func eventually(_ seconds: Double = 20, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
        if try condition() { return true }
        usleep(5000)
    }
    return try condition()
}
