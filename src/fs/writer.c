/* fs/writer.c -- files that appear whole or not at all.
 *
 * Bytes are collected in a buffer and written to .NAME.RANDOM.tmp beside the final name;
 * commit: write, fsync, rename, fsync of the directory. Any failure before the rename leaves
 * the old file as it was; free removes the temporary one. */
#include "fs/file.h"
#include "fs/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { BUFFER_BYTES = 1 << 20, NAME_TRIES_MAX = 16 };

struct ps_file_writer {
    int fd;
    bool committed;
    ps_status status; /* of the first failure: later calls repeat it */
    char *path;       /* final */
    char *temporary;
    char *dir;
    char *buffer;
    size_t n_buffer;
    uint64_t n_bytes; /* added */
};

/* Lays out path, temporary and directory names behind the structure. */
static void names_set(ps_file_writer *writer, ps_str path, char *room)
{
    const char *const slash = memrchr(path.at, '/', path.n);
    const size_t n_dir = slash ? (size_t)(slash - path.at) : 0;

    writer->path = room;
    memcpy(room, path.at, path.n);
    room[path.n] = 0;
    writer->dir = room + path.n + 1;
    if (!slash) memcpy(writer->dir, ".", 2);
    else if (n_dir == 0) memcpy(writer->dir, "/", 2);
    else memcpy(writer->dir, path.at, n_dir), writer->dir[n_dir] = 0;
    writer->temporary = writer->dir + path.n + 3;
}

static ps_status temporary_open(ps_ctx *cx, ps_file_writer *writer, size_t room_bytes)
{
    const ps_str path = ps_str_of(writer->path);
    const char *const slash = strrchr(writer->path, '/');
    const int n_dir = slash ? (int)(slash + 1 - writer->path) : 0;

    for (int i = 0; i < NAME_TRIES_MAX; i++) {
        uint64_t random = 0;
        if (ps_sys_random(&random, sizeof random) != 0)
            return ps_file_fail(cx, errno, "making a temporary name for", path);
        snprintf(writer->temporary, room_bytes, "%.*s.%s.%016llx.tmp", n_dir, writer->path,
                 writer->path + n_dir, (unsigned long long)random);
        writer->fd = ps_sys_open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->fd >= 0) return PS_OK;
        if (errno == ENOENT) {
            ps_fail(cx, PS_IO, "no such directory: %s", writer->dir);
            return PS_IO;
        }
        if (errno != EEXIST) break;
    }
    return ps_file_fail(cx, errno, "making a file beside", path);
}

ps_status ps_file_writer_open(ps_ctx *cx, ps_str path, ps_file_writer **out)
{
    const size_t room_bytes = path.n + 32;
    ps_file_writer *writer;
    struct stat info;
    ps_status st = PS_OK;

    *out = NULL;
    if (path.n == 0 || path.at[path.n - 1] == '/' || memchr(path.at, 0, path.n))
        return ps_fail(cx, PS_IO, "not a name for a file: '%.*s'", PS_STR_ARGS(path));
    writer = ps_alloc_zero(cx, sizeof *writer + 2 * (path.n + 4) + room_bytes);
    if (!writer) return PS_MEMORY;
    writer->fd = -1;
    names_set(writer, path, (char *)(writer + 1));
    if (ps_sys_stat(writer->path, &info) == 0 && S_ISDIR(info.st_mode))
        PS_GO(ps_fail(cx, PS_IO, "is a directory, not a file: %s", writer->path));
    writer->buffer = ps_alloc(cx, BUFFER_BYTES);
    if (!writer->buffer) PS_GO(PS_MEMORY);
    PS_GO(temporary_open(cx, writer, room_bytes));
    *out = writer;
    writer = NULL;
done:
    ps_file_writer_free(writer);
    return st;
}

static ps_status bytes_write(ps_ctx *cx, ps_file_writer *writer, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t put = ps_sys_write(writer->fd, bytes, n);
        if (put < 0) {
            writer->status = ps_file_fail(cx, errno, "writing", ps_str_of(writer->path));
            return writer->status;
        }
        bytes += put, n -= (size_t)put;
    }
    return PS_OK;
}

static ps_status broken(ps_ctx *cx, const ps_file_writer *writer)
{
    return ps_fail(cx, writer->status, "an earlier write failed: %s", writer->path);
}

ps_status ps_file_writer_add(ps_ctx *cx, ps_file_writer *writer, const void *bytes, size_t n)
{
    PS_ASSERT(!writer->committed);
    if (writer->status != PS_OK) return broken(cx, writer);
    writer->n_bytes += n;
    if (n > BUFFER_BYTES - writer->n_buffer) {
        PS_TRY(bytes_write(cx, writer, writer->buffer, writer->n_buffer));
        writer->n_buffer = 0;
        if (n >= BUFFER_BYTES) return bytes_write(cx, writer, bytes, n);
    }
    if (n) memcpy(writer->buffer + writer->n_buffer, bytes, n);
    writer->n_buffer += n;
    return PS_OK;
}

uint64_t ps_file_writer_bytes(const ps_file_writer *writer) { return writer->n_bytes; }

/* The file has its name, but whether that is on the device isn't known. */
static ps_status commit_unsure(ps_ctx *cx, const ps_file_writer *writer, int error)
{
    ps_file_fail(cx, error, "syncing the directory of", ps_str_of(writer->path));
    ps_hint(cx, "the new file is in place and whole; a loss of power now could bring back the old");
    return cx->error.code;
}

/* The rename itself must reach the device, or a crash could bring the old name back. Some file
 * systems refuse to sync directories: that is no failure of the write. */
static ps_status directory_sync(ps_ctx *cx, const ps_file_writer *writer)
{
    const int fd = ps_sys_open(writer->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    ps_status st = PS_OK;

    if (fd < 0 && errno == EACCES) return PS_OK; /* we may write there, but not read */
    if (fd < 0) return commit_unsure(cx, writer, errno);
    if (ps_sys_fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
        st = commit_unsure(cx, writer, errno);
    ps_sys_close(fd);
    return st;
}

ps_status ps_file_writer_commit(ps_ctx *cx, ps_file_writer *writer)
{
    const ps_str path = ps_str_of(writer->path);
    int closed;

    PS_ASSERT(!writer->committed);
    if (writer->status != PS_OK) return broken(cx, writer);
    PS_TRY(bytes_write(cx, writer, writer->buffer, writer->n_buffer));
    writer->n_buffer = 0;
    if (ps_sys_fsync(writer->fd) != 0)
        return writer->status = ps_file_fail(cx, errno, "syncing", path);
    closed = ps_sys_close(writer->fd);
    writer->fd = -1;
    if (closed != 0) return writer->status = ps_file_fail(cx, errno, "closing", path);
    if (ps_sys_rename(writer->temporary, writer->path) != 0)
        return writer->status = ps_file_fail(cx, errno, "renaming the temporary file to", path);
    writer->committed = true;
    return directory_sync(cx, writer);
}

void ps_file_writer_free(ps_file_writer *writer)
{
    if (!writer) return;
    if (writer->fd >= 0) ps_sys_close(writer->fd);
    if (!writer->committed && writer->temporary && writer->temporary[0])
        ps_sys_unlink(writer->temporary);
    ps_free(writer->buffer);
    ps_free(writer);
}
