extension String {
    /// At most this many bytes of UTF-8, cut between two scalars. `prefix` counts characters, and one character may
    /// be a letter with megabytes of marks: what a peer sent is never bounded by it.
    public func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(startIndex, offsetBy: max(0, limit))
        while end > startIndex, !isScalarBoundary(end) { end = utf8.index(before: end) }
        return String(self[..<end])
    }

    private func isScalarBoundary(_ index: Index) -> Bool { index.samePosition(in: unicodeScalars) != nil }
}
