#include "CLinux.h"
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define BH_MNT_DETACH 2

int bh_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}

int bh_open_tree(int directory, const char *path, int recursive) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    return (int)syscall(SYS_open_tree, directory, path, flags);
}

int bh_move_mount(int tree, const char *target) {
    return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

int bh_mount_set_read_only(const char *target, int recursive) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    return (int)syscall(SYS_mount_setattr, AT_FDCWD, target, recursive ? AT_RECURSIVE : 0, &attributes,
                        sizeof attributes);
}

int bh_pivot_root_here(void) {
    // pivot_root(".", ".") stacks the old root on the new one; it is then detached from the same place.
    if (syscall(SYS_pivot_root, ".", ".") != 0) return -1;
    if (umount2(".", BH_MNT_DETACH) != 0) return -1;
    return chdir("/");
}

int bh_unshare_mounts(void) { return unshare(CLONE_NEWNS); }
