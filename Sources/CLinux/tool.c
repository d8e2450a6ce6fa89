#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(int failure, int stage) {
    int report[2] = {stage, errno};
    ssize_t ignored = write(failure, report, sizeof report);
    (void)ignored;
    _exit(127);
}

static void execute(const struct bh_tool *tool, int executable) {
    if (executable >= 0) {
        syscall(SYS_execveat, executable, "", tool->argv, tool->envp, AT_EMPTY_PATH);
        return;
    }
    const char *name = tool->argv[0];
    if (strchr(name, '/')) {
        execve(name, tool->argv, tool->envp);
        return;
    }
    char candidate[4096];
    size_t length = strlen(name);
    int error = ENOENT;
    for (const char *at = tool->path; at && *at;) {
        const char *end = strchrnul(at, ':');
        size_t directory = (size_t)(end - at);
        // An empty element would mean the working directory, which the agent writes: it is passed over.
        if (directory > 0 && directory + length + 2 <= sizeof candidate) {
            memcpy(candidate, at, directory);
            candidate[directory] = '/';
            memcpy(candidate + directory + 1, name, length + 1);
            execve(candidate, tool->argv, tool->envp);
            if (errno == EACCES) error = EACCES;
            else if (errno != ENOENT && errno != ENOTDIR) return;
        }
        at = *end ? end + 1 : end;
    }
    errno = error;
}

static int no_capability_left(void) {
    uint64_t effective, permitted, inheritable;
    if (bh_capget(&effective, &permitted, &inheritable) != 0) return 0;
    if (effective | permitted | inheritable) {
        errno = EPERM;
        return 0;
    }
    return 1;
}

static _Noreturn void child(const struct bh_tool *tool, int failure) {
    int executable = tool->executable;
    if (setsid() < 0) fail(failure, BH_STAGE_SESSION);
    int landlock = tool->landlock < 0 ? -1 : bh_dup_cloexec(tool->landlock, BH_HIGH_FD);
    if (bh_place_descriptors(tool->fds, tool->fd_count, &executable, &failure) != 0) fail(failure, BH_STAGE_STDIO);
    bh_reset_signals();
    umask(022);
    if (tool->take_ids) {
        if (bh_setgroups_none() != 0) fail(failure, BH_STAGE_GROUPS);
        if (bh_setresgid(tool->gid, tool->gid, tool->gid) != 0) fail(failure, BH_STAGE_GID);
        if (bh_setresuid(tool->uid, tool->uid, tool->uid) != 0) fail(failure, BH_STAGE_UID);
    }
    if (tool->confined) {
        // Capabilities survive setresuid between two ids that are not 0: they go by name, and are read back.
        if (bh_capset(0, 0, 0) != 0 || bh_ambient_clear() != 0) fail(failure, BH_STAGE_CAPABILITIES);
        if (!no_capability_left()) fail(failure, BH_STAGE_VERIFY);
        if (bh_get_no_new_privs() != 1) fail(failure, BH_STAGE_NO_NEW_PRIVS);
    }
    // After the change of uid, so that the directory's own permissions count for the tool and not for the worker.
    if (tool->directory && chdir(tool->directory) != 0) fail(failure, BH_STAGE_DIRECTORY);
    if (tool->landlock >= 0 && syscall(446, landlock, 0U) != 0) fail(failure, BH_STAGE_LANDLOCK);
    for (int i = 0; i < tool->filter_count; i++)
        if (bh_seccomp_load(&tool->filters[i]) != 0) fail(failure, BH_STAGE_SECCOMP);
    execute(tool, executable);
    fail(failure, BH_STAGE_EXEC);
}

int bh_spawn_tool(const struct bh_tool *tool, int *stage) {
    int pipes[2];
    *stage = BH_STAGE_FORK;
    if (pipe2(pipes, O_CLOEXEC) != 0) return -1;
    // Handlers of the parent must not run in the child between fork and the reset of dispositions.
    sigset_t all, previous;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &previous);
    pid_t pid = fork();
    if (pid == 0) child(tool, pipes[1]);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &previous, NULL);
    close(pipes[1]);
    if (pid < 0) {
        close(pipes[0]);
        errno = saved;
        return -1;
    }
    int report[2];
    ssize_t count;
    do count = read(pipes[0], report, sizeof report);
    while (count < 0 && errno == EINTR);
    close(pipes[0]);
    if (count == (ssize_t)sizeof report) {
        int status;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        *stage = report[0];
        errno = report[1];
        return -1;
    }
    *stage = BH_STAGE_NONE;
    return pid;
}

int bh_wait(int pid, int nohang, int *code, int *status) {
    siginfo_t info;
    info.si_pid = 0;
    int result;
    do result = waitid(pid > 0 ? P_PID : P_ALL, (id_t)(pid > 0 ? pid : 0), &info, WEXITED | (nohang ? WNOHANG : 0));
    while (result != 0 && errno == EINTR);
    if (result != 0) return -1;
    *code = info.si_code;
    *status = info.si_status;
    return info.si_pid;
}
