/* fs/writer.c -- files that appear whole or not at all.
 *
 * Bytes are collected in a buffer and written to a temporary name beside the final one
 * (fs/place.h), which is locked while this writer lives; commit: write, fsync, rename, fsync of the
 * directory. Any failure before the rename leaves the old file as it was; free removes the
 * temporary one, and if the process died the next writer to that name does.
 *
 * A file of a stage (fs/stage.h) is written under its own name there, and the stage syncs it. What
 * is neither file nor directory (a pipe, /dev/stdout) is opened and written as it is. */
#include "fs/place.h"
#include "fs/stage.h"
#include "fs/sys.h"
#include "fs/tree.h"

#include <errno.h>
#include <fcntl.h>

enum { BUFFER_BYTES = 256 << 10, NAME_TRIES_MAX = 16 };

struct ps_file_writer {
    ps_arena arena;
    ps_place place; /* of a file of a stage: the path that it will have */
    ps_stage *stage;
    const char *temporary; /* NULL: the file is written as it is */
    int fd;
    bool committed;
    ps_status status; /* of the first failure: later calls repeat it */
    char *buffer;
    size_t n_buffer;
    uint64_t n_bytes; /* added */
};

static ps_status temporary_open(ps_ctx *cx, ps_file_writer *writer)
{
    for (int i = 0; i < NAME_TRIES_MAX; i++) {
        const char *name;
        PS_TRY(ps_place_beside(cx, &writer->arena, &writer->place, &name));
        writer->fd = ps_sys_open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->fd < 0 && errno == EEXIST) continue;
        if (writer->fd < 0) return ps_place_fail(cx, &writer->place);
        const ps_lock lock = ps_lock_try(writer->fd, name);
        if (lock == PS_LOCK_HELD || lock == PS_LOCK_NONE) {
            writer->temporary = name;
            return PS_OK;
        }
        ps_sys_unlink(name); /* a sweep took it for left behind, or whose it is can't be told */
        ps_sys_close(writer->fd);
        writer->fd = -1;
    }
    return ps_file_fail(cx, EEXIST, "making a temporary name beside",
                        ps_str_of(writer->place.path));
}

/* What is at the place decides how it is written. */
static ps_status place_open(ps_ctx *cx, ps_file_writer *writer)
{
    uint32_t mode;
    ps_place_kind kind;
    const char *const path = writer->place.path;

    PS_TRY(ps_place_look(cx, &writer->place, &kind, &mode));
    switch (kind) {
    case PS_PLACE_DIRECTORY: return ps_fail(cx, PS_IO, "is a directory, not a file: %s", path);
    case PS_PLACE_OTHER:
        writer->fd = ps_sys_open(path, O_WRONLY | O_CLOEXEC, 0);
        return writer->fd < 0 ? ps_file_fail(cx, errno, "opening", ps_str_of(path)) : PS_OK;
    case PS_PLACE_FILE:
        if (ps_sys_writable(path) != 0)
            return ps_file_fail(cx, errno, "replacing", ps_str_of(path));
        break;
    case PS_PLACE_NOTHING: break;
    }
    PS_TRY(ps_place_sweep(cx, &writer->place));
    PS_TRY(temporary_open(cx, writer));
    /* who may read the old file may read the new one */
    if (mode && ps_sys_fchmod(writer->fd, mode) != 0)
        return ps_file_fail(cx, errno, "setting the permissions of", ps_str_of(path));
    return PS_OK;
}

ps_status ps_file_writer_open(ps_ctx *cx, ps_str path, ps_stage *stage, ps_file_writer **out)
{
    ps_file_writer *writer;
    ps_status st = PS_OK;

    *out = NULL;
    if (path.n && path.at[path.n - 1] == '/')
        return ps_fail(cx, PS_IO, "not a name for a file: '%.*s'", PS_STR_ARGS(path));
    writer = ps_alloc_zero(cx, sizeof *writer);
    if (!writer) return PS_MEMORY;
    writer->fd = -1;
    writer->stage = stage;
    writer->buffer = ps_alloc(cx, BUFFER_BYTES);
    if (!writer->buffer) PS_GO(PS_MEMORY);
    if (stage) {
        writer->place.path = ps_arena_printf(cx, &writer->arena, "%s/%.*s", ps_stage_target(stage),
                                             PS_STR_ARGS(path));
        PS_GO(writer->place.path ? ps_stage_file(cx, stage, path, &writer->fd) : PS_MEMORY);
    } else {
        PS_GO(ps_place_init(cx, &writer->arena, path, &writer->place));
        PS_GO(place_open(cx, writer));
    }
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
            writer->status = ps_file_fail(cx, errno, "writing", ps_str_of(writer->place.path));
            return writer->status;
        }
        bytes += put, n -= (size_t)put;
    }
    return PS_OK;
}

static ps_status broken(ps_ctx *cx, const ps_file_writer *writer)
{
    return ps_fail(cx, writer->status, "an earlier write failed: %s", writer->place.path);
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

/* The descriptor, and with it the lock, is kept until the name is final: a sweep must not take the
 * file for left behind. What closing says after a sync is of no more interest. */
static ps_status rename_to_final(ps_ctx *cx, ps_file_writer *writer)
{
    const ps_str path = ps_str_of(writer->place.path);

    if (ps_sys_fsync(writer->fd) != 0) return ps_file_fail(cx, errno, "syncing", path);
    if (ps_sys_rename(writer->temporary, writer->place.path) != 0)
        return ps_file_fail(cx, errno, "renaming the temporary file to", path);
    writer->committed = true;
    return ps_dir_sync_after(cx, &writer->place);
}

/* A pipe or device: no name changes, and most can't be synced. */
static ps_status close_as_is(ps_ctx *cx, ps_file_writer *writer)
{
    const int closed = ps_sys_close(writer->fd);

    writer->fd = -1;
    writer->committed = true;
    return closed == 0 ? PS_OK : ps_file_fail(cx, errno, "closing", ps_str_of(writer->place.path));
}

ps_status ps_file_writer_commit(ps_ctx *cx, ps_file_writer *writer)
{
    PS_ASSERT(!writer->committed);
    if (writer->status != PS_OK) return broken(cx, writer);
    PS_TRY(bytes_write(cx, writer, writer->buffer, writer->n_buffer));
    writer->n_buffer = 0;
    if (writer->stage) {
        const int fd = writer->fd;
        writer->fd = -1;
        writer->committed = true;
        return writer->status = ps_stage_keep(cx, writer->stage, fd);
    }
    return writer->status =
               writer->temporary ? rename_to_final(cx, writer) : close_as_is(cx, writer);
}

void ps_file_writer_free(ps_file_writer *writer)
{
    if (!writer) return;
    if (!writer->committed && writer->temporary) ps_sys_unlink(writer->temporary);
    if (writer->fd >= 0) ps_sys_close(writer->fd);
    ps_free(writer->buffer);
    ps_arena_release(&writer->arena);
    ps_free(writer);
}
