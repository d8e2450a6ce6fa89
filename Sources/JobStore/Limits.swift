/// The bounds on everything that reaches the store, and the checks for them.
enum Limits {
    static let specBytes = 512 << 10
    static let jsonBytes = 256 << 10
    static let reasonBytes = 4 << 10
    static let titleBytes = 1 << 10
    static let nameBytes = 128
    static let phaseBytes = 64
    static let settingBytes = 64 << 10
    /// The most rows one listing returns.
    static let rows = 10_000

    /// Whether `id` may name a job. It is used as a file name, so the alphabet is closed: no dot, no slash, no case.
    static func isID(_ id: String) -> Bool {
        (2...64).contains(id.utf8.count) && isIDText(id)
    }

    /// Whether `text` holds only characters of ids.
    static func isIDText(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
    }

    static func checkID(_ id: String) throws(StoreError) {
        guard isID(id) else {
            throw .invalid(
                "\(StoreError.printable(id)) cannot be a job id. An id has 2 to 64 characters of a-z and 0-9.")
        }
    }

    /// Refuses text that is too long, or that holds a NUL: SQLite would silently store only what stands before it.
    static func checkText(_ name: String, _ text: String?, max: Int, min: Int = 0) throws(StoreError) {
        guard let text else { return }
        guard text.utf8.count >= min, text.utf8.count <= max else {
            throw .invalid(
                "The \(name) of the job has \(text.utf8.count) bytes. Give it \(min) to \(max) bytes and send it again."
            )
        }
        guard !text.utf8.contains(0) else {
            throw .invalid("The \(name) of the job holds a NUL character. Remove it and send it again.")
        }
    }

    static func checkTime(_ at: Int64) throws(StoreError) {
        guard at >= 0 else {
            throw .invalid("The time \(at) lies before 1970. Set the host's clock.")
        }
    }

    static func check(_ job: NewJob) throws(StoreError) {
        try checkID(job.id)
        try checkText("tenant", job.tenant, max: nameBytes, min: 1)
        try checkText("control plane", job.plane, max: nameBytes, min: 1)
        try checkText("harness", job.harness, max: nameBytes, min: 1)
        try checkText("title", job.title, max: titleBytes)
        try checkText("spec", job.spec, max: specBytes)
        guard (0...Int64(UInt32.max)).contains(job.submitter) else {
            throw .invalid("The submitter \(job.submitter) is not a uid. Send the uid of the peer's credentials.")
        }
    }

    /// Checks the fields that `update` and `transition` can change.
    static func checkChanges(_ record: JobRecord) throws(StoreError) {
        try checkText("phase", record.phase, max: phaseBytes)
        try checkText("outcome", record.outcome, max: jsonBytes)
        try checkText("isolation", record.isolation, max: jsonBytes)
    }

    /// A reason that fits. It is cut and not refused: a job must be able to fail whatever the reason's text is.
    static func reason(_ text: String?) -> String? {
        guard let text else { return nil }
        var result = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            let shown: Unicode.Scalar = scalar.value == 0 ? "\u{FFFD}" : scalar
            bytes += UTF8.width(shown)
            if bytes > reasonBytes { break }
            result.append(shown)
        }
        return String(result)
    }
}
