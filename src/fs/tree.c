/* fs/tree.c -- walks with one buffer for the path.
 *
 * Tests: tests/unit/test_fs_stage.c */
#include "fs/tree.h"

#include "fs/file.h"
#include "fs/place.h"
#include "fs/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* A path that grows and shrinks by parts. */
typedef struct path {
    char at[PATH_MAX];
    size_t n;
} path;

static bool path_set(path *p, const char *text)
{
    p->n = strlen(text);
    if (p->n >= sizeof p->at) return false;
    memcpy(p->at, text, p->n + 1);
    return true;
}

static bool path_add(path *p, const char *part)
{
    const size_t n = strlen(part);

    if (p->n + n + 2 > sizeof p->at) return false;
    p->at[p->n] = '/';
    memcpy(p->at + p->n + 1, part, n + 1);
    p->n += n + 1;
    return true;
}

static void path_cut(path *p, size_t n)
{
    p->n = n;
    p->at[n] = 0;
}

/* The next entry that is neither "." nor ".."; NULL: no more (errno 0), or it failed. */
static const struct dirent *next_entry(DIR *dir)
{
    const struct dirent *entry = ps_sys_readdir(dir);

    while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")))
        entry = ps_sys_readdir(dir);
    return entry;
}

static void remove_below(path *p, uint32_t depth)
{
    DIR *const dir = depth < PS_TREE_DEPTH_MAX ? ps_sys_opendir(p->at) : NULL;
    const struct dirent *entry;
    const size_t n = p->n;

    if (!dir) return;
    while ((entry = next_entry(dir)) != NULL) {
        if (!path_add(p, entry->d_name)) continue;
        if (ps_sys_unlink(p->at) != 0 && (errno == EISDIR || errno == EPERM))
            remove_below(p, depth + 1);
        path_cut(p, n);
    }
    ps_sys_closedir(dir);
    ps_sys_rmdir(p->at);
}

void ps_tree_remove(const char *root)
{
    path p;

    if (path_set(&p, root)) remove_below(&p, 0);
}

/* 0, or errno. */
static int dir_sync(const char *at)
{
    const int fd = ps_sys_open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int code = 0;

    if (fd < 0) return errno == EACCES ? 0 : errno; /* we may write there, but not read */
    if (ps_sys_fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP) code = errno;
    ps_sys_close(fd);
    return code;
}

ps_status ps_dir_sync(ps_ctx *cx, const char *at)
{
    const int code = dir_sync(at);

    return code ? ps_file_fail(cx, code, "syncing the directory", ps_str_of(at)) : PS_OK;
}

ps_status ps_dir_sync_after(ps_ctx *cx, const ps_place *place)
{
    const int code = dir_sync(place->dir);

    if (!code) return PS_OK;
    ps_file_fail(cx, code, "syncing the directory of", ps_str_of(place->path));
    ps_hint(cx, "what was written is in place and whole; a loss of power now could undo it");
    return cx->error.code;
}

static ps_status too_deep(ps_ctx *cx, const path *p)
{
    return ps_fail(cx, PS_IO, "directories nested too deep or a path too long: %s", p->at);
}

static ps_status sync_below(ps_ctx *cx, path *p, uint32_t depth)
{
    DIR *const dir = ps_sys_opendir(p->at);
    const struct dirent *entry;
    const size_t n = p->n;
    struct stat info;
    ps_status st = PS_OK;

    if (!dir) return ps_file_fail(cx, errno, "listing", ps_str_of(p->at));
    while ((entry = next_entry(dir)) != NULL) {
        PS_GO(ps_poll(cx));
        if (!path_add(p, entry->d_name)) PS_GO(too_deep(cx, p));
        if (ps_sys_lstat(p->at, &info) != 0)
            PS_GO(ps_file_fail(cx, errno, "looking at", ps_str_of(p->at)));
        if (S_ISDIR(info.st_mode))
            PS_GO(depth < PS_TREE_DEPTH_MAX ? sync_below(cx, p, depth + 1) : too_deep(cx, p));
        path_cut(p, n);
    }
    if (errno) PS_GO(ps_file_fail(cx, errno, "listing", ps_str_of(p->at)));
    PS_GO(ps_dir_sync(cx, p->at));
done:
    ps_sys_closedir(dir);
    return st;
}

ps_status ps_tree_sync(ps_ctx *cx, const char *root)
{
    path p;

    if (!path_set(&p, root)) return ps_fail(cx, PS_IO, "a path too long: %.100s", root);
    return sync_below(cx, &p, 0);
}

static ps_status directory_make(ps_ctx *cx, const char *at, mode_t mode)
{
    if (ps_sys_mkdir(at, mode) == 0 || errno == EEXIST) return PS_OK;
    return ps_file_fail(cx, errno, "making the directory", ps_str_of(at));
}

static ps_status link_symbolic(ps_ctx *cx, const char *from, const char *to)
{
    char target[PATH_MAX];
    const ssize_t n = ps_sys_readlink(from, target, sizeof target - 1);

    if (n < 0) return ps_file_fail(cx, errno, "reading the link", ps_str_of(from));
    target[n] = 0;
    if (ps_sys_symlink(target, to) == 0 || errno == EEXIST) return PS_OK;
    return ps_file_fail(cx, errno, "copying the link", ps_str_of(from));
}

static ps_status link_file(ps_ctx *cx, const char *from, const char *to)
{
    if (ps_sys_link(from, to) == 0 || errno == EEXIST || errno == ENOENT) return PS_OK;
    ps_file_fail(cx, errno, "giving a file a second name", ps_str_of(from));
    if (cx->error.code == PS_IO)
        ps_hint(cx, "APPEND needs hard links to be all or nothing; JOB adds file by file");
    return cx->error.code;
}

static ps_status link_below(ps_ctx *cx, path *from, path *to, uint32_t depth, uint32_t *n_dirs)
{
    DIR *const dir = ps_sys_opendir(from->at);
    const struct dirent *entry;
    const size_t n_from = from->n, n_to = to->n;
    struct stat info;
    ps_status st = PS_OK;

    if (!dir) return ps_file_fail(cx, errno, "listing", ps_str_of(from->at));
    ++*n_dirs;
    while ((entry = next_entry(dir)) != NULL) {
        if (ps_place_is_marked(entry->d_name)) continue;
        PS_GO(ps_poll(cx));
        if (!path_add(from, entry->d_name) || !path_add(to, entry->d_name))
            PS_GO(too_deep(cx, from));
        if (ps_sys_lstat(from->at, &info) != 0) {
            if (errno != ENOENT) /* else it went in the meantime */
                PS_GO(ps_file_fail(cx, errno, "looking at", ps_str_of(from->at)));
        } else if (S_ISDIR(info.st_mode)) {
            PS_GO(depth < PS_TREE_DEPTH_MAX ? directory_make(cx, to->at, info.st_mode & 07777)
                                            : too_deep(cx, from));
            PS_GO(link_below(cx, from, to, depth + 1, n_dirs));
        } else if (S_ISLNK(info.st_mode)) {
            PS_GO(link_symbolic(cx, from->at, to->at));
        } else {
            PS_GO(link_file(cx, from->at, to->at));
        }
        path_cut(from, n_from);
        path_cut(to, n_to);
    }
    if (errno) st = ps_file_fail(cx, errno, "listing", ps_str_of(from->at));
done:
    ps_sys_closedir(dir);
    return st;
}

ps_status ps_tree_link(ps_ctx *cx, const char *from, const char *to, uint32_t *n_dirs)
{
    path a, b;

    *n_dirs = 0;
    if (!path_set(&a, from) || !path_set(&b, to))
        return ps_fail(cx, PS_IO, "a path too long: %.100s", from);
    return link_below(cx, &a, &b, 0, n_dirs);
}

ps_status ps_tree_make(ps_ctx *cx, const char *root, const char *name, bool sync)
{
    path p;
    const char *slash;

    if (!path_set(&p, root)) return ps_fail(cx, PS_IO, "a path too long: %.100s", root);
    for (; (slash = strchr(name, '/')) != NULL; name = slash + 1) {
        const size_t n = (size_t)(slash - name);
        char part[NAME_MAX + 1];
        const size_t parent = p.n;

        if (n > NAME_MAX)
            return ps_fail(cx, PS_IO, "a name longer than %d bytes: %.100s", NAME_MAX, name);
        memcpy(part, name, n);
        part[n] = 0;
        if (!path_add(&p, part)) return ps_fail(cx, PS_IO, "a path too long: %.100s", root);
        if (ps_sys_mkdir(p.at, 0777) == 0) {
            path_cut(&p, parent);
            if (sync) PS_TRY(ps_dir_sync(cx, p.at));
            path_add(&p, part);
        } else if (errno != EEXIST) {
            return ps_file_fail(cx, errno, "making the directory", ps_str_of(p.at));
        }
    }
    return PS_OK;
}
