/* fs/place.h -- a name that is to be written: what lies beside it while that goes on.
 *
 * Whatever is being written for the name NAME lies in the same directory, as
 *
 *     .NAME.<16 hexadecimal digits>.penstock    a file, or a directory with a file `lock` in it
 *     .NAME.lock.penstock                       while what is written is put in its place
 *
 * and its writer holds flock() on the file or the lock, which the kernel takes from it when the
 * writer ends, however it ends. So a thing of this name whose lock can be had was left behind, and
 * may be removed; one whose lock can't be had, or that has none, is never touched.
 *
 * Threads: a place is immutable. Tests: tests/unit/test_fs_stage.c, tests/py/test_kills.py */
#ifndef PS_FS_PLACE_H
#define PS_FS_PLACE_H

#include "base/str.h"

typedef struct ps_place {
    const char *path; /* links are followed where there is something at their end */
    const char *dir;  /* its directory; "." and "/" too */
    const char *name; /* its last part */
} ps_place;
/* path without its slashes at the end. PS_IO: not a name. */
ps_status ps_place_init(ps_ctx *cx, ps_arena *arena, ps_str path, ps_place *out);

typedef enum ps_place_kind {
    PS_PLACE_NOTHING,
    PS_PLACE_FILE,
    PS_PLACE_DIRECTORY,
    PS_PLACE_OTHER /* a device, a pipe */
} ps_place_kind;
/* What is there, and its permissions (0 for nothing). */
ps_status ps_place_look(ps_ctx *cx, const ps_place *place, ps_place_kind *kind, uint32_t *mode);
/* The directory of the place is missing, or may not be written to; errno as it was. */
ps_status ps_place_fail(ps_ctx *cx, const ps_place *place);

/* A name beside the place that nobody has. */
ps_status ps_place_beside(ps_ctx *cx, ps_arena *arena, const ps_place *place, const char **out);
/* A name of either form above, beside whatever place. */
bool ps_place_is_marked(const char *entry);

typedef enum ps_lock {
    PS_LOCK_HELD,
    PS_LOCK_BUSY, /* another writer's */
    PS_LOCK_GONE, /* path does not name the file any more */
    PS_LOCK_NONE  /* the file system has no locks */
} ps_lock;
/* Locks the open file that path names; it is held until fd is closed. */
ps_lock ps_lock_try(int fd, const char *path);

/* Removes what dead writers left beside the place; an exchange of directories that one of them was
 * killed in is completed. */
ps_status ps_place_sweep(ps_ctx *cx, const ps_place *place);

/* Removes a directory of the form above (`new`, `old` and, last, `lock` in it). */
void ps_place_clear(const char *work);

/* The lock of the place itself, for as long as something is put there: one at a time. Waits. */
typedef struct ps_place_lock {
    const char *path;
    int fd;
} ps_place_lock;
ps_status ps_place_lock_take(ps_ctx *cx, ps_arena *arena, const ps_place *place,
                             ps_place_lock *out);
void ps_place_lock_drop(ps_place_lock *lock);

#endif
