import JobStore
import Testing

@Suite struct JobStateTests {
    @Test("The state machine has exactly the documented edges")
    func edges() {
        var expected: Set<String> = [
            "queued>claimed", "claimed>starting", "starting>running", "running>running", "running>finishing",
            "finishing>completed",
        ]
        for state in ["queued", "claimed", "starting", "running", "finishing"] {
            expected.formUnion(["\(state)>failed", "\(state)>cancelled"])
        }
        var found: Set<String> = []
        for from in JobState.allCases {
            for to in JobState.allCases where from.allows(to) { found.insert("\(from.rawValue)>\(to.rawValue)") }
        }
        #expect(found == expected)
    }

    @Test("A final state has no way out, and no other state is final")
    func final() {
        for state in JobState.allCases {
            #expect(state.isFinal == JobState.allCases.allSatisfy { !state.allows($0) })
        }
        #expect(JobState.allCases.filter(\.isFinal) == [.completed, .failed, .cancelled])
    }
}
