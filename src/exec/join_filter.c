/* exec/join_filter.c -- a sealed build side as a filter on the scan that feeds the probe, and what
 * statistics say of the probe's keys as one on the scan that feeds the build side.
 *
 * Integer keys of a range that is not too wide have a bit each (join_keys.c); for others the
 * directory's tags are a Bloom filter of four bits a row. */
#include "exec/join.h"

enum { CHUNK = 512 };

static uint32_t valid_rows(const ps_reader_view *view, const uint32_t *sel, uint32_t first,
                           uint32_t n, uint32_t *rows)
{
    uint32_t n_out = 0;

    for (uint32_t k = first; k < first + n; k++) {
        const uint32_t row = sel ? sel[k] : k;

        rows[n_out] = row;
        n_out += ps_reader_valid(view, row);
    }
    return n_out;
}

ps_status ps_join_may_match(ps_ctx *cx, const void *state, const ps_vec *vec, const uint32_t *sel,
                            uint32_t n, uint32_t *sel_out, uint32_t *n_out)
{
    const ps_join_filter *filter = state;
    const ps_op *op = filter->op;
    const ps_join_shared *shared = op->shared;
    const ps_join_key_set *set = shared->key_sets ? &shared->key_sets[filter->key] : NULL;
    const ps_layout layout = (ps_layout)vec->layout;
    const bool by_bits = set && set->bits && layout >= PS_LAYOUT_I8 && layout <= PS_LAYOUT_I64 &&
                         vec->encoding != PS_ENC_SEQUENCE;
    const ps_reader_view view = ps_vec_read(vec);
    uint32_t rows[CHUNK], kept[CHUNK];
    uint64_t hashes[CHUNK];
    ps_join_bucket buckets[CHUNK];

    *n_out = 0;
    if (by_bits && !view.valid && ps_join_keys_in_place(&view)) {
        *n_out = ps_join_keys_find(set, &view, layout, sel, n, sel_out);
        return PS_OK;
    }
    for (uint32_t at = 0; at < n; at += CHUNK) {
        const uint32_t n_valid = valid_rows(&view, sel, at, PS_MIN(n - at, CHUNK), rows);
        uint32_t n_kept = n_valid;

        if (by_bits) {
            n_kept = ps_join_keys_find(set, &view, layout, rows, n_valid, kept);
        } else if (shared->dense || ps_join_spilled(shared) || op->settings->one_hash ||
                   ((const ps_join_config *)op->config)->n_keys != 1) {
            memcpy(kept, rows, n_valid * sizeof(*kept));
        } else {
            PS_TRY(ps_hash_rows(cx, vec, 1, rows, n_valid, op->settings->hash_seed, hashes));
            n_kept = ps_join_find(shared, hashes, rows, n_valid, kept, buckets);
        }
        memcpy(sel_out + *n_out, kept, n_kept * sizeof(*kept));
        *n_out += n_kept;
    }
    return PS_OK;
}

#define KEEP(T)                                                                                    \
    for (uint32_t k = 0; k < n_valid; k++) {                                                       \
        const uint32_t row = rows[k];                                                              \
        const int64_t key =                                                                        \
            ((const T *)view.data)[view.codes ? view.codes[row] : row & view.mask];                \
                                                                                                   \
        sel_out[*n_out] = row;                                                                     \
        *n_out += key >= span->lo && key <= span->hi;                                              \
    }                                                                                              \
    break;

ps_status ps_join_in_span(ps_ctx *cx, const void *state, const ps_vec *vec, const uint32_t *sel,
                          uint32_t n, uint32_t *sel_out, uint32_t *n_out)
{
    const ps_join_span *span = state;
    const ps_reader_view view = ps_vec_read(vec);
    uint32_t rows[CHUNK];

    (void)cx;
    *n_out = 0;
    for (uint32_t at = 0; at < n; at += CHUNK) {
        const uint32_t n_valid = valid_rows(&view, sel, at, PS_MIN(n - at, CHUNK), rows);

        switch (vec->encoding == PS_ENC_SEQUENCE ? PS_LAYOUT_COUNT : (ps_layout)vec->layout) {
        case PS_LAYOUT_I8: KEEP(int8_t)
        case PS_LAYOUT_I16: KEEP(int16_t)
        case PS_LAYOUT_I32: KEEP(int32_t)
        case PS_LAYOUT_I64: KEEP(int64_t)
        default: /* it says nothing */
            memcpy(sel_out + *n_out, rows, n_valid * sizeof(*rows));
            *n_out += n_valid;
            break;
        }
    }
    return PS_OK;
}
