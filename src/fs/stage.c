/* fs/stage.c -- the hidden directory: .NAME.<hex>.penstock/{lock,new}, and `old` in an exchange of
 * two steps. */
#include "fs/stage.h"

#include "fs/job.h"
#include "fs/place.h"
#include "fs/sys.h"
#include "fs/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* Each fsync is a flush of the device, milliseconds: thousands of small files are faster with one
 * sync of the whole file system, few files without waiting for what others have written there. */
enum { SINGLY_MAX = 64, NAME_TRIES_MAX = 16 };

struct ps_stage {
    ps_arena arena;
    ps_place place;
    ps_stage_mode mode;
    const char *work, *new, *old;
    int lock; /* open since before anything was written: syncfs tells errors since then */
    bool committed, no_exchange;
    bool stepped;          /* exchanged in two steps: what was replaced is `old`, else `new` */
    bool many;             /* more files or directories than are synced singly */
    int files[SINGLY_MAX]; /* written, not synced */
    uint32_t n_files;
};

static ps_status fail_exists(ps_ctx *cx, const ps_place *place)
{
    ps_fail(cx, PS_EXISTS, "the directory exists and is not empty: %s", place->path);
    ps_hint(cx, "OVERWRITE replaces it, APPEND adds to it");
    return PS_EXISTS;
}

static ps_status check_empty(ps_ctx *cx, const ps_place *place)
{
    DIR *const dir = ps_sys_opendir(place->path);
    ps_status st = PS_OK;
    uint32_t n = 0;

    if (!dir) return ps_file_fail(cx, errno, "listing", ps_str_of(place->path));
    while (n < 3 && ps_sys_readdir(dir)) n++;
    if (n == 3) st = fail_exists(cx, place); /* "." and ".." and something */
    else if (errno) st = ps_file_fail(cx, errno, "listing", ps_str_of(place->path));
    ps_sys_closedir(dir);
    return st;
}

ps_status ps_stage_check(ps_ctx *cx, const ps_place *place, ps_stage_mode mode)
{
    ps_place_kind kind;
    uint32_t permissions;

    PS_TRY(ps_place_look(cx, place, &kind, &permissions));
    if (kind == PS_PLACE_NOTHING) return PS_OK;
    if (kind != PS_PLACE_DIRECTORY)
        return ps_fail(cx, PS_EXISTS, "is a file, not a directory: %s", place->path);
    return mode == PS_STAGE_NEW ? check_empty(cx, place) : PS_OK;
}

static ps_status paths_set(ps_ctx *cx, ps_stage *stage)
{
    stage->new = ps_arena_printf(cx, &stage->arena, "%s/new", stage->work);
    stage->old = ps_arena_printf(cx, &stage->arena, "%s/old", stage->work);
    return stage->new && stage->old ? PS_OK : PS_MEMORY;
}

/* The directory and its lock; false: a sweep was quicker, another name has to be tried. */
static ps_status work_make(ps_ctx *cx, ps_stage *stage, bool *made)
{
    *made = false;
    PS_TRY(ps_place_beside(cx, &stage->arena, &stage->place, &stage->work));
    const char *const lock = ps_arena_printf(cx, &stage->arena, "%s/lock", stage->work);
    if (!lock) return PS_MEMORY;
    if (ps_sys_mkdir(stage->work, 0777) != 0)
        return errno == EEXIST ? PS_OK : ps_place_fail(cx, &stage->place);
    stage->lock = ps_sys_open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (stage->lock < 0) {
        const int code = errno;
        ps_sys_rmdir(stage->work);
        return code == ENOENT
                   ? PS_OK
                   : ps_file_fail(cx, code, "making a lock for", ps_str_of(stage->place.path));
    }
    const ps_lock held = ps_lock_try(stage->lock, lock);
    *made = held == PS_LOCK_HELD || held == PS_LOCK_NONE;
    if (*made) return PS_OK;
    ps_place_clear(stage->work); /* as the sweep does that has it */
    ps_sys_close(stage->lock);
    stage->lock = -1;
    return PS_OK;
}

ps_status ps_stage_open(ps_ctx *cx, ps_str path, ps_stage_mode mode, ps_stage **out)
{
    ps_stage *stage = ps_alloc_zero(cx, sizeof *stage);
    bool made = false;
    ps_place_kind kind;
    uint32_t permissions;
    ps_status st = PS_OK;

    *out = NULL;
    if (!stage) return PS_MEMORY;
    stage->lock = -1;
    stage->mode = mode;
    PS_GO(ps_place_init(cx, &stage->arena, path, &stage->place));
    PS_GO(ps_place_sweep(cx, &stage->place));
    PS_GO(ps_stage_check(cx, &stage->place, mode));
    for (uint32_t i = 0; !made && i < NAME_TRIES_MAX; i++) PS_GO(work_make(cx, stage, &made));
    if (!made) PS_GO(ps_file_fail(cx, EEXIST, "making a temporary name beside", path));
    PS_GO(paths_set(cx, stage));
    PS_GO(ps_place_look(cx, &stage->place, &kind, &permissions));
    if (ps_sys_mkdir(stage->new, 0777) != 0) PS_GO(ps_place_fail(cx, &stage->place));
    /* readers of the new directory are those of the old one */
    if (kind == PS_PLACE_DIRECTORY && ps_sys_chmod(stage->new, permissions | S_IRWXU) != 0)
        PS_GO(ps_place_fail(cx, &stage->place));
    *out = stage;
    stage = NULL;
done:
    ps_stage_free(stage);
    return st;
}

void ps_stage_forbid_exchange(ps_stage *stage) { stage->no_exchange = true; }

const char *ps_stage_target(const ps_stage *stage) { return stage->place.path; }

ps_status ps_stage_file(ps_ctx *cx, ps_stage *stage, ps_str name, int *fd)
{
    char path[PATH_MAX];
    const int n = snprintf(path, sizeof path, "%s/%.*s", stage->new, PS_STR_ARGS(name));

    *fd = -1;
    if (n < 0 || (size_t)n >= sizeof path)
        return ps_fail(cx, PS_IO, "a path too long: %s", stage->place.path);
    PS_TRY(ps_tree_make(cx, stage->new, path + strlen(stage->new) + 1, false));
    *fd = ps_sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return *fd < 0 ? ps_file_fail(cx, errno, "making a file of", ps_str_of(stage->place.path))
                   : PS_OK;
}

static ps_status file_sync(ps_ctx *cx, const ps_stage *stage, int fd)
{
    PS_TRY(ps_poll(cx));
    /* of many: bytes are on their way and errors are told; the whole file system is synced later */
    if (stage->many) {
        if (ps_sys_write_out(fd, true) == 0 || (errno != EIO && errno != ENOSPC && errno != EDQUOT))
            return PS_OK;
    } else if (ps_sys_fsync(fd) == 0) {
        return PS_OK;
    }
    return ps_file_fail(cx, errno, "syncing a file of", ps_str_of(stage->place.path));
}

static ps_status files_sync(ps_ctx *cx, ps_stage *stage)
{
    while (stage->n_files > 0) {
        const int fd = stage->files[stage->n_files - 1];

        PS_TRY(file_sync(cx, stage, fd));
        stage->n_files--;
        if (ps_sys_close(fd) != 0)
            return ps_file_fail(cx, errno, "closing a file of", ps_str_of(stage->place.path));
    }
    return PS_OK;
}

ps_status ps_stage_keep(ps_ctx *cx, ps_stage *stage, int fd)
{
    /* begins to write: what is synced later has been on its way. No failure: the sync tells */
    (void)ps_sys_write_out(fd, false);
    stage->files[stage->n_files++] = fd;
    if (stage->n_files < SINGLY_MAX) return PS_OK;
    stage->many = true;
    return files_sync(cx, stage);
}

/* The names of all files, and of many also what they hold. */
static ps_status names_sync(ps_ctx *cx, const ps_stage *stage)
{
    if (!stage->many) return ps_tree_sync(cx, stage->new);
    PS_TRY(ps_poll(cx));
    return ps_sys_syncfs(stage->lock) == 0 ? PS_OK
                                           : ps_file_fail(cx, errno, "syncing the file system of",
                                                          ps_str_of(stage->place.path));
}

/* ---- commit ---- */

static ps_status fail_move(ps_ctx *cx, const ps_stage *stage, int code)
{
    if (code == ENOTEMPTY || code == EEXIST) return fail_exists(cx, &stage->place);
    return ps_file_fail(cx, code, "putting the new directory in place of",
                        ps_str_of(stage->place.path));
}

/* Old away, new there; back if the second step fails. */
static ps_status exchange_in_steps(ps_ctx *cx, ps_stage *stage)
{
    if (ps_sys_rename(stage->place.path, stage->old) != 0) return fail_move(cx, stage, errno);
    stage->stepped = ps_sys_rename(stage->new, stage->place.path) == 0;
    if (stage->stepped) return PS_OK;
    const int code = errno;
    (void)ps_sys_rename(stage->old, stage->place.path);
    return fail_move(cx, stage, code);
}

static ps_status exchange(ps_ctx *cx, ps_stage *stage)
{
    if (!stage->no_exchange) {
        if (ps_sys_exchange(stage->new, stage->place.path) == 0) return PS_OK;
        if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
            return fail_move(cx, stage, errno);
    }
    return exchange_in_steps(cx, stage);
}

/* What another program put into the old directory between linking and exchanging. The new files are
 * in place: neither a cancel nor an error changes that any more. */
static void link_late(const ps_ctx *cx, const ps_stage *stage)
{
    ps_ctx own;
    uint32_t n_dirs;

    ps_ctx_child(cx, &own);
    own.cancel = NULL;
    (void)!ps_tree_link(&own, stage->stepped ? stage->old : stage->new, stage->place.path, &n_dirs);
}

static ps_status put_in_place(ps_ctx *cx, ps_stage *stage)
{
    const ps_place *place = &stage->place;
    ps_place_kind kind;
    uint32_t permissions;

    PS_TRY(ps_stage_check(cx, place, stage->mode));
    PS_TRY(ps_place_look(cx, place, &kind, &permissions));
    if (kind == PS_PLACE_NOTHING || stage->mode == PS_STAGE_NEW) {
        PS_TRY(names_sync(cx, stage));
        return ps_sys_rename(stage->new, place->path) == 0 ? PS_OK : fail_move(cx, stage, errno);
    }
    PS_TRY(ps_job_check_idle(cx, place->path));
    if (stage->mode == PS_STAGE_APPEND) {
        uint32_t n_dirs = 0;
        PS_TRY(ps_tree_link(cx, place->path, stage->new, &n_dirs));
        stage->many |= n_dirs > SINGLY_MAX;
    }
    PS_TRY(names_sync(cx, stage));
    PS_TRY(exchange(cx, stage));
    stage->committed = true;
    if (stage->mode == PS_STAGE_OVERWRITE) return PS_OK;
    link_late(cx, stage);
    return PS_OK;
}

ps_status ps_stage_commit(ps_ctx *cx, ps_stage *stage)
{
    ps_place_lock lock;

    PS_ASSERT(!stage->committed);
    PS_TRY(files_sync(cx, stage));
    PS_TRY(ps_place_lock_take(cx, &stage->arena, &stage->place, &lock));
    ps_status st = put_in_place(cx, stage);
    if (st == PS_OK) {
        stage->committed = true;
        st = ps_dir_sync_after(cx, &stage->place);
    }
    ps_place_lock_drop(&lock);
    return st;
}

void ps_stage_free(ps_stage *stage)
{
    if (!stage) return;
    for (uint32_t i = 0; i < stage->n_files; i++) ps_sys_close(stage->files[i]);
    if (stage->lock >= 0) ps_place_clear(stage->work);
    if (stage->lock >= 0) ps_sys_close(stage->lock);
    ps_arena_release(&stage->arena);
    ps_free(stage);
}
