import CLinux
import Glibc
import Linux

/// What every worker starts from, made once: the executable and the seccomp programs, both as sealed memory files, so
/// that a package upgrade never mixes versions and a job's own exec of the worker needs no path.
struct WorkerImage {
    let executable: Descriptor
    let filters: Descriptor

    private static let maximumExecutable = 256 << 20
    private static let maximumFilters = 1 << 20

    /// Opens the executable. Called while still root where started so: the file may lie where the service user
    /// cannot go.
    /// - Throws: `SystemError`
    static func openExecutable(_ path: String) throws -> Descriptor {
        let content = try readFile(path, limit: maximumExecutable)
        return try Descriptor.sealed("bulkhead-worker", content, executable: true)
    }

    /// Lets the worker executable compile its own filters: policy has one home.
    /// - Throws: `SystemError` or `SpawnerError`
    init(executable: Descriptor) throws {
        self.executable = executable
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let raw = try check("memfd_create") { bh_memfd("bulkhead-filters", 0) }
        filters = Descriptor(owning: raw)
        var compiler = Child(argv: ["bulkhead-worker", "export-filters"], descriptors: [null.raw, filters.raw, 2])
        compiler.executable = executable.raw
        let end: ProcessEnd
        do {
            end = try compiler.run()
        } catch let failure as Child.Failure {
            throw SpawnerError("the worker cannot run from memory (vm.memfd_noexec must not be 2): \(failure)")
        }
        guard end.code == 0 else {
            throw SpawnerError("the worker could not compile its seccomp filters; see its message above")
        }
        try check("seal") { bh_memfd_seal(filters.raw) }
    }
}
