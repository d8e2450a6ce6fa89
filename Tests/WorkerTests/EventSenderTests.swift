import IPC
import Testing

@testable import Worker

@Suite("Event sender")
struct EventSenderTests {
    private func batch(_ bytes: [UInt8], lines: Int, cut: Int64 = 0, partial: Bool = false) -> LineBatcher.Batch {
        LineBatcher.Batch(bytes: bytes, lines: lines, cut: cut, partial: partial)
    }

    private func text(_ count: Int) -> LineBatcher.Batch {
        batch([UInt8](repeating: 0x78, count: count - 1) + [0x0a], lines: 1)
    }

    @Test("Events and log lines share one numbering without gaps")
    func numbering() throws {
        let link = try SenderLink()
        try link.sender.send(.phase, phase: "agent", ["phase": "agent"])
        try link.sender.send(batch(Array("a\nb\nc\n".utf8), lines: 3), phase: "agent", stream: .stdout)
        try link.sender.send(.notice, phase: nil, ["text": "x"])
        try link.sender.send(batch(Array("d\n".utf8), lines: 1), phase: "agent", stream: .stderr)
        try link.sender.send(.finished, phase: nil, [:])
        try link.receiveAll()
        #expect(link.frames.map { $0["seq"]?.intValue } == [1, 2, 5, 6, 7])
        #expect(link.frames.map { $0["type"]?.stringValue } == ["event", "log", "event", "log", "event"])
    }

    @Test("A batch written by hand is the message that the supervisor decodes", arguments: [0, 5] as [Int64])
    func batchForm(cut: Int64) throws {
        let link = try SenderLink()
        let tricky = "quote \" back\\slash \u{1} \u{2028} é\n"
        try link.sender.send(
            batch(Array(tricky.utf8), lines: 1, cut: cut, partial: cut > 0), phase: "fetch", stream: .stderr)
        try link.receiveAll()
        let log = try #require(link.frames.first).decode(LogBatch.self)
        #expect(log.text == tricky)
        #expect(log.b64 == nil)
        #expect(log.n == 1)
        #expect(log.phase == "fetch")
        #expect(log.stream == .stderr)
        #expect(log.cut == (cut > 0 ? cut : nil))
        #expect(log.partial == (cut > 0 ? true : nil))
        #expect(log.at > 1_600_000_000_000)
    }

    @Test("Bytes that are no UTF-8 arrive as they were")
    func binary() throws {
        let link = try SenderLink()
        let bytes: [UInt8] = [0xff, 0x00, 0xc3, 0x0a]
        try link.sender.send(batch(bytes, lines: 1), phase: "agent", stream: .stdout)
        try link.receiveAll()
        let log = try #require(link.frames.first).decode(LogBatch.self)
        #expect(log.text == nil)
        #expect(try Base64.decode(try #require(log.b64)) == bytes)
    }

    @Test("The largest batch fits a frame, as text and as binary")
    func largestBatch() throws {
        let link = try SenderLink()
        for filler in [0x00, 0xff] as [UInt8] {
            let bytes = [UInt8](repeating: filler, count: LineBatcher.batchBytes - 1) + [0x0a]
            try link.sender.send(batch(bytes, lines: 1), phase: "agent", stream: .stdout)
        }
        try link.receiveAll()
        #expect(link.frames.count == 2)
        #expect(link.longest <= FrameLimits.standard.maximumLength)
    }

    @Test("Acknowledging what was never sent, or less than before, is refused")
    func badAcknowledgements() throws {
        let link = try SenderLink()
        #expect(throws: ProtocolError.self) { try link.sender.acknowledge(1) }
        try link.sender.send(.notice, phase: nil, [:])
        try link.sender.send(batch(Array("a\nb\n".utf8), lines: 2), phase: "agent", stream: .stdout)
        for number in [4, .max, -1] as [Int64] {
            #expect(throws: ProtocolError.self) { try link.sender.acknowledge(number) }
        }
        try link.sender.acknowledge(2)
        #expect(throws: ProtocolError.self) { try link.sender.acknowledge(1) }
        try link.sender.acknowledge(2)
        #expect(!link.sender.isSettled)
        try link.sender.acknowledge(3)
        #expect(link.sender.isSettled)
    }

    @Test("Everything on disk is told once it is so")
    func settling() throws {
        let link = try SenderLink()
        var settled = 0
        link.sender.onSettled = { settled += 1 }
        #expect(link.sender.isSettled)
        for _ in 0..<3 { try link.sender.send(.notice, phase: nil, [:]) }
        try link.sender.acknowledge(2)
        #expect(settled == 0)
        try link.sender.acknowledge(3)
        #expect(settled == 1)
    }

    @Test("Over 4 MiB unacknowledged the tool waits, under 1 MiB it goes on")
    func pressure() throws {
        let link = try SenderLink()
        var pressure: [Bool] = []
        link.sender.onPressure = { pressure.append($0) }
        var sent: Int64 = 0
        while pressure.isEmpty, sent < 100 {
            try link.sender.send(text(100_000), phase: "agent", stream: .stdout)
            sent += 1
            try link.receiveAll()
        }
        #expect(pressure == [true])
        #expect((41...42).contains(sent))
        try link.sender.send(text(100_000), phase: "agent", stream: .stdout)
        #expect(pressure == [true], "said once")
        try link.sender.acknowledge(20)
        #expect(pressure == [true], "still over the low mark")
        try link.sender.acknowledge(sent - 2)
        #expect(pressure == [true, false])
        try link.sender.acknowledge(sent)
        #expect(pressure == [true, false])
    }

    @Test("A tool that was not stopped is not told to go on")
    func noReleaseWithoutPressure() throws {
        let link = try SenderLink()
        var pressure: [Bool] = []
        link.sender.onPressure = { pressure.append($0) }
        for _ in 0..<20 { try link.sender.send(text(100_000), phase: "agent", stream: .stdout) }
        try link.receiveAll()
        try link.sender.acknowledge(20)
        #expect(pressure.isEmpty)
    }

    @Test("What was too large to be sent takes no number and is not waited for")
    func refusedTakesNoNumber() throws {
        let link = try SenderLink()
        try link.sender.send(.notice, phase: nil, [:])
        let large = String(repeating: "x", count: 2 << 20)
        #expect(throws: (any Error).self) { try link.sender.send(.notice, phase: nil, ["text": .string(large)]) }
        try link.sender.send(.finished, phase: nil, [:])
        try link.receiveAll()
        #expect(link.frames.map { $0["seq"]?.intValue } == [1, 2])
    }
}
