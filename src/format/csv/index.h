/* format/csv/index.h -- inside csv: where fields and records end in a run of bytes.
 *
 * Ends of fields are offsets of their delimiter or line break; a CRLF counts at its CR, the LF is
 * passed over. `records` are indices into `ends`: the field that is the last one of its record. */
#ifndef PS_FORMAT_CSV_INDEX_H
#define PS_FORMAT_CSV_INDEX_H

#include "base/array.h"
#include "base/cpu.h"

typedef struct ps_csv_dialect {
    char delim, quote, escape; /* quote 0: none; escape may be the quote */
} ps_csv_dialect;

/* Between two bytes: what the next one means. */
typedef enum ps_csv_state {
    PS_CSV_START,   /* a field begins */
    PS_CSV_BARE,    /* in a field without quotes, or after its closing quote */
    PS_CSV_QUOTED,  /* between quotes */
    PS_CSV_CLOSED,  /* after a quote between quotes: the end, or the first half of a doubled one */
    PS_CSV_ESCAPED, /* after an escape between quotes that isn't the quote */
    PS_CSV_STATES
} ps_csv_state;

/* The loop that differs by x86-64 level. */
typedef struct ps_csv_kernels {
    /* Ends of fields in n blocks from `at`, whose first byte is number base of its buffer.
     * *quoted: all ones inside quotes; *before: the byte before is 1 a break or delimiter,
     * 2 a closing quote, 4 a CR. Gives how many blocks were plain enough: it stops before one where
     * a quote or an escape stands at an odd place. ends and records have room for 64 a block. */
    size_t (*index)(const char *at, size_t n_blocks, ps_csv_dialect dialect, uint32_t base,
                    uint64_t *quoted, uint32_t *before, uint32_t *ends, uint32_t *n_ends,
                    uint32_t *records, uint32_t *n_records, bool *high);
} ps_csv_kernels;

PS_CPU_DECLARE(ps_csv_kernels, ps_csv_kernels);
PS_INLINE const ps_csv_kernels *ps_csv_kernels_here(void) { return PS_CPU_PICK(ps_csv_kernels); }

/* The state after n bytes; the one definition of quoting. */
ps_csv_state ps_csv_state_after(ps_csv_dialect d, ps_csv_state state, const char *at, size_t n);

/* Grows as it reads on. */
typedef struct ps_csv_index {
    ps_csv_dialect dialect;
    ps_csv_state state;  /* at `at` */
    bool after_cr, high; /* high: a byte above 127 was seen */
    uint32_t at;         /* bytes indexed */
    uint32_t *ends, *records;
    uint32_t n_ends, ends_room, n_records, records_room;
} ps_csv_index;

void ps_csv_index_start(ps_csv_index *index, ps_csv_dialect dialect, uint32_t at);
/* Indexes bytes [index->at, to) of the buffer, which is readable to the next 64. */
ps_status ps_csv_index_add(ps_ctx *cx, ps_csv_index *index, const char *bytes, uint32_t to);
/* Ends the last record at `to`, if it has begun without ending. */
ps_status ps_csv_index_finish(ps_ctx *cx, ps_csv_index *index, uint32_t start, uint32_t to);
/* Forgets the first n records. */
void ps_csv_index_drop(ps_csv_index *index, uint32_t n);
void ps_csv_index_release(ps_csv_index *index);

#endif
