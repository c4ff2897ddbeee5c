/* exec/profile.c -- what a query's operators did, for EXPLAIN ANALYZE and the recorder.
 *
 * A node may be the work of several operators (a top-n sorts and gives its rows to the result), and
 * some nodes have none. A node's true rows are those of the last of its operators that gives rows
 * on. Times are differences of the time stamp counter summed over threads, also where a thread had
 * to wait for a processor; the length of a cycle is measured over the query itself. Bytes are those
 * of the rows given on, memory is the operators' peak, each for itself.
 * Tests: tests/py/test_explain.py */
#include "base/diag.h"
#include "exec/query_impl.h"

typedef struct figures {
    uint64_t rows, rows_in, bytes, bytes_read, spilled_bytes, memory, cycles;
    uint64_t partitions, depth, parked_memory, parked_output;
    uint32_t n_ops;
} figures;

/* Milliseconds of a number of cycles. */
static double cycles_ms(const ps_query *query, uint64_t cycles)
{
    const double ns = (double)(ps_clock_ns() - query->start_ns);
    const double all = (double)(ps_cycles() - query->start_cycles);

    return all > 0 ? (double)cycles * ns / all / 1e6 : 0;
}

static bool gives_rows(const ps_op *op)
{
    return op->class->push != NULL || op->class->source_next != NULL;
}

static figures figures_of(const ps_query *query, const ps_node *node)
{
    figures sum = {0};

    for (size_t i = 0; i < query->phys.ops.n; i++) {
        const ps_op *op = query->phys.ops.at[i];

        if (op->node != node) continue;
        if (op->class->gives_again) sum.bytes += op->stats.bytes_out;
        else if (gives_rows(op)) sum.rows = op->stats.rows_out, sum.bytes = op->stats.bytes_out;
        else if (sum.n_ops == 0) sum.rows = op->stats.rows_in;
        if (sum.n_ops++ == 0) sum.rows_in = op->stats.rows_in;
        sum.cycles += op->stats.cycles;
        sum.bytes_read += op->stats.bytes_read;
        sum.spilled_bytes += op->stats.spilled_bytes;
        sum.memory += (uint64_t)op->mem->peak;
        sum.partitions += op->stats.partitions;
        sum.depth = PS_MAX(sum.depth, op->stats.depth);
        sum.parked_memory += op->stats.parked_memory;
        sum.parked_output += op->stats.parked_output;
    }
    return sum;
}

static uint64_t all_cycles(const ps_query *query)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < query->phys.ops.n; i++) sum += query->phys.ops.at[i]->stats.cycles;
    return sum;
}

static void put_bytes(ps_text *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        ps_text_printf(out, "%llu bytes", (unsigned long long)bytes);
        return;
    }
    for (; value >= 1024 && unit < 3; unit++) value /= 1024;
    ps_text_printf(out, "%.1f %s", value, units[unit]);
}

/* Words of the node's operators: "hash join: builds the left input". */
static void put_words(const ps_query *query, const ps_node *node, const char *separator,
                      ps_text *out)
{
    for (size_t i = 0; i < query->phys.ops.n; i++) {
        const ps_op *op = query->phys.ops.at[i];
        const size_t before = out->n;

        if (op->node != node || !op->class->explain) continue;
        ps_text_puts(out, separator);
        const size_t start = out->n;
        op->class->explain(op, out);
        if (out->n == start && out->at) out->n = before, out->at[before] = 0;
    }
}

static void put_spilled(const figures *f, const char *separator, ps_text *out)
{
    ps_text_puts(out, separator), put_bytes(out, f->spilled_bytes), ps_text_puts(out, " spilled");
    if (f->partitions == 0) return;
    ps_text_printf(out, " in %llu %s", (unsigned long long)f->partitions,
                   f->partitions == 1 ? "part" : "parts");
    if (f->depth > 1) ps_text_printf(out, ", %llu levels", (unsigned long long)f->depth);
}

/* Lanes that waited less than a hundredth of a millisecond did not wait. */
static void put_parked(const ps_query *query, uint64_t cycles, const char *words,
                       const char *separator, ps_text *out)
{
    const double ms = cycles_ms(query, cycles);

    if (ms >= 0.01) ps_text_printf(out, "%s%.2f ms %s", separator, ms, words);
}

/* The node's figures with a separator between them: one line of text, or lines of a label. */
static void put_text(const ps_query *query, const ps_node *node, const figures *f,
                     const char *separator, ps_text *out)
{
    const uint64_t all = all_cycles(query);

    ps_text_printf(out, "%llu rows", (unsigned long long)f->rows);
    if (node->rows_est >= 0) ps_text_printf(out, " (estimated %.0f)", node->rows_est);
    ps_text_printf(out, "%s%.2f ms (%.0f %%)", separator, cycles_ms(query, f->cycles),
                   all ? 100 * (double)f->cycles / (double)all : 0);
    ps_text_puts(out, separator), put_bytes(out, f->bytes), ps_text_puts(out, " out");
    if (f->bytes_read)
        ps_text_puts(out, separator), put_bytes(out, f->bytes_read), ps_text_puts(out, " read");
    ps_text_puts(out, separator), put_bytes(out, f->memory), ps_text_puts(out, " memory");
    if (f->spilled_bytes) put_spilled(f, separator, out);
    put_parked(query, f->parked_memory, "parked for memory", separator, out);
    put_parked(query, f->parked_output, "parked for output", separator, out);
}

/* One operator as JSON, also while it runs. */
static void put_operator(const ps_query *query, const ps_op *op, ps_text *out)
{
    const ps_op_stats *s = &op->stats;

    ps_text_printf(out,
                   "{\"name\":\"%s\",\"rows_in\":%llu,\"rows_out\":%llu,\"batches\":%llu,"
                   "\"time_ms\":%.3f,\"bytes_out\":%llu,\"bytes_read\":%llu,",
                   op->class->name, (unsigned long long)s->rows_in, (unsigned long long)s->rows_out,
                   (unsigned long long)s->batches, cycles_ms(query, s->cycles),
                   (unsigned long long)s->bytes_out, (unsigned long long)s->bytes_read);
    ps_text_printf(out,
                   "\"memory_bytes\":%lld,\"memory_bytes_peak\":%lld,\"spilled_bytes\":%llu,"
                   "\"partitions\":%llu,\"depth\":%llu,\"parked_memory_ms\":%.3f,"
                   "\"parked_output_ms\":%.3f}",
                   (long long)op->mem->used, (long long)op->mem->peak,
                   (unsigned long long)s->spilled_bytes, (unsigned long long)s->partitions,
                   (unsigned long long)s->depth, cycles_ms(query, s->parked_memory),
                   cycles_ms(query, s->parked_output));
}

/* What tables wrote out to make room for the statement. relaxed: a figure */
static uint64_t tables_written(const ps_query *query)
{
    _Atomic uint64_t *const at = query->settings.tables_written;

    return at ? atomic_load_explicit(at, memory_order_relaxed) : 0;
}

void ps_query_statistics(ps_query *query, ps_text *out)
{
    ps_text_printf(out,
                   "{\"progress\":%.4f,\"wall_ms\":%.3f,\"waited_ms\":%.3f,\"threads\":%u,"
                   "\"memory_bytes\":%lld,\"memory_bytes_peak\":%lld,\"temp_bytes\":%lld,"
                   "\"tables_written_bytes\":%llu,\"operators\":[",
                   ps_query_progress(query), (double)(ps_clock_ns() - query->start_ns) / 1e6,
                   (double)query->begin_wait_ns / 1e6, query->settings.threads,
                   (long long)query->mem->used, (long long)query->mem->peak,
                   (long long)query->mem->disk, (unsigned long long)tables_written(query));
    for (size_t i = 0; i < query->phys.ops.n; i++) {
        if (i) ps_text_char(out, ',');
        put_operator(query, query->phys.ops.at[i], out);
    }
    ps_text_puts(out, "]}");
}

static void put_json(const ps_query *query, const ps_node *node, const figures *f, ps_text *out)
{
    ps_text words;

    ps_text_printf(out,
                   ",\"rows\":%llu,\"rows_in\":%llu,\"time_ms\":%.3f,\"bytes\":%llu,"
                   "\"bytes_read\":%llu,\"memory_bytes_peak\":%llu,\"spilled_bytes\":%llu",
                   (unsigned long long)f->rows, (unsigned long long)f->rows_in,
                   cycles_ms(query, f->cycles), (unsigned long long)f->bytes,
                   (unsigned long long)f->bytes_read, (unsigned long long)f->memory,
                   (unsigned long long)f->spilled_bytes);
    ps_text_printf(out,
                   ",\"partitions\":%llu,\"depth\":%llu,\"parked_memory_ms\":%.3f,"
                   "\"parked_output_ms\":%.3f",
                   (unsigned long long)f->partitions, (unsigned long long)f->depth,
                   cycles_ms(query, f->parked_memory), cycles_ms(query, f->parked_output));
    ps_text_init(&words, out->cx);
    put_words(query, node, "", &words);
    if (words.n) {
        ps_text_puts(out, ",\"detail\":");
        ps_text_json(out, (ps_str){words.at, words.n});
    }
    ps_text_release(&words);
    const char *separator = ",\"operators\":[";
    for (size_t i = 0; i < query->phys.ops.n; i++) {
        const ps_op *op = query->phys.ops.at[i];

        if (op->node != node) continue;
        ps_text_puts(out, separator);
        put_operator(query, op, out);
        separator = ",";
    }
    ps_text_puts(out, "]");
}

/* The whole query's figures, above those of its root. */
static void put_query(const ps_query *query, ps_plan_form form, ps_text *out)
{
    const double wall_ms = (double)(ps_clock_ns() - query->start_ns) / 1e6;
    const double sum_ms = cycles_ms(query, all_cycles(query));

    if (form == PS_PLAN_JSON) {
        ps_text_printf(
            out,
            ",\"query\":{\"wall_ms\":%.3f,\"operators_ms\":%.3f,\"threads\":%u,"
            "\"memory_bytes_peak\":%llu,\"tables_written_bytes\":%llu,"
            "\"waited_ms\":%.3f}",
            wall_ms, sum_ms, query->settings.threads, (unsigned long long)query->mem->peak,
            (unsigned long long)tables_written(query), (double)query->begin_wait_ns / 1e6);
        return;
    }
    ps_text_printf(out, "%squery: %.2f ms, %.2f ms in operators on %u %s, ",
                   form == PS_PLAN_GRAPHVIZ ? "\\n" : "", wall_ms, sum_ms, query->settings.threads,
                   query->settings.threads == 1 ? "thread" : "threads");
    put_bytes(out, (uint64_t)query->mem->peak);
    ps_text_puts(out, " memory");
    if (tables_written(query)) {
        ps_text_puts(out, ", ");
        put_bytes(out, tables_written(query));
        ps_text_puts(out, " of tables written out");
    }
    if (query->begin_wait_ns)
        ps_text_printf(out, ", %.2f ms until it could begin", (double)query->begin_wait_ns / 1e6);
    if (form == PS_PLAN_TEXT) ps_text_char(out, '\n');
}

void ps_query_annotate(const ps_query *query, const ps_node *node, bool root, ps_plan_form form,
                       ps_text *out)
{
    const figures f = figures_of(query, node);

    if (root) put_query(query, form, out);
    if (f.n_ops == 0) return;
    switch (form) {
    case PS_PLAN_JSON: put_json(query, node, &f, out); break;
    case PS_PLAN_TEXT:
        put_text(query, node, &f, ", ", out);
        put_words(query, node, "\n", out);
        break;
    case PS_PLAN_GRAPHVIZ:
        ps_text_puts(out, "\\n");
        put_text(query, node, &f, "\\n", out);
        put_words(query, node, "\\n", out);
        break;
    }
}

/* ---- the recorder ---- */

/* Fewer rows than expected are no news where a join's keys or a LIMIT cut the input short. */
static void record_estimate(ps_query *query, const ps_op *op, bool cut_short)
{
    static const double FACTOR = 10, ROWS_MIN = 1000;
    const ps_node *node = op->node;

    if (!node || node->rows_est < 0 || !gives_rows(op) || op->class->gives_again) return;
    const double rows = (double)op->stats.rows_out, expected = PS_MAX(node->rows_est, 1);
    const bool more = rows >= ROWS_MIN && rows > FACTOR * expected;
    const bool fewer = !cut_short && expected >= ROWS_MIN && expected > FACTOR * PS_MAX(rows, 1);

    if (!more && !(fewer && node->kind != PS_NODE_SCAN && node->kind != PS_NODE_WRITE)) return;
    ps_diag_add(&query->cx, PS_PHASE_EXECUTE, PS_SEVERITY_WARNING, PS_DIAG_ESTIMATE_OFF,
                "%s gave %.0f rows, %.0f were expected", ps_node_kind_names[node->kind], rows,
                node->rows_est);
}

void ps_query_record(ps_query *query)
{
    bool cut_short = false;

    if (query->recorded || !query->cx.diag) return;
    query->recorded = true;
    for (uint32_t i = 0; i < query->n_pipes; i++) cut_short |= query->pipes[i].stopped;
    for (size_t i = 0; i < query->phys.ops.n; i++) {
        const ps_op *op = query->phys.ops.at[i];

        record_estimate(query, op, cut_short);
        if (op->stats.spilled_bytes) {
            ps_diag_add(&query->cx, PS_PHASE_EXECUTE, PS_SEVERITY_INFO, PS_DIAG_SPILLED,
                        "%s wrote %llu bytes to temporary files", op->class->name,
                        (unsigned long long)op->stats.spilled_bytes);
        }
        if (op->node && op->node->kind == PS_NODE_WRITE && gives_rows(op)) {
            ps_diag_add(&query->cx, PS_PHASE_WRITE, PS_SEVERITY_INFO, PS_DIAG_NOTE,
                        "%llu rows were written as %s", (unsigned long long)op->stats.rows_in,
                        ps_node_as_write(op->node)->sink->class->name);
        }
    }
    ps_diag_add(&query->cx, PS_PHASE_EXECUTE, PS_SEVERITY_INFO, PS_DIAG_NOTE,
                "%llu rows in %.3f ms of wall time, %.1f MiB of memory",
                (unsigned long long)query->result->stats.rows_in,
                (double)(ps_clock_ns() - query->start_ns) / 1e6,
                (double)query->mem->peak / 1048576.0);
}
