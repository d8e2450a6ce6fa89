import Glibc

/// The monotonic clock, which is the same for every process of the host: time namespaces are not used.
enum Clock {
    /// Nanoseconds.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// A moment after which a wait is given up: every wait of a measurement has one.
struct Deadline {
    private let at: Int64

    init(seconds: Double) { at = Clock.now() + Int64(seconds * 1e9) }

    var hasPassed: Bool { Clock.now() >= at }

    /// For poll(2): milliseconds that are left, rounded up, never negative.
    var milliseconds: Int32 { Int32(clamping: max(0, (at - Clock.now() + 999_999) / 1_000_000)) }
}
