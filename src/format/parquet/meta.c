/* format/parquet/meta.c -- the footer: FileMetaData, schema elements, row groups, chunks. */
#include "format/parquet/meta.h"

#include "col/type.h"

enum { FOOTER_BYTES_MAX = 1 << 30, TAIL_BYTES = 8, FOOTER_GUESS_BYTES = 64 * 1024 };

static uint8_t unit_parse(ps_thrift *t)
{
    ps_thrift_struct s = {0};
    uint8_t unit = PS_UNIT_US;

    while (ps_thrift_field(t, &s)) {
        if (s.id >= 1 && s.id <= 3) unit = (uint8_t)s.id; /* ms, us, ns: ps_unit's numbers */
        ps_thrift_skip(t, s.type);
    }
    return unit;
}

/* The structure of one kind of logical type. */
static void logical_body_parse(ps_thrift *t, ps_pq_element *e)
{
    ps_thrift_struct s = {0};

    while (ps_thrift_field(t, &s)) {
        const int key = e->logical * 8 + s.id;
        switch (key) {
        case PS_PQ_DECIMAL * 8 + 1: e->scale = ps_thrift_i32(t, s.type); break;
        case PS_PQ_DECIMAL * 8 + 2: e->precision = ps_thrift_i32(t, s.type); break;
        case PS_PQ_TIME * 8 + 1:
        case PS_PQ_TIMESTAMP * 8 + 1: e->utc = ps_thrift_bool(t, s.type); break;
        case PS_PQ_TIME * 8 + 2:
        case PS_PQ_TIMESTAMP * 8 + 2: e->unit = unit_parse(t); break;
        case PS_PQ_INTEGER * 8 + 1: e->bits = (uint8_t)ps_thrift_i32(t, s.type); break;
        case PS_PQ_INTEGER * 8 + 2: e->is_signed = ps_thrift_bool(t, s.type); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
}

static void logical_parse(ps_thrift *t, ps_pq_element *e)
{
    ps_thrift_struct s = {0};

    while (ps_thrift_field(t, &s)) {
        if (s.type != PS_THRIFT_STRUCT || s.id < 1 || s.id > 15) {
            ps_thrift_skip(t, s.type);
            continue;
        }
        e->logical = (uint8_t)s.id;
        logical_body_parse(t, e);
    }
}

/* The older annotation as the newer one. */
static void converted_apply(ps_pq_element *e, int32_t converted)
{
    static const struct {
        uint8_t logical, unit, bits;
        bool is_signed;
    } map[] = {{PS_PQ_STRING, 0, 0, 0},
               {PS_PQ_MAP, 0, 0, 0},
               {PS_PQ_MAP, 0, 0, 0},
               {PS_PQ_LIST, 0, 0, 0},
               {PS_PQ_ENUM, 0, 0, 0},
               {PS_PQ_DECIMAL, 0, 0, 0},
               {PS_PQ_DATE, 0, 0, 0},
               {PS_PQ_TIME, PS_UNIT_MS, 0, 0},
               {PS_PQ_TIME, PS_UNIT_US, 0, 0},
               {PS_PQ_TIMESTAMP, PS_UNIT_MS, 0, 0},
               {PS_PQ_TIMESTAMP, PS_UNIT_US, 0, 0},
               {PS_PQ_INTEGER, 0, 8, false},
               {PS_PQ_INTEGER, 0, 16, false},
               {PS_PQ_INTEGER, 0, 32, false},
               {PS_PQ_INTEGER, 0, 64, false},
               {PS_PQ_INTEGER, 0, 8, true},
               {PS_PQ_INTEGER, 0, 16, true},
               {PS_PQ_INTEGER, 0, 32, true},
               {PS_PQ_INTEGER, 0, 64, true},
               {PS_PQ_JSON, 0, 0, 0},
               {PS_PQ_BSON, 0, 0, 0},
               {PS_PQ_INTERVAL, 0, 0, 0}};

    if (converted < 0 || (size_t)converted >= PS_COUNT(map) || e->logical) return;
    e->logical = map[converted].logical;
    e->unit = map[converted].unit;
    e->bits = map[converted].bits;
    e->is_signed = map[converted].is_signed;
    e->utc = true; /* what the format says of the older time types */
}

static void element_parse(ps_thrift *t, ps_pq_element *e)
{
    ps_thrift_struct s = {0};
    int32_t converted = -1, scale = 0, precision = 0;

    e->physical = PS_PQ_GROUP;
    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1: e->physical = (int8_t)ps_thrift_i32(t, s.type); break;
        case 2: e->length = ps_thrift_i32(t, s.type); break;
        case 3: e->repetition = (uint8_t)ps_thrift_i32(t, s.type); break;
        case 4: e->name = ps_thrift_binary(t, s.type); break;
        case 5: e->n_children = ps_thrift_i32(t, s.type); break;
        case 6: converted = ps_thrift_i32(t, s.type); break;
        case 7: scale = ps_thrift_i32(t, s.type); break;
        case 8: precision = ps_thrift_i32(t, s.type); break;
        case 10: logical_parse(t, e); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
    converted_apply(e, converted);
    if (e->logical == PS_PQ_DECIMAL && e->precision == 0)
        e->precision = precision, e->scale = scale;
}

static void stats_parse(ps_thrift *t, ps_pq_stats *out)
{
    ps_thrift_struct s = {0};
    ps_str old_min = {0}, old_max = {0};
    bool min_exact = false, max_exact = false;

    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1: old_max = ps_thrift_binary(t, s.type); break;
        case 2: old_min = ps_thrift_binary(t, s.type); break;
        case 3: out->n_null = ps_thrift_int(t, s.type); break;
        case 5: out->max = ps_thrift_binary(t, s.type); break;
        case 6: out->min = ps_thrift_binary(t, s.type); break;
        case 7: max_exact = ps_thrift_bool(t, s.type); break;
        case 8: min_exact = ps_thrift_bool(t, s.type); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
    out->exact = min_exact && max_exact;
    if (!out->min.at && !out->max.at && (old_min.at || old_max.at)) {
        out->min = old_min, out->max = old_max;
        out->legacy = true;
    }
}

static void chunk_meta_parse(ps_thrift *t, ps_pq_chunk *c)
{
    ps_thrift_struct s = {0};
    int32_t codec = 0;

    c->has_meta = true;
    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1: c->physical = (int8_t)ps_thrift_i32(t, s.type); break;
        case 4: codec = ps_thrift_i32(t, s.type); break;
        case 5: c->n_values = ps_thrift_int(t, s.type); break;
        case 6: c->plain_bytes = ps_thrift_int(t, s.type); break;
        case 7: c->bytes = ps_thrift_int(t, s.type); break;
        case 9: c->data_offset = ps_thrift_int(t, s.type); break;
        case 11: c->dict_offset = ps_thrift_int(t, s.type); break;
        case 12: stats_parse(t, &c->stats); break;
        case 14: c->bloom_at = ps_thrift_int(t, s.type); break;
        case 15: c->bloom_bytes = ps_thrift_i32(t, s.type); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
    c->codec = codec >= 0 && codec < 255 ? (uint8_t)codec : 255;
}

static void chunk_parse(ps_thrift *t, ps_pq_chunk *c)
{
    ps_thrift_struct s = {0};

    c->stats.n_null = -1;
    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1: c->elsewhere = ps_thrift_binary(t, s.type).n > 0; break;
        case 3: chunk_meta_parse(t, c); break;
        case 4: c->offset_index_at = ps_thrift_int(t, s.type); break;
        case 5: c->offset_index_bytes = ps_thrift_i32(t, s.type); break;
        case 6: c->column_index_at = ps_thrift_int(t, s.type); break;
        case 7: c->column_index_bytes = ps_thrift_i32(t, s.type); break;
        case 8:
            c->encrypted = true;
            ps_thrift_skip(t, s.type);
            break;
        case 9:
            c->encrypted = true;
            ps_thrift_skip(t, s.type);
            break;
        default: ps_thrift_skip(t, s.type);
        }
    }
}

static ps_status row_group_parse(ps_ctx *cx, ps_arena *arena, ps_thrift *t, uint32_t n_leaves,
                                 ps_pq_row_group *g)
{
    ps_thrift_struct s = {0};
    uint32_t n = 0;
    uint8_t item;

    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 1:
            n = ps_thrift_list(t, s.type, &item);
            if (n != n_leaves && !t->bad)
                return ps_fail(cx, PS_DATA,
                               "a row group has %u column chunks, the schema has %u columns", n,
                               n_leaves);
            g->chunks = PS_ARENA_ARRAY(cx, arena, ps_pq_chunk, PS_MAX(n, 1));
            if (!g->chunks) return PS_MEMORY;
            for (uint32_t i = 0; i < n && !t->bad; i++) chunk_parse(t, &g->chunks[i]);
            break;
        case 3: g->n_rows = ps_thrift_int(t, s.type); break;
        default: ps_thrift_skip(t, s.type);
        }
    }
    PS_TRY(ps_poll(cx));
    if (t->bad) return PS_OK; /* told at the end */
    if (!g->chunks || g->n_rows < 0 || g->n_rows > INT64_MAX / 2)
        return ps_fail(cx, PS_DATA, "a row group has %lld rows in %u columns", (long long)g->n_rows,
                       n);
    return PS_OK;
}

static ps_status elements_parse(ps_ctx *cx, ps_arena *arena, ps_thrift *t, uint8_t type,
                                ps_pq_meta *m)
{
    uint8_t item;
    const uint32_t n = ps_thrift_list(t, type, &item);

    m->elements = PS_ARENA_ARRAY(cx, arena, ps_pq_element, PS_MAX(n, 1));
    if (!m->elements) return PS_MEMORY;
    m->n_elements = n;
    for (uint32_t i = 0; i < n && !t->bad; i++) {
        element_parse(t, &m->elements[i]);
        m->n_leaves += m->elements[i].physical != PS_PQ_GROUP;
    }
    return PS_OK;
}

/* One order a leaf; others than the type's own are for floats, and to come. */
static ps_status orders_parse(ps_ctx *cx, ps_arena *arena, ps_thrift *t, uint8_t type,
                              ps_pq_meta *m)
{
    uint8_t item;
    const uint32_t n = ps_thrift_list(t, type, &item);
    bool *const order = PS_ARENA_ARRAY(cx, arena, bool, PS_MAX(n, 1));

    if (!order) return PS_MEMORY;
    for (uint32_t i = 0; i < n && !t->bad; i++) {
        ps_thrift_struct s = {0};

        while (ps_thrift_field(t, &s)) {
            order[i] = s.id == 1;
            ps_thrift_skip(t, s.type);
        }
    }
    if (n == m->n_leaves) m->type_order = order;
    return PS_OK;
}

static ps_status file_meta_parse(ps_ctx *cx, ps_arena *arena, ps_thrift *t, ps_pq_meta *m)
{
    ps_thrift_struct s = {0};
    uint8_t item;

    while (ps_thrift_field(t, &s)) {
        switch (s.id) {
        case 2: PS_TRY(elements_parse(cx, arena, t, s.type, m)); break;
        case 3: m->n_rows = ps_thrift_int(t, s.type); break;
        case 4:
            m->n_row_groups = ps_thrift_list(t, s.type, &item);
            m->row_groups = PS_ARENA_ARRAY(cx, arena, ps_pq_row_group, PS_MAX(m->n_row_groups, 1));
            if (!m->row_groups) return PS_MEMORY;
            for (uint32_t i = 0; i < m->n_row_groups && !t->bad; i++)
                PS_TRY(row_group_parse(cx, arena, t, m->n_leaves, &m->row_groups[i]));
            break;
        case 6: m->created_by = ps_thrift_binary(t, s.type); break;
        case 7: PS_TRY(orders_parse(cx, arena, t, s.type, m)); break;
        case 8: return ps_fail(cx, PS_UNSUPPORTED, "the file is encrypted");
        default: ps_thrift_skip(t, s.type);
        }
    }
    return ps_thrift_status(cx, t, "footer");
}

/* The rows are those of the row groups: some writers leave the footer's own number at 0. */
static ps_status meta_check(ps_ctx *cx, ps_pq_meta *m)
{
    if (m->n_elements == 0) return ps_fail(cx, PS_DATA, "the footer has no schema");
    m->n_rows = 0;
    for (uint32_t i = 0; i < m->n_row_groups; i++) {
        if (m->row_groups[i].n_rows > INT64_MAX / 2 - m->n_rows)
            return ps_fail(cx, PS_DATA, "the row groups have too many rows");
        m->n_rows += m->row_groups[i].n_rows;
    }
    return PS_OK;
}

ps_status ps_pq_meta_read(ps_ctx *cx, ps_arena *arena, const ps_file *file, ps_pq_meta *out)
{
    const uint64_t size = file->id.size;
    const size_t n_guess = (size_t)PS_MIN(size, (uint64_t)FOOTER_GUESS_BYTES);
    char *const guess = ps_arena_alloc_raw(cx, arena, n_guess + 64, 16);
    uint32_t n;
    ps_thrift t;

    *out = (ps_pq_meta){0};
    if (!guess) return PS_MEMORY;
    if (size < 12)
        return ps_fail(cx, PS_DATA, "not a Parquet file: it has %llu bytes",
                       (unsigned long long)size);
    PS_TRY(ps_file_read(cx, file, size - n_guess, guess, n_guess));
    if (memcmp(guess + n_guess - 4, "PARE", 4) == 0)
        return ps_fail(cx, PS_UNSUPPORTED, "the file is encrypted, footer included");
    if (memcmp(guess + n_guess - 4, "PAR1", 4) != 0)
        return ps_fail(cx, PS_DATA, "not a Parquet file, or cut off: it doesn't end in PAR1");
    memcpy(&n, guess + n_guess - TAIL_BYTES, 4);
    if (n > size - 12 || n > FOOTER_BYTES_MAX)
        return ps_fail(cx, PS_DATA, "the footer would have %u bytes, the file has %llu", n,
                       (unsigned long long)size);
    if (n + TAIL_BYTES <= n_guess) {
        ps_thrift_init(&t, guess + n_guess - TAIL_BYTES - n, n);
    } else {
        char *const footer = ps_arena_alloc_raw(cx, arena, n + 64u, 16);
        if (!footer) return PS_MEMORY;
        PS_TRY(ps_file_read(cx, file, size - TAIL_BYTES - n, footer, n));
        ps_thrift_init(&t, footer, n);
    }
    PS_TRY(file_meta_parse(cx, arena, &t, out));
    return meta_check(cx, out);
}
