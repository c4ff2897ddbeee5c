/* fs/file.c -- reading files, and errors about paths. */
#include "fs/file.h"

#include "fs/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { NEAR_DISTANCE_MAX = 3, NEAR_ENTRIES_MAX = 10000, PATH_BYTES_MAX = 4096 };

ps_status ps_file_fail(ps_ctx *cx, int code, const char *doing, ps_str path)
{
    char text[128];
    const ps_status st = code == ENOSPC || code == EDQUOT ? PS_DISK_FULL
                         : code == ENOMEM                 ? PS_MEMORY
                                                          : PS_IO;
    return ps_fail(cx, st, "%s failed: %s: %.*s", doing, strerror_r(code, text, sizeof text),
                   PS_STR_ARGS(path));
}

/* The name in the directory of path that is most like its last part; false: none is near. */
static bool near_name(const char *dir, ps_str name, char *out, size_t out_bytes)
{
    uint32_t best = NEAR_DISTANCE_MAX + 1;
    DIR *const d = ps_sys_opendir(dir);

    if (!d) return false;
    for (uint32_t i = 0; i < NEAR_ENTRIES_MAX; i++) {
        const struct dirent *const entry = ps_sys_readdir(d);
        if (!entry) break;
        const ps_str found = ps_str_of(entry->d_name);
        const uint32_t distance = ps_str_distance(name, found, NEAR_DISTANCE_MAX);
        if (found.at[0] == '.' || distance >= best || distance >= name.n) continue;
        best = distance;
        snprintf(out, out_bytes, "%s", entry->d_name);
    }
    ps_sys_closedir(d);
    return best <= NEAR_DISTANCE_MAX;
}

ps_status ps_file_fail_missing(ps_ctx *cx, ps_str path)
{
    char dir[PATH_BYTES_MAX], near[NAME_MAX + 1];
    const char *const slash = path.n ? memrchr(path.at, '/', path.n) : NULL;
    const ps_str name = slash ? (ps_str){slash + 1, path.n - (size_t)(slash + 1 - path.at)} : path;
    const ps_status st = ps_fail(cx, PS_IO, "no such file: %.*s", PS_STR_ARGS(path));
    struct stat info;

    if (path.n >= sizeof dir) return st;
    if (!slash) snprintf(dir, sizeof dir, ".");
    else snprintf(dir, sizeof dir, "%.*s", (int)PS_MAX(slash - path.at, 1), path.at);
    if (ps_sys_stat(dir, &info) != 0) ps_hint(cx, "there is no directory %s", dir);
    else if (near_name(dir, name, near, sizeof near)) ps_hint(cx, "did you mean %s?", near);
    return st;
}

static ps_status file_identify(ps_ctx *cx, ps_file *file)
{
    struct stat info;

    if (ps_sys_fstat(file->fd, &info) != 0) return ps_file_fail(cx, errno, "opening", file->path);
    if (S_ISDIR(info.st_mode))
        return ps_fail(cx, PS_IO, "is a directory, not a file: %.*s", PS_STR_ARGS(file->path));
    if (!S_ISREG(info.st_mode))
        return ps_fail(cx, PS_IO, "is not a regular file: %.*s", PS_STR_ARGS(file->path));
    file->id =
        (ps_file_id){.device = (uint64_t)info.st_dev,
                     .inode = (uint64_t)info.st_ino,
                     .size = (uint64_t)info.st_size,
                     .mtime_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec};
    return PS_OK;
}

ps_status ps_file_open(ps_ctx *cx, ps_str path, ps_file **out)
{
    ps_file *file;
    char *text;
    ps_status st = PS_OK;

    *out = NULL;
    if (path.n == 0) return ps_fail(cx, PS_IO, "the name of a file is empty");
    if (path.n >= PATH_BYTES_MAX || memchr(path.at, 0, path.n))
        return ps_fail(cx, PS_IO, "not a valid file name: %.100s", path.at);
    file = ps_alloc_zero(cx, sizeof *file + path.n + 1);
    if (!file) return PS_MEMORY;
    text = (char *)(file + 1);
    memcpy(text, path.at, path.n);
    file->path = (ps_str){text, path.n};
    /* O_NONBLOCK: opening a FIFO must not hang; it means nothing for regular files. */
    file->fd = ps_sys_open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (file->fd < 0)
        st = errno == ENOENT || errno == ENOTDIR ? ps_file_fail_missing(cx, path)
                                                 : ps_file_fail(cx, errno, "opening", path);
    if (st == PS_OK) st = file_identify(cx, file);
    if (st != PS_OK) {
        ps_file_free(file);
        return st;
    }
    *out = file;
    return PS_OK;
}

void ps_file_free(ps_file *file)
{
    if (!file) return;
    if (file->fd >= 0) ps_sys_close(file->fd);
    ps_free(file);
}

ps_status ps_file_read(ps_ctx *cx, const ps_file *file, uint64_t at, void *bytes, size_t n)
{
    char *to = bytes;

    if (at > file->id.size || n > file->id.size - at)
        return ps_fail(cx, PS_DATA, "the file ends before byte %llu: it has %llu: %.*s",
                       (unsigned long long)(at + n), (unsigned long long)file->id.size,
                       PS_STR_ARGS(file->path));
    cx->bytes_read += n;
    while (n > 0) {
        const ssize_t got = ps_sys_pread(file->fd, to, PS_MIN(n, (size_t)1 << 30), at);
        if (got < 0) return ps_file_fail(cx, errno, "reading", file->path);
        if (got == 0)
            return ps_fail(cx, PS_DATA, "the file became shorter while it was read: %.*s",
                           PS_STR_ARGS(file->path));
        to += got, at += (uint64_t)got, n -= (size_t)got;
    }
    return PS_OK;
}

ps_status ps_file_read_all(ps_ctx *cx, const ps_file *file, char **bytes, size_t *n)
{
    *n = (size_t)file->id.size;
    *bytes = ps_alloc(cx, *n + 1);
    if (!*bytes) return PS_MEMORY;
    const ps_status st = ps_file_read(cx, file, 0, *bytes, *n);
    if (st != PS_OK) {
        ps_free(*bytes);
        *bytes = NULL;
        return st;
    }
    (*bytes)[*n] = 0;
    return PS_OK;
}
