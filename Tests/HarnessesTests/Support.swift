import Foundation
import Harnesses
import IPC
import Testing

/// The built-in harness of that name.
func harness(_ name: String) throws -> Harness { try #require(Harness.named(name)) }

/// A parser of claude's output.
func claudeParser() throws -> any HarnessParser { try harness("claude").makeParser() }

/// The lines of a recorded stream, without their line ends.
func sampleLines(_ name: String, file: String = #filePath) throws -> [[UInt8]] {
    let url = URL(fileURLWithPath: file).deletingLastPathComponent()
        .appendingPathComponent("Samples").appendingPathComponent(name)
    let lines = try Data(contentsOf: url).split(separator: UInt8(ascii: "\n")).map { Array($0) }
    // An empty sample would make every test of it pass.
    try #require(!lines.isEmpty)
    return lines
}

/// All events of some lines on standard output.
func events(_ lines: [[UInt8]], _ parser: inout any HarnessParser) -> [HarnessEvent] {
    lines.flatMap { parser.consume(line: $0, stream: .stdout) }
}

/// All events of lines given as text.
func events(_ lines: String..., with parser: inout any HarnessParser) -> [HarnessEvent] {
    events(lines.map { Array($0.utf8) }, &parser)
}

/// The reason of a failure, or nil for a success.
func failureReason(_ verdict: HarnessVerdict) -> String? {
    guard case .failed(let reason) = verdict else { return nil }
    return reason
}

/// Whether an event is a notice.
func isNotice(_ event: HarnessEvent) -> Bool { event.kind == "notice" }
