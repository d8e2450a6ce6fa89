import Glibc
import IPC

/// An operator's connection to a real supervisor.
final class ControlClient {
    private let socket: FrameSocket
    private var nextID: Int64 = 0

    /// - Throws: `Failure`
    init(_ path: String) throws {
        socket = try FrameSocket.connect(path)
        try socket.send(Hello(role: .control, client: "bulkhead-benchmarks"))
        _ = try socket.receive(Deadline(seconds: 10)).decode(Welcome.self)
    }

    /// Sends a request and returns at once.
    /// - Throws: `Failure`
    func send(_ method: ControlMethod, _ params: some Encodable) throws {
        nextID += 1
        try socket.send(Request(id: nextID, method: method.rawValue, params: try JSON(encoding: params)))
    }

    /// The next answer.
    /// - Throws: `Failure` with the supervisor's own words when it is no.
    func answer<T: Decodable>(_ type: T.Type) throws -> T {
        let response = try socket.receive(Deadline(seconds: 30)).decode(Response.self)
        if let problem = response.error { throw Failure("the supervisor refused: \(problem.message)") }
        return try (response.result ?? [:]).decode(type)
    }

    /// - Throws: `Failure`
    func call<T: Decodable>(_ method: ControlMethod, _ params: some Encodable, _ type: T.Type) throws -> T {
        try send(method, params)
        return try answer(type)
    }

    /// - Throws: `Failure`
    func status() throws -> StatusReport { try call(.status, [String: String](), StatusReport.self) }

    /// Runs a job and waits for its end, asking now and then: following its events would be part of what is measured.
    /// - Throws: `Failure` when it does not complete in time.
    func run(_ request: SubmitRequest, seconds: Double) throws -> JobInfo {
        var job = try call(.submit, request, JobInfo.self)
        let deadline = Deadline(seconds: seconds)
        while !job.isFinal {
            guard !deadline.hasPassed else { throw Failure("job \(job.id) did not end within \(Int(seconds)) s") }
            usleep(20_000)
            job = try call(.show, JobReference(job: job.id), JobInfo.self)
        }
        guard job.state == "completed" else {
            throw Failure("job \(job.id) is \(job.state): \(job.outcome?.message ?? "")")
        }
        return job
    }
}
