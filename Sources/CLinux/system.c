#include "CLinux.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// Raw calls: glibc's own wrappers signal every thread, which is not async-signal-safe.
int bh_setgroups_none(void) { return (int)syscall(SYS_setgroups, 0, NULL); }
int bh_setgroups(const uint32_t *groups, int count) { return (int)syscall(SYS_setgroups, count, groups); }
int bh_setresuid(uint32_t real, uint32_t effective, uint32_t saved) {
    return (int)syscall(SYS_setresuid, real, effective, saved);
}
int bh_setresgid(uint32_t real, uint32_t effective, uint32_t saved) {
    return (int)syscall(SYS_setresgid, real, effective, saved);
}
int bh_sethostname(const char *name) { return sethostname(name, strlen(name)); }

int bh_set_rlimit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit((__rlimit_resource_t)resource, &limit);
}
int bh_get_rlimit(int resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) return -1;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}
int bh_lock_file(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }
int bh_terminal_columns(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : -1;
}
