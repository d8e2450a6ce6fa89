import Glibc
import Linux
import Testing

@testable import Spawner

@Suite("Id maps")
struct IDMapTests {
    @Test("Slots have four ids each, next to each other and never shared")
    func slotArithmetic() {
        var seen: Set<UInt32> = []
        for slot in 0..<1024 {
            let map = IDMap.slot(slot, first: 100_000)
            guard case .range(let first) = map else {
                Issue.record("slot \(slot) has no range")
                return
            }
            #expect(first == 100_000 + UInt32(slot) * 4)
            #expect(map.hostUID == first + 1)
            for id in first..<(first + 4) { #expect(seen.insert(id).inserted, "\(id) is in two slots") }
        }
        #expect(seen == Set(100_000..<(100_000 + 4096)))
    }

    @Test("With a range the four parties have four ids, and the worker is never the namespace's root")
    func rangeParties() {
        let map = IDMap.slot(0, first: 100_000)
        #expect(map.isRange)
        #expect([map.start, map.worker, map.git, map.agent] == [0, 1, 2, 3])
    }

    @Test("Without a range there is one id, this process's own, and it is not 0 inside")
    func singleParties() {
        for slot in [0, 7] {
            let map = IDMap.slot(slot, first: nil)
            #expect(map == .single(uid: geteuid(), gid: getegid()))
            #expect(!map.isRange)
            #expect([map.start, map.worker, map.git, map.agent] == [3, 3, 3, 3])
            #expect(map.hostUID == geteuid())
        }
    }

    @Test("The service's own id is in no slot of any range that the options take")
    func neverTheServicesID() throws {
        for (first, user) in [(100_000, 99_999), (100_000, 100_016), (1000, 990), (4_294_967_278, 65_534)]
            as [(UInt32, UInt32)]
        {
            let options = try SpawnerOptions([
                "--channel", "3", "--worker", "/w", "--directory", "/d", "--slots", "4", "--first-uid", "\(first)",
                "--user", "\(user)", "--group", "\(user)",
            ])
            for slot in 0..<options.slots {
                guard case .range(let start) = IDMap.slot(slot, first: options.firstUID) else { continue }
                #expect(!(start..<(start + 4)).contains(user))
                #expect(start + 3 < UInt32.max)
            }
        }
    }

    @Test("A map that cannot be written says what and where")
    func unwritable() {
        // No process has this number: it is above the largest pid_max.
        let pid: Int32 = 4_194_305
        for map in [IDMap.range(first: 100_000), .single(uid: 1000, gid: 1000)] {
            #expect {
                try map.write(pid: pid)
            } throws: { error in
                guard let error = error as? SystemError else { return false }
                return error.subject.hasPrefix("/proc/\(pid)/") && error.call.hasPrefix("write ")
                    && error.code == ENOENT
            }
        }
    }
}
