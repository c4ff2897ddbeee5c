/* exec/group_table.h -- one lane's groups: key rows with aggregate states, found by hash.
 *
 * A directory of 64-bit entries (16 bits of the hash as a tag over 48 bits of address) is probed
 * linearly from the hash's top bits, a batch at a time: walk, compare keys column by column, insert
 * what is new. Rows never move, so addresses stay good. When the directory has reached its largest
 * size (about the L2 cache), rows are spread over PS_GROUP_PARTITIONS collections by the hash's top
 * bits and the directory starts empty again: a group may then have several rows, which the merge of
 * its partition joins. Where that hardly ever finds a group again, probing stops and every row
 * becomes a group of its own.
 *
 * All strings of the lane (keys and states) are in one heap, whatever partition their row is in.
 * Marks say how far pages and that heap were filled from time to time: rows before a mark are
 * written out with their strings, and what came later stays, and is found, where it is.
 * After Leis (2014) and Kuiper (2024). Tests: tests/unit/test_aggregate.c */
#ifndef PS_EXEC_GROUP_TABLE_H
#define PS_EXEC_GROUP_TABLE_H

#include "col/rows.h"
#include "func/agg.h"

enum {
    PS_GROUP_RADIX_BITS = 6,
    PS_GROUP_PARTITIONS = 1 << PS_GROUP_RADIX_BITS,
    PS_GROUP_DIR_BITS_MAX = 17
};

/* What a table had when it was made: no row behind it has a string in the heap's first blocks. */
typedef struct ps_group_mark {
    uint64_t taken; /* bytes until then, those that were given back since too */
    size_t heaps;
    uint32_t pages[PS_GROUP_PARTITIONS];
} ps_group_mark;

typedef struct ps_group_table {
    const ps_row_layout *layout;
    uint32_t n_parts; /* 1 or PS_GROUP_PARTITIONS */
    ps_rows parts[PS_GROUP_PARTITIONS];
    ps_rows heap; /* no pages: the lane's strings */
    uint64_t *dir;
    uint32_t dir_bits, dir_bits_max;
    uint64_t dir_n;       /* rows the directory knows */
    uint64_t rows_seen;   /* since the directory was empty */
    uint32_t generations; /* times it was emptied: with 0 every group has one row */
    bool append_only;
    uint32_t born_page[PS_GROUP_PARTITIONS],
        born_row[PS_GROUP_PARTITIONS]; /* first row of the parts that the directory may know */
    PS_ARRAY(ps_group_mark) marks;     /* in order of taken */
    uint32_t mark_bytes;               /* from one to the next */
    uint64_t n_unmarked;               /* rows since the last */
    uint64_t given;                    /* bytes that were written out */
    struct group_scratch *scratch;
} ps_group_table;

/* partitioned: from the start (a memory limit may ask for spilling). dir_bits_max 0: the default.
 */
ps_status ps_group_table_init(ps_ctx *cx, ps_group_table *table, const ps_row_layout *layout,
                              bool partitioned, uint32_t dir_bits_max);
void ps_group_table_release(ps_group_table *table);
/* Gives back the memory that only ps_group_table_find needs; it takes it again. end: no row will be
 * looked for any more. */
void ps_group_table_rest(ps_group_table *table);
void ps_group_table_end(ps_group_table *table);
/* Address of the group's row for the keys of each wanted row, made where it is new (states zeroed).
 */
ps_status ps_group_table_find(ps_ctx *cx, ps_group_table *table, const ps_vec *keys,
                              const uint32_t *sel, uint32_t n, const uint64_t *hashes,
                              uint8_t **out);
/* Spreads the rows over partitions (a no-op if they are). */
ps_status ps_group_table_partition(ps_ctx *cx, ps_group_table *table);
/* Forgets where rows are: the directory starts empty. */
void ps_group_table_clear(ps_group_table *table);
/* Writes the oldest rows to the file and frees their memory: about so many bytes, the block that
 * strings go to at a mark more or less; all where that is more than there is. */
ps_status ps_group_table_spill(ps_ctx *cx, ps_group_table *table, uint64_t bytes, ps_spill *spill);
/* Adds to each of PS_GROUP_PARTITIONS what the part's rows in the file took in memory. */
void ps_group_table_filed(const ps_group_table *table, uint64_t *parts);
ps_status ps_group_table_relocate(ps_ctx *cx, ps_group_table *table);
uint64_t ps_group_table_bytes(const ps_group_table *table);

/* Merging of rows that belong to one partition into distinct groups. */
typedef struct ps_group_merge {
    const ps_row_layout *layout;
    uint32_t skip_bits; /* top bits of the hash that all rows share */
    uint64_t *dir;
    uint32_t dir_bits;
    uint8_t **groups; /* distinct rows; after ps_group_merge_sort by (hash, keys) */
    uint64_t n, room;
    ps_rows own; /* copies of rows whose page went back to the file, and strings of merged states */
    /* Optional: whether to stop adding; looked at after each page. */
    bool (*is_full)(const struct ps_group_merge *merge);
    const void *user;
    bool full;
} ps_group_merge;
uint64_t ps_group_merge_bytes(const ps_group_merge *merge);
/* States of src[i] go into dst[i]. */
typedef ps_status (*ps_group_combine)(ps_ctx *cx, void *user, uint8_t *const *dst,
                                      uint8_t *const *src, uint32_t n);
ps_status ps_group_merge_init(ps_ctx *cx, ps_group_merge *merge, const ps_row_layout *layout,
                              uint32_t skip_bits, uint64_t n_rows_max);
void ps_group_merge_release(ps_group_merge *merge);
/* Adds the rows of *page and those behind it; those in memory are used where they are and must
 * outlive the merge. *page: the next one to add, where the merge is full. */
ps_status ps_group_merge_add(ps_ctx *cx, ps_group_merge *merge, ps_rows *rows, size_t *page,
                             ps_group_combine combine, void *user);
/* Adds rows that are known to be distinct from each other and everything else. */
ps_status ps_group_merge_add_distinct(ps_ctx *cx, ps_group_merge *merge, const ps_rows *rows);
ps_status ps_group_merge_sort(ps_ctx *cx, ps_group_merge *merge);

#endif
