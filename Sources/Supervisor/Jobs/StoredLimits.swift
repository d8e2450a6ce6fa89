import IPC

extension FrameLimits {
    /// A worker's frame, which must fit an `item` frame later.
    static let stored = FrameLimits(maximumLength: (1 << 20) - 4096)
}

extension JSONLimits {
    /// A worker's frame is stored and later sent on inside another: one level and some values less than a frame.
    static let worker = JSONLimits(
        maximumLength: FrameLimits.stored.maximumLength, maximumDepth: 15, maximumValues: 65_000, maximumKeyLength: 256)

    /// What this supervisor stored itself: a job's spec.
    static let stored = JSONLimits(
        maximumLength: 1 << 20, maximumDepth: 16, maximumValues: 65_536, maximumKeyLength: 256)
}
