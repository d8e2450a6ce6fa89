#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U // Linux 6.3
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020 // Linux 6.3
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

int bh_cloexec_from(unsigned first) { return (int)syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC); }
int bh_close_from(unsigned first) { return (int)syscall(SYS_close_range, first, ~0U, 0U); }

int bh_memfd(const char *name, int executable) {
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    if (executable) {
        int fd = memfd_create(name, flags | MFD_EXEC);
        if (fd >= 0 || errno != EINVAL) return fd;
    }
    return memfd_create(name, flags);
}

int bh_memfd_seal(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE); }
int bh_memfd_seals(int fd) { return fcntl(fd, F_GET_SEALS); }

int bh_set_nonblocking(int fd, int on) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int bh_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int bh_dup_cloexec(int fd, int minimum) { return fcntl(fd, F_DUPFD_CLOEXEC, minimum); }

int bh_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int bh_fstat_kind(int fd, uint32_t *mode, int64_t *size, int *access_mode, int *is_path) {
    struct stat status;
    if (fstat(fd, &status) != 0) return -1;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    *mode = status.st_mode;
    *size = status.st_size;
    *access_mode = flags & O_ACCMODE;
    *is_path = (flags & O_PATH) != 0;
    return 0;
}

int bh_statfs_free(const char *path, uint64_t *free_bytes, uint64_t *free_inodes) {
    struct statvfs status;
    if (statvfs(path, &status) != 0) return -1;
    *free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    *free_inodes = status.f_favail;
    return 0;
}
