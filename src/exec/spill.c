/* exec/spill.c -- temporary files of operators.
 *
 * Tests: tests/py/test_spill.py */
#include "exec/op.h"

ps_status ps_op_spill_new(ps_ctx *cx, const ps_op *op, ps_spill **out)
{
    const ps_exec_settings *settings = op->settings;
    const ps_spill_options options = {.directory = settings->temp_directory,
                                      .bytes_max = settings->temp_bytes_max,
                                      .encrypt = settings->temp_encryption,
                                      .list = settings->spills};

    return ps_spill_new(cx, &options, out);
}
