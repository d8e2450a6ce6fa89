import Glibc
import IPC
import JobStore
import Linux

/// What each control method does. One place for the table; the work is in `Supervisor`.
extension Supervisor {
    func handle(_ session: ControlSession, _ request: Request, _ descriptors: [Descriptor]) throws {
        guard let method = ControlMethod(rawValue: request.method) else {
            throw ProtocolError(.unknownMethod, "there is no method \"\(request.method.prefix(40))\"")
        }
        guard descriptors.isEmpty || method == .submit else {
            throw ProtocolError(.badDescriptor, "\(method.rawValue) takes no descriptor")
        }
        let id = request.id
        switch method {
        case .submit: try submit(session, id, try params(request, SubmitRequest.self), descriptors)
        case .status: session.answer(id, try statusReport())
        case .jobs: session.answer(id, try jobsReport(try params(request, JobsRequest.self)))
        case .show: session.answer(id, JobInfo(try find(request)))
        case .events: try events(session, id, try params(request, EventsRequest.self))
        case .cancel:
            let cancel = try params(request, CancelRequest.self)
            if let grace = cancel.grace, !(0...3_600_000).contains(grace) {
                throw ProtocolError(.invalid, "grace is 0 to 3600 s")
            }
            session.answer(id, JobInfo(try self.cancel(try find(cancel.job), grace: cancel.grace, by: session.uid)))
        case .pause:
            let duration = try params(request, PauseRequest.self).duration
            if let duration, !(1000...31_536_000_000).contains(duration) {
                throw ProtocolError(.invalid, "a pause lasts 1 s to 1 year")
            }
            try admission.pause(for: duration)
            session.answer(id, try statusReport())
        case .resume:
            try admission.resume()
            schedule()
            session.answer(id, try statusReport())
        case .drain: try drain(session, id, try params(request, DrainRequest.self))
        case .why: session.answer(id, try why(try find(request)))
        case .config: session.answer(id, configReport())
        case .configCheck: session.answer(id, configCheckReport())
        case .doctor: session.answer(id, doctorReport())
        case .result: try file(session, id, try find(request), .results, "has no branch to give")
        case .artifact: try file(session, id, try find(request), .artifacts, "kept no artifact")
        }
    }

    private func params<T: Decodable>(_ request: Request, _ type: T.Type) throws(ProtocolError) -> T {
        do {
            return try (request.params ?? [:]).decode(type)
        } catch {
            throw ProtocolError(.invalid, "\(request.method): \(error)")
        }
    }

    private func find(_ request: Request) throws -> JobRecord { try find(try params(request, JobReference.self).job) }

    /// A job by its id or a unique prefix.
    private func find(_ prefix: String) throws -> JobRecord {
        guard (1...64).contains(prefix.utf8.count),
            prefix.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) })
        else { throw ProtocolError(.invalid, "a job id has letters a-z and digits only") }
        if let record = try store.job(prefix) { return record }
        let matches = try store.matching(prefix: prefix, limit: 4)
        guard let match = matches.first, let record = try store.job(match) else {
            throw ProtocolError(.notFound, "there is no job \(prefix); `runnerctl jobs` lists them")
        }
        guard matches.count == 1 else {
            throw ProtocolError(
                .ambiguous, "\(prefix) is ambiguous: \(matches.joined(separator: ", ")); give more of the id")
        }
        return record
    }

    private func submit(_ session: ControlSession, _ id: Int64, _ request: SubmitRequest, _ descriptors: [Descriptor])
        throws
    {
        let spec = try JobSpec(request, configuration)
        if let reason = admission.refusesNewJobs { throw ProtocolError(.unavailable, reason) }
        if let reason = isolationRefusal() { throw ProtocolError(.refused, reason) }
        guard (try store.count(.queued)) + spooling < configuration.queueLimit else {
            throw ProtocolError(
                .unavailable, "the queue is full (queue-limit \(configuration.queueLimit)); try again later")
        }
        guard descriptors.count == (spec.repository == nil ? 0 : 1) else {
            throw ProtocolError(.badDescriptor, "a job with a repository carries one bundle, and no other carries any")
        }
        let text = String(decoding: try JSON(encoding: spec).bytes(), as: UTF8.self)
        let job = newJobID()
        let accept = { [weak self] in
            guard let self else { return }
            do throws(StoreError) {
                let record = try self.accept(
                    spec, text: text, job: job, submitter: session.uid, priority: request.priority ?? 0)
                session.answer(id, JobInfo(record))
            } catch {
                self.spool.removeAll(job)
                session.answer(id, ControlSession.translate(error))
            }
        }
        guard let bundle = descriptors.first else { return accept() }
        let limit = configuration.limitsBundle.bytes
        _ = try PassedDescriptor.regularFile(bundle, maximum: limit)
        spooling += 1
        do throws(SystemError) {
            let copy = try SpoolCopy(from: bundle, to: spool.path(.inputs, job), limit: limit, loop: loop) {
                [weak self] result in
                self?.spooling -= 1
                switch result {
                case .success: accept()
                case .failure(let error): session.answer(id, Supervisor.spoolProblem(error, limit))
                }
            }
            copy.start()
        } catch {
            spooling -= 1
            throw Supervisor.spoolProblem(error, limit)
        }
    }

    private static func spoolProblem(_ error: SystemError, _ limit: Int64) -> ProtocolError {
        switch error.code {
        case ENOSPC, EDQUOT:
            ProtocolError(
                .unavailable,
                "the state directory is full: the repository's bundle does not fit; free space and run it again")
        case EFBIG:
            ProtocolError(.refused, "the repository's bundle has more than limits.bundle allows (\(limit) bytes)")
        default: ProtocolError(.unavailable, "the bundle cannot be kept: \(error)")
        }
    }

    private func events(_ session: ControlSession, _ id: Int64, _ request: EventsRequest) throws {
        let record = try find(request.job)
        let last = try store.events.lastSequence(job: record.id)
        let from = request.from ?? request.last.map { last - max(0, $0) + 1 } ?? 1
        guard (0...10_000).contains(request.credit) else { throw ProtocolError(.invalid, "credit is 0 to 10000") }
        try session.subscribe(
            id, job: record.id, from: from, follow: request.follow, credit: request.credit, last: last)
    }

    private func drain(_ session: ControlSession, _ id: Int64, _ request: DrainRequest) throws {
        if let deadline = request.deadline, !(0...86_400_000).contains(deadline) {
            throw ProtocolError(.invalid, "a deadline is 0 to 86400 s")
        }
        try admission.drain()
        if let deadline = request.deadline {
            loop.after(milliseconds: deadline) { [weak self] in
                self?.cancelRunning(reason: "the drain's deadline passed")
            }
        }
        guard request.wait else { return session.answer(id, try statusReport()) }
        drainWaiters.append { [weak self, weak session] in
            guard let self, let session, let report = try? self.statusReport() else { return }
            session.answer(id, report)
        }
        settleDrain()
    }

    private func file(
        _ session: ControlSession, _ id: Int64, _ record: JobRecord, _ kind: FileSpool.Kind, _ none: String
    ) throws {
        let info = JobInfo(record)
        guard let size = kind == .results ? info.resultBytes : info.artifactBytes else {
            throw ProtocolError(.notFound, "job \(record.id) \(none) (\(record.state.rawValue))")
        }
        session.answer(id, FileReport(job: record.id, size: size), descriptors: [try spool.open(kind, record.id)])
    }
}
