import Testing

@testable import Supervisor

@Suite("Durations, sizes, near keys and subordinate ranges")
struct ConfigurationQuantityTests {
    @Test(
        "A duration is read and written back",
        arguments: [
            ("250ms", 250, "250ms"), ("30s", 30_000, "30s"), ("5m", 300_000, "5m"), ("1h", 3_600_000, "1h"),
            ("1h30m", 5_400_000, "1h30m"), ("90m", 5_400_000, "1h30m"), ("1h2m3s4ms", 3_723_004, "1h2m3s4ms"),
            ("0s", 0, "0ms"), ("9223372036854775807ms", Int64.max, nil as String?),
        ])
    func durations(text: String, milliseconds: Int64, written: String?) throws {
        let duration = try #require(Configuration.Duration(text))
        #expect(duration.milliseconds == milliseconds)
        if let written { #expect(duration.description == written) }
        #expect(Configuration.Duration(duration.description) == duration)
    }

    @Test(
        "What is no duration is refused",
        arguments: [
            "", "30", "s", "-1s", "+1s", "1.5h", "1 h", "1H", "1d", "30m1h", "1h1h", "1s1s", "1h30", "ms", "1µs", "１s",
            "9223372036854775808ms", "9223372036854775807s", "2562047788015h9223372036854775807ms",
        ])
    func noDurations(text: String) {
        #expect(Configuration.Duration(text) == nil)
    }

    @Test(
        "A size is read and written back",
        arguments: [
            ("0", 0, "0"), ("1", 1, "1"), ("1000", 1000, "1KB"), ("64KiB", 65_536, "64KiB"), ("65536", 65_536, "64KiB"),
            ("2GiB", 2_147_483_648, "2GiB"), ("100MB", 100_000_000, "100MB"), ("1TiB", 1_099_511_627_776, "1TiB"),
            ("9223372036854775807", Int64.max, "9223372036854775807"),
        ])
    func sizes(text: String, bytes: Int64, written: String) throws {
        let size = try #require(Configuration.ByteSize(text))
        #expect(size.bytes == bytes)
        #expect(size.description == written)
        #expect(Configuration.ByteSize(written) == size)
    }

    @Test(
        "What is no size is refused",
        arguments: [
            "", "KiB", "-1", "+1", "1.5KiB", "1 KiB", "1k", "1K", "1kib", "1G", "1KiBx", "1KiB1", "0x10",
            "9223372036854775808", "9223372036854775807KiB",
        ])
    func noSizes(text: String) {
        #expect(Configuration.ByteSize(text) == nil)
    }

    @Test("The nearest name is a slip of the keys away, or there is none")
    func nearest() {
        let names = ["slots", "socket", "limits.line"]
        #expect(NearestKey.nearest(to: "slot", among: names) == "slots")
        #expect(NearestKey.nearest(to: "sltos", among: names) == "slots")
        #expect(NearestKey.nearest(to: "sockte", among: names) == "socket")
        #expect(NearestKey.nearest(to: "memory", among: names) == nil)
        #expect(NearestKey.nearest(to: "", among: names) == nil)
        #expect(NearestKey.nearest(to: String(repeating: "s", count: 1 << 20), among: names) == nil)
        #expect(NearestKey.editDistance(Array("ab".utf8), Array("ba".utf8)) == 1)
        #expect(NearestKey.editDistance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
    }

    @Test("The largest range of the user is found, by name or uid")
    func subordinateRange() throws {
        let text = """
            # a comment
            other:100000:65536
            bulkhead:200000:65536
            bulkhead:400000:131072
            990:600000:131072

            """
        let range = try #require(SubordinateRange.find(user: "bulkhead", uid: 990, text: text))
        #expect(range == (400_000, 131_072))
        let byID = try #require(SubordinateRange.find(user: "someone", uid: 990, text: text))
        #expect(byID == (600_000, 131_072))
        #expect(SubordinateRange.find(user: "nobody", uid: 65_534, text: text) == nil)
        #expect(SubordinateRange.find(user: "", uid: 1, text: ":100000:65536") == nil)
    }

    @Test(
        "A line that is malformed, or would hand out somebody's identity, is passed over",
        arguments: [
            "bulkhead:0:65536", "bulkhead:900:100", "bulkhead:100000:0", "bulkhead:100000", "bulkhead:100000:1:2",
            "bulkhead:+100000:65536", "bulkhead:-1:65536", "bulkhead: 100000:65536", "bulkhead:100000:65536 ",
            "bulkhead:4294967295:1", "bulkhead:4294901760:65536", "bulkhead:4294967296:4", "bulkhead:0x100:4",
            "bulkhead::", "bulkhead2:100000:65536", " bulkhead:100000:65536",
        ])
    func badSubordinateRange(line: String) throws {
        #expect(SubordinateRange.find(user: "bulkhead", uid: 990, text: line) == nil)
        let good = try #require(SubordinateRange.find(user: "bulkhead", uid: 990, text: "\(line)\nbulkhead:100000:8\n"))
        #expect(good == (100_000, 8))
    }
}
