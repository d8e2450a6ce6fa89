#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(int failure, int stage) {
    int report[2] = {stage, errno};
    ssize_t ignored = write(failure, report, sizeof report);
    (void)ignored;
    _exit(127);
}

static _Noreturn void child(const struct bh_worker *worker) {
    int executable = worker->executable, failure = worker->failure;
    char byte;
    // Nothing happens before the id map is written from outside; a spawner that dies here closes the pipe.
    ssize_t count;
    do count = read(worker->go, &byte, 1);
    while (count < 0 && errno == EINTR);
    if (count != 1) _exit(126);
    if (bh_place_descriptors(worker->fds, worker->fd_count, &executable, &failure) != 0) fail(failure, BH_STAGE_STDIO);
    bh_reset_signals();
    if (setsid() < 0) fail(failure, BH_STAGE_SESSION);
    if (worker->drop_groups && bh_setgroups_none() != 0) fail(failure, BH_STAGE_GROUPS);
    if (bh_setresgid(worker->gid, worker->gid, worker->gid) != 0) fail(failure, BH_STAGE_GID);
    if (bh_setresuid(worker->uid, worker->uid, worker->uid) != 0) fail(failure, BH_STAGE_UID);
    // In the single-uid tier the worker is not uid 0 of its namespace, so an exec would take the capabilities over
    // that namespace away; ambient ones stay. The worker drops them all when its root is built.
    uint64_t effective, permitted, inheritable;
    if (bh_capget(&effective, &permitted, &inheritable) != 0) fail(failure, BH_STAGE_CAPABILITIES);
    if (bh_capset(permitted, permitted, permitted) != 0) fail(failure, BH_STAGE_CAPABILITIES);
    if (bh_ambient_raise(permitted) != 0) fail(failure, BH_STAGE_CAPABILITIES);
    syscall(SYS_execveat, executable, "", worker->argv, worker->envp, AT_EMPTY_PATH);
    fail(failure, BH_STAGE_EXEC);
}

int bh_spawn_worker(const struct bh_worker *worker, int *pidfd) {
    *pidfd = -1;
    struct clone_args arguments = {
        .flags = CLONE_PIDFD | worker->namespaces,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
    };
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) child(worker);
    return (int)pid;
}

int bh_pidfd_kill(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0U); }
int bh_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0U); }

int bh_pidfd_wait(int pidfd, int *code, int *status) {
    siginfo_t info;
    info.si_pid = 0;
    if (waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOHANG) != 0) return -1;
    if (info.si_pid == 0) return 0;
    *code = info.si_code;
    *status = info.si_status;
    return 1;
}
