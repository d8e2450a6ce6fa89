import JobStore
import Linux
import Testing

@testable import Supervisor

@Suite("Admission")
struct AdmissionTests {
    /// What is left of a supervisor when it ends: the directory. Everything else is made again.
    private final class Rig {
        let directory: TemporaryDirectory
        let loop: EventLoop
        private(set) var store: JobStore
        private(set) var admission: Admission

        init() throws {
            directory = try TemporaryDirectory()
            loop = try EventLoop()
            store = try JobStore(directory: directory.path + "/state")
            admission = try Admission(store: store, loop: loop)
        }

        func restart() throws {
            store.close()
            store = try JobStore(directory: directory.path + "/state")
            admission = try Admission(store: store, loop: loop)
        }
    }

    @Test("A new supervisor runs")
    func fresh() throws {
        let rig = try Rig()
        #expect(rig.admission.mode(idle: true) == "running")
        #expect(rig.admission.mode(idle: false) == "running")
        #expect(rig.admission.blocksStarts == nil)
        #expect(rig.admission.refusesNewJobs == nil)
        #expect(rig.admission.pausedUntil == nil)
    }

    @Test("A pause without end stops starts, keeps accepting and survives restarts")
    func pause() throws {
        let rig = try Rig()
        try rig.admission.pause(for: nil)
        for _ in 0..<2 {
            #expect(rig.admission.mode(idle: true) == "paused")
            #expect(rig.admission.pausedUntil == nil)
            #expect(rig.admission.blocksStarts?.contains("runnerctl resume") == true)
            #expect(rig.admission.refusesNewJobs == nil)
            try rig.restart()
        }
        try rig.admission.resume()
        try rig.restart()
        #expect(rig.admission.mode(idle: true) == "running")
    }

    @Test("A pause with an end survives a restart with that end")
    func timedPauseSurvives() throws {
        let rig = try Rig()
        let before = wallClockMilliseconds()
        try rig.admission.pause(for: 3_600_000)
        let until = try #require(rig.admission.pausedUntil)
        #expect((before + 3_600_000...before + 3_660_000).contains(until))
        try rig.restart()
        #expect(rig.admission.mode(idle: true) == "paused")
        #expect(rig.admission.pausedUntil == until)
        #expect(rig.admission.blocksStarts?.contains("for a time") == true)
    }

    @Test("A pause ends by itself, says so once, and for good")
    func pauseEnds() throws {
        let rig = try Rig()
        var resumed = 0
        rig.admission.onResume = { resumed += 1 }
        try rig.admission.pause(for: 1)
        #expect(rig.admission.mode(idle: true) == "paused")
        try rig.loop.drive { resumed > 0 }
        #expect(rig.admission.mode(idle: true) == "running")
        #expect(rig.admission.pausedUntil == nil)
        try rig.restart()
        #expect(rig.admission.mode(idle: true) == "running")
        #expect(resumed == 1)
    }

    @Test("A pause whose end passed while no supervisor ran ends at the start")
    func pauseEndedMeanwhile() throws {
        let rig = try Rig()
        try rig.admission.pause(for: -1000)
        try rig.restart()
        var resumed = 0
        rig.admission.onResume = { resumed += 1 }
        try rig.loop.drive { resumed == 1 }
        #expect(rig.admission.blocksStarts == nil)
    }

    @Test("A longer pause replaces a shorter one, and a resume ends both")
    func replacedPause() throws {
        let rig = try Rig()
        var resumed = 0
        rig.admission.onResume = { resumed += 1 }
        try rig.admission.pause(for: 1)
        try rig.admission.pause(for: 3_600_000)
        for _ in 0..<5 { try rig.loop.runOnce(maximumWait: 2) }
        #expect(rig.admission.mode(idle: true) == "paused")
        try rig.admission.pause(for: 1)
        try rig.admission.resume()
        for _ in 0..<5 { try rig.loop.runOnce(maximumWait: 2) }
        #expect(resumed == 0, "a resume is no end of a pause by itself")
        #expect(rig.admission.mode(idle: true) == "running")
    }

    @Test("An endless pause after a timed one does not end by itself")
    func endlessReplacesTimed() throws {
        let rig = try Rig()
        try rig.admission.pause(for: 1)
        try rig.admission.pause(for: nil)
        for _ in 0..<5 { try rig.loop.runOnce(maximumWait: 2) }
        #expect(rig.admission.mode(idle: true) == "paused")
    }

    @Test("A drain stops starts, shows whether it is over, and survives restarts")
    func drain() throws {
        let rig = try Rig()
        try rig.admission.drain()
        for _ in 0..<2 {
            #expect(rig.admission.mode(idle: false) == "draining")
            #expect(rig.admission.mode(idle: true) == "drained")
            #expect(rig.admission.blocksStarts?.contains("draining") == true)
            #expect(rig.admission.refusesNewJobs == nil)
            try rig.restart()
        }
        try rig.admission.resume()
        #expect(rig.admission.mode(idle: true) == "running")
        try rig.restart()
        #expect(rig.admission.blocksStarts == nil)
    }

    @Test("The end of a pause does not end a drain")
    func drainOutlivesPause() throws {
        let rig = try Rig()
        try rig.admission.drain()
        var resumed = 0
        rig.admission.onResume = { resumed += 1 }
        try rig.admission.pause(for: 1)
        try rig.loop.drive { resumed == 1 }
        #expect(rig.admission.mode(idle: true) == "drained")
        #expect(rig.admission.blocksStarts != nil)
    }

    @Test("A supervisor that stops takes no jobs, and its stopping is not remembered")
    func stopping() throws {
        let rig = try Rig()
        rig.admission.isStopping = true
        #expect(rig.admission.refusesNewJobs?.contains("stopping") == true)
        #expect(rig.admission.blocksStarts?.contains("stopping") == true)
        #expect(rig.admission.mode(idle: false) == "draining")
        try rig.restart()
        #expect(rig.admission.refusesNewJobs == nil)
        #expect(rig.admission.mode(idle: true) == "running")
    }

    @Test("What cannot be written is not in force", arguments: ["pause", "drain", "resume"])
    func unwritable(change: String) throws {
        let rig = try Rig()
        if change == "resume" { try rig.admission.pause(for: nil) }
        let before = rig.admission.mode(idle: true)
        rig.store.close()
        #expect(throws: StoreError.self) {
            switch change {
            case "pause": try rig.admission.pause(for: nil)
            case "drain": try rig.admission.drain()
            default: try rig.admission.resume()
            }
        }
        #expect(rig.admission.mode(idle: true) == before)
    }
}
