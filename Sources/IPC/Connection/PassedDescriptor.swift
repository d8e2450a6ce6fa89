import CLinux
import Glibc
import Linux

/// What may come through a socket. The kernel lets a peer pass anything; each use accepts one kind.
public enum PassedDescriptor {
    /// A regular file or memfd, opened for reading. Its size is what it was at this moment: the reader bounds itself.
    /// - Throws: `ProtocolError.badDescriptor` for directories, O_PATH, write-only files, devices, pipes and sockets,
    ///   and for more than `maximum` bytes.
    public static func regularFile(_ descriptor: Descriptor, maximum: Int64) throws(ProtocolError) -> Int64 {
        var mode: UInt32 = 0
        var size: Int64 = 0
        var access: Int32 = 0
        var isPath: Int32 = 0
        guard bh_fstat_kind(descriptor.raw, &mode, &size, &access, &isPath) == 0 else {
            throw ProtocolError(.badDescriptor, "the descriptor cannot be examined: \(SystemError.text(bh_errno()))")
        }
        guard isPath == 0, mode & UInt32(S_IFMT) == UInt32(S_IFREG), access == O_RDONLY || access == O_RDWR else {
            throw ProtocolError(.badDescriptor, "the descriptor is not a regular file opened for reading")
        }
        guard size <= maximum else {
            throw ProtocolError(.badDescriptor, "the file has \(size) bytes; at most \(maximum) are accepted")
        }
        return size
    }

    /// A listening Unix or TCP socket.
    /// - Throws: `ProtocolError.badDescriptor`
    public static func listener(_ descriptor: Descriptor) throws(ProtocolError) {
        var family: Int32 = 0
        guard bh_is_listening_socket(descriptor.raw, &family) == 1, [AF_UNIX, AF_INET, AF_INET6].contains(family) else {
            throw ProtocolError(.badDescriptor, "the descriptor is not a listening Unix or TCP socket")
        }
    }

    /// The master side of a pseudo-terminal.
    /// - Throws: `ProtocolError.badDescriptor`
    public static func terminal(_ descriptor: Descriptor) throws(ProtocolError) {
        guard bh_is_pty(descriptor.raw) == 1 else {
            throw ProtocolError(.badDescriptor, "the descriptor is not the master side of a pseudo-terminal")
        }
    }
}
