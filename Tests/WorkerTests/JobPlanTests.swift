import IPC
import Sandbox
import Testing

@testable import Worker

@Suite("Job plan")
struct JobPlanTests {
    private let ids = Identities(worker: 1, git: 2, agent: 3)

    @Test("A prompt runs the harness and nothing else")
    func prompt() {
        let plan = JobPlan(.prompt)
        #expect(plan.phases.map(\.name) == ["agent"])
        #expect(plan.phases.map(\.tasks) == [[.harness]])
    }

    @Test("A change is fetched, made, imported and published, in phases of their own")
    func change() {
        let plan = JobPlan(.change)
        #expect(plan.phases.map(\.name) == ["fetch", "agent", "import", "publish"])
        #expect(
            plan.phases.map(\.tasks)
                == [[.step(.fetch), .step(.checkout)], [.harness], [.step(.import)], [.step(.publish)]])
    }

    @Test(
        "What handles the agent's files is not run as git, nor what holds the pristine objects as the agent"
    )
    func uids() {
        for step in [Step.checkout, .import, .archive] { #expect(step.uid(ids) == ids.agent, "\(step)") }
        for step in [Step.fetch, .publish] { #expect(step.uid(ids) == ids.git, "\(step)") }
        #expect(Step.allCases.allSatisfy { $0.uid(ids) != ids.worker })
    }

    @Test("A step's Landlock domain is that of its uid")
    func domains() {
        for step in Step.allCases {
            if case .git = step.domain {
                #expect(step.uid(ids) == ids.git, "\(step)")
            } else {
                #expect(step.uid(ids) == ids.agent, "\(step)")
            }
        }
        guard case .agent = Step.checkout.domain, case .importing = Step.import.domain,
            case .importing = Step.archive.domain
        else {
            Issue.record("checkout is the agent's; import and archive are the import's")
            return
        }
    }

    @Test("The exit codes of steps differ from each other and from what a shell or a signal gives")
    func exitCodes() {
        let codes = [Step.Exit.done, Step.Exit.noChange, Step.Exit.refused]
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { $0 == 0 || (2..<126).contains($0) })
        #expect(StepEnd.noChange("x").code == Step.Exit.noChange)
        #expect(StepEnd.refused("x").code == Step.Exit.refused)
    }

    @Test("A step's descriptors are above the usual three and differ")
    func descriptors() {
        let numbers = [
            Step.Descriptors.result, Step.Descriptors.input, Step.Descriptors.output, Step.Descriptors.previous,
        ]
        #expect(numbers == [3, 4, 5, 6])
    }

    @Test("The names of outcomes are those that the supervisor knows")
    func outcomes() {
        let all: [Job.Outcome] = [
            .done, .noChange, .refused, .harnessFailed, .fault("x"), .cancelled("y"), .timedOut, .idle,
        ]
        #expect(
            all.map(\.name)
                == ["done", "no-change", "refused", "harness-failed", "fault", "cancelled", "timed-out", "idle"])
        #expect(all.compactMap(\.detail) == ["x", "y"])
    }

    @Test("A step that is started by hand ends with 2", arguments: [[], ["fetch", "x"], ["no-such-step"]])
    func byHand(arguments: [String]) {
        #expect(StepMain.run(arguments) == 2)
    }

    @Test("A mode that is not known ends with 2, and a worker that is started by hand with 1")
    func workerByHand() {
        #expect(WorkerMain.run(["--no-such-mode"]) == 2)
        #expect(WorkerMain.run([]) == 1)
        #expect(WorkerMain.run(["--version"]) == 0)
    }
}
