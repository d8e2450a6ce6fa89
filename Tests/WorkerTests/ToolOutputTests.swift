import Glibc
import IPC
import Linux
import Testing

@testable import Worker

@Suite("Tool output")
struct ToolOutputTests {
    /// A tool's output whose pipes the test writes.
    private final class Rig {
        let link: SenderLink
        let output: ToolOutput
        let stdout: Descriptor
        let stderr: Descriptor
        var ends = 0

        init(budget: Int64 = 1 << 30) throws {
            link = try SenderLink()
            let out = try Descriptor.pipe()
            let err = try Descriptor.pipe()
            stdout = out.write
            stderr = err.write
            output = try ToolOutput(
                loop: link.loop, sender: link.sender, phase: "agent", budget: OutputBudget(limit: budget),
                lineLimit: 64 << 10, stdout: out.read, stderr: err.read)
            output.onEnd = { [weak self] in self?.ends += 1 }
            link.sender.onPressure = { [weak self] in self?.output.setPaused($0) }
        }

        func text(_ stream: String) -> String {
            link.frames.filter { $0["stream"]?.stringValue == stream }.compactMap { $0["text"]?.stringValue }.joined()
        }

        /// Writes lines while the loop runs.
        func write(kibibytes: Int) throws {
            let line = [UInt8](repeating: 0x78, count: 1023) + [0x0a]
            for _ in 0..<kibibytes {
                try stdout.writeAll(line)
                try link.loop.runOnce(maximumWait: 0)
            }
        }
    }

    @Test("Both streams arrive whole, and their end is told once")
    func bothStreams() throws {
        let rig = try Rig()
        try rig.stdout.writeAll(Array("one\ntwo\n".utf8))
        try rig.stderr.writeAll(Array("warn\nunfinished".utf8))
        rig.stdout.close()
        rig.stderr.close()
        try rig.link.drive { rig.ends == 1 && rig.link.connection.queuedBytes == 0 }
        try rig.link.drive { rig.link.frames.count >= 2 }
        #expect(rig.text("stdout") == "one\ntwo\n")
        #expect(rig.text("stderr") == "warn\nunfinished\n")
        #expect(rig.ends == 1)
    }

    @Test("The first line of a batch waits for a while and not for the tool's end")
    func timer() throws {
        let rig = try Rig()
        try rig.stdout.writeAll(Array("hello\n".utf8))
        try rig.link.drive { !rig.link.frames.isEmpty }
        #expect(rig.text("stdout") == "hello\n")
        #expect(rig.ends == 0)
    }

    @Test("Output over the budget is read and dropped, so that the tool goes on")
    func budget() throws {
        let rig = try Rig(budget: 6)
        try rig.stdout.writeAll(Array("12345\n67890\n".utf8))
        rig.stdout.close()
        rig.stderr.close()
        try rig.link.drive { rig.ends == 1 && !rig.link.frames.isEmpty }
        #expect(rig.text("stdout") == "12345\n")
    }

    @Test("Paused, nothing is read; resumed, nothing is lost")
    func pausing() throws {
        let rig = try Rig()
        rig.output.setPaused(true)
        try rig.stdout.writeAll(Array("late\n".utf8))
        for _ in 0..<20 { try rig.link.loop.runOnce(maximumWait: 5) }
        #expect(rig.link.frames.isEmpty)
        rig.output.setPaused(false)
        rig.stdout.close()
        rig.stderr.close()
        try rig.link.drive { rig.ends == 1 && !rig.link.frames.isEmpty }
        #expect(rig.text("stdout") == "late\n")
    }

    @Test("Resuming what was not paused loses no output")
    func needlessResume() throws {
        let rig = try Rig()
        rig.output.setPaused(false)
        try #require(rig.ends == 0, "the streams were given up")
        try rig.stdout.writeAll(Array("still here\n".utf8))
        try rig.link.drive { !rig.link.frames.isEmpty }
        #expect(rig.text("stdout") == "still here\n")
    }

    @Test("Two MiB of output and their acknowledgement leave the streams open")
    func acknowledgedBurst() throws {
        let rig = try Rig()
        try rig.write(kibibytes: 2048)
        try rig.link.drive {
            (rig.link.frames.last?["seq"]?.intValue ?? 0) + (rig.link.frames.last?["n"]?.intValue ?? 0) > 2048
        }
        try rig.link.sender.acknowledge(2048)
        try #require(rig.ends == 0, "the streams were given up")
        try rig.stdout.writeAll(Array("after\n".utf8))
        try rig.link.drive { rig.text("stdout").hasSuffix("after\n") }
    }
}
