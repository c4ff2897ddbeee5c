/* exec/join_once.c -- a build side that is only asked whether a key is there keeps it once, mostly.
 *
 * Semi, anti and mark joins without a residual give no build row: one of each key is enough. Each
 * lane remembers the rows that it kept last, by hash; a row whose key is one of theirs is left out.
 * Which are remembered is chance, so some keys are kept several times, and a key that half of the
 * rows have is kept a few times instead of a million. Rows that were taken for equal and are not
 * come after the others of their batch: nobody sees the order of such a build side.
 *
 * Remembered rows are in the lane's pages: they are forgotten when a page is written out or moved.
 * Where few rows are left out it rests for a while.
 *
 * Threads: one lane's. Tests: tests/slt/op/join_once.test */
#include "exec/join.h"

enum {
    SLOT_COUNT = 4096, /* 64 KiB, and 230 KiB for a batch: the sink's floor has them */
    LOOK_BATCHES = 8,
    REST_BATCHES = 56,
    PAYS_SHARE = 8 /* so many of a row left out pay for looking */
};

struct ps_join_once {
    /* By SLOT_COUNT bits of the hash; a free slot has a hash that belongs to another one. */
    uint64_t hashes[SLOT_COUNT];
    uint8_t *rows[SLOT_COUNT];
    uint32_t moved; /* the lane's, when they were remembered */
    uint32_t batches, n_seen, n_left_out;
    bool rests;
    /* of a batch: rows that may be equal to a remembered one, what that is, and the pairs */
    uint32_t same[PS_BATCH_ROWS_MAX], pairs[PS_BATCH_ROWS_MAX], other[PS_BATCH_ROWS_MAX];
    uint64_t same_hashes[PS_BATCH_ROWS_MAX];
    uint8_t *same_rows[PS_BATCH_ROWS_MAX];
};

static uint32_t slot_of(uint64_t hash) { return (uint32_t)(hash >> 32) % SLOT_COUNT; }

static void forget(ps_join_once *once, uint32_t moved)
{
    memset(once->hashes, 0, sizeof(once->hashes));
    once->hashes[0] = 1ull << 32;
    once->moved = moved;
}

ps_status ps_join_once_new(ps_ctx *cx, ps_arena *arena, ps_join_once **out)
{
    *out = PS_ARENA_NEW(cx, arena, ps_join_once);
    if (!*out) return PS_MEMORY;
    forget(*out, 0);
    return PS_OK;
}

/* Whether this batch is looked at; says so for a while, then asks whether it paid. */
static bool looks(ps_join_once *once)
{
    if (++once->batches < (once->rests ? REST_BATCHES : LOOK_BATCHES)) return !once->rests;
    once->rests = !once->rests && once->n_left_out < once->n_seen / PAYS_SHARE;
    once->batches = once->n_seen = once->n_left_out = 0;
    return !once->rests;
}

uint32_t ps_join_once_split(ps_join_once *once, const ps_join_lane *lane, uint32_t *rows,
                            uint64_t *hashes, uint32_t *n)
{
    uint32_t n_fresh = 0, n_same = 0;

    if (!looks(once)) return 0;
    if (once->moved != lane->moved) forget(once, lane->moved);
    for (uint32_t k = 0; k < *n; k++) {
        const uint64_t hash = hashes[k];
        const uint32_t slot = slot_of(hash), row = rows[k];

        if (once->hashes[slot] == hash) {
            once->same[n_same] = row;
            once->same_hashes[n_same++] = hash;
        } else {
            once->hashes[slot] = hash;
            rows[n_fresh] = row;
            hashes[n_fresh++] = hash;
        }
    }
    once->n_seen += *n;
    *n = n_fresh;
    return n_same;
}

void ps_join_once_kept(ps_join_once *once, const uint64_t *hashes, uint8_t *const *kept, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const uint32_t slot = slot_of(hashes[k]);

        if (once->hashes[slot] == hashes[k]) once->rows[slot] = kept[k];
    }
}

ps_status ps_join_once_rest(ps_ctx *cx, ps_join_once *once, const ps_join_lane *lane,
                            const ps_vec *vecs, uint32_t n_same, uint32_t *rows, uint64_t *hashes,
                            uint32_t *n)
{
    uint32_t n_equal = 0;

    for (uint32_t k = 0; k < n_same; k++) once->pairs[k] = k;
    if (once->moved == lane->moved) {
        for (uint32_t k = 0; k < n_same; k++)
            once->same_rows[k] = once->rows[slot_of(once->same_hashes[k])];
        PS_TRY(ps_rows_match(cx, lane->parts[0].rows.layout, vecs, once->same, once->same_rows,
                             once->pairs, n_same, once->other, &n_equal));
    } else { /* what they would be compared with is gone */
        memcpy(once->other, once->pairs, n_same * sizeof(*once->other));
    }
    *n = n_same - n_equal;
    for (uint32_t k = 0; k < *n; k++) {
        rows[k] = once->same[once->other[k]];
        hashes[k] = once->same_hashes[once->other[k]];
    }
    once->n_left_out += n_equal;
    return PS_OK;
}
