import IPC

/// Follows one job to its end. The first interrupt cancels the job, the second leaves at once.
struct Follower {
    let client: Client
    let interrupts: Interrupts
    let console: Console

    /// Hands on the job's events and gives the job as it is when it is over.
    /// - Throws: `CommandFailure`, `Interrupted` at the second interrupt.
    func follow(_ job: String, onEvent: (JSON) -> Void) throws -> JobInfo {
        var next: Int64 = 1
        var cancelled = false
        // A subscription may end a moment before the job is seen as over; it is taken up where it ended.
        for _ in 0..<16 {
            _ = try client.subscribe(
                EventsRequest(job: job, from: next, follow: true, credit: Client.credit),
                onWake: {
                    guard interrupts.count > 0, !cancelled else { return }
                    cancelled = true
                    console.warn("cancelling job \(Words.short(job)); interrupt again to leave without waiting")
                    try client.tell(.cancel, CancelRequest(job: job))
                },
                onItem: { item in
                    next = max(next, item.following)
                    onEvent(item.event)
                })
            let info = try client.call(.show, JobReference(job: job)).decode(JobInfo.self)
            if info.isFinal { return info }
        }
        throw CommandFailure.failed(
            "the events of job \(Words.short(job)) ended before the job did; `runnerctl show \(Words.short(job))` tells how it stands"
        )
    }
}
