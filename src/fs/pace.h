/* fs/pace.h -- whether compressing a block of a temporary file saves time: by what was measured.
 *
 * Where the page cache takes what is written, LZ4 costs several times what it saves; where the disk
 * is what everybody waits for, it saves half. Which of the two it is shows in the time that writes
 * and reads take, and it changes while a file grows: the system lets writers run until too much of
 * its memory waits for the disk. So each file measures, and packs one block in PS_PACE_TRY in any
 * case to know what that gives.
 *
 * Threads: any; figures are guesses, and a lost update is only a poorer guess. Times decide which
 * form a block has, never what is read back. Tests: tests/unit/test_spill.c */
#ifndef PS_FS_PACE_H
#define PS_FS_PACE_H

#include "base/thread.h"

#include <stdatomic.h>

enum { PS_PACE_TRY = 32 };

typedef struct ps_pace_rate { /* of the last megabytes, the older the less */
    _Atomic uint64_t sum, bytes;
} ps_pace_rate;

/* All zero is a new file's. */
typedef struct ps_pace {
    ps_pace_rate write, read; /* of bytes as they are stored */
    ps_pace_rate pack, saved; /* of bytes before compression; saved: bytes instead of time */
    _Atomic uint32_t blocks;
} ps_pace;

/* Something was done with so many bytes, which took so long. */
void ps_pace_add(ps_pace_rate *rate, uint64_t ns, uint64_t bytes);
/* Packing took so long and made `raw` bytes `stored`. */
void ps_pace_packed(ps_pace *pace, uint64_t ns, uint64_t raw, uint64_t stored);
bool ps_pace_due(ps_pace *pace);        /* another block: pack it in any case, to know */
bool ps_pace_pays(const ps_pace *pace); /* packing saves time */

#endif
