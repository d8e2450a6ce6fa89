#include "CLinux.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

int bh_seccomp_load(const struct bh_filter *filter) {
    struct sock_fprog program = {
        .len = (unsigned short)filter->count, .filter = (struct sock_filter *)(uintptr_t)filter->instructions};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &program);
}
