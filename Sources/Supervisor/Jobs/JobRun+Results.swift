import Glibc
import IPC
import Linux

/// What a run takes from its worker beside events: files, as hostile as the rest.
extension JobRun {
    func take(_ transfer: Transfer, _ descriptors: [Descriptor]) throws {
        guard descriptors.count == 1, judge.mayTransfer(transfer.kind) else {
            throw ProtocolError(.unexpected, "a \(transfer.kind.rawValue) that nothing announced")
        }
        let isBundle = transfer.kind == .bundle
        let limit = (isBundle ? context.configuration.limitsBundle : context.configuration.limitsArtifact).bytes
        let size = try PassedDescriptor.regularFile(descriptors[0], maximum: limit)
        guard size == transfer.size, size > 0 else {
            throw ProtocolError(.badDescriptor, "a file of \(size) bytes was announced as \(transfer.size)")
        }
        judge.begin(transfer.kind)
        copies += 1
        try keep(transfer.kind, descriptors[0], limit)
    }

    /// Copies a result into the spool; a full disk makes it wait, not fail.
    private func keep(_ kind: Transfer.Kind, _ file: Descriptor, _ limit: Int64) throws(SystemError) {
        let path = context.spool.path(kind == .bundle ? .results : .artifacts, id)
        let copy = try SpoolCopy(from: file, to: path, limit: limit, loop: context.loop) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let bytes): self.judge.received(kind, bytes: bytes)
            case .failure(let error) where error.code == ENOSPC || error.code == EDQUOT:
                self.log?("job \(self.id)'s \(kind.rawValue) waits for the disk: \(error)")
                self.timers.append(
                    self.context.loop.after(milliseconds: Self.diskRetryMilliseconds) {
                        do throws(SystemError) {
                            try self.keep(kind, file, limit)
                        } catch {
                            self.lose(kind, error)
                        }
                    })
                return
            case .failure(let error): return self.lose(kind, error)
            }
            self.copies -= 1
            self.concludeWhenReady()
        }
        copy.start()
    }

    private func lose(_ kind: Transfer.Kind, _ error: SystemError) {
        copies -= 1
        judge.lose("fault", "the job's \(kind.rawValue) could not be kept: \(error)")
        concludeWhenReady()
    }
}
