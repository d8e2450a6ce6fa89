// The C shim: one syscall family a file, prefix `bh_`, the raw result of the kernel (-1 and errno), no policy.
// Everything that runs between fork and exec is in spawn.c and tool.c, and is async-signal-safe.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// --- capabilities.c ---------------------------------------------------------------------------------------------
/// Sets effective, permitted and inheritable to exactly these masks (capset(2), version 3).
int bh_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int bh_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
/// Raises each capability of the mask in the ambient set; it must be permitted and inheritable.
int bh_ambient_raise(uint64_t mask);
int bh_ambient_clear(void);
int bh_ambient_is_set(int capability);
int bh_bounding_drop(int capability);
/// 1 or 0; -1 with EINVAL for a number above the kernel's last capability.
int bh_bounding_has(int capability);

// --- prctl.c ----------------------------------------------------------------------------------------------------
int bh_set_no_new_privs(void);
int bh_get_no_new_privs(void);
int bh_set_dumpable(int value);
int bh_get_dumpable(void);
int bh_set_securebits(unsigned long bits);
int bh_get_securebits(void);
int bh_set_parent_death_signal(int signal);
int bh_get_seccomp_mode(void);
int bh_set_name(const char *name);

// --- descriptors.c ----------------------------------------------------------------------------------------------
/// Marks every descriptor from `first` up close-on-exec.
int bh_cloexec_from(unsigned first);
int bh_close_from(unsigned first);
int bh_memfd(const char *name, int executable);
/// Seals a memfd against any further change of content or size.
int bh_memfd_seal(int fd);
int bh_memfd_seals(int fd);
int bh_pipe(int ends[2]);
int bh_set_nonblocking(int fd, int on);
int bh_dup_cloexec(int fd, int minimum);
int bh_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
#define BH_O_PATH 010000000
#define BH_RESOLVE_NO_MAGICLINKS 0x02
#define BH_RESOLVE_NO_SYMLINKS 0x04
#define BH_RESOLVE_BENEATH 0x08
int bh_fstat_kind(int fd, uint32_t *mode, int64_t *size, int *access_mode, int *is_path);
int bh_statfs_free(const char *path, uint64_t *free_bytes, uint64_t *free_inodes);

// --- fdpass.c ---------------------------------------------------------------------------------------------------
#define BH_MAX_FDS 8
ssize_t bh_send(int socket, const void *bytes, size_t length, const int *fds, int count);
/// Receives bytes and at most BH_MAX_FDS descriptors (close-on-exec). `truncated` is set when the kernel had to drop
/// some; those that did arrive are still returned, for the caller to close.
ssize_t bh_receive(int socket, void *bytes, size_t length, int *fds, int *count, int *truncated);
int bh_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid);
int bh_unix_listen(const char *path, int backlog, uint32_t mode);
int bh_accept(int listener);
int bh_unix_connect(const char *path);
/// Without waiting: EAGAIN when the listener is there and its backlog is full.
int bh_unix_connect_now(const char *path);
int bh_socketpair(int fds[2]);
int bh_is_listening_socket(int fd, int *family);
int bh_is_pty(int fd);
/// 1 when a peer that already went away left nothing to read.
int bh_hung_up(int fd);

// --- network.c --------------------------------------------------------------------------------------------------
int bh_loopback_up(void);

// --- mount.c ----------------------------------------------------------------------------------------------------
int bh_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int bh_open_tree(int directory, const char *path, int recursive);
int bh_move_mount(int tree, const char *target);
int bh_mount_set_read_only(const char *target, int recursive);
int bh_pivot_root_here(void);
#define BH_MS_RDONLY 1
#define BH_MS_NOSUID 2
#define BH_MS_NODEV 4
#define BH_MS_NOEXEC 8
#define BH_MS_REMOUNT 32
#define BH_MS_BIND 4096
#define BH_MS_REC 16384
#define BH_MS_PRIVATE (1 << 18)
#define BH_MS_SLAVE (1 << 19)
int bh_unshare_mounts(void);

// --- landlock.c -------------------------------------------------------------------------------------------------
/// The Landlock ABI of the running kernel, or -1 (ENOSYS: not built in; EOPNOTSUPP: not enabled at boot).
int bh_landlock_abi(void);
int bh_landlock_create(uint64_t handled_fs, uint64_t scoped);
int bh_landlock_allow(int ruleset, int path_fd, uint64_t access);

// --- seccomp.c --------------------------------------------------------------------------------------------------
struct bh_filter {
    const void *instructions;
    size_t count; // of 8-byte BPF instructions
};
/// Stacks one classic-BPF filter; denials are logged by the kernel where it can (SECCOMP_FILTER_FLAG_LOG).
int bh_seccomp_load(const struct bh_filter *filter);

// --- spawn.c ----------------------------------------------------------------------------------------------------
struct bh_worker {
    int executable;          // opened, close-on-exec
    char *const *argv;
    char *const *envp;
    const int *fds;          // fds[i] becomes descriptor i
    int fd_count;
    uint64_t namespaces;     // CLONE_NEW*
    uint32_t uid, gid;       // inside the new user namespace
    int drop_groups;
    int go;                  // read end: the child goes on when one byte arrives, ends when it closes
    int failure;             // write end, close-on-exec: errno and stage of a failed exec
};
/// Forks with clone3 into new namespaces; the child waits for `go`, takes its ids, keeps its capabilities through
/// the exec as ambient ones, and executes. Returns the pid; `pidfd` is close-on-exec.
int bh_spawn_worker(const struct bh_worker *worker, int *pidfd);
int bh_pidfd_kill(int pidfd, int signal);
/// Waits without blocking: 1 and the wait status when it has ended, 0 when not yet.
int bh_pidfd_wait(int pidfd, int *code, int *status);
int bh_pidfd_open(int pid);
#define BH_NS_ALL (0x00020000ULL | 0x02000000ULL | 0x04000000ULL | 0x08000000ULL | 0x10000000ULL | 0x20000000ULL | 0x40000000ULL)

// --- tool.c -----------------------------------------------------------------------------------------------------
enum bh_stage {
    BH_STAGE_NONE, BH_STAGE_FORK, BH_STAGE_SESSION, BH_STAGE_STDIO, BH_STAGE_DIRECTORY, BH_STAGE_GROUPS,
    BH_STAGE_GID, BH_STAGE_UID, BH_STAGE_CAPABILITIES, BH_STAGE_VERIFY, BH_STAGE_NO_NEW_PRIVS, BH_STAGE_LANDLOCK,
    BH_STAGE_SECCOMP, BH_STAGE_EXEC
};
struct bh_tool {
    int executable;          // >= 0: exec this descriptor (an ELF file) instead of searching argv[0]
    char *const *argv;
    char *const *envp;
    const char *path;        // colon-separated directories for an argv[0] without a slash
    const char *directory;   // working directory, or NULL
    const int *fds;          // fds[i] becomes descriptor i
    int fd_count;
    int take_ids;            // setgroups([]) + setresgid + setresuid
    uint32_t uid, gid;
    int landlock;            // ruleset descriptor, or -1
    const struct bh_filter *filters;
    int filter_count;
    int confined;            // 1: drop every capability, require no_new_privs, verify both
};
/// Forks and executes a tool. Returns its pid, or -1 with errno and the stage that failed.
int bh_spawn_tool(const struct bh_tool *tool, int *stage);
int bh_wait(int pid, int nohang, int *code, int *status);

// --- events.c ---------------------------------------------------------------------------------------------------
int bh_epoll_create(void);
/// `operation`: 1 add, 2 delete, 3 modify. `token` comes back with each event.
int bh_epoll_set(int epoll, int fd, uint32_t events, int operation, uint64_t token);
int bh_epoll_wait(int epoll, uint64_t *tokens, uint32_t *events, int capacity, int timeout_ms);
/// Blocks these signals and gives a descriptor that reads them.
int bh_signalfd(const int *signals, int count);
/// The next signal number and its sender's pid; 0 when none is pending.
int bh_signalfd_read(int fd, int *sender);
int64_t bh_monotonic_ms(void);
int64_t bh_realtime_ms(void);
int bh_errno(void);

// --- system.c ---------------------------------------------------------------------------------------------------
int bh_setgroups_none(void);
int bh_setgroups(const uint32_t *groups, int count);
int bh_setresuid(uint32_t real, uint32_t effective, uint32_t saved);
int bh_setresgid(uint32_t real, uint32_t effective, uint32_t saved);
int bh_sethostname(const char *name);
int bh_set_rlimit(int resource, uint64_t soft, uint64_t hard);
int bh_get_rlimit(int resource, uint64_t *soft, uint64_t *hard);
int bh_lock_file(int fd);
int bh_user_name(uint32_t uid, char *buffer, size_t length);
int bh_terminal_columns(int fd);
