import Glibc
import Linux
import Worker

exit(WorkerMain.run(commandLineArguments()))
