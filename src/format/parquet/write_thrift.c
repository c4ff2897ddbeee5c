/* format/parquet/write_thrift.c -- Thrift's compact protocol, as far as Parquet's metadata needs
 * it.
 *
 * Reference: thrift-compact-protocol.md of apache/thrift. Tests: tests/py/test_parquet_write.py */
#include "format/parquet/write.h"

static uint64_t zigzag(int64_t v) { return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63); }

void ps_pq_put_varint(ps_text *out, uint64_t value)
{
    while (value >= 0x80) {
        ps_text_char(out, (char)(uint8_t)(value | 0x80));
        value >>= 7;
    }
    ps_text_char(out, (char)(uint8_t)value);
}

static void field(ps_pq_thrift_writer *w, int16_t id, uint8_t kind)
{
    const int delta = id - w->last[w->depth];

    if (delta > 0 && delta <= 15) {
        ps_text_char(w->out, (char)(uint8_t)(delta << 4 | kind));
    } else {
        ps_text_char(w->out, (char)kind);
        ps_pq_put_varint(w->out, zigzag(id));
    }
    w->last[w->depth] = id;
}

/* bits: 8, 16, 32 or 64. */
void ps_pq_put_int(ps_pq_thrift_writer *w, int16_t id, int bits, int64_t value)
{
    field(w, id, bits == 8 ? 3 : bits == 16 ? 4 : bits == 32 ? 5 : 6);
    if (bits == 8) ps_text_char(w->out, (char)value);
    else ps_pq_put_varint(w->out, zigzag(value));
}

void ps_pq_put_bool(ps_pq_thrift_writer *w, int16_t id, bool value) { field(w, id, value ? 1 : 2); }

void ps_pq_put_item_int(ps_pq_thrift_writer *w, int64_t value)
{
    ps_pq_put_varint(w->out, zigzag(value));
}

void ps_pq_put_item_text(ps_pq_thrift_writer *w, ps_str text)
{
    ps_pq_put_varint(w->out, text.n);
    ps_text_str(w->out, text);
}

void ps_pq_put_text(ps_pq_thrift_writer *w, int16_t id, ps_str text)
{
    field(w, id, 8);
    ps_pq_put_item_text(w, text);
}

void ps_pq_put_struct(ps_pq_thrift_writer *w, int16_t id)
{
    field(w, id, 12);
    PS_ASSERT(w->depth + 1 < PS_PQ_THRIFT_DEPTH);
    w->last[++w->depth] = 0;
}

void ps_pq_put_end(ps_pq_thrift_writer *w)
{
    ps_text_char(w->out, 0);
    if (w->depth) w->depth--;
    else w->last[0] = 0;
}

void ps_pq_put_list(ps_pq_thrift_writer *w, int16_t id, ps_pq_thrift_kind kind, uint32_t n)
{
    field(w, id, 9);
    if (n < 15) {
        ps_text_char(w->out, (char)(uint8_t)(n << 4 | (uint32_t)kind));
    } else {
        ps_text_char(w->out, (char)(uint8_t)(0xF0 | (uint32_t)kind));
        ps_pq_put_varint(w->out, n);
    }
}
