import GRDB

extension JobStore {
    /// Adds a job in state `queued` and gives it its number.
    ///
    /// - Parameter at: now, in milliseconds since the epoch.
    /// - Throws: `duplicate` if the id is taken, `invalid` if a field is malformed or over its limit.
    public func insert(_ job: NewJob, at: Int64) throws(StoreError) -> JobRecord {
        try Limits.check(job)
        try Limits.checkTime(at)
        return try write { db in
            guard try JobRow.fetch(db, id: job.id) == nil else {
                throw StoreError(.duplicate, "There is already a job \(job.id). Send the new one under another id.")
            }
            try db.execute(
                sql: """
                    INSERT INTO job (id, state, tenant, plane, submitter, priority, harness, title, spec, created_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    job.id, JobState.queued.rawValue, job.tenant, job.plane, job.submitter, job.priority, job.harness,
                    job.title, job.spec, at,
                ])
            return try Self.require(db, job.id)
        }
    }

    /// Moves a job along one edge of the state machine and writes the history row in the same transaction.
    ///
    /// `update` may change the other changeable fields; it sees the new state and must not call the store. Unless it
    /// sets them, `startedAt` becomes `at` when the job first runs, and `endedAt` when it ends.
    ///
    /// - Parameters:
    ///   - from: the states in which the caller believes the job to be.
    ///   - at: now, in milliseconds since the epoch.
    ///   - reason: for people; cut at 4 KiB.
    /// - Returns: the job as it now is.
    /// - Throws: `notFound`; `conflict` if the job is in none of `from`; `illegalTransition` if there is no such edge;
    ///   `invalid` if `update` changed what cannot change or a field is over its limit. Nothing is written then.
    @discardableResult
    public func transition(
        _ id: String, from: Set<JobState>, to: JobState, at: Int64, reason: String? = nil,
        update: (inout JobRecord) -> Void = { _ in }
    ) throws(StoreError) -> JobRecord {
        try Limits.checkTime(at)
        return try write { db in
            var record = try Self.require(db, id)
            let current = record.state
            guard from.contains(current) else {
                let wanted = from.map(\.rawValue).sorted().joined(separator: " or ")
                throw StoreError(
                    .conflict,
                    "Job \(id) is \(current.rawValue), not \(wanted), so it cannot become \(to.rawValue). Read it again."
                )
            }
            guard current.allows(to) else {
                throw StoreError(
                    .illegalTransition,
                    "Job \(id) is \(current.rawValue) and cannot become \(to.rawValue): there is no such step.")
            }
            record.state = to
            record = try Self.applying(update, to: record)
            if to == .running, record.startedAt == nil { record.startedAt = at }
            if to.isFinal, record.endedAt == nil { record.endedAt = at }
            try JobRow.save(db, record)
            try db.execute(
                sql: "INSERT INTO transition (job, at, from_state, to_state, reason) VALUES (?, ?, ?, ?, ?)",
                arguments: [id, at, current.rawValue, to.rawValue, Limits.reason(reason)])
            return record
        }
    }

    /// Changes fields of a job that leave its state as it is. `change` must not call the store.
    ///
    /// - Returns: the job as it now is.
    /// - Throws: `notFound`; `invalid` if `change` touched the state or a fixed field, or a field is over its limit.
    @discardableResult
    public func update(_ id: String, _ change: (inout JobRecord) -> Void) throws(StoreError) -> JobRecord {
        try write { db in
            let record = try Self.applying(change, to: Self.require(db, id))
            try JobRow.save(db, record)
            return record
        }
    }

    /// Forgets a job that has ended: its events, its history and its row, in this order, so that a crash in between
    /// leaves a job without events and never events without a job.
    ///
    /// - Throws: `notFound`; `conflict` if the job has not ended.
    public func remove(_ id: String) throws(StoreError) {
        let record = try read { db in try Self.require(db, id) }
        guard record.state.isFinal else {
            throw StoreError(
                .conflict, "Job \(id) is \(record.state.rawValue) and has not ended. Cancel it before removing it.")
        }
        try events.remove(job: id)
        try write { db in try db.execute(sql: "DELETE FROM job WHERE id = ?", arguments: [id]) }
    }

    /// A setting of the supervisor that outlives it, such as drain; nil if it was never set.
    public func setting(_ key: String) throws(StoreError) -> String? {
        try Limits.checkText("setting's name", key, max: Limits.nameBytes, min: 1)
        return try read { db in
            try String.fetchOne(db, sql: "SELECT value FROM setting WHERE key = ?", arguments: [key])
        }
    }

    /// Sets a setting (name of 1 to 128 bytes, value of at most 64 KiB), or removes it with nil.
    ///
    /// - Throws: `invalid` over those limits.
    public func set(_ key: String, _ value: String?) throws(StoreError) {
        try Limits.checkText("setting's name", key, max: Limits.nameBytes, min: 1)
        try Limits.checkText("setting's value", value, max: Limits.settingBytes)
        try write { db in
            if let value {
                try db.execute(
                    sql: "INSERT INTO setting VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    arguments: [key, value])
            } else {
                try db.execute(sql: "DELETE FROM setting WHERE key = ?", arguments: [key])
            }
        }
    }

    /// What `change` makes of `record`, if it touched only what may change.
    private static func applying(
        _ change: (inout JobRecord) -> Void, to record: JobRecord
    ) throws(StoreError) -> JobRecord {
        var changed = record
        change(&changed)
        guard record.takingChanges(of: changed) == changed else {
            throw .invalid(
                "An update of job \(record.id) touched its state or a field that never changes. Use transition for a "
                    + "state.")
        }
        try Limits.checkChanges(changed)
        return changed
    }

    private static func require(_ db: Database, _ id: String) throws -> JobRecord {
        guard Limits.isID(id), let record = try JobRow.fetch(db, id: id) else { throw StoreError.notFound(id) }
        return record
    }
}
