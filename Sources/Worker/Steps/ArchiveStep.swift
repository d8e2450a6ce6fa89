import CLinux
import Glibc
import IPC
import Linux
import Sandbox

/// As A: what could not be published, as a tar archive of the work tree.
struct ArchiveStep {
    let repository: Order.Repository

    init(_ repository: Order.Repository) { self.repository = repository }

    func run() throws -> JSON {
        // Everything with the agent's repository; where that is too large, the files alone.
        if try archive(["."]) { return ["content": "work tree with .git"] }
        if try archive(["--exclude=./.git", "."]) { return ["content": "work tree without .git"] }
        try check("ftruncate") { ftruncate(Step.Descriptors.output, 0) }
        throw StepEnd.refused("the work is larger than limits.artifact (\(repository.maximumArtifact) bytes)")
    }

    private func archive(_ what: [String]) throws -> Bool {
        let limit = UInt64(clamping: repository.maximumArtifact)
        try check("ftruncate") { ftruncate(Step.Descriptors.output, 0) }
        try check("lseek") { lseek(Step.Descriptors.output, 0, SEEK_SET) }
        // The soft limit ends tar by SIGXFSZ; the hard one stays, so that the second try may set it again.
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        try check("getrlimit") { bh_get_rlimit(1, &soft, &hard) }
        try check("setrlimit") { bh_set_rlimit(1, min(limit, hard), hard) }
        let argv =
            ["tar", "--create", "--sparse", "--ignore-failed-read", "--warning=none", "-C", SandboxPath.workspace]
            + what
        let null = try Descriptor.open("/dev/null", O_RDWR)
        let path = environmentVariable("PATH") ?? ""
        let child = Child(
            argv: argv, environment: ["LC_ALL=C", "PATH=\(path)"], path: path,
            descriptors: [null.raw, Step.Descriptors.output, 2])
        return try child.run().code == 0
    }
}
