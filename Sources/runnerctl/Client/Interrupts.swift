import CLinux
import Glibc
import Linux

/// SIGINT, SIGTERM and SIGHUP as things to be asked for, so that each place can say what they mean there: a job is
/// cancelled first, temporary directories are removed, and only then does the process end.
final class Interrupts {
    let descriptor: Descriptor
    /// How many came so far.
    private(set) var count = 0

    /// From here on the signals no longer end the process by themselves.
    /// - Throws: `SystemError`
    init(_ signals: [Int32] = [SIGINT, SIGTERM, SIGHUP]) throws(SystemError) {
        descriptor = Descriptor(owning: try check("signalfd") { bh_signalfd(signals, Int32(signals.count)) })
    }

    /// Takes what is pending.
    func collect() {
        var sender: Int32 = 0
        while bh_signalfd_read(descriptor.raw, &sender) != 0 { count += 1 }
    }
}
