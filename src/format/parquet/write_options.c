/* format/parquet/write_options.c -- options of COPY ... (FORMAT parquet) to a checked struct. */
#include "bind/near.h"
#include "col/value.h"
#include "format/parquet/write.h"

typedef enum option_id { CODEC, LEVEL, GROUP_ROWS, PAGE_BYTES, DICTIONARY } option_id;

static const struct option_name {
    const char *name;
    option_id id;
} OPTIONS[] = {{"compression", CODEC},       {"codec", CODEC},
               {"compression_level", LEVEL}, {"row_group_size", GROUP_ROWS},
               {"page_size", PAGE_BYTES},    {"dictionary", DICTIONARY}};

static const struct codec_name {
    const char *name;
    ps_pq_codec codec;
    int32_t lo, hi; /* levels; lo > hi: none */
} CODECS[] = {{"uncompressed", PS_PQ_UNCOMPRESSED, 1, 0},
              {"none", PS_PQ_UNCOMPRESSED, 1, 0},
              {"snappy", PS_PQ_SNAPPY, 1, 0},
              {"zstd", PS_PQ_ZSTD, 1, 22},
              {"gzip", PS_PQ_GZIP, 1, 12},
              {"lz4_raw", PS_PQ_LZ4_RAW, 1, 0},
              {"lz4", PS_PQ_LZ4_RAW, 1, 0},
              {"brotli", PS_PQ_BROTLI, 0, 11}};

static ps_status codec_value(ps_ctx *cx, const ps_option *o, ps_pq_write_options *out)
{
    const bool text = !o->value.null && o->value.type.id == PS_TYPE_STRING;
    ps_near near = ps_near_of(text ? o->value.str : PS_STR(""));

    if (!text) return ps_fail(cx, PS_BIND, "COMPRESSION of Parquet is the name of a codec");
    for (size_t i = 0; i < PS_COUNT(CODECS); i++) {
        ps_near_add(&near, ps_str_of(CODECS[i].name));
        if (!ps_str_equal_nocase(ps_str_of(CODECS[i].name), o->value.str)) continue;
        out->codec = (uint8_t)CODECS[i].codec;
        return PS_OK;
    }
    ps_fail(cx, PS_BIND, "Parquet can't be written with this codec: %.*s",
            PS_STR_ARGS(o->value.str));
    ps_near_hint(cx, &near);
    return PS_BIND;
}

static ps_status number_value(ps_ctx *cx, const ps_option *o, int64_t lo, int64_t hi, int64_t *out)
{
    const ps_value *v = &o->value;

    if (v->null || ps_type_class_of(v->type) != PS_CLASS_INTEGER || v->i < lo || v->i > hi)
        return ps_fail(cx, PS_BIND, "%.*s of Parquet is a whole number between %lld and %lld",
                       PS_STR_ARGS(o->name), (long long)lo, (long long)hi);
    *out = (int64_t)v->i;
    return PS_OK;
}

static ps_status bool_value(ps_ctx *cx, const ps_option *o, bool *out)
{
    const ps_value *v = &o->value;
    const bool text = !v->null && v->type.id == PS_TYPE_STRING;

    if (!v->null && v->type.id == PS_TYPE_BOOL) *out = v->i != 0;
    else if (text && ps_str_equal_nocase(v->str, PS_STR("true"))) *out = true;
    else if (text && ps_str_equal_nocase(v->str, PS_STR("false"))) *out = false;
    else
        return ps_fail(cx, PS_BIND, "this option of Parquet is true or false: %.*s",
                       PS_STR_ARGS(o->name));
    return PS_OK;
}

static ps_status option_set(ps_ctx *cx, option_id id, const ps_option *o, ps_pq_write_options *out)
{
    int64_t number = 0;

    switch (id) {
    case CODEC: return codec_value(cx, o, out);
    case LEVEL:
        PS_TRY(number_value(cx, o, 0, 22, &number));
        out->has_level = true, out->level = (int32_t)number;
        return PS_OK;
    case GROUP_ROWS:
        PS_TRY(number_value(cx, o, 1, 1 << 30, &number));
        out->group_rows = (uint64_t)number;
        return PS_OK;
    case PAGE_BYTES:
        PS_TRY(number_value(cx, o, 64, 1 << 28, &number));
        out->page_bytes = (uint64_t)number;
        return PS_OK;
    case DICTIONARY: return bool_value(cx, o, &out->dictionary);
    }
    return PS_OK;
}

static ps_status option_unknown(ps_ctx *cx, const ps_option *o)
{
    ps_near near = ps_near_of(o->name);

    for (size_t i = 0; i < PS_COUNT(OPTIONS); i++) ps_near_add(&near, ps_str_of(OPTIONS[i].name));
    ps_fail(cx, PS_BIND, "writing Parquet has no option of this name: %.*s", PS_STR_ARGS(o->name));
    ps_near_hint(cx, &near);
    return PS_BIND;
}

static ps_status level_check(ps_ctx *cx, const ps_pq_write_options *o)
{
    const struct codec_name *c = CODECS;

    if (!o->has_level) return PS_OK;
    while (c->codec != o->codec) c++;
    if (c->lo > c->hi)
        return ps_fail(cx, PS_BIND, "COMPRESSION_LEVEL has no meaning for codec %s", c->name);
    if (o->level < c->lo || o->level > c->hi)
        return ps_fail(cx, PS_BIND, "COMPRESSION_LEVEL of %s lies between %d and %d: %d", c->name,
                       c->lo, c->hi, o->level);
    return PS_OK;
}

ps_status ps_pq_write_options_read(ps_ctx *cx, const ps_options *options, ps_pq_write_options *out)
{
    *out = (ps_pq_write_options){.codec = PS_PQ_SNAPPY,
                                 .group_rows = PS_PQ_GROUP_ROWS,
                                 .page_bytes = PS_PQ_PAGE_SIZE,
                                 .dictionary = true};
    for (uint32_t i = 0; i < options->n; i++) {
        const ps_option *o = &options->at[i];
        const struct option_name *known = NULL;
        for (size_t k = 0; !known && k < PS_COUNT(OPTIONS); k++)
            if (ps_str_equal_nocase(ps_str_of(OPTIONS[k].name), o->name)) known = &OPTIONS[k];
        PS_TRY(known ? option_set(cx, known->id, o, out) : option_unknown(cx, o));
    }
    return level_check(cx, out);
}
