/* func/agg_input.c -- nulls and encodings taken out of an argument; binding of aggregates.
 *
 * The usual argument, FLAT without nulls, costs nothing here. Others cost one pass that builds an
 * index: dictionary codes, zeros for a constant, rows that aren't null.
 * Tests: tests/unit/test_agg.c */
#include "func/agg_input.h"

#include "base/cpu.h"
#include "col/slots.h"

static bool has_nulls(const ps_vec *arg)
{
    return arg->valid || arg->layout == PS_LAYOUT_NONE ||
           (arg->encoding == PS_ENC_DICTIONARY && arg->dict->values.valid);
}

/* Keeps the k-th wanted row with its group or state. */
static void keep(const ps_agg_update *u, uint32_t k, uint32_t row, uint32_t n)
{
    ps_agg_scratch *s = u->scratch;

    s->rows[n] = row;
    if (u->shape == PS_AGG_FEW) {
        s->groups[n] = u->groups[k];
        s->group_n[u->groups[k]]++;
    } else if (u->shape == PS_AGG_ROWS) {
        s->states[n] = u->states[k];
    }
}

static void use_kept(const ps_agg_update *u, uint32_t n, ps_agg_input *out)
{
    ps_agg_scratch *s = u->scratch;

    out->n = n;
    out->rows = s->rows;
    out->groups = s->groups;
    out->group_n = s->group_n;
    out->states = u->shape == PS_AGG_ROWS ? (uint8_t *const *)s->states : u->states;
}

static void drop_nulls(const ps_agg_update *u, const ps_vec *args, uint32_t n_args,
                       ps_agg_input *out)
{
    ps_reader_view readers[4];
    uint32_t n = 0;

    PS_ASSERT(n_args <= PS_COUNT(readers));
    if (u->shape == PS_AGG_FEW) memset(u->scratch->group_n, 0, u->n_groups * sizeof(uint32_t));
    for (uint32_t a = 0; a < n_args; a++) readers[a] = ps_vec_read(&args[a]);
    for (uint32_t k = 0; k < u->n; k++) {
        const uint32_t row = u->sel ? u->sel[k] : k;
        bool valid = true;
        for (uint32_t a = 0; a < n_args; a++) {
            if (args[a].layout == PS_LAYOUT_NONE) valid = false;
            else if (args[a].encoding != PS_ENC_SEQUENCE && !ps_reader_valid(&readers[a], row))
                valid = false;
        }
        if (valid) keep(u, k, row, n++);
    }
    use_kept(u, n, out);
}

void ps_agg_input_rows(const ps_agg_update *u, ps_agg_input *out)
{
    bool nulls = false;

    for (uint32_t a = 0; a < u->agg->n_args; a++) nulls |= has_nulls(&u->args[a]);
    *out = (ps_agg_input){
        .n = u->n, .rows = u->sel, .groups = u->groups, .group_n = u->group_n, .states = u->states};
    if (nulls) drop_nulls(u, u->args, u->agg->n_args, out);
}

void ps_agg_input_read(const ps_agg_update *u, const ps_vec *arg, ps_agg_input *out)
{
    uint32_t *idx = u->scratch->idx;

    *out = (ps_agg_input){
        .n = u->n, .rows = u->sel, .groups = u->groups, .group_n = u->group_n, .states = u->states};
    if (has_nulls(arg)) drop_nulls(u, arg, 1, out);
    out->data = arg->data;
    out->layout = (ps_layout)arg->layout;
    out->idx = out->rows;
    switch ((ps_encoding)arg->encoding) {
    case PS_ENC_FLAT: break;
    case PS_ENC_CONSTANT:
        memset(idx, 0, out->n * sizeof(*idx));
        out->idx = idx;
        break;
    case PS_ENC_DICTIONARY:
        for (uint32_t k = 0; k < out->n; k++) idx[k] = arg->codes[ps_agg_row(out, k)];
        out->idx = idx;
        out->data = arg->dict->values.data;
        out->layout = (ps_layout)arg->dict->values.layout;
        break;
    case PS_ENC_SEQUENCE:
        for (uint32_t k = 0; k < out->n; k++)
            u->scratch->slots[k] = arg->start + (int64_t)ps_agg_row(out, k) * arg->step;
        out->idx = NULL;
        out->data = u->scratch->slots;
        out->layout = PS_LAYOUT_I64;
        break;
    }
}

int64_t ps_agg_int(ps_layout layout, const void *data, size_t at)
{
    switch (layout) {
    case PS_LAYOUT_BOOL:
    case PS_LAYOUT_U8: return ((const uint8_t *)data)[at];
    case PS_LAYOUT_U16: return ((const uint16_t *)data)[at];
    case PS_LAYOUT_U32: return ((const uint32_t *)data)[at];
    case PS_LAYOUT_I8: return ((const int8_t *)data)[at];
    case PS_LAYOUT_I16: return ((const int16_t *)data)[at];
    case PS_LAYOUT_I32: return ((const int32_t *)data)[at];
    default: return ((const int64_t *)data)[at];
    }
}

static double half_value(uint16_t bits)
{
    const int exponent = bits >> 10 & 31;
    const double sign = bits & 0x8000 ? -1.0 : 1.0, fraction = (double)(bits & 1023);

    if (exponent == 31) return bits & 1023 ? __builtin_nan("") : sign * __builtin_inf();
    if (exponent == 0) return sign * fraction * 0x1p-24;
    return sign * (1024.0 + fraction) * (double)((uint64_t)1 << exponent) * 0x1p-25;
}

double ps_agg_double(ps_layout layout, const void *data, size_t at)
{
    if (layout == PS_LAYOUT_F64) return ((const double *)data)[at];
    if (layout == PS_LAYOUT_F32) return (double)((const float *)data)[at];
    return half_value(((const uint16_t *)data)[at]);
}

void ps_agg_slot(const ps_agg_input *in, ps_layout canonical, size_t at, uint64_t slot[2])
{
    const size_t bytes = ps_layout_bytes(canonical);

    slot[0] = slot[1] = 0;
    if (in->layout == PS_LAYOUT_BOOL || in->layout >= PS_LAYOUT_F16) {
        memcpy(slot, (const char *)in->data + at * bytes, bytes);
        return;
    }
    const ps_i128 value = ps_slot_get(in->layout, in->data, at);
    slot[0] = (uint64_t)value;
    slot[1] = (uint64_t)((ps_u128)value >> 64);
}

PS_CPU_DECLARE(ps_agg_kernels, ps_agg_kernels);

const ps_agg_kernels *ps_agg_kernels_get(void) { return PS_CPU_PICK(ps_agg_kernels); }

ps_status ps_agg_bind(ps_ctx *cx, const ps_expr *expr, ps_agg *out)
{
    const ps_agg_class *class = expr->func->aggregate;

    *out = (ps_agg){.expr = expr, .n_args = expr->n_args};
    if (expr->n_args > PS_COUNT(out->arg_types))
        return ps_fail(cx, PS_UNSUPPORTED, "an aggregate takes at most %zu arguments: %s",
                       PS_COUNT(out->arg_types), expr->func->name);
    for (uint32_t a = 0; a < expr->n_args; a++) out->arg_types[a] = expr->args[a]->type;
    if (class && class->select) class = class->select(expr);
    if (!class) {
        ps_text text;
        ps_text_init(&text, cx);
        if (expr->n_args) ps_type_print(expr->args[0]->type, &text);
        ps_fail(cx, PS_UNSUPPORTED, "the aggregate can't be computed for this type yet: %s(%.*s)",
                expr->func->name, (int)text.n, text.at ? text.at : "");
        ps_text_release(&text);
        return PS_UNSUPPORTED;
    }
    out->class = class;
    return PS_OK;
}
