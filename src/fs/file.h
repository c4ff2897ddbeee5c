/* fs/file.h -- files as readers see them: opened once, read at any offset from any thread.
 *
 * A ps_file is immutable: its size and identity are those of the moment of opening. Reads give
 * all bytes or fail: interrupted and short reads are repeated, a file that became shorter is
 * an error. Writers (ps_file_writer) make a file appear whole or not at all: bytes go to a
 * temporary name in the same directory, commit syncs and renames it, close without commit
 * removes it.
 *
 * Threads: a ps_file any; a writer one at a time. Tests: tests/unit/test_fs_file.c */
#ifndef PS_FS_FILE_H
#define PS_FS_FILE_H

#include "base/str.h"

/* What tells one state of a file from another: for caches and plan hashes. */
typedef struct ps_file_id {
    uint64_t device, inode;
    uint64_t size;    /* bytes */
    int64_t mtime_ns; /* last modification, since 1970-01-01 UTC */
} ps_file_id;

typedef struct ps_file {
    int fd;
    ps_file_id id;
    ps_str path; /* as given, NUL-terminated */
} ps_file;

/* Opens a regular file for reading. A missing one is PS_IO with near names of its directory as
 * a hint; a directory is PS_IO too. */
ps_status ps_file_open(ps_ctx *cx, ps_str path, ps_file **out);
void ps_file_free(ps_file *file);
/* Exactly n bytes from offset at. PS_DATA when the file ends before. */
ps_status ps_file_read(ps_ctx *cx, const ps_file *file, uint64_t at, void *bytes, size_t n);
/* Whole small files (options, tests): bytes is an owned block of *n bytes and a NUL. */
ps_status ps_file_read_all(ps_ctx *cx, const ps_file *file, char **bytes, size_t *n);

/* Fails for a failed system call on path with errno `code`: no room is PS_DISK_FULL, the rest
 * PS_IO. `doing` is a participle: "opening". */
ps_status ps_file_fail(ps_ctx *cx, int code, const char *doing, ps_str path);
/* The failure of a path that isn't there, with near names as a hint. */
ps_status ps_file_fail_missing(ps_ctx *cx, ps_str path);

typedef struct ps_file_writer ps_file_writer;
typedef struct ps_stage ps_stage;
/* Checks that path can be made: its directory exists, path is no directory. With a stage
 * (fs/stage.h) the file is one of it and appears with it; path is its name there. */
ps_status ps_file_writer_open(ps_ctx *cx, ps_str path, ps_stage *stage, ps_file_writer **out);
ps_status ps_file_writer_add(ps_ctx *cx, ps_file_writer *writer, const void *bytes, size_t n);
uint64_t ps_file_writer_bytes(const ps_file_writer *writer); /* added so far */
/* Syncs and renames; the old file of that name is there, whole, until then. */
ps_status ps_file_writer_commit(ps_ctx *cx, ps_file_writer *writer);
/* After commit, or instead of it: then nothing is left behind. */
void ps_file_writer_free(ps_file_writer *writer);

#endif
