/* func/logic.c -- NOT, IS NULL, IS NOT NULL. AND, OR, CASE and IN are the program's own (eval/).
 *
 * Tests: tests/unit/test_eval.c */
#include "func/operand.h"

static ps_status not(ps_call * call)
{
    ps_lanes lanes = ps_lanes_of(call);
    const uint8_t *flags;
    ps_operand a;
    void *out;

    PS_TRY(ps_operand_get(call, &lanes, 0, &a));
    PS_TRY(ps_lanes_target(call, &lanes, 1, &out));
    flags = a.data;
    if (a.layout == PS_LAYOUT_NONE) memset(out, 0, lanes.n_loop);
    else
        for (uint32_t i = 0; i < lanes.n_loop; i++) ((uint8_t *)out)[i] = flags[i] ^ 1;
    ps_lanes_finish(call, &lanes, PS_LAYOUT_BOOL, out);
    return PS_OK;
}

static ps_status null_test(ps_call *call, bool when_null)
{
    const ps_vec *v = &call->args[0];
    uint8_t *out = call->buf->data;
    bool dict_nulls = v->encoding == PS_ENC_DICTIONARY && v->dict->values.valid;

    call->out->layout = PS_LAYOUT_BOOL;
    call->out->encoding = PS_ENC_FLAT;
    call->out->data = out;
    if (v->layout == PS_LAYOUT_NONE && v->encoding != PS_ENC_DICTIONARY) {
        memset(out, when_null, call->out->n);
        return PS_OK;
    }
    if (!v->valid && !dict_nulls) {
        memset(out, !when_null, call->out->n);
        return PS_OK;
    }
    for (uint32_t k = 0; k < call->n; k++) {
        uint32_t row = call->sel ? call->sel[k] : k;
        out[row] = ps_vec_row_valid(v, row) != when_null;
    }
    return PS_OK;
}

static ps_status is_null(ps_call *call) { return null_test(call, true); }
static ps_status is_not_null(ps_call *call) { return null_test(call, false); }

const ps_func_class ps_fn_not = {.eval = not};
const ps_func_class ps_fn_is_null = {.eval = is_null};
const ps_func_class ps_fn_is_not_null = {.eval = is_not_null};
