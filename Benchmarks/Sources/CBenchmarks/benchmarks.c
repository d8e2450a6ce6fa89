#include "CBenchmarks.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAXIMUM_FDS = 8 };

int bench_send(int socket, const void *bytes, size_t length, const int *fds, int count) {
    if (count < 0 || count > MAXIMUM_FDS) {
        errno = EINVAL;
        return -1;
    }
    char control[CMSG_SPACE(sizeof(int) * MAXIMUM_FDS)] __attribute__((aligned(8))) = {0};
    const char *rest = bytes;
    while (length > 0) {
        struct iovec piece = {.iov_base = (void *)rest, .iov_len = length};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
        if (count > 0) {
            message.msg_control = control;
            message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
            struct cmsghdr *header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
            memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
        }
        ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -1;
        count = 0;
        rest += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static int address(const char *path, struct sockaddr_un *name) {
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof name->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(name->sun_path, path);
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int give_up(int fd) {
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int bench_listen(const char *path) {
    struct sockaddr_un name;
    int fd = address(path, &name);
    if (fd < 0) return -1;
    if (bind(fd, (struct sockaddr *)&name, sizeof name) != 0) return give_up(fd);
    if (chmod(path, 0666) != 0 || listen(fd, 8) != 0) return give_up(fd);
    return fd;
}

int bench_connect(const char *path) {
    struct sockaddr_un name;
    int fd = address(path, &name);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0) return give_up(fd);
    return fd;
}

int bench_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC); }

int bench_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int bench_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int bench_pidfd(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0U); }

int bench_exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }
