import Foundation
import Glibc
import Testing

/// A state directory without room: nothing is lost, everything is said, and it goes on when there is room again.
@Suite("A full state directory", .serialized, .enabled(if: Needs.root))
struct FullStateTests {
    /// A state directory on a memory file system of 4 MB.
    private final class SmallDisk {
        let path: String
        private var filler: String { path + "/filler" }

        init(_ path: String, owner: uid_t) throws {
            self.path = path
            mkdir(path, 0o700)
            let mounted = try run([
                "/bin/mount", "-t", "tmpfs", "-o", "size=4m,mode=0700,uid=\(owner),gid=\(owner)", "tmpfs", path,
            ])
            guard mounted.code == 0 else { throw POSIXError(.EPERM) }
        }

        deinit { unmount() }

        func unmount() { umount2(path, Int32(MNT_DETACH)) }

        /// Writes until nothing fits any more.
        func fill() throws {
            let file = open(filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            guard file >= 0 else { throw POSIXError(.EIO) }
            defer { close(file) }
            for size in [65_536, 4096, 1] {
                let zeros = [UInt8](repeating: 0, count: size)
                while write(file, zeros, size) == size {}
            }
        }

        func free() { unlink(filler) }
    }

    @Test(
        "A job is refused with the reason, earlier jobs stay, and with room again the same job runs",
        arguments: Tier.all)
    func full(_ tier: Tier) throws {
        let host = try TestHost(tier, start: false)
        let disk = try SmallDisk(host.state, owner: tier.uid)
        defer {
            host.stop()
            disk.unmount()
        }
        try host.start()
        let repository = try Repository(in: host)
        let first = try host.script(repository, [], "echo first; echo x > new")
        try #require(first.code == 0, "\(first.errors)")

        try disk.fill()
        let before = try Snapshot(of: repository.path)
        let refused = try host.script(repository, [], "echo y > new")
        #expect(refused.code == 1, "\(refused.errors)")
        #expect(refused.errors.contains("full"), "\(refused.errors)")
        let changed = try Snapshot(of: repository.path).changes(since: before)
        #expect(changed == [])
        #expect(try host.runnerctl(["status"]).code == 0)
        #expect(try host.printed(first.id) == "first\n")

        disk.free()
        let second = try host.script(repository, [], "echo y > new")
        #expect(second.code == 0, "\(second.errors)")
        #expect(second.branch != nil)
        host.stopSupervisor()
        try host.start()
        #expect(try host.printed(first.id) == "first\n", "after a start as before")
    }

    @Test("A job whose log finds no room waits for it, and loses nothing", arguments: Tier.all)
    func fullMeanwhile(_ tier: Tier) throws {
        let host = try TestHost(tier, start: false)
        let disk = try SmallDisk(host.state, owner: tier.uid)
        defer {
            host.stop()
            disk.unmount()
        }
        try host.start()
        let repository = try Repository(in: host)
        let job = try host.start(
            [
                "run", "--json", "--repo", repository.path, "--", "sh", "-c",
                "echo started; sleep 1; seq 20000; echo x > new",
            ])
        try #require(job.wait { job.errorsSoFar.contains("started") }, "\(job.errorsSoFar)")
        try disk.fill()
        #expect(host.supervisor?.wait { host.log.contains("waits for the disk") } == true, "\(host.log)")
        #expect(job.process.isRunning)
        disk.free()
        let result = try JobResult(job.finish(30))
        #expect(result.code == 0, "\(result.outcome) \(host.log)")
        #expect(try host.printed(result.id) == "started\n" + (1...20_000).map { "\($0)\n" }.joined())
    }
}
