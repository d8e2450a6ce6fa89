import Glibc
import Linux

/// Where text goes. A reader that went away is no error: what is left to write is dropped, so that the work itself is
/// still done.
final class Output {
    enum Style: String {
        case plain = ""
        case dim = "2"
        case bold = "1"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    let isTerminal: Bool
    let hasColour: Bool
    /// Nobody reads any more.
    private(set) var isClosed = false
    /// The first error that is not that, such as a full disk.
    private(set) var failure: SystemError?
    private let sink: ([UInt8]) throws(SystemError) -> Void

    init(isTerminal: Bool = false, hasColour: Bool = false, sink: @escaping ([UInt8]) throws(SystemError) -> Void) {
        self.isTerminal = isTerminal
        self.hasColour = hasColour
        self.sink = sink
    }

    static func standardOutput() -> Output { descriptor(1) }
    static func standardError() -> Output { descriptor(2) }

    static func descriptor(_ raw: Int32, variable: (String) -> String? = environmentVariable) -> Output {
        let isTerminal = isatty(raw) == 1
        let noColour = variable("NO_COLOR").map { !$0.isEmpty } ?? false
        let colour = isTerminal && !noColour && variable("TERM") != "dumb"
        return Output(isTerminal: isTerminal, hasColour: colour) { bytes throws(SystemError) in
            try writeWaiting(raw, bytes)
        }
    }

    func write(_ bytes: [UInt8]) {
        guard !isClosed, failure == nil, !bytes.isEmpty else { return }
        do throws(SystemError) {
            try sink(bytes)
        } catch {
            if error.code == EPIPE { isClosed = true } else { failure = error }
        }
    }

    func line(_ text: String = "") { write(Array((text + "\n").utf8)) }

    func styled(_ text: String, _ style: Style) -> String {
        hasColour && style != .plain ? "\u{1b}[\(style.rawValue)m\(text)\u{1b}[0m" : text
    }

    /// Writes all of it, also where somebody set the terminal to non-blocking.
    private static func writeWaiting(_ raw: Int32, _ bytes: [UInt8]) throws(SystemError) {
        var offset = 0
        while offset < bytes.count {
            let from = offset
            do throws(SystemError) {
                offset += try check("write") {
                    bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress.map { $0 + from }, $0.count - from) }
                }
            } catch {
                guard error.code == EAGAIN else { throw error }
                var entry = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
                _ = poll(&entry, 1, -1)
            }
        }
    }
}
