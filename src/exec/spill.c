/* exec/spill.c -- temporary files as a query's settings want them: of operators, of tables.
 *
 * Tests: tests/py/test_spill.py, tests/py/test_tables.py */
#include "exec/op.h"

ps_spill_options ps_spill_options_of(const ps_exec_settings *settings)
{
    return (ps_spill_options){.directory = settings->temp_directory,
                              .bytes_max = settings->temp_bytes_max,
                              .encrypt = settings->temp_encryption,
                              .list = settings->spills,
                              .written = settings->tables_written};
}

ps_status ps_op_spill_new(ps_ctx *cx, ps_op *op, ps_spill **out)
{
    ps_spill_options options = ps_spill_options_of(op->settings);

    options.written = &op->stats.spilled_bytes;
    ps_op_spilled_as(op, 0, 1);
    return ps_spill_new(cx, &options, out);
}

ps_status ps_op_spill_file(ps_ctx *cx, ps_op *op, ps_mutex *mutex, ps_spill **shared,
                           ps_spill **out)
{
    ps_status st = PS_OK;

    ps_mutex_lock(mutex);
    if (!*shared) st = ps_op_spill_new(cx, op, shared);
    *out = *shared;
    ps_mutex_unlock(mutex);
    return st;
}

ps_status ps_tables_make_room(ps_ctx *cx, const ps_exec_settings *settings, const ps_mem *mem,
                              uint64_t bytes)
{
    const ps_spill_options how = ps_spill_options_of(settings);
    uint64_t given = 1;

    if (!settings->tables || ps_store_failed(settings->tables, &how)) return PS_OK;
    while (given > 0 && ps_store_has(settings->tables)) {
        const uint64_t left = ps_mem_left(mem);

        if (left >= bytes) break;
        const ps_status st = ps_store_give(cx, settings->tables, &how, bytes - left, &given);
        if (st == PS_OK) continue;
        if (st == PS_CANCELLED || st == PS_TIMEOUT) return st;
        ps_ctx_clear(cx);
        break;
    }
    return PS_OK;
}
