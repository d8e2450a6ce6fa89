import Foundation
import Glibc
import Testing

/// Canaries planted where secrets are, and a job that looks for them everywhere it can.
@Suite("Secrets and a job", .serialized, .tags(.sandbox), .enabled(if: Needs.python))
struct IsolationSecretTests {
    /// Reads the environment, every process's files and every file below the given roots; says where a canary is. The
    /// canaries come reversed, so that the search does not find itself.
    private static let search = Probe(
        #"""
        needles = [n[::-1].encode() for n in sys.argv[1].split(",")]
        hits, files, size = set(), 0, 0
        def look(path, limit=1 << 20):
            global files, size
            try:
                with open(path, "rb", buffering=0) as f: data = f.read(limit) or b""
            except OSError: return
            files += 1; size += len(data)
            for i, needle in enumerate(needles):
                if needle in data: hits.add("%d:%s" % (i, path))
        def walk(top):
            for directory, subdirectories, names in os.walk(top, followlinks=False):
                if directory == "/": subdirectories[:] = [d for d in subdirectories if d not in ("proc", "sys", "usr")]
                for n in names:
                    path = os.path.join(directory, n)
                    if files < 50000 and os.path.isfile(path): look(path)
        for i, needle in enumerate(needles):
            if any(needle in (k + v) for k, v in os.environb.items()): hits.add("%d:environment" % i)
        for pid in os.listdir("/proc"):
            if not pid.isdigit(): continue
            for name in ("environ", "cmdline", "maps", "mountinfo"): look("/proc/%s/%s" % (pid, name))
        for pid in sys.argv[3].split(","):
            for name in ("root/workspace", "root/tmp", "cwd"): walk("/proc/%s/%s" % (pid, name))
        for top in sys.argv[2].split(","): walk(top)
        for i, needle in enumerate(needles):
            say("found %d" % i, " ".join(sorted(h.split(":", 1)[1] for h in hits if h.startswith("%d:" % i))))
        say("files", files)
        """#)

    @Test(
        "Canaries in the supervisor's environment and files, in root's files and in another job's workspace are nowhere",
        arguments: Tier.all)
    func canaries(tier: Tier) throws {
        func canary(_ name: String) -> String { "canary-\(name)-\(UInt64.random(in: 0...UInt64.max))" }
        let (environment, stateFile, rootFile, workspace) = (canary("e"), canary("s"), canary("r"), canary("w"))
        let host = try TestHost(tier, environment: ["BULKHEAD_CANARY_TOKEN": environment])
        let owner = HostProcess.uids(host.pid).first.map { uid_t($0) } ?? tier.uid
        for (path, text, uid) in [
            (host.state + "/token", stateFile, owner), (host.directory + "/root-only", rootFile, getuid()),
        ] {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            chmod(path, 0o600)
            chown(path, uid, uid)
        }
        let mark = TestHost.mark()
        let neighbour = try host.detach(
            ["--title", "neighbour"],
            [
                "sh", "-c",
                "printf 'canary-w-'>secret; echo \"$1\" >>secret; cp secret /tmp; cp secret /dev/shm; while :; do sleep 1; done",
                mark, String(workspace.dropFirst(9)),
            ])
        let others = try host.started(mark).map(String.init).joined(separator: ",")
        let needles = [environment, stateFile, rootFile, workspace].map { String($0.reversed()) }.joined(separator: ",")

        // Outside: as root everything is found; as the ordinary user what lies in that user's own places.
        let expected: [Int] = tier == .root ? [0, 1, 2, 3] : getuid() == 0 ? [1, 3] : [1, 2, 3]
        var outside: [String: String] = [:]
        let isFound = try eventually(20) {
            outside = try Self.search.outside(tier, [needles, host.directory, others])
            return expected.allSatisfy { !(outside["found \($0)"] ?? "").isEmpty }
        }
        #expect(isFound, "outside each canary is found: \(outside)")

        let inside = try Self.search.inside(host, [needles, "/", others + ",1,2,3"])
        for number in 0..<4 {
            #expect(inside["found \(number)"] == "", "canary \(number): \(inside["found \(number)"] ?? "no answer")")
        }
        #expect(Int(inside["files"] ?? "") ?? 0 > 20, "the search reads files")

        _ = try host.runnerctl(["cancel", neighbour, "--grace", "0"])
        try host.ended(neighbour)
    }

    @Test("The search that finds no canary finds one that is there", arguments: Tier.all)
    func control(tier: Tier) throws {
        let host = try TestHost(tier)
        let command = Self.search.command(["yranac", "/", "1"])
        let script = "printf can >/tmp/own; printf ary >>/tmp/own; exec \"$@\""
        let job = try JobResult(
            host.runnerctl(["run", "--json", "--title", "control", "--", "sh", "-c", script, "sh"] + command))
        #expect(job.state == "completed", "\(job.message) \(job.errors)")
        #expect(try host.printed(job.id).contains("/tmp/own"))
    }

    @Test(
        "What one job leaves in /tmp, /dev/shm and its home the next job in the slot does not see", arguments: Tier.all)
    func leftovers(tier: Tier) throws {
        let host = try TestHost(tier, configuration: "slots: 1\n")
        let places = "/tmp /dev/shm /home/agent /workspace"
        let first = try JobResult(
            host.runnerctl([
                "run", "--json", "--", "sh", "-c", "for d in \(places); do echo x >$d/left; done; ls \(places)",
            ]))
        #expect(try host.printed(first.id).components(separatedBy: "left").count == 5)
        let second = try JobResult(
            host.runnerctl(["run", "--json", "--", "sh", "-c", "find \(places) -mindepth 1; echo end"]))
        #expect(try host.printed(second.id) == "end\n")
    }

    @Test("The git data of other phases is out of the agent's reach", arguments: Tier.all)
    func parties(tier: Tier) throws {
        let host = try TestHost(tier)
        let repository = try Repository(in: host)
        let script =
            "for d in /git /import /handover /private/git /private/import /private/handover; do cat $d/* && echo read; echo x >$d/x && echo wrote; done; find /git /import /handover /private -type f; echo end"
        let job = try host.script(repository, [], script)
        #expect(job.state == "completed", "\(job.message)")
        let printed = try host.printed(job.id)
        #expect(!printed.contains("read") && !printed.contains("wrote"), "\(printed)")
        // With one uid, Landlock keeps contents; names of files can still be listed.
        if tier == .root { #expect(printed == "end\n") }
    }
}
