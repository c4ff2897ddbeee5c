/* api/diagnostics.c -- see diagnostics.h. Tests: tests/slt/sql/diagnostics.test,
 * tests/unit/test_api.c */
#include "api/diagnostics.h"

#include "api/insight.h"
#include "base/array.h"
#include "col/value.h"

#include <string.h>

enum { EVENTS_MAX = 1000, COLUMNS = 7 };

static bool level_of(const char *level, ps_severity *out)
{
    for (unsigned s = 0; s < PS_SEVERITY_COUNT; s++) {
        *out = (ps_severity)s;
        if (strcmp(level, ps_severity_name(*out)) == 0) return true;
    }
    return false;
}

bool ps_log_level_known(const char *level)
{
    ps_severity severity;

    return strcmp(level, "off") == 0 || level_of(level, &severity);
}

void ps_log_unref(ps_log *log)
{
    /* acq_rel: the last holder sees everything that was recorded */
    if (!log || atomic_fetch_sub_explicit(&log->refs, 1, memory_order_acq_rel) != 1) return;
    ps_diag_release(&log->diag);
    ps_free(log);
}

void ps_logs_release(ps_logs *logs)
{
    for (uint32_t i = 0; i < logs->n; i++) ps_log_unref(logs->at[i]);
    *logs = (ps_logs){0};
}

ps_log *ps_logs_begin(ps_logs *logs, ps_mem *mem, const char *level)
{
    ps_severity severity;
    ps_ctx cx;

    logs->n_statements++;
    if (!level_of(level, &severity)) return NULL;
    ps_ctx_init(&cx, mem, NULL); /* its own: recording never fails a statement */
    ps_log *log = ps_alloc_zero(&cx, sizeof(*log));
    if (!log) return NULL;
    atomic_init(&log->refs, 2);
    log->statement = logs->n_statements;
    ps_diag_init(&log->diag, mem, EVENTS_MAX);
    log->diag.severity_min = severity;
    if (logs->n == PS_LOGS_MAX) {
        ps_log_unref(logs->at[0]);
        memmove(&logs->at[0], &logs->at[1], (PS_LOGS_MAX - 1) * sizeof(logs->at[0]));
        logs->n--;
    }
    logs->at[logs->n++] = log;
    return log;
}

void ps_log_failure(ps_ctx *cx)
{
    const ps_error *error = &cx->error;
    const bool names_values = error->code == PS_VALUE || error->code == PS_DATA;

    const ps_phase phase = error->code == PS_PARSE ? PS_PHASE_PARSE
                           : error->code == PS_BIND || error->code == PS_UNSUPPORTED
                               ? PS_PHASE_BIND
                               : PS_PHASE_EXECUTE;

    ps_diag_add(cx, phase, PS_SEVERITY_ERROR, PS_DIAG_FAILED, "%s%s%s", ps_status_name(error->code),
                names_values ? "" : ": ", names_values ? "" : error->message);
}

/* ---- reading ---- */

static const ps_field fields[COLUMNS] = {
    {.name = {"statement", 9}, .type = {.id = PS_TYPE_INT64}},
    {.name = {"time", 4}, .type = {.id = PS_TYPE_TIMESTAMP, .unit = PS_UNIT_US}},
    {.name = {"elapsed_ms", 10}, .type = {.id = PS_TYPE_FLOAT64}},
    {.name = {"phase", 5}, .type = {.id = PS_TYPE_STRING}},
    {.name = {"severity", 8}, .type = {.id = PS_TYPE_STRING}},
    {.name = {"code", 4}, .type = {.id = PS_TYPE_STRING}},
    {.name = {"message", 7}, .type = {.id = PS_TYPE_STRING}},
};

static void event_values(const ps_log *log, const ps_diag_event *event, ps_value out[COLUMNS])
{
    out[0] = ps_value_int(fields[0].type, (ps_i128)log->statement);
    out[1] = ps_value_int(fields[1].type, event->time_us);
    out[2] = ps_value_f64((double)event->elapsed_ns / 1e6);
    out[3] = ps_value_str(ps_str_of(ps_phase_name(event->phase)));
    out[4] = ps_value_str(ps_str_of(ps_severity_name(event->severity)));
    out[5] = ps_value_str(ps_str_of(ps_diag_code_name(event->code)));
    out[6] = ps_value_str(ps_str_of(event->text));
}

ps_status ps_logs_table(ps_ctx *cx, ps_arena *arena, const ps_logs *logs, const ps_log *except,
                        ps_table **out)
{
    ps_rows_of rows = {.fields = fields, .n_cols = COLUMNS};
    ps_status st = PS_OK;

    *out = NULL;
    for (uint32_t i = 0; i < logs->n && st == PS_OK; i++) {
        ps_log *log = logs->at[i];

        if (log == except) continue;
        /* its statement may still run; events only grow, and their texts stay with the log */
        ps_mutex_lock(&log->diag.mutex);
        for (size_t k = 0; k < log->diag.n && st == PS_OK; k++) {
            ps_value row[COLUMNS];

            event_values(log, &log->diag.events[k], row);
            for (uint32_t c = 0; c < COLUMNS && st == PS_OK; c++)
                st = PS_ARRAY_ADD_IN(cx, arena, &rows.cells, row[c]);
        }
        ps_mutex_unlock(&log->diag.mutex);
    }
    return st == PS_OK ? ps_rows_of_table(cx, arena, &rows, out) : st;
}

static void event_json(const ps_log *log, const ps_diag_event *event, ps_text *out)
{
    ps_value values[COLUMNS];

    event_values(log, event, values);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        ps_text_puts(out, c ? "," : "{");
        ps_text_json(out, fields[c].name);
        ps_text_char(out, ':');
        if (fields[c].type.id == PS_TYPE_STRING) ps_text_json(out, values[c].str);
        else if (fields[c].type.id == PS_TYPE_FLOAT64) ps_text_printf(out, "%.6f", values[c].f64);
        else if (fields[c].type.id == PS_TYPE_INT64)
            ps_text_printf(out, "%lld", (long long)values[c].i);
        else ps_text_char(out, '"'), ps_value_print(&values[c], out), ps_text_char(out, '"');
    }
    ps_text_char(out, '}');
}

void ps_logs_json(const ps_logs *logs, ps_text *out)
{
    const char *separator = "[";

    for (uint32_t i = 0; i < logs->n; i++) {
        ps_diag *diag = &logs->at[i]->diag;

        ps_mutex_lock(&diag->mutex);
        for (size_t k = 0; k < diag->n; k++) {
            ps_text_puts(out, separator);
            event_json(logs->at[i], &diag->events[k], out);
            separator = ",\n";
        }
        ps_mutex_unlock(&diag->mutex);
    }
    ps_text_puts(out, separator[0] == '[' ? "[]" : "]");
}
