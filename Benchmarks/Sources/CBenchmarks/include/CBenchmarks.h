// What Swift cannot say itself: control messages of sockets, and macros.
#pragma once
#include <stddef.h>

/// Sends all bytes, blocking; the descriptors travel with the first one. 0, or -1 and errno.
int bench_send(int socket, const void *bytes, size_t length, const int *fds, int count);
/// A listening Unix socket that every user may connect to, or -1 and errno.
int bench_listen(const char *path);
/// A connected Unix stream socket, or -1 and errno.
int bench_connect(const char *path);
/// The next connection, close-on-exec, or -1 and errno.
int bench_accept(int listener);
/// Both ends of a pipe, close-on-exec. 0, or -1 and errno.
int bench_pipe(int ends[2]);
/// A memory file, close-on-exec, or -1 and errno.
int bench_memfd(const char *name);
/// A descriptor that becomes readable when the process has ended, or -1 and errno.
int bench_pidfd(int pid);
/// The wait status, taken apart: the exit code, or 128 and the signal's number, as a shell says it.
int bench_exit_code(int status);
