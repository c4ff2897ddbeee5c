/* format/csv/index.c -- the rules of quoting, byte by byte, and the index that mixes them with the
 * kernel: blocks of 64 bytes where all quotes stand where they should, single bytes elsewhere.
 *
 * Tests: tests/unit/test_csv.c */
#include "format/csv/index.h"

#include <string.h>

static ps_csv_state state_next(ps_csv_dialect d, ps_csv_state state, char c)
{
    switch (state) {
    case PS_CSV_QUOTED:
        if (c == d.quote) return PS_CSV_CLOSED;
        return c == d.escape ? PS_CSV_ESCAPED : PS_CSV_QUOTED;
    case PS_CSV_ESCAPED: return PS_CSV_QUOTED;
    case PS_CSV_CLOSED:
        if (c == d.quote) return PS_CSV_QUOTED;
        break;
    case PS_CSV_START:
        if (d.quote && c == d.quote) return PS_CSV_QUOTED;
        break;
    default: break;
    }
    return c == d.delim || c == '\n' || c == '\r' ? PS_CSV_START : PS_CSV_BARE;
}

/* From quote to quote: what stands between them changes nothing but whether a field begins. */
ps_csv_state ps_csv_state_after(ps_csv_dialect d, ps_csv_state state, const char *at, size_t n)
{
    const char *const end = at + n;

    if (n == 0) return state;
    while (at < end) {
        if (state == PS_CSV_QUOTED && d.escape == d.quote) {
            at = memchr(at, d.quote, (size_t)(end - at));
            if (!at) return PS_CSV_QUOTED;
        } else if (state == PS_CSV_BARE || state == PS_CSV_START) {
            const char *quote = d.quote ? memchr(at, d.quote, (size_t)(end - at)) : NULL;
            if (!quote) quote = end;
            if (quote > at) state = state_next(d, PS_CSV_BARE, quote[-1]), at = quote;
            if (at == end) break;
        }
        state = state_next(d, state, *at++);
    }
    return state;
}

void ps_csv_index_start(ps_csv_index *index, ps_csv_dialect dialect, uint32_t at)
{
    index->dialect = dialect;
    index->state = PS_CSV_START;
    index->after_cr = index->high = false;
    index->at = at;
    index->n_ends = index->n_records = 0;
}

static ps_status room_make(ps_ctx *cx, ps_csv_index *index, uint32_t n)
{
    const uint64_t ends = (uint64_t)index->n_ends + n, records = (uint64_t)index->n_records + n;

    if (ends > index->ends_room) {
        const uint64_t room = PS_MIN(PS_MAX(ends, (uint64_t)index->ends_room * 2), UINT32_MAX);
        uint32_t *at = ps_realloc(cx, index->ends, room * sizeof *at);
        if (!at) return PS_MEMORY;
        index->ends = at, index->ends_room = (uint32_t)room;
    }
    if (records > index->records_room) {
        const uint64_t room =
            PS_MIN(PS_MAX(records, (uint64_t)index->records_room * 2), UINT32_MAX);
        uint32_t *at = ps_realloc(cx, index->records, room * sizeof *at);
        if (!at) return PS_MEMORY;
        index->records = at, index->records_room = (uint32_t)room;
    }
    return PS_OK;
}

static void bytes_index(ps_csv_index *index, const char *bytes, uint32_t to)
{
    for (; index->at < to; index->at++) {
        const char c = bytes[index->at];
        const ps_csv_state next = state_next(index->dialect, index->state, c);
        const bool separates = next == PS_CSV_START;

        index->high |= (c & 0x80) != 0;
        if (separates && !(c == '\n' && index->after_cr)) {
            if (c != index->dialect.delim) index->records[index->n_records++] = index->n_ends;
            index->ends[index->n_ends++] = index->at;
        }
        index->after_cr = separates && c == '\r';
        index->state = next;
    }
}

static uint32_t blocks_index(ps_csv_index *index, const char *bytes, uint32_t to)
{
    uint64_t quoted = index->state == PS_CSV_QUOTED ? ~(uint64_t)0 : 0;
    uint32_t before = (uint32_t)(index->state == PS_CSV_START) |
                      (uint32_t)(index->state == PS_CSV_CLOSED) << 1 |
                      (uint32_t)index->after_cr << 2;
    const size_t n = ps_csv_kernels_here()->index(
        bytes + index->at, (to - index->at) / 64, index->dialect, index->at, &quoted, &before,
        index->ends, &index->n_ends, index->records, &index->n_records, &index->high);

    if (n == 0) return 0;
    index->at += (uint32_t)n * 64;
    index->state = quoted       ? PS_CSV_QUOTED
                   : before & 1 ? PS_CSV_START
                   : before & 2 ? PS_CSV_CLOSED
                                : PS_CSV_BARE;
    index->after_cr = before >> 2 & 1;
    return (uint32_t)n;
}

ps_status ps_csv_index_add(ps_ctx *cx, ps_csv_index *index, const char *bytes, uint32_t to)
{
    while (index->at < to) {
        const uint32_t step = PS_MIN(to - index->at, 1u << 16), end = index->at + step;
        PS_TRY(ps_poll(cx));
        PS_TRY(room_make(cx, index, step));
        while (index->at < end) {
            if (index->state != PS_CSV_ESCAPED && end - index->at >= 64 &&
                blocks_index(index, bytes, end))
                continue;
            bytes_index(index, bytes, PS_MIN(end, index->at + 64));
        }
    }
    return PS_OK;
}

ps_status ps_csv_index_finish(ps_ctx *cx, ps_csv_index *index, uint32_t start, uint32_t to)
{
    if (start >= to) return PS_OK;
    PS_TRY(room_make(cx, index, 1));
    index->records[index->n_records++] = index->n_ends;
    index->ends[index->n_ends++] = to;
    index->state = PS_CSV_START;
    return PS_OK;
}

void ps_csv_index_drop(ps_csv_index *index, uint32_t n)
{
    if (n == 0) return;
    const uint32_t ends = index->records[n - 1] + 1;

    index->n_ends -= ends, index->n_records -= n;
    memmove(index->ends, index->ends + ends, index->n_ends * sizeof *index->ends);
    memmove(index->records, index->records + n, index->n_records * sizeof *index->records);
    for (uint32_t i = 0; i < index->n_records; i++) index->records[i] -= ends;
}

void ps_csv_index_release(ps_csv_index *index)
{
    ps_free(index->ends);
    ps_free(index->records);
    index->ends = index->records = NULL;
    index->ends_room = index->records_room = 0;
}
