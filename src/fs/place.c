/* fs/place.c -- names beside a place, locks, leftovers.
 *
 * A directory is made before its lock and removed after it: without a lock it is empty, and rmdir
 * of it harms nobody, because whoever was about to make the lock takes another name. A file that is
 * opened and locked may have been removed by a sweep in between: then the lock's holder sees that
 * the name is not its file's any more. */
#include "fs/place.h"

#include "base/mark.h"
#include "fs/file.h"
#include "fs/sys.h"
#include "fs/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

enum { HEX_DIGITS = 16, LOCK_WAIT_NS = 5000000 };

enum { MARK_BYTES = sizeof PS_MARK - 1, PREFIX_MAX = NAME_MAX - HEX_DIGITS - MARK_BYTES - 2 };

/* Bytes of the name that names beside it begin with: they have to fit too. */
static int prefix_of(const char *name) { return (int)PS_MIN(strlen(name), (size_t)PREFIX_MAX); }

ps_status ps_place_init(ps_ctx *cx, ps_arena *arena, ps_str path, ps_place *out)
{
    char real[PATH_MAX];
    const char *text;

    while (path.n > 1 && path.at[path.n - 1] == '/') path.n--;
    if (path.n == 0 || path.n >= PATH_MAX - NAME_MAX || memchr(path.at, 0, path.n) ||
        ps_str_equal(path, PS_STR("/")))
        return ps_fail(cx, PS_IO, "not a name that can be written: '%.*s'",
                       (int)PS_MIN(path.n, (size_t)200), path.at);
    text = ps_arena_strndup(cx, arena, path.at, path.n);
    if (!text) return PS_MEMORY;
    struct stat info;
    const char *slash = strrchr(text, '/');
    const char *name = slash ? slash + 1 : text;
    /* through links to what they stand for; dots have no name to put something beside */
    if (((ps_sys_lstat(text, &info) == 0 && S_ISLNK(info.st_mode)) || !strcmp(name, ".") ||
         !strcmp(name, "..")) &&
        ps_sys_realpath(text, real)) {
        text = ps_arena_strndup(cx, arena, real, strlen(real));
        if (!text) return PS_MEMORY;
        slash = strrchr(text, '/');
        name = slash ? slash + 1 : text;
    }
    out->path = text;
    out->name = name;
    out->dir = !slash          ? "."
               : slash == text ? "/"
                               : ps_arena_strndup(cx, arena, text, (size_t)(slash - text));
    return out->dir ? PS_OK : PS_MEMORY;
}

ps_status ps_place_look(ps_ctx *cx, const ps_place *place, ps_place_kind *kind, uint32_t *mode)
{
    struct stat info;

    *mode = 0;
    *kind = PS_PLACE_NOTHING;
    if (ps_sys_stat(place->path, &info) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return PS_OK;
        return ps_file_fail(cx, errno, "looking at", ps_str_of(place->path));
    }
    *mode = info.st_mode & 07777;
    *kind = S_ISREG(info.st_mode)   ? PS_PLACE_FILE
            : S_ISDIR(info.st_mode) ? PS_PLACE_DIRECTORY
                                    : PS_PLACE_OTHER;
    return PS_OK;
}

ps_status ps_place_fail(ps_ctx *cx, const ps_place *place)
{
    if (errno == ENOENT) {
        ps_fail(cx, PS_IO, "no such directory: %s", place->dir);
        return PS_IO;
    }
    return ps_file_fail(cx, errno, "making a temporary name beside", ps_str_of(place->path));
}

ps_status ps_place_beside(ps_ctx *cx, ps_arena *arena, const ps_place *place, const char **out)
{
    uint64_t random = 0;

    if (ps_sys_random(&random, sizeof random) != 0)
        return ps_file_fail(cx, errno, "making a temporary name for", ps_str_of(place->path));
    *out = ps_arena_printf(cx, arena, "%s/.%.*s.%016llx" PS_MARK, place->dir,
                           prefix_of(place->name), place->name, (unsigned long long)random);
    return *out ? PS_OK : PS_MEMORY;
}

/* What an entry's name says: the part between dots before the mark, "" if it isn't of our form. */
static ps_str marked_part(ps_str entry)
{
    if (entry.n < 2 || entry.at[0] != '.' || !ps_str_ends(entry, PS_STR(PS_MARK)))
        return PS_STR("");
    entry.n -= MARK_BYTES;
    const char *const dot = memrchr(entry.at, '.', entry.n);
    if (!dot || dot == entry.at) return PS_STR("");
    return (ps_str){dot + 1, entry.n - (size_t)(dot + 1 - entry.at)};
}

static bool is_random(ps_str part)
{
    for (size_t i = 0; i < part.n; i++)
        if (ps_hex_digit(part.at[i]) < 0) return false;
    return part.n == HEX_DIGITS;
}

bool ps_place_is_marked(const char *entry)
{
    const ps_str part = marked_part(ps_str_of(entry));

    return is_random(part) || ps_str_equal(part, PS_STR("lock"));
}

ps_lock ps_lock_try(int fd, const char *path)
{
    struct stat own, named;

    if (ps_sys_lock(fd) != 0) return errno == EWOULDBLOCK ? PS_LOCK_BUSY : PS_LOCK_NONE;
    if (ps_sys_fstat(fd, &own) != 0 || ps_sys_lstat(path, &named) != 0 ||
        own.st_ino != named.st_ino || own.st_dev != named.st_dev)
        return PS_LOCK_GONE;
    return PS_LOCK_HELD;
}

/* ---- leftovers ---- */

/* False: something could not be removed. */
static bool clear_once(const char *work)
{
    static const char *const parts[] = {"/new", "/old", "/lock"};
    char path[PATH_MAX];

    for (size_t i = 0; i < PS_COUNT(parts); i++) {
        if ((size_t)snprintf(path, sizeof path, "%s%s", work, parts[i]) >= sizeof path)
            return false;
        if (i < 2) ps_tree_remove(path);
        else ps_sys_unlink(path);
    }
    return ps_sys_rmdir(work) == 0;
}

void ps_place_clear(const char *work)
{
    if (!clear_once(work)) clear_once(work); /* what failed once may not fail again */
}

typedef struct sweep {
    ps_ctx *cx;
    ps_arena arena;
    const ps_place *place;
} sweep;

static void sweep_file(const char *path)
{
    const int fd = ps_sys_open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);

    if (fd < 0) return;
    if (ps_lock_try(fd, path) == PS_LOCK_HELD) ps_sys_unlink(path);
    ps_sys_close(fd);
}

/* Whether something has a name; what can't be told is an error, for it must not look like nothing.
 */
static ps_status is_there(sweep *s, const char *path, bool *is)
{
    struct stat info;

    *is = ps_sys_lstat(path, &info) == 0;
    return *is || errno == ENOENT ? PS_OK
                                  : ps_file_fail(s->cx, errno, "looking at", ps_str_of(path));
}

/* A directory that couldn't be exchanged in one step is put in its place in two: old away, new
 * there. Whoever was killed between them had the new one complete. */
static ps_status exchange_complete(sweep *s, const char *work)
{
    const char *const old = ps_arena_printf(s->cx, &s->arena, "%s/old", work);
    const char *const new = ps_arena_printf(s->cx, &s->arena, "%s/new", work);
    bool has_old, has_new, taken;
    ps_place_lock lock;

    if (!old || !new) return PS_MEMORY;
    PS_TRY(is_there(s, old, &has_old));
    PS_TRY(is_there(s, new, &has_new));
    if (!has_old || !has_new) return PS_OK;
    PS_TRY(ps_place_lock_take(s->cx, &s->arena, s->place, &lock));
    ps_status st = is_there(s, s->place->path, &taken);
    if (st == PS_OK && !taken) {
        if (ps_sys_rename(new, s->place->path) != 0)
            st = ps_file_fail(s->cx, errno, "completing an interrupted overwrite of",
                              ps_str_of(s->place->path));
        else st = ps_dir_sync(s->cx, s->place->dir);
    }
    ps_place_lock_drop(&lock);
    return st;
}

static ps_status sweep_directory(sweep *s, const char *work)
{
    const char *const lock = ps_arena_printf(s->cx, &s->arena, "%s/lock", work);
    ps_status st = PS_OK;

    if (!lock) return PS_MEMORY;
    const int fd = ps_sys_open(lock, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0) {
        if (errno == ENOENT) ps_sys_rmdir(work);
        return PS_OK;
    }
    if (ps_lock_try(fd, lock) == PS_LOCK_HELD) {
        st = exchange_complete(s, work);
        if (st == PS_OK) ps_place_clear(work);
    }
    ps_sys_close(fd);
    return st;
}

static ps_status sweep_entry(sweep *s, const char *entry)
{
    const int prefix = prefix_of(s->place->name);
    const ps_str part = marked_part(ps_str_of(entry));
    struct stat info;

    if (!ps_place_is_marked(entry) || strncmp(entry + 1, s->place->name, (size_t)prefix) ||
        part.at != entry + 2 + prefix)
        return PS_OK;
    const char *const path = ps_arena_printf(s->cx, &s->arena, "%s/%s", s->place->dir, entry);
    if (!path) return PS_MEMORY;
    if (ps_sys_lstat(path, &info) != 0) return PS_OK;
    if (S_ISREG(info.st_mode)) sweep_file(path);
    return S_ISDIR(info.st_mode) && is_random(part) ? sweep_directory(s, path) : PS_OK;
}

ps_status ps_place_sweep(ps_ctx *cx, const ps_place *place)
{
    sweep s = {.cx = cx, .place = place};
    DIR *const dir = ps_sys_opendir(place->dir);
    const struct dirent *entry;
    ps_status st = PS_OK;

    if (!dir && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return PS_OK; /* whoever makes something there says what is wrong */
    if (!dir) return ps_file_fail(cx, errno, "listing", ps_str_of(place->dir));
    while ((entry = ps_sys_readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') continue;
        PS_GO(ps_poll(cx));
        PS_GO(sweep_entry(&s, entry->d_name));
    }
    if (errno) st = ps_file_fail(cx, errno, "listing", ps_str_of(place->dir));
done:
    ps_sys_closedir(dir);
    ps_arena_release(&s.arena);
    return st;
}

/* ---- the lock of a place ---- */

static int lock_open(const char *path)
{
    const int fd = ps_sys_open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);

    /* left behind by another user: locking it is enough */
    return fd < 0 && errno == EACCES ? ps_sys_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0) : fd;
}

ps_status ps_place_lock_take(ps_ctx *cx, ps_arena *arena, const ps_place *place, ps_place_lock *out)
{
    const struct timespec wait = {.tv_nsec = LOCK_WAIT_NS};

    out->fd = -1;
    out->path = ps_arena_printf(cx, arena, "%s/.%.*s.lock" PS_MARK, place->dir,
                                prefix_of(place->name), place->name);
    if (!out->path) return PS_MEMORY;
    for (;;) {
        const int fd = lock_open(out->path);
        if (fd < 0) return ps_place_fail(cx, place);
        const ps_lock lock = ps_lock_try(fd, out->path);
        if (lock == PS_LOCK_HELD || lock == PS_LOCK_NONE) {
            out->fd = fd;
            return PS_OK;
        }
        ps_sys_close(fd);
        if (lock == PS_LOCK_BUSY) nanosleep(&wait, NULL);
        PS_TRY(ps_poll(cx));
    }
}

void ps_place_lock_drop(ps_place_lock *lock)
{
    if (lock->fd < 0) return;
    ps_sys_unlink(lock->path); /* while it is held: who waits for it sees that its file is gone */
    ps_sys_close(lock->fd);
    lock->fd = -1;
}
