import GRDB

extension JobStore {
    /// The job with exactly this id.
    public func job(_ id: String) throws(StoreError) -> JobRecord? {
        guard Limits.isID(id) else { return nil }
        return try read { db in try JobRow.fetch(db, id: id) }
    }

    /// The ids that start with `prefix`, in alphabetical order; none if it holds a character that no id has.
    ///
    /// - Parameter limit: at most 10,000 are returned, whatever it says.
    public func matching(prefix: String, limit: Int) throws(StoreError) -> [String] {
        guard prefix.utf8.count <= 64, Limits.isIDText(prefix) else { return [] }
        return try read { db in
            // "{" is the character after "z", the last of the alphabet: a range that the index serves.
            try String.fetchAll(
                db, sql: "SELECT id FROM job WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
                arguments: [prefix, prefix + "{", Self.rows(limit)])
        }
    }

    /// Jobs, newest first.
    ///
    /// - Parameters:
    ///   - states: only jobs in these; nil means all.
    ///   - limit: at most 10,000 are returned, whatever it says. A record can hold 1 MiB: page with `before`.
    ///   - number: only jobs older than this one.
    public func jobs(
        states: Set<JobState>?, limit: Int, before number: Int64? = nil
    ) throws(StoreError) -> [JobRecord] {
        let chosen = states.map { $0.map(\.rawValue).sorted() } ?? JobState.allCases.map(\.rawValue)
        guard !chosen.isEmpty else { return [] }
        let marks = chosen.map { _ in "?" }.joined(separator: ", ")
        // Without a choice, no condition on the state: the table is then read in its own order.
        let condition = states == nil ? "" : "state IN (\(marks)) AND "
        var arguments = StatementArguments(states == nil ? [] : chosen)
        arguments += [number ?? Int64.max, Self.rows(limit)]
        return try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM job WHERE \(condition)number < ? ORDER BY number DESC LIMIT ?",
                arguments: arguments
            ).map(JobRow.record)
        }
    }

    /// The statement behind `nextQueued`; a test asks SQLite for its plan. The index is named because SQLite, knowing
    /// nothing of the sizes, would rather find all queued jobs by state and sort them.
    static let nextQueuedSQL = """
        SELECT * FROM job INDEXED BY job_queue WHERE state = 'queued' ORDER BY priority DESC, number LIMIT 1
        """

    /// The queued job that runs next: the highest priority, and among equals the oldest.
    public func nextQueued() throws(StoreError) -> JobRecord? {
        try read { db in try Row.fetchOne(db, sql: Self.nextQueuedSQL).map(JobRow.record) }
    }

    /// How many jobs are in `state`.
    public func count(_ state: JobState) throws(StoreError) -> Int {
        try read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM job WHERE state = ?", arguments: [state.rawValue]) ?? 0
        }
    }

    /// How many jobs are in each state; every state is a key.
    public func counts() throws(StoreError) -> [JobState: Int] {
        try read { db in
            var result = Dictionary(uniqueKeysWithValues: JobState.allCases.map { ($0, 0) })
            for row in try Row.fetchAll(db, sql: "SELECT state, count(*) AS n FROM job GROUP BY state") {
                result[try JobRow.state(row.decode(String.self, forColumn: "state"))] = try row.decode(forColumn: "n")
            }
            return result
        }
    }

    /// Every job that has not ended, oldest first: what a supervisor that starts has to take up again.
    public func unfinished() throws(StoreError) -> [JobRecord] {
        try read { db in
            let states = JobState.allCases.filter { !$0.isFinal }.map(\.rawValue)
            let marks = states.map { _ in "?" }.joined(separator: ", ")
            return try Row.fetchAll(
                db, sql: "SELECT * FROM job WHERE state IN (\(marks)) ORDER BY number",
                arguments: StatementArguments(states)
            ).map(JobRow.record)
        }
    }

    /// The history of a job, oldest first; the newest 10,000 entries. Empty for a job that is still as it was inserted.
    public func transitions(_ id: String) throws(StoreError) -> [Transition] {
        guard Limits.isID(id) else { return [] }
        return try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM transition WHERE job = ? ORDER BY number DESC LIMIT ?",
                arguments: [id, Limits.rows]
            ).map(JobRow.transition).reversed()
        }
    }

    /// How many queued jobs run before this one; nil if it is not queued.
    public func position(of id: String) throws(StoreError) -> Int? {
        guard Limits.isID(id) else { return nil }
        return try read { db in
            guard let job = try JobRow.fetch(db, id: id), job.state == .queued else { return nil }
            // Two ranges of the partial index; one condition joined by OR would read all of the queue.
            return try Int.fetchOne(
                db,
                sql: """
                    SELECT (SELECT count(*) FROM job INDEXED BY job_queue WHERE state = 'queued' AND priority > ?1)
                        + (SELECT count(*) FROM job INDEXED BY job_queue
                            WHERE state = 'queued' AND priority = ?1 AND number < ?2)
                    """,
                arguments: [job.priority, job.number])
        }
    }

    private static func rows(_ limit: Int) -> Int { max(0, min(limit, Limits.rows)) }
}
