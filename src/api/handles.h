/* api/handles.h -- what is behind the public handles.
 *
 * An instance is held by its sessions, a session by its results; each is counted, so handles may be
 * freed in any order. A session's members belong to the one call at a time that its contract
 * allows, but for `current`, which ps_session_cancel reads from any thread under the session's
 * mutex. */
#ifndef PS_API_HANDLES_H
#define PS_API_HANDLES_H

#include "api/diagnostics.h"
#include "api/relations.h"
#include "api/settings.h"
#include "bind/statement.h"
#include "exec/query.h"

#include <sys/types.h>

/* What a statement may take at most; 0: no bound. */
typedef struct ps_limits {
    uint64_t timeout_ms, rows_scanned, result_bytes;
} ps_limits;

struct ps_instance {
    _Atomic uint32_t refs;
    pid_t pid;   /* of the process that made it */
    ps_mem *mem; /* the root payer */
    ps_pool *pool;
    uint32_t threads;  /* of a query by default */
    bool threads_most; /* sessions may not take more: the instance was opened with a number */
    ps_limits most;    /* whatever a session sets */
    char temp_directory[PS_SETTING_TEXT_MAX];
    ps_store *tables; /* rows of all tables, temporary files of all queries */
    ps_relations relations;
};

typedef struct ps_prepared {
    char *name, *sql;
    uint32_t n_params;
} ps_prepared;

struct ps_session {
    _Atomic uint32_t refs;
    _Atomic bool busy; /* a call is in progress: a second one is misuse */
    ps_instance *instance;
    ps_mem *mem; /* limit: the setting memory_limit */
    ps_settings settings;
    ps_settings next; /* with has_next: those of the next statement, after SET LOCAL */
    bool has_next;
    uint64_t fail_alloc; /* the setting of this name as it was applied last */
    char fail_io[PS_SETTING_TEXT_MAX];
    ps_relations temporary;
    PS_ARRAY(ps_prepared) prepared;
    ps_logs logs;              /* of the last statements */
    ps_mutex mutex;            /* guards current, report, and the query of results */
    struct ps_result *current; /* what ps_session_cancel stops */
    char *report;              /* of the last bug; NULL: none */
};

struct ps_result {
    ps_session *session;
    ps_ctx cx;
    ps_mem *mem;
    ps_cancel cancel;
    ps_log *log;          /* where cx and its tasks record; NULL: nowhere */
    ps_arena arena;       /* the statement's tree, its plan, the sources it reads */
    ps_settings settings; /* as they were when it began */
    ps_exec_settings exec;
    const ps_node *plan; /* what runs, or ran; NULL: nothing yet */
    const char *tag;
    ps_schema *schema; /* of its rows; NULL: none */
    ps_query *query;   /* NULL: no rows, none any more */
    uint32_t n_ids;    /* of the plan's columns */
    bool gave;         /* a batch of the query's rows is out */
    ps_status failed;  /* the last fetch: later ones repeat it */
    ps_batch batch;    /* room for one fetched batch */
    int64_t rows_changed;
    uint64_t begun_ns;
    _Atomic uint64_t tables_written; /* bytes of tables that made room for it */
    char *text;                      /* the statement, for positions in errors */
    size_t text_bytes;
    ps_str
        placed; /* the text that positions of errors are in: the statement, or what EXECUTE runs */
    char stream_error[1400]; /* of the Arrow stream's last failure */
};

/* instance.c */
ps_status ps_instance_check(const ps_instance *instance, ps_error *error);
ps_instance *ps_instance_ref(ps_instance *instance);
void ps_instance_unref(ps_instance *instance);
/* session.c */
ps_session *ps_session_ref(ps_session *session);
void ps_session_unref(ps_session *session);
/* Those of the statement that is to be run now. */
const ps_settings *ps_session_settings(const ps_session *session);
/* Tables that nobody reads give memory back, about `bytes` of it. False: they have none to give. */
bool ps_session_tables_give(ps_ctx *cx, const ps_session *session, uint64_t bytes);
/* A call begins: what ps_session_cancel stops from now on; tables leave it room to be planned. */
void ps_session_begin(ps_session *session, ps_result *result);
/* Marks the session as in a call; PS_MISUSE when it is in one already, or NULL, or of before a
 * fork(). */
ps_status ps_session_enter(ps_session *session, ps_error *error);
void ps_session_leave(ps_session *session);
/* A result that nothing runs in yet: context, payer, settings, time limit. text is copied. */
ps_status ps_result_make(ps_session *session, ps_str text, ps_result **out, ps_error *error);
/* import.c: a stream read to its end into a table that the instance pays for; the stream is taken
 * over in every case. Between enter and leave. */
ps_status ps_session_read_stream(ps_session *session, struct ArrowArrayStream *stream,
                                 ps_table **out, ps_error *error);
/* env.c: the world as this session sees it; borrowed by the bind of one statement. */
void ps_session_env(ps_session *session, ps_bind_env *out);
/* table_sink.c: what CREATE TABLE AS and INSERT write to. */
typedef struct ps_table_target {
    ps_relations *relations;
    const ps_exec_settings *exec; /* what the statement runs under */
    bool append;
    ps_exists exists;
} ps_table_target;
extern const ps_sink_class ps_table_sink;
/* statement.c: runs a bound statement as far as it goes without fetching rows. */
ps_status ps_statement_run(ps_result *result, ps_planner *planner, const ps_statement *statement);
/* A plan through its JSON form and back, with the bytes compared (setting `verify`). */
ps_status ps_reread(ps_planner *planner, const ps_node *plan, const ps_node **out);
/* A Write that is a job gets its identity; PS_UNSUPPORTED: the query can't be a job's. */
ps_status ps_job_identify(ps_result *result, const ps_node **plan);
/* What a call is settled to run under, from its settings and the payer's limit: result->exec. */
void ps_result_settle(ps_result *result);
/* Makes the result's query from a plan. */
ps_status ps_result_start(ps_result *result, ps_planner *planner, const ps_node *plan);
/* What a query may take: threads, rows, bytes and a place for temporary files as the settings have
 * it, but never more than the instance has. */
void ps_limits_settle(const ps_session *session, const ps_settings *settings,
                      ps_exec_settings *exec);
uint64_t ps_limit_tighter(uint64_t a, uint64_t b); /* the lower one; 0: none */
/* Limits of a result that nothing runs in yet; 0: none of its own. */
void ps_result_bound_time(ps_result *result, uint64_t timeout_ms);
void ps_result_bound_memory(ps_result *result, uint64_t bytes);
/* Frees the query and its schema: nothing is left to fetch. */
void ps_result_end(ps_result *result);
/* Fetches to the end and drops the rows. */
ps_status ps_result_drain(ps_result *result);
/* A statement bound from text: result->arena holds everything. execute (optional) has the values of
 * its parameters. */
ps_status ps_result_bind(ps_result *result, ps_planner *planner, ps_str text,
                         const ps_statement *execute, ps_statement *out);
/* Line, column and excerpt of the failure on result->cx, from its offset. */
void ps_result_locate(ps_result *result);
/* report.c: a statement ended with the failure on result->cx: records it, and what is to be known
 * of a bug. */
void ps_result_failed(ps_result *result);
/* Copies the failure to a caller's error, if there is one. Gives st. */
ps_status ps_give_error(const ps_ctx *cx, ps_status st, ps_error *error);

#endif
