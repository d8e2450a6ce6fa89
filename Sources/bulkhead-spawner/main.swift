import Glibc
import Linux
import Spawner

do {
    try Spawner(SpawnerOptions(commandLineArguments())).run()
} catch {
    complain("bulkhead-spawner: \(error)")
    exit(1)
}
