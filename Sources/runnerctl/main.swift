import Glibc

exit(Runnerctl.start(Array(CommandLine.arguments.dropFirst())))
