#include "CAccounts.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

int bh_group_id(const char *name, uint32_t *gid) {
    struct group entry, *found = NULL;
    char buffer[16384];
    if (getgrnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found) return -1;
    *gid = found->gr_gid;
    return 0;
}

int bh_user_ids(const char *name, uint32_t *uid, uint32_t *gid) {
    struct passwd entry, *found = NULL;
    char buffer[16384];
    if (getpwnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found) return -1;
    *uid = found->pw_uid;
    *gid = found->pw_gid;
    return 0;
}

int bh_user_name(uint32_t uid, char *name, size_t length) {
    struct passwd entry, *found = NULL;
    char buffer[16384];
    if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) != 0 || !found) return -1;
    return snprintf(name, length, "%s", found->pw_name) < (int)length ? 0 : -1;
}
