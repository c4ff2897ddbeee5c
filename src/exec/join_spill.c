/* exec/join_spill.c -- the build side when it does not fit: which partitions go to the file.
 *
 * A lane that finds memory short says in shared->spilled that its largest partition goes, and every
 * lane writes its rows of it: at its next batch, when it combines, or in the end by whoever plans
 * the directory. From then on such rows collect in one page a lane, which is written when it is
 * full. A partition's list of pages stays, so the runs of join_build.c say where rows are.
 *
 * Threads: bits of `spilled` are set by any lane, under no lock; a lane's parts are its own until
 * it combines, then the sink's. Tests: tests/slt/op/join_spill.test, tests/py/test_spill_join.py */
#include "exec/join.h"

enum {
    LANE_BYTES_MIN = 1 << 20, /* a lane with less is not worth writing */
    RESERVE_BYTES = 4 << 20,
    PAGE_BYTES_MIN = 8 << 10,
    PROBE_BYTES = 3 << 20,    /* arrays as long as a batch, of probing, waiting and sorting */
    COLUMN_BYTES = 128 << 10, /* of an output column */
    MORE_SHARE = 16,          /* of the limit, that is given beyond what was asked for */
    ROW_DIRECTORY_BYTES = 16,
    /* force_spill: so that small tests meet it */
    FORCED_BATCHES = 3,
    FORCED_PAGE_BYTES = 1024,
    FORCED_PARTS = 0x15555 /* these go in any case: others stay */
};

bool ps_join_is_limited(const ps_op *op)
{
    return op->settings->memory_limit || op->settings->force_spill;
}

/* Pages in memory of all lanes' partitions take at most a sixteenth of the limit. */
uint32_t ps_join_page_bytes(const ps_op *op)
{
    const uint64_t limit = op->settings->memory_limit;
    const uint64_t each = limit / 16 / PS_JOIN_ALL_PARTS / PS_MAX(op->settings->threads, 1u);

    if (op->settings->force_spill) return FORCED_PAGE_BYTES;
    if (limit == 0) return PS_ROW_PAGE_BYTES_MAX;
    return (uint32_t)PS_MAX(PS_MIN(each, (uint64_t)PS_ROW_PAGE_BYTES_MAX),
                            (uint64_t)PAGE_BYTES_MIN);
}

bool ps_join_page_is_full(const ps_op *op, const ps_rows *rows)
{
    if (rows->bytes == 0) return false;
    const ps_row_page *last = &rows->pages.at[rows->pages.n - 1];
    uint64_t used = rows->bytes; /* pages before the last, and strings */

    if (last->rows) {
        used -= PS_MIN(used, ps_block_size(last->rows));
        used += (uint64_t)last->n_rows * rows->layout->row_bytes;
    }
    return used >= ps_join_page_bytes(op) - ps_join_page_bytes(op) / 4;
}

/* What must be left for the batches of all lanes, and for who feeds them. */
static uint64_t reserve_bytes(const ps_op *op)
{
    const uint64_t lanes = (uint64_t)RESERVE_BYTES * PS_MAX(op->settings->threads, 1u);

    return PS_MAX(PS_MAX(op->settings->memory_limit / 8, op->settings->memory_needs), lanes);
}

/* What lanes that probe take: they can't give it back, nor can what is sealed by then. */
static uint64_t probe_bytes(const ps_op *op)
{
    const uint64_t lane = PROBE_BYTES + (uint64_t)op->n_cols * COLUMN_BYTES +
                          (uint64_t)ps_join_page_bytes(op) * PS_JOIN_PARTS;

    return lane * PS_MAX(op->settings->threads, 1u);
}

ps_status ps_join_spill_file(ps_ctx *cx, ps_op *op, ps_spill **out)
{
    ps_join_shared *shared = op->shared;

    return ps_op_spill_file(cx, op, &shared->mutex, &shared->spill, out);
}

uint64_t ps_join_lane_bytes(const ps_join_lane *lane)
{
    uint64_t bytes = 0;

    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) bytes += lane->parts[p].rows.bytes;
    return bytes;
}

static uint64_t lane_rows(const ps_join_lane *lane, uint32_t spilled)
{
    uint64_t n = 0;

    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++)
        if (!(spilled >> p & 1)) n += lane->parts[p].rows.n_rows;
    return n;
}

static void spill_part_too(ps_join_shared *shared, int p)
{
    atomic_fetch_or_explicit(&shared->spilled, 1u << p, memory_order_relaxed);
}

ps_status ps_join_lane_measure(ps_ctx *cx, const ps_join_config *config, ps_join_lane *lane,
                               const ps_rows *rows)
{
    if (!lane->ranges) {
        lane->ranges = ps_alloc(cx, (config->n_keys + 1) * sizeof(*lane->ranges));
        if (!lane->ranges) return PS_MEMORY;
        for (uint32_t key = 0; key < config->n_keys; key++)
            lane->ranges[key] = (ps_join_range){INT64_MAX, INT64_MIN};
    }
    for (uint32_t key = 0; key < config->n_keys; key++) {
        if (!ps_join_key_is_asked(config, key)) continue;
        PS_TRY(ps_join_keys_measure(cx, config, rows, key, &lane->ranges[key]));
    }
    return PS_OK;
}

static ps_status write_part(ps_ctx *cx, ps_op *op, ps_join_lane *lane, int p)
{
    ps_rows *rows = &lane->parts[p].rows;
    ps_spill *spill;

    if (rows->bytes == 0) return PS_OK;
    const bool before = ps_giving_back(cx, true);
    ps_status st = ps_join_spill_file(cx, op, &spill);
    if (st == PS_OK && p != PS_JOIN_NULL_PART)
        st = ps_join_lane_measure(cx, op->config, lane, rows);
    if (st == PS_OK) st = ps_rows_spill(cx, rows, spill);
    ps_giving_back(cx, before);
    lane->moved++;
    if (st == PS_OK) ps_op_spilled_part(op, (uint32_t)p);
    return st;
}

ps_status ps_join_lane_spill(ps_ctx *cx, ps_op *op, ps_join_lane *lane)
{
    const uint32_t spilled = ps_join_spilled(op->shared);

    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++)
        if (spilled >> p & 1) PS_TRY(write_part(cx, op, lane, p));
    return PS_OK;
}

/* The partition with most memory of those that stay; -1: none has any. */
static int largest_part(const ps_join_lane *lane, uint32_t spilled)
{
    uint64_t most = 0;
    int best = -1;

    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
        if ((spilled >> p & 1) || lane->parts[p].rows.bytes <= most) continue;
        most = lane->parts[p].rows.bytes;
        best = p;
    }
    return best;
}

static bool is_short(const ps_op *op, const ps_join_lane *lane, uint64_t bytes, uint32_t spilled)
{
    if (op->settings->force_spill) return lane->batches % FORCED_BATCHES == FORCED_BATCHES - 1;
    if (op->settings->memory_limit == 0 || bytes < LANE_BYTES_MIN) return false;
    const uint64_t n = lane_rows(lane, spilled) * PS_MAX(op->settings->threads, 1u);
    return ps_mem_left(op->mem) < reserve_bytes(op) + n * ROW_DIRECTORY_BYTES;
}

ps_status ps_join_lane_check(ps_ctx *cx, ps_op *op, ps_join_lane *lane)
{
    ps_join_shared *shared = op->shared;
    const uint64_t bytes = ps_join_lane_bytes(lane);
    uint32_t spilled = ps_join_spilled(shared);

    if (is_short(op, lane, bytes, spilled)) {
        const int p = largest_part(lane, spilled);

        if (p >= 0) spill_part_too(shared, p);
        spilled = ps_join_spilled(shared);
    }
    lane->batches++;
    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
        const ps_rows *rows = &lane->parts[p].rows;

        /* what was there before all at once, what comes then page by page */
        if ((spilled >> p & 1) && (!rows->spill || ps_join_page_is_full(op, rows)))
            PS_TRY(write_part(cx, op, lane, p));
    }
    return PS_OK;
}

/* What is given of so many bytes when `wanted` are asked for: a little more, so that nobody asks
 * again at once, and half at most. */
static uint64_t enough(const ps_op *op, uint64_t wanted, uint64_t bytes)
{
    const uint64_t half = bytes / 2, more = op->settings->memory_limit / MORE_SHARE;

    return wanted < half && more < half - wanted ? wanted + more : half;
}

/* Names partitions of the lane, the largest first, until they make up what is enough. */
static void name_parts(const ps_op *op, const ps_join_lane *lane, uint64_t wanted)
{
    ps_join_shared *shared = op->shared;
    uint32_t spilled = ps_join_spilled(shared);
    uint64_t gone = 0;
    int p;

    for (int q = 0; q < PS_JOIN_ALL_PARTS; q++)
        if (spilled >> q & 1) gone += lane->parts[q].rows.bytes;
    const uint64_t want = enough(op, wanted, ps_join_lane_bytes(lane));
    while (gone <= want && (p = largest_part(lane, spilled)) >= 0) {
        gone += lane->parts[p].rows.bytes;
        spilled |= 1u << p;
        spill_part_too(shared, p);
    }
}

ps_status ps_join_lane_shrink(ps_ctx *cx, ps_op *op, ps_join_lane *lane, uint64_t wanted)
{
    name_parts(op, lane, wanted);
    return ps_join_lane_spill(cx, op, lane);
}

/* ---- when all rows are there ---- */

static ps_status spill_lanes(ps_ctx *cx, ps_op *op)
{
    ps_join_shared *shared = op->shared;

    for (size_t i = 0; i < shared->lanes.n; i++)
        PS_TRY(ps_join_lane_spill(cx, op, shared->lanes.at[i]));
    return PS_OK;
}

static uint64_t part_rows(const ps_join_shared *shared, int p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < shared->lanes.n; i++) n += shared->lanes.at[i]->parts[p].rows.n_rows;
    return n;
}

static uint64_t part_bytes(const ps_join_shared *shared, int p)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < shared->lanes.n; i++) bytes += shared->lanes.at[i]->parts[p].rows.bytes;
    return bytes;
}

/* What the directory of the partitions that stay takes, with the lists it is made from. */
static uint64_t directory_bytes(const ps_op *op, int *largest)
{
    const ps_join_shared *shared = op->shared;
    const uint32_t spilled = ps_join_spilled(shared);
    uint64_t bytes = 0, n_max = 0;

    *largest = -1;
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        const uint64_t n = part_rows(shared, p);

        if ((spilled >> p & 1) || n == 0) continue;
        bytes += ps_join_directory_bytes(n);
        if (n > n_max) *largest = p;
        n_max = PS_MAX(n, n_max);
    }
    return bytes + n_max * sizeof(uint8_t *) * PS_MAX(op->settings->threads, 1u);
}

ps_status ps_join_spill_plan(ps_ctx *cx, ps_op *op)
{
    ps_join_shared *shared = op->shared;
    const uint64_t limit = op->settings->memory_limit;
    int largest;

    if (!ps_join_is_limited(op)) return ps_join_spilled(shared) ? spill_lanes(cx, op) : PS_OK;
    if (op->settings->force_spill)
        atomic_fetch_or_explicit(&shared->spilled, FORCED_PARTS, memory_order_relaxed);
    if (ps_join_spilled(shared)) PS_TRY(spill_lanes(cx, op));
    for (;;) {
        const uint64_t want = directory_bytes(op, &largest);

        if (limit == 0 || largest < 0 ||
            want + reserve_bytes(op) + probe_bytes(op) <= ps_mem_left(op->mem))
            break;
        spill_part_too(shared, largest);
        PS_TRY(spill_lanes(cx, op));
    }
    return PS_OK;
}

void ps_join_directory_free(ps_join_part *part)
{
    ps_free(part->entries);
    ps_free(part->slots);
    part->entries = NULL;
    part->slots = NULL;
}

void ps_join_part_free(ps_join_shared *shared, int p)
{
    ps_join_directory_free(&shared->parts[p]);
    for (size_t i = 0; i < shared->lanes.n; i++)
        ps_rows_release(&shared->lanes.at[i]->parts[p].rows);
}

/* Writes out what goes and gives up its directories; makes those that are missing. */
static ps_status settle(ps_ctx *cx, ps_op *op)
{
    ps_join_shared *shared = op->shared;

    ps_join_table_drop_dense(shared);
    PS_TRY(spill_lanes(cx, op));
    for (int p = 0; p < PS_JOIN_PARTS; p++) {
        ps_join_part *part = &shared->parts[p];

        if (ps_join_spilled(shared) >> p & 1) {
            ps_join_directory_free(part);
            part->n = 0;
        } else if (!part->slots) {
            PS_TRY(ps_join_table_part(cx, op, p));
        }
    }
    return PS_OK;
}

ps_status ps_join_spill_refused(ps_ctx *cx, ps_op *op)
{
    ps_join_shared *shared = op->shared;
    uint32_t refused;

    while ((refused = atomic_exchange_explicit(&shared->refused, 0, memory_order_relaxed))) {
        atomic_fetch_or_explicit(&shared->spilled, refused, memory_order_relaxed);
        ps_join_keys_drop_bits(shared, op->config); /* they lack the rows of these */
        PS_TRY(settle(cx, op));
    }
    return PS_OK;
}

/* ---- for others ---- */

static uint64_t sealed_bytes(const ps_join_shared *shared)
{
    uint64_t bytes = 0;

    for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
        const ps_join_part *part = &shared->parts[p];

        bytes += part_bytes(shared, p);
        if (part->entries) bytes += ps_block_size(part->entries);
        if (part->slots) bytes += ps_block_size(part->slots);
    }
    if (shared->dense_slots) bytes += ps_block_size(shared->dense_slots);
    if (shared->dense_entries) bytes += ps_block_size(shared->dense_entries);
    if (shared->dense_ranks) bytes += ps_block_size(shared->dense_ranks);
    return bytes;
}

/* The largest sealed partitions, until they make up so many bytes. */
static void name_sealed(ps_join_shared *shared, uint64_t wanted)
{
    uint64_t gone = 0;

    while (gone <= wanted) {
        uint64_t most = 0;
        int best = -1;

        for (int p = 0; p < PS_JOIN_ALL_PARTS; p++) {
            const uint64_t bytes = part_bytes(shared, p);

            if ((ps_join_spilled(shared) >> p & 1) || bytes <= most) continue;
            most = bytes;
            best = p;
        }
        if (best < 0) return;
        gone += most + ps_join_directory_bytes(part_rows(shared, best));
        spill_part_too(shared, best);
    }
}

uint64_t ps_join_bytes(const ps_op *op, const void *local)
{
    return local ? ps_join_lane_bytes(ps_join_build_lane(local)) : sealed_bytes(op->shared);
}

ps_status ps_join_shrink(ps_ctx *cx, ps_op *op, void *local, uint64_t wanted)
{
    ps_join_shared *shared = op->shared;
    int largest;

    if (local) return ps_join_lane_shrink(cx, op, ps_join_build_lane(local), wanted);
    if (shared->dense) /* what stays gets directories instead */
        wanted += PS_MIN(directory_bytes(op, &largest), UINT64_MAX - wanted);
    name_sealed(shared, enough(op, wanted, sealed_bytes(shared)));
    PS_TRY(settle(cx, op));
    PS_TRY(ps_join_spill_refused(cx, op));
    ps_join_table_filters(op);
    return PS_OK;
}
