/* api/import.c -- tables from Arrow streams.
 *
 * The instance's store of tables pays for the table; the call itself is one operation of the
 * session, so that it can be cancelled and timed out like a statement. Tests:
 * tests/unit/test_api.c */
#include "api/handles.h"

#include "col/arrow_stream.h"

static void stream_drop(struct ArrowArrayStream *stream)
{
    if (stream && stream->release) stream->release(stream);
}

ps_status ps_session_read_stream(ps_session *session, struct ArrowArrayStream *stream,
                                 ps_table **out, ps_error *error)
{
    ps_result *call = NULL;

    *out = NULL;
    ps_status st = ps_result_make(session, (ps_str){"", 0}, &call, error);
    if (st != PS_OK) {
        stream_drop(stream);
        return st;
    }
    ps_session_begin(session, call);
    ps_result_settle(call);
    const ps_table_load_options options = {.how = ps_spill_options_of(&call->exec),
                                           .memory_limit = call->exec.memory_limit,
                                           .force_spill = call->exec.force_spill};
    st = ps_table_from_stream(&call->cx, stream, call->exec.tables, &options, out);
    if (st != PS_OK) ps_result_failed(call);
    ps_give_error(&call->cx, st, error);
    ps_result_free(call);
    return st;
}

static ps_status check_arguments(const char *name, const struct ArrowArrayStream *stream,
                                 ps_error *error)
{
    ps_ctx cx;

    ps_ctx_init(&cx, NULL, NULL);
    if (!stream || !stream->release)
        return ps_give_error(&cx, ps_fail(&cx, PS_MISUSE, "the stream is NULL or was released"),
                             error);
    if (!name || !*name || !ps_utf8_valid(name, strlen(name), NULL))
        return ps_give_error(
            &cx, ps_fail(&cx, PS_INVALID, "a table's name must be UTF-8 text and not empty"),
            error);
    return PS_OK;
}

ps_status ps_session_import(ps_session *session, const char *name, struct ArrowArrayStream *stream,
                            ps_error *error)
{
    ps_table *table = NULL;
    bool kept;
    ps_ctx cx;

    ps_status st = check_arguments(name, stream, error);
    if (st == PS_OK) st = ps_session_enter(session, error);
    if (st != PS_OK) {
        stream_drop(stream);
        return st;
    }
    st = ps_session_read_stream(session, stream, &table, error);
    if (st == PS_OK) {
        ps_ctx_init(&cx, session->instance->mem, NULL);
        st = ps_relations_put_table(&cx, &session->instance->relations, ps_str_of(name), table,
                                    NULL, 0, PS_EXISTS_REPLACE, &kept);
        ps_give_error(&cx, st, error);
    }
    ps_table_unref(table);
    ps_session_leave(session);
    return st;
}
