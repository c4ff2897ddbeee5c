/* api/diagnostics.h -- what the recorder (base/diag.h) kept of a session's last statements.
 *
 * Each statement has a recorder of its own, which its query's threads write to. The session keeps
 * those of the last statements; a result holds its own too, since it may outlive that. Readable as
 * rows (penstock_diagnostics()) and as JSON (ps_session_diagnostics). */
#ifndef PS_API_DIAGNOSTICS_H
#define PS_API_DIAGNOSTICS_H

#include "base/diag.h"
#include "base/str.h"
#include "col/table.h"

enum { PS_LOGS_MAX = 16 };

typedef struct ps_log {
    _Atomic uint32_t refs;
    uint64_t statement; /* from 1, in the order of the session */
    ps_diag diag;
} ps_log;

/* The logs of a session, oldest first; one call at a time. */
typedef struct ps_logs {
    ps_log *at[PS_LOGS_MAX];
    uint32_t n;
    uint64_t n_statements;
} ps_logs;

/* A log for the next statement, held by the list and by the caller; NULL: off, or no memory, then
 * nothing is recorded. level: the setting `diagnostics`. */
ps_log *ps_logs_begin(ps_logs *logs, ps_mem *mem, const char *level);
void ps_logs_release(ps_logs *logs);
void ps_log_unref(ps_log *log); /* NULL ok */
/* Whether this is a level: off, or the name of a severity. */
bool ps_log_level_known(const char *level);
/* Records that the statement failed. The message of an error that is about data stays out: it
 * names values. */
void ps_log_failure(ps_ctx *cx);
/* All events but those of `except`, as a table: statement, time, elapsed_ms, phase, severity, code,
 * message. */
ps_status ps_logs_table(ps_ctx *cx, ps_arena *arena, const ps_logs *logs, const ps_log *except,
                        ps_table **out);
/* The same as an array of JSON objects. */
void ps_logs_json(const ps_logs *logs, ps_text *out);

#endif
