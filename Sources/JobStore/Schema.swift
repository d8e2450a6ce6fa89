import GRDB

/// The tables, as migrations that are never edited once released.
enum Schema {
    /// All migrations, oldest first.
    static func migrator() -> DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1-jobs") { db in
            try db.execute(sql: jobs)
        }
        return migrator
    }

    /// Brings the database up to date. A database of a newer version is refused before anything is changed: this
    /// version would not keep what the newer one promised.
    static func migrate(_ queue: DatabaseQueue, path: String) throws {
        let migrator = migrator()
        let unknown = try queue.read { db in
            try migrator.appliedIdentifiers(db).subtracting(migrator.migrations).sorted()
        }
        guard unknown.isEmpty else {
            let names = unknown.prefix(3).map(StoreError.printable).joined(separator: ", ")
            throw StoreError(
                .newerSchema,
                "The job store \(path) was written by a newer version of Bulkhead (it has \(names)). Install that "
                    + "version again, or move the state directory away to start with an empty one.")
        }
        try migrator.migrate(queue)
    }

    // STRICT, so that a column holds the type it says. AUTOINCREMENT, so that the number of a removed job never
    // returns. The partial index holds queued jobs only, in the order in which they run.
    private static let jobs = """
        CREATE TABLE job (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'starting', 'running', 'finishing',
                'completed', 'failed', 'cancelled')),
            phase TEXT,
            slot INTEGER,
            tenant TEXT NOT NULL,
            plane TEXT NOT NULL,
            submitter INTEGER NOT NULL,
            priority INTEGER NOT NULL,
            harness TEXT NOT NULL,
            title TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            ended_at INTEGER,
            cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
            isolation TEXT,
            outcome TEXT,
            spec TEXT NOT NULL
        ) STRICT;
        CREATE INDEX job_queue ON job (priority DESC, number) WHERE state = 'queued';
        CREATE INDEX job_state ON job (state, number);
        CREATE TABLE transition (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            job TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
            at INTEGER NOT NULL,
            from_state TEXT NOT NULL,
            to_state TEXT NOT NULL,
            reason TEXT
        ) STRICT;
        CREATE INDEX transition_job ON transition (job, number);
        CREATE TABLE setting (
            key TEXT PRIMARY KEY,
            value TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
