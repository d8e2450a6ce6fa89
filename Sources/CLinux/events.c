#include "CLinux.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

int bh_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int bh_epoll_set(int epoll, int fd, uint32_t events, int operation, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(epoll, operation, fd, &event);
}

int bh_epoll_wait(int epoll, uint64_t *tokens, uint32_t *events, int capacity, int timeout_ms) {
    struct epoll_event buffer[64];
    int count = epoll_wait(epoll, buffer, capacity < 64 ? capacity : 64, timeout_ms);
    for (int i = 0; i < count; i++) {
        tokens[i] = buffer[i].data.u64;
        events[i] = buffer[i].events;
    }
    return count;
}

int bh_signalfd(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int bh_signalfd_read(int fd, int *sender) {
    struct signalfd_siginfo info;
    ssize_t count = read(fd, &info, sizeof info);
    if (count != (ssize_t)sizeof info) return 0;
    *sender = (int)info.ssi_pid;
    return (int)info.ssi_signo;
}

static int64_t milliseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t bh_monotonic_ms(void) { return milliseconds(CLOCK_MONOTONIC); }
int64_t bh_realtime_ms(void) { return milliseconds(CLOCK_REALTIME); }
int bh_errno(void) { return errno; }
