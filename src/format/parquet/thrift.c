/* format/parquet/thrift.c -- the compact protocol. */
#include "format/parquet/thrift.h"

static void thrift_break(ps_thrift *t, const char *bad)
{
    if (!t->bad) t->bad = bad;
    t->end = t->at; /* nothing more is read */
}

static uint8_t byte_take(ps_thrift *t)
{
    if (t->at < t->end) return *t->at++;
    if (!t->bad) t->short_input = true;
    thrift_break(t, "it ends too early");
    return 0;
}

static uint64_t varint_take(ps_thrift *t)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = byte_take(t);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return value;
    }
    thrift_break(t, "a number has more than 10 bytes");
    return 0;
}

static int64_t zigzag(uint64_t v) { return (int64_t)(v >> 1) ^ -(int64_t)(v & 1); }

bool ps_thrift_field(ps_thrift *t, ps_thrift_struct *s)
{
    const uint8_t head = byte_take(t);

    if (t->bad || head == PS_THRIFT_STOP) return false;
    s->type = head & 0x0F;
    if (head >> 4) {
        s->id = (int16_t)(s->id + (head >> 4));
    } else {
        s->id = (int16_t)zigzag(varint_take(t));
    }
    return !t->bad;
}

int64_t ps_thrift_int(ps_thrift *t, uint8_t type)
{
    if (type == PS_THRIFT_I8) return (int8_t)byte_take(t);
    if (type >= PS_THRIFT_I16 && type <= PS_THRIFT_I64) return zigzag(varint_take(t));
    ps_thrift_skip(t, type);
    return 0;
}

int32_t ps_thrift_i32(ps_thrift *t, uint8_t type)
{
    const int64_t v = ps_thrift_int(t, type);

    if (v == (int32_t)v) return (int32_t)v;
    thrift_break(t, "a number is out of range");
    return 0;
}

bool ps_thrift_bool(ps_thrift *t, uint8_t type)
{
    if (type != PS_THRIFT_TRUE && type != PS_THRIFT_FALSE) ps_thrift_skip(t, type);
    return type == PS_THRIFT_TRUE;
}

ps_str ps_thrift_binary(ps_thrift *t, uint8_t type)
{
    ps_str s = {"", 0};
    uint64_t n;

    if (type != PS_THRIFT_BINARY) {
        ps_thrift_skip(t, type);
        return s;
    }
    n = varint_take(t);
    if (n > (size_t)(t->end - t->at)) {
        if (!t->bad) t->short_input = true;
        thrift_break(t, "text is longer than what is left");
        return s;
    }
    s = (ps_str){(const char *)t->at, (size_t)n};
    t->at += n;
    return s;
}

uint32_t ps_thrift_list(ps_thrift *t, uint8_t type, uint8_t *item)
{
    uint8_t head;
    uint64_t n;

    *item = 0;
    if (type != PS_THRIFT_LIST && type != PS_THRIFT_SET) {
        ps_thrift_skip(t, type);
        return 0;
    }
    head = byte_take(t);
    n = head >> 4;
    *item = head & 0x0F;
    if (n == 15) n = varint_take(t);
    if (n > (size_t)(t->end - t->at)) { /* an element has at least one byte */
        if (!t->bad) t->short_input = true;
        thrift_break(t, "a list is longer than what is left");
        return 0;
    }
    return (uint32_t)PS_MIN(n, UINT32_MAX);
}

static void value_skip(ps_thrift *t, uint8_t type, bool in_list, uint32_t depth);

static void list_skip(ps_thrift *t, uint8_t type, uint32_t depth)
{
    uint8_t item;
    const uint32_t n = ps_thrift_list(t, type, &item);

    for (uint32_t i = 0; i < n && !t->bad; i++) value_skip(t, item, true, depth + 1);
}

static void map_skip(ps_thrift *t, uint32_t depth)
{
    const uint64_t n = varint_take(t);
    const uint8_t types = n ? byte_take(t) : 0;

    for (uint64_t i = 0; i < n && !t->bad; i++) {
        value_skip(t, types >> 4, true, depth + 1);
        value_skip(t, types & 0x0F, true, depth + 1);
    }
}

static void bytes_skip(ps_thrift *t, size_t n)
{
    for (size_t i = 0; i < n; i++) byte_take(t);
}

/* depth is bounded, so this may recurse. Booleans have a byte in lists, none in structures. */
static void value_skip(ps_thrift *t, uint8_t type, bool in_list, uint32_t depth)
{
    ps_thrift_struct s = {0};

    if (depth > THRIFT_DEPTH_MAX) {
        thrift_break(t, "it is nested too deeply");
        return;
    }
    switch (type) {
    case PS_THRIFT_TRUE:
    case PS_THRIFT_FALSE:
        if (in_list) byte_take(t);
        break;
    case PS_THRIFT_I8: byte_take(t); break;
    case PS_THRIFT_I16:
    case PS_THRIFT_I32:
    case PS_THRIFT_I64: varint_take(t); break;
    case PS_THRIFT_DOUBLE: bytes_skip(t, 8); break;
    case PS_THRIFT_UUID: bytes_skip(t, 16); break;
    case PS_THRIFT_BINARY: ps_thrift_binary(t, type); break;
    case PS_THRIFT_LIST:
    case PS_THRIFT_SET: list_skip(t, type, depth); break;
    case PS_THRIFT_MAP: map_skip(t, depth); break;
    case PS_THRIFT_STRUCT:
        while (ps_thrift_field(t, &s)) value_skip(t, s.type, false, depth + 1);
        break;
    default: thrift_break(t, "a type is unknown"); break;
    }
}

void ps_thrift_skip(ps_thrift *t, uint8_t type) { value_skip(t, type, false, 0); }

ps_status ps_thrift_status(ps_ctx *cx, const ps_thrift *t, const char *what)
{
    if (!t->bad) return PS_OK;
    return ps_fail(cx, PS_DATA, "the %s is damaged: %s, at its byte %zu", what, t->bad,
                   (size_t)(t->at - t->start));
}
