// The host's account database (name service switch). A module of its own, so that the static worker never links it.
#pragma once
#include <stddef.h>
#include <stdint.h>

int bh_group_id(const char *name, uint32_t *gid);
int bh_user_ids(const char *name, uint32_t *uid, uint32_t *gid);
/// Writes the account's name with its terminating NUL; -1 when there is none or it does not fit.
int bh_user_name(uint32_t uid, char *name, size_t length);
