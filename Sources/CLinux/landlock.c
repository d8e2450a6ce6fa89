#include "CLinux.h"
#include <sys/syscall.h>
#include <unistd.h>

// Debian 12's headers know ABI 2; the layout of later ones is stated here (linux/landlock.h of 6.12).
struct ruleset_attr {
    uint64_t handled_access_fs, handled_access_net, scoped;
};
struct path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

int bh_landlock_abi(void) { return (int)syscall(444, NULL, 0, 1U /* LANDLOCK_CREATE_RULESET_VERSION */); }

int bh_landlock_create(uint64_t handled_fs, uint64_t scoped) {
    struct ruleset_attr attributes = {.handled_access_fs = handled_fs, .scoped = scoped};
    // A kernel that does not know the trailing fields accepts them only when zero; pass what is used.
    return (int)syscall(444, &attributes, scoped ? sizeof attributes : sizeof(uint64_t), 0U);
}

int bh_landlock_allow(int ruleset, int path_fd, uint64_t access) {
    struct path_beneath_attr rule = {.allowed_access = access, .parent_fd = path_fd};
    return (int)syscall(445, ruleset, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0U);
}
