/// Reads `/etc/subuid`, in which the host reserves uids for the jobs.
public enum SubordinateRange {
    // Larger than any real file, small enough to read in one go.
    private static let maximumLines = 100_000

    /// The largest range reserved for a user, the first of equals; nil if there is none that can be used.
    ///
    /// A line is `name-or-uid:first:count`, in plain decimal digits. Lines of others, comments and lines that are not
    /// of this form are passed over, and so is a range that could give a job somebody's identity: one that begins at
    /// 0, contains the user itself, or reaches past 4294967294 (4294967295 is "no uid" to the kernel).
    ///
    /// - Parameters:
    ///   - user: the user's name; an empty name matches no line by name.
    ///   - uid: the user's uid, which may stand in place of the name.
    ///   - text: the text of the file.
    public static func find(user: String, uid: UInt32, text: String) -> (first: UInt32, count: UInt32)? {
        var best: (first: UInt32, count: UInt32)?
        for line in text.split(separator: "\n", maxSplits: maximumLines, omittingEmptySubsequences: true) {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 3, !fields[0].isEmpty, fields[0] == user || fields[0] == "\(uid)" else { continue }
            guard let first = number(fields[1]), let count = number(fields[2]), first > 0, count > 0 else { continue }
            let end = UInt64(first) + UInt64(count)
            guard end <= UInt64(UInt32.max), !(UInt64(first)..<end).contains(UInt64(uid)) else { continue }
            if count > best?.count ?? 0 {
                best = (first, count)
            }
        }
        return best
    }

    // `UInt32("+5")` is 5; the kernel's and shadow's readers do not agree on such text, so it is not a number here.
    private static func number(_ text: Substring) -> UInt32? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt32(text) : nil
    }
}
