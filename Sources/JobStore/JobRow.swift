import GRDB

/// How a `JobRecord` and a row of the table `job` turn into each other.
enum JobRow {
    static func record(_ row: Row) throws -> JobRecord {
        JobRecord(
            id: try row.decode(String.self, forColumn: "id"),
            number: try row.decode(Int64.self, forColumn: "number"),
            state: try state(row.decode(String.self, forColumn: "state")),
            phase: try row.decode(String?.self, forColumn: "phase"),
            slot: try row.decode(Int?.self, forColumn: "slot"),
            tenant: try row.decode(String.self, forColumn: "tenant"),
            plane: try row.decode(String.self, forColumn: "plane"),
            submitter: try row.decode(Int64.self, forColumn: "submitter"),
            priority: try row.decode(Int.self, forColumn: "priority"),
            harness: try row.decode(String.self, forColumn: "harness"),
            title: try row.decode(String.self, forColumn: "title"),
            spec: try row.decode(String.self, forColumn: "spec"),
            createdAt: try row.decode(Int64.self, forColumn: "created_at"),
            startedAt: try row.decode(Int64?.self, forColumn: "started_at"),
            endedAt: try row.decode(Int64?.self, forColumn: "ended_at"),
            outcome: try row.decode(String?.self, forColumn: "outcome"),
            isolation: try row.decode(String?.self, forColumn: "isolation"),
            cancelRequested: try row.decode(Bool.self, forColumn: "cancel_requested"))
    }

    static func state(_ name: String) throws(StoreError) -> JobState {
        guard let state = JobState(rawValue: name) else {
            throw StoreError(
                .corrupt,
                "The job store holds the unknown state \(StoreError.printable(name)). Restore it from a backup, or "
                    + "install the version that wrote it.")
        }
        return state
    }

    static func transition(_ row: Row) throws -> Transition {
        Transition(
            job: try row.decode(String.self, forColumn: "job"),
            at: try row.decode(Int64.self, forColumn: "at"),
            from: try state(row.decode(String.self, forColumn: "from_state")),
            to: try state(row.decode(String.self, forColumn: "to_state")),
            reason: try row.decode(String?.self, forColumn: "reason"))
    }

    static func fetch(_ db: Database, id: String) throws -> JobRecord? {
        try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id]).map(record)
    }

    /// Writes the changeable fields of `record`.
    static func save(_ db: Database, _ record: JobRecord) throws {
        try db.execute(
            sql: """
                UPDATE job SET state = ?, phase = ?, slot = ?, started_at = ?, ended_at = ?, outcome = ?,
                    isolation = ?, cancel_requested = ? WHERE id = ?
                """,
            arguments: [
                record.state.rawValue, record.phase, record.slot, record.startedAt, record.endedAt, record.outcome,
                record.isolation, record.cancelRequested, record.id,
            ])
    }
}
