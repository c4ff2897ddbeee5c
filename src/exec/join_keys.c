/* exec/join_keys.c -- which integer keys the build side of a join has.
 *
 * Ranges prune the probe's scan, bits filter its rows before other columns are decoded (a semi-join
 * reduction: with several keys each is tested for itself), and a narrow range of a single key makes
 * the table dense. Bits are set by all tasks at once; they are read after the build is sealed. */
#include "exec/join.h"
#include "exec/join_kernels.h"

/* A bit for each value of the range where that takes at most 32 bytes a row. */
enum { BITS_A_ROW = 256, BITS_FREE = 1 << 19, BITS_MAX = 1 << 28 };

bool ps_join_key_is_integer(const ps_join_config *config, uint32_t key)
{
    const ps_layout layout = (ps_layout)config->layout->cols[key].layout;

    return !config->null_equal[key] && layout >= PS_LAYOUT_I8 && layout <= PS_LAYOUT_I64;
}

bool ps_join_key_is_asked(const ps_join_config *config, uint32_t key)
{
    bool asked = config->n_keys == 1; /* a dense table wants to know */

    for (uint32_t i = 0; i < config->n_dynamic; i++) asked |= config->dynamic_states[i].key == key;
    return asked && ps_join_key_is_integer(config, key);
}

int64_t ps_join_key_of(const ps_row_layout *layout, uint32_t key, const uint8_t *row)
{
    const uint8_t *at = row + layout->cols[key].at;

    switch ((ps_layout)layout->cols[key].layout) {
    case PS_LAYOUT_I8: return *(const int8_t *)at;
    case PS_LAYOUT_I16: return *(const int16_t *)(const void *)at;
    case PS_LAYOUT_I32: return *(const int32_t *)(const void *)at;
    default: break;
    }
    int64_t value;
    memcpy(&value, at, 8);
    return value;
}

ps_status ps_join_keys_measure(ps_ctx *cx, const ps_join_config *config, const ps_rows *rows,
                               uint32_t key, ps_join_range *range)
{
    const ps_row_layout *layout = config->layout;
    int64_t lo = range->lo, hi = range->hi;

    for (size_t p = 0; p < rows->pages.n; p++) {
        const ps_row_page *page = &rows->pages.at[p];

        PS_TRY(ps_poll(cx));
        for (uint32_t k = 0; page->rows && k < page->n_rows; k++) {
            const int64_t value =
                ps_join_key_of(layout, key, page->rows + (size_t)k * layout->row_bytes);

            lo = PS_MIN(lo, value);
            hi = PS_MAX(hi, value);
        }
    }
    *range = (ps_join_range){lo, hi};
    return PS_OK;
}

/* The range of a key over all rows. */
static void measure(const ps_join_shared *shared, uint32_t key, ps_join_key_set *set)
{
    ps_join_range range = {INT64_MAX, INT64_MIN};

    for (size_t i = 0; i < shared->lanes.n; i++) {
        const ps_join_lane *lane = shared->lanes.at[i];

        if (!lane->ranges) continue;
        range.lo = PS_MIN(range.lo, lane->ranges[key].lo);
        range.hi = PS_MAX(range.hi, lane->ranges[key].hi);
    }
    set->lo = range.lo;
    set->hi = range.hi;
    set->known = true;
}

static void plan_bits(ps_ctx *cx, uint64_t n_rows, ps_join_key_set *set)
{
    const ps_u128 range = (ps_u128)((ps_i128)set->hi - set->lo) + 1;

    if (range > (ps_u128)n_rows * BITS_A_ROW + BITS_FREE || range > BITS_MAX) return;
    const uint64_t bytes = ((uint64_t)range / 64 + 1) * 8 + PS_JOIN_BITS_MORE;
    if (ps_mem_left(cx->mem) / 4 < bytes) return;
    set->bits = ps_alloc_zero(cx, bytes);
    set->range = (uint64_t)range;
    if (!set->bits) ps_ctx_clear(cx); /* works without */
}

ps_status ps_join_keys_plan(ps_ctx *cx, ps_op *op)
{
    const ps_join_config *config = op->config;
    ps_join_shared *shared = op->shared;

    if (shared->n_rows == 0 || config->n_keys == 0) return PS_OK;
    shared->key_sets = PS_ARENA_ARRAY(cx, &op->arena, ps_join_key_set, config->n_keys);
    if (!shared->key_sets) return PS_MEMORY;
    for (uint32_t key = 0; key < config->n_keys; key++) {
        if (!ps_join_key_is_asked(config, key)) continue;
        measure(shared, key, &shared->key_sets[key]);
        /* rows in the file would have to be read for their bits */
        if (!ps_join_spilled(shared)) plan_bits(cx, shared->n_rows, &shared->key_sets[key]);
    }
    return PS_OK;
}

ps_status ps_join_keys_add(ps_ctx *cx, ps_join_shared *shared, const ps_join_config *config,
                           uint8_t *const *rows, uint64_t n)
{
    for (uint32_t key = 0; shared->key_sets && key < config->n_keys; key++) {
        const ps_join_key_set *set = &shared->key_sets[key];

        for (uint64_t i = 0; set->bits && i < n; i++) {
            if ((i & 65535) == 65535) PS_TRY(ps_poll(cx));
            const uint64_t at =
                (uint64_t)ps_join_key_of(config->layout, key, rows[i]) - (uint64_t)set->lo;

            /* relaxed: read after the build is sealed */
            atomic_fetch_or_explicit(&set->bits[at / 64], (uint64_t)1 << (at % 64),
                                     memory_order_relaxed);
        }
    }
    return PS_OK;
}

ps_status ps_join_keys_add_part(ps_ctx *cx, ps_join_shared *shared, const ps_join_config *config,
                                int p)
{
    uint8_t *rows[1024];
    uint32_t n;

    for (size_t i = 0; i < shared->lanes.n; i++) {
        ps_row_cursor at = {0};

        while ((n = ps_rows_next(&shared->lanes.at[i]->parts[p].rows, &at, PS_COUNT(rows), rows)))
            PS_TRY(ps_join_keys_add(cx, shared, config, rows, n));
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

void ps_join_keys_drop_bits(ps_join_shared *shared, const ps_join_config *config)
{
    for (uint32_t key = 0; shared->key_sets && key < config->n_keys; key++) {
        ps_free((void *)shared->key_sets[key].bits);
        shared->key_sets[key].bits = NULL;
    }
}

/* Rows whose slots are elsewhere: codes of a dictionary, or a constant. What is out of range reads
 * the bit behind the last. */
#define FIND(T)                                                                                    \
    for (uint32_t k = 0; k < n; k++) {                                                             \
        const uint32_t row = rows[k], slot = view->codes ? view->codes[row] : row & view->mask;    \
        const uint64_t value = (uint64_t)(int64_t)((const T *)view->data)[slot] - lo;              \
        const uint64_t at = PS_MIN(value, range);                                                  \
        rows_out[n_out] = row;                                                                     \
        n_out += bits[at / 64] >> (at % 64) & 1;                                                   \
    }                                                                                              \
    break;

static uint32_t find_elsewhere(const ps_join_key_set *set, const ps_reader_view *view,
                               ps_layout layout, const uint32_t *rows, uint32_t n,
                               uint32_t *rows_out)
{
    const uint64_t lo = (uint64_t)set->lo, range = set->range;
    const uint64_t *bits = (const uint64_t *)(const void *)set->bits; /* nobody writes any more */
    uint32_t n_out = 0;

    switch (layout) {
    case PS_LAYOUT_I8: FIND(int8_t)
    case PS_LAYOUT_I16: FIND(int16_t)
    case PS_LAYOUT_I32: FIND(int32_t)
    default: FIND(int64_t)
    }
    return n_out;
}

bool ps_join_keys_in_place(const ps_reader_view *view)
{
    return !view->codes && view->mask == UINT32_MAX;
}

uint32_t ps_join_keys_find(const ps_join_key_set *set, const ps_reader_view *view, ps_layout layout,
                           const uint32_t *rows, uint32_t n, uint32_t *rows_out)
{
    const ps_join_bits bits = {(const uint64_t *)(const void *)set->bits, set->lo, set->range};

    PS_ASSERT(layout >= PS_LAYOUT_I8 && layout <= PS_LAYOUT_I64); /* signed integers only */
    if (ps_join_keys_in_place(view))
        return ps_join_kernels_get()->with_bit[layout](view->data, rows, n, &bits, rows_out);
    return find_elsewhere(set, view, layout, rows, n, rows_out);
}
