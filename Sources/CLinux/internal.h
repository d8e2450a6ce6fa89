// What spawn.c and tool.c share. Async-signal-safe.
#pragma once
#include "CLinux.h"
#define BH_HIGH_FD 64

/// Puts fds[i] at descriptor i, through copies above BH_HIGH_FD so that no one overwrites another, and marks all
/// descriptors above them close-on-exec. `*executable` and `*failure` are moved out of the way too.
int bh_place_descriptors(const int *fds, int count, int *executable, int *failure);
/// Default dispositions and an empty mask: what a fresh program expects.
void bh_reset_signals(void);
