import Foundation
import Glibc
import Linux

/// A finished command.
struct CommandResult {
    var code: Int32
    var signal: Int32?
    var output: Data
    var errors: Data
    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// A process that was started, and its end once that is there. Foundation's `Process` crashes in its own memory when
/// many threads start short commands; the product's own way to start a program does not.
final class StartedProcess: @unchecked Sendable {  // `end` is touched with the lock held only
    let processIdentifier: Int32
    private let lock = NSLock()
    private var end: ProcessEnd?

    init(_ child: Child) throws {
        processIdentifier = try child.start()
        Thread.detachNewThread { [self] in
            let end = try? ProcessEnd.wait(for: processIdentifier)
            lock.withLock { self.end = end ?? ProcessEnd(siCode: 2, status: SIGKILL) }
        }
    }

    /// How it ended, or nil while it runs.
    var ending: ProcessEnd? { lock.withLock { end } }
    var isRunning: Bool { ending == nil }
}

/// A running command whose output is gathered while it runs.
final class RunningCommand {
    let process: StartedProcess
    private let queue = DispatchQueue(label: "output")
    private let group = DispatchGroup()
    private var output = Data()
    private var errors = Data()

    init(_ arguments: [String], environment: [String: String], directory: String?, input: Data?) throws {
        signal(SIGPIPE, SIG_IGN)  // a command that does not read its input is no reason to end the tests
        let (outputRead, outputWrite) = try Descriptor.pipe()
        let (errorRead, errorWrite) = try Descriptor.pipe()
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let feed = try input.map { _ in try Descriptor.pipe() }
        var child = Child(
            argv: arguments, environment: environment.map { "\($0.key)=\($0.value)" }, path: environment["PATH"] ?? "",
            descriptors: [(feed?.read ?? null).raw, outputWrite.raw, errorWrite.raw])
        child.directory = directory
        process = try StartedProcess(child)
        withExtendedLifetime((outputWrite, errorWrite, null)) {}
        outputWrite.close()
        errorWrite.close()
        gather(outputRead.release()) { self.output += $0 }
        gather(errorRead.release()) { self.errors += $0 }
        if let feed, let input {
            feed.read.close()
            try? feed.write.writeAll(Array(input))
            feed.write.close()
        }
    }

    var pid: Int32 { process.processIdentifier }

    /// Reads with a thread of its own, to the end of the stream; takes over `descriptor`.
    private func gather(_ descriptor: Int32, _ append: @escaping (Data) -> Void) {
        group.enter()
        let queue = queue
        let group = group
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
        if !wait(seconds, until: { !process.isRunning }) {
            kill(process.processIdentifier, SIGKILL)
            wait(5, until: { !process.isRunning })
        }
        // A child of the command may hold its pipes; what was printed until now is what counts.
        _ = group.wait(timeout: .now() + 5)
        let end = process.ending ?? ProcessEnd(siCode: 2, status: SIGKILL)
        return queue.sync {
            CommandResult(code: end.code ?? -1, signal: end.signal, output: output, errors: errors)
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
