/* fs/stage.h -- a directory that appears whole or not at all.
 *
 * Files are written into a hidden directory beside the final name; commit syncs all of them and
 * puts the directory in its place with one rename: to a free name (or an empty directory), or in
 * exchange with what is there. Free without commit, or an end of the process, leaves the place as
 * it was. To append, everything that is there gets a second name (a hard link) in the new directory
 * before the exchange: readers see all of the new files or none.
 *
 * A file system that can't exchange gets two renames: for a moment nothing is there, and if the
 * process dies in that moment the next writer completes it (ps_place_sweep).
 *
 * Threads: one at a time. Tests: tests/unit/test_fs_stage.c, tests/py/test_kills.py */
#ifndef PS_FS_STAGE_H
#define PS_FS_STAGE_H

#include "fs/file.h"

typedef enum ps_stage_mode {
    PS_STAGE_NEW, /* only where nothing is, or an empty directory */
    PS_STAGE_OVERWRITE,
    PS_STAGE_APPEND
} ps_stage_mode;

ps_status ps_stage_open(ps_ctx *cx, ps_str path, ps_stage_mode mode, ps_stage **out);
/* A file of the directory; directories in its name are made. */
ps_status ps_stage_file(ps_ctx *cx, ps_stage *stage, ps_str name, int *fd);
/* The final name of the directory. */
const char *ps_stage_target(const ps_stage *stage);
/* Takes fd, a file that was written: it is on the device when commit returns. */
ps_status ps_stage_keep(ps_ctx *cx, ps_stage *stage, int fd);
/* The directory is at its name. PS_EXISTS: something else is, or somebody is adding to it. */
ps_status ps_stage_commit(ps_ctx *cx, ps_stage *stage);
void ps_stage_free(ps_stage *stage);
/* Fails if mode doesn't allow what is at a place (ps_stage_open checks it too). */
struct ps_place;
ps_status ps_stage_check(ps_ctx *cx, const struct ps_place *place, ps_stage_mode mode);
/* Tests: commit as on a file system that can't exchange two directories. */
void ps_stage_forbid_exchange(ps_stage *stage);

#endif
