import Foundation
import Glibc
import Synchronization

/// What must be gone when this program ends, however that is asked for: the processes it started and its directory.
final class Cleanup: Sendable {
    static let shared = Cleanup()

    private struct State {
        var processes: Set<pid_t> = []
        var directories: [String] = []
    }

    private let state = Mutex(State())

    func add(process pid: pid_t) { state.withLock { _ = $0.processes.insert(pid) } }

    /// Called once it has been reaped: its pid may soon be another's.
    func remove(process pid: pid_t) { state.withLock { _ = $0.processes.remove(pid) } }

    func add(directory: String) { state.withLock { $0.directories.append(directory) } }

    /// Kills what still runs, each by its own pid and process group, and removes the directories.
    func run() {
        state.withLock { state in
            for pid in state.processes {
                _ = kill(pid, SIGKILL)
                _ = kill(-pid, SIGKILL)
            }
            state.processes = []
            for directory in state.directories { try? FileManager.default.removeItem(atPath: directory) }
            state.directories = []
        }
    }

    /// Makes SIGINT, SIGTERM and SIGHUP clean up first. Must be called before any other thread exists: they inherit
    /// the mask, so that the waiting thread is the only one that gets these signals.
    func handleSignals() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let waited = signals
        Thread.detachNewThread {
            var waited = waited
            var number: Int32 = 0
            sigwait(&waited, &number)
            Cleanup.shared.run()
            _exit(128 + number)
        }
    }
}
