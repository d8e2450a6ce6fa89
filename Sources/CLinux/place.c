#include "internal.h"
#include <fcntl.h>
#include <signal.h>
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
    if (count < 0 || count > (int)(sizeof copies / sizeof copies[0])) return -1;
    for (int i = 0; i < count; i++) {
        copies[i] = fds[i];
        if (high(&copies[i]) != 0) return -1;
    }
    if (high(executable) != 0 || high(failure) != 0) return -1;
    for (int i = 0; i < count; i++)
        if (dup2(copies[i], i) < 0) return -1;
    return bh_cloexec_from((unsigned)count);
}

void bh_reset_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
