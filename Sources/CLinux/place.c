#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static int high(int *fd) {
    if (*fd < 0) return 0;
    int copy = fcntl(*fd, F_DUPFD_CLOEXEC, BH_HIGH_FD);
    if (copy < 0) return -1;
    *fd = copy;
    return 0;
}

int bh_place_descriptors(const int *fds, int count, int *executable, int *failure) {
    int copies[3 + BH_MAX_FDS];
    if (count < 0 || count > (int)(sizeof copies / sizeof copies[0])) {
        errno = EINVAL;
        return -1;
    }
    for (int i = 0; i < count; i++) {
        copies[i] = fds[i];
        if (high(&copies[i]) != 0) return -1;
    }
    if (high(executable) != 0 || high(failure) != 0) return -1;
    for (int i = 0; i < count; i++)
        if (dup2(copies[i], i) < 0) return -1;
    return bh_cloexec_from((unsigned)count);
}

// The kernel's own layout: glibc's sigaction refuses the two real-time signals that it keeps for itself, and a parent
// that ignores one of those would pass that on.
struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

void bh_reset_signals(void) {
    struct kernel_sigaction action = {0}; // SIG_DFL
    for (int signal = 1; signal <= 64; signal++) syscall(SYS_rt_sigaction, signal, &action, NULL, sizeof action.mask);
    uint64_t none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}
