import Foundation
import Glibc
import IPC

/// A real supervisor with a store of its own.
final class SupervisorHost {
    let program: Program
    let client: ControlClient
    let directory: String

    /// Starts it, and waits until it can run jobs.
    /// - Parameter name: of its directory below the work directory.
    /// - Throws: `Failure`
    init(binaries: String, work: WorkDirectory, name: String, slots: Int) throws {
        directory = try work.makeDirectory(name)
        let configuration = directory + "/bulkhead.yaml"
        let text = """
            # What the host cannot give is left out, as bubblewrap leaves it out.
            isolation: available
            slots: \(slots)
            log-level: warning
            sandbox:
              trees: [/usr, \(work.tools)]
            limits:
              output: 1GiB
            """
        guard FileManager.default.createFile(atPath: configuration, contents: Data((text + "\n").utf8)) else {
            throw Failure.system("write", configuration)
        }
        chmod(configuration, 0o644)
        let socket = directory + "/s.sock"
        let null = try FileHandleOwner.open("/dev/null", O_RDWR)
        let log = try FileHandleOwner.open(work.log, O_WRONLY | O_CREAT | O_APPEND)
        let program = try Program(
            [
                binaries + "/bulkhead-supervisor", "--config", configuration, "--state", directory + "/state",
                "--socket",
                socket,
            ], descriptors: [null.raw, null.raw, log.raw])
        self.program = program

        let deadline = Deadline(seconds: 20)
        var connected: ControlClient?
        while connected == nil {
            guard program.poll() == nil, !deadline.hasPassed else {
                throw Failure("bulkhead-supervisor did not start: \(work.logTail())")
            }
            // The socket is there, and then open to this user, before it is served; the hello waits for that.
            connected = access(socket, R_OK | W_OK) == 0 ? try? ControlClient(socket) : nil
            if connected == nil { usleep(2_000) }
        }
        guard let connected else { throw Failure("bulkhead-supervisor does not answer") }
        client = connected
        while try client.status().tier == "starting" {
            guard !deadline.hasPassed else { throw Failure("the spawner did not become ready: \(work.logTail())") }
            usleep(5_000)
        }
    }

    /// The spawner that it started.
    /// - Throws: `Failure`
    func spawner() throws -> pid_t {
        guard let pid = ProcessMemory.children(of: program.pid).first else {
            throw Failure("the supervisor \(program.pid) has no child")
        }
        return pid
    }

    /// Ends it and removes its files.
    func stop() {
        program.terminate(Deadline(seconds: 10))
        try? FileManager.default.removeItem(atPath: directory)
    }
}
