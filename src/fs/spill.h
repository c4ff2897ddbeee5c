/* fs/spill.h -- temporary files: blocks of bytes, written once, read back any number of times.
 *
 * A file has no name from its first byte on and mode 0600, so it goes with the process however that
 * ends. A block is compressed where that pays, and checked on the way back: what a disk or memory
 * changed, cut off or put elsewhere is an error, never other bytes. Every byte is charged to the
 * payer's disk (base/mem.h) before it is written, and to a cap of the file's own. With `encrypt`
 * what is on the disk can be read with a key that only this process has (cipher.h).
 *
 * Threads: a file is written and read from any, at once. Tests: tests/unit/test_spill.c,
 * test_rows.c, tests/py/test_spill.py, tests/torture_io */
#ifndef PS_FS_SPILL_H
#define PS_FS_SPILL_H

#include "base/arena.h"
#include "base/thread.h"

typedef struct ps_spill ps_spill;
typedef struct ps_spill_options {
    const char *directory; /* NULL, "": TMPDIR, else /tmp */
    uint64_t bytes_max;    /* 0: no cap of its own */
    bool encrypt;
    struct ps_spill_list *list; /* that shows it while it lives; NULL: none */
    _Atomic uint64_t *written;  /* what grows by the bytes of each block; NULL: nothing */
} ps_spill_options;

/* Where a block is; n 0: nowhere. */
typedef struct ps_spill_block {
    uint64_t at, n; /* in the file */
} ps_spill_block;

/* Bytes that ps_spill_write wants behind those it writes. */
enum { PS_SPILL_ROOM = 64 };

/* Pays with cx->mem, which must live as long. */
ps_status ps_spill_new(ps_ctx *cx, const ps_spill_options *options, ps_spill **out);
void ps_spill_free(ps_spill *spill);            /* NULL ok; its space is the disk's again */
uint64_t ps_spill_bytes(const ps_spill *spill); /* written so far */
/* Writes n bytes; they are spent, with PS_SPILL_ROOM behind them. Nothing is charged on failure. */
ps_status ps_spill_write(ps_ctx *cx, ps_spill *spill, char *bytes, uint64_t n, ps_spill_block *out);
/* Reads them back into a block of the caller's. PS_IO when they are not what was written. */
ps_status ps_spill_read(ps_ctx *cx, ps_spill *spill, ps_spill_block block, char **bytes,
                        uint64_t *n);
/* A block that is read soon: where it isn't in the page cache any more, reading begins now. */
void ps_spill_expect(const ps_spill *spill, ps_spill_block block);
/* A block that isn't read any more: its space goes back to the disk where the file system can. */
void ps_spill_drop(ps_spill *spill, ps_spill_block block);

/* The files that live, of an instance. Threads: any. */
typedef struct ps_spill_list {
    ps_mutex mutex;
    ps_spill *first;
} ps_spill_list;
void ps_spill_list_init(ps_spill_list *list);
void ps_spill_list_release(ps_spill_list *list); /* none lives any more */

/* A file as it was when it was looked at. */
typedef struct ps_spill_facts {
    uint64_t payer, parent; /* numbers as in ps_mem_facts: an operator and its query */
    const char *payer_name;
    const char *directory; /* in the arena */
    uint64_t blocks;
    uint64_t bytes_raw; /* written so far, before compression */
    uint64_t bytes;     /* written so far */
    uint64_t bytes_now; /* that it holds: without blocks dropped */
    bool encrypted;
} ps_spill_facts;
/* Newest first. */
ps_status ps_spill_list_look(ps_ctx *cx, ps_arena *arena, ps_spill_list *list, ps_spill_facts **out,
                             size_t *n);

/* Fails with PS_IO for a block whose checks held but whose bytes make no sense. */
ps_status ps_spill_damaged(ps_ctx *cx, const ps_spill *spill, ps_spill_block block,
                           const char *what);

#endif
