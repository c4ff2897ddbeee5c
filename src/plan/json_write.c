/* plan/json_write.c -- the canonical JSON form of a plan, and its hash.
 *
 * {"penstock_plan":1,"nodes":[..]}: every node once, inputs before users, subquery plans before the
 * node that holds them; the last is the root. Columns have no ids here: in an expression a number
 * is an ordinal over the node's inputs, one after the other (over its own columns for a scan), and
 * {"outer":[node,ordinal]} is a column of an enclosing query. Members come in one order, fields at
 * their zero value are left out: equal plans have equal bytes. One function for each field type.
 * Tests: tests/unit/test_plan_json.c */
#include "func/func.h"
#include "plan/json_names.h"
#include "plan/node_internal.h"

typedef struct writer {
    ps_ctx *cx;
    ps_arena arena;
    ps_text *out;
    bool no_literals;
    ps_ptr_map numbers; /* node -> number + 1 */
    uintptr_t n_nodes;
    const ps_node *node; /* whose fields are being written */
    ps_status status;
    /* where an id was first defined: node << 32 | ordinal, plus one; by id */
    uint64_t *defined;
    size_t n_defined;
} writer;

static void write_expr_at(writer *w, const ps_expr *e);

static void fail(writer *w, ps_status st)
{
    if (w->status == PS_OK) w->status = st;
}

/* ---- types and values ---- */

static void write_type(writer *w, ps_type type)
{
    bool simple = !type.ext && type.id != PS_TYPE_DECIMAL && type.width == 0 && type.unit == 0;

    if (simple) {
        ps_text_printf(w->out, "\"%s\"", ps_json_types[type.id]);
        return;
    }
    ps_text_printf(w->out, "{\"id\":\"%s\"", ps_json_types[type.id]);
    if (type.id == PS_TYPE_DECIMAL)
        ps_text_printf(w->out, ",\"precision\":%d,\"scale\":%d", type.precision, type.scale);
    if (type.unit) ps_text_printf(w->out, ",\"unit\":\"%s\"", ps_json_units[type.unit]);
    if (type.width) ps_text_printf(w->out, ",\"width\":%d", type.width);
    if (type.ext && type.ext->name.n)
        ps_text_puts(w->out, ",\"name\":"), ps_text_json(w->out, type.ext->name);
    for (uint32_t i = 0; type.ext && i < type.ext->n_labels; i++) {
        ps_text_puts(w->out, i ? "," : ",\"labels\":[");
        ps_text_json(w->out, type.ext->labels[i]);
    }
    if (type.ext && type.ext->n_labels) ps_text_char(w->out, ']');
    for (uint32_t i = 0; type.ext && i < type.ext->n_fields; i++) {
        ps_text_puts(w->out, i ? ",{\"name\":" : ",\"fields\":[{\"name\":");
        ps_text_json(w->out, type.ext->fields[i].name);
        ps_text_puts(w->out, ",\"type\":");
        write_type(w, type.ext->fields[i].type);
        if (type.ext->tags) ps_text_printf(w->out, ",\"tag\":%d", type.ext->tags[i]);
        ps_text_puts(w->out, type.ext->fields[i].nullable ? "}" : ",\"required\":true}");
    }
    ps_text_puts(w->out, type.ext && type.ext->n_fields ? "]}" : "}");
}

static void write_i128(writer *w, ps_i128 value)
{
    char digits[48];
    size_t at = sizeof digits;
    ps_u128 left = value < 0 ? 0 - (ps_u128)value : (ps_u128)value;

    do digits[--at] = (char)('0' + (int)(left % 10));
    while ((left /= 10) != 0);
    if (value < 0) digits[--at] = '-';
    ps_text_char(w->out, '"');
    ps_text_add(w->out, digits + at, sizeof digits - at);
    ps_text_char(w->out, '"');
}

static void write_bytes(writer *w, ps_str bytes)
{
    ps_text_char(w->out, '"');
    for (size_t i = 0; i < bytes.n; i++) ps_text_printf(w->out, "%02x", (unsigned char)bytes.at[i]);
    ps_text_char(w->out, '"');
}

static void write_value(writer *w, const ps_value *value);

/* Items of a list or a map, fields of a struct. */
static void write_nested(writer *w, const ps_value *value)
{
    ps_text_char(w->out, '[');
    for (uint32_t i = 0; i < value->n_items; i++) {
        if (i) ps_text_char(w->out, ',');
        write_value(w, &value->items[i]);
    }
    ps_text_char(w->out, ']');
}

static void write_value(writer *w, const ps_value *value)
{
    uint64_t bits;

    if (value->null) {
        ps_text_puts(w->out, "null");
        return;
    }
    switch (ps_type_layout(value->type)) {
    case PS_LAYOUT_NONE: ps_text_puts(w->out, "null"); return;
    case PS_LAYOUT_F16:
    case PS_LAYOUT_F32:
    case PS_LAYOUT_F64:
        memcpy(&bits, &value->f64, sizeof bits);
        ps_text_printf(w->out, "\"%016llx\"", (unsigned long long)bits);
        return;
    case PS_LAYOUT_VIEW:
        if (value->type.id == PS_TYPE_STRING) ps_text_json(w->out, value->str);
        else write_bytes(w, value->str);
        return;
    case PS_LAYOUT_INTERVAL:
        ps_text_printf(w->out, "[%d,%d,%lld]", value->interval.months, value->interval.days,
                       (long long)value->interval.ns);
        return;
    case PS_LAYOUT_LIST:
    case PS_LAYOUT_STRUCT: write_nested(w, value); return;
    case PS_LAYOUT_UNION:
        fail(w, ps_fail(w->cx, PS_UNSUPPORTED, "literals of a UNION have no JSON form"));
        return;
    default: write_i128(w, value->i); return;
    }
}

/* ---- expressions ---- */

static void write_column(writer *w, ps_col_id id)
{
    const ps_node *node = w->node;
    uint32_t base = 0;

    for (uint32_t k = 0; k < (node->kind == PS_NODE_SCAN ? 1 : node->n_inputs); k++) {
        const ps_node *input = node->kind == PS_NODE_SCAN ? node : node->inputs[k];
        const ps_col *col = ps_node_find_col(input, id);
        if (col) {
            ps_text_printf(w->out, "%u", base + (uint32_t)(col - input->cols));
            return;
        }
        base += input->n_cols;
    }
    if (id >= w->n_defined || !w->defined[id]) {
        fail(w, PS_BUG(w->cx, "an expression reads a column that no node gives"));
        return;
    }
    uint64_t where = w->defined[id] - 1;
    ps_text_printf(w->out, "{\"outer\":[%u,%u]}", (uint32_t)(where >> 32), (uint32_t)where);
}

static void write_list(writer *w, const char *name, const ps_expr *const *exprs, uint32_t n)
{
    ps_text_printf(w->out, "\"%s\":[", name);
    for (uint32_t i = 0; i < n; i++) {
        if (i) ps_text_char(w->out, ',');
        write_expr_at(w, exprs[i]);
    }
    ps_text_char(w->out, ']');
}

static void write_keys(writer *w, const ps_sort_key *keys, uint32_t n)
{
    ps_text_char(w->out, '[');
    for (uint32_t i = 0; i < n; i++) {
        ps_text_puts(w->out, i ? ",{\"expr\":" : "{\"expr\":");
        write_expr_at(w, keys[i].expr);
        if (keys[i].descending) ps_text_puts(w->out, ",\"descending\":true");
        if (keys[i].nulls_first) ps_text_puts(w->out, ",\"nulls_first\":true");
        ps_text_char(w->out, '}');
    }
    ps_text_char(w->out, ']');
}

static void write_function(writer *w, const char *kind, const ps_expr *e)
{
    ps_text_printf(w->out, "{\"%s\":\"%s\",\"signature\":", kind, e->func->name);
    ps_text_json(w->out, ps_str_of(e->func->signature));
    ps_text_puts(w->out, ",\"type\":");
    write_type(w, e->type);
    ps_text_char(w->out, ',');
    write_list(w, "args", e->args, e->n_args);
}

static void write_agg_part(writer *w, const ps_agg_part *part)
{
    if (part->distinct) ps_text_puts(w->out, ",\"distinct\":true");
    if (part->ignore_nulls) ps_text_puts(w->out, ",\"ignore_nulls\":true");
    if (part->filter) ps_text_puts(w->out, ",\"filter\":"), write_expr_at(w, part->filter);
    if (part->n_order)
        ps_text_puts(w->out, ",\"order\":"), write_keys(w, part->order, part->n_order);
}

static void write_window(writer *w, const ps_expr *e)
{
    const ps_frame *frame = e->frame;

    write_function(w, "window", e);
    if (e->agg) write_agg_part(w, e->agg);
    ps_text_char(w->out, ',');
    write_list(w, "partition", e->partition, e->n_partition);
    ps_text_puts(w->out, ",\"over\":");
    write_keys(w, e->order, e->n_order);
    ps_text_printf(w->out,
                   ",\"frame\":{\"unit\":\"%s\",\"start\":\"%s\",\"end\":\"%s\",\"exclude\":\"%s\"",
                   ps_json_frames[frame->unit], ps_json_bounds[frame->start],
                   ps_json_bounds[frame->end], ps_json_excludes[frame->exclude]);
    if (frame->start_offset)
        ps_text_puts(w->out, ",\"start_offset\":"), write_expr_at(w, frame->start_offset);
    if (frame->end_offset)
        ps_text_puts(w->out, ",\"end_offset\":"), write_expr_at(w, frame->end_offset);
    ps_text_puts(w->out, "}}");
}

static void write_subquery(writer *w, const ps_expr *e)
{
    uintptr_t number = (uintptr_t)ps_ptr_map_get(&w->numbers, e->plan);

    PS_ASSERT(number);
    ps_text_printf(w->out,
                   "{\"subquery\":\"%s\",\"plan\":%llu,\"type\":", ps_json_subqueries[e->subquery],
                   (unsigned long long)(number - 1));
    write_type(w, e->type);
    if (e->compare) {
        ps_text_printf(w->out, ",\"compare\":\"%s\",\"signature\":", e->compare->name);
        ps_text_json(w->out, ps_str_of(e->compare->signature));
    }
    if (e->n_args) ps_text_char(w->out, ','), write_list(w, "args", e->args, e->n_args);
    ps_text_char(w->out, '}');
}

static void write_variadic(writer *w, const char *name, const ps_expr *e)
{
    ps_text_char(w->out, '{');
    write_list(w, name, e->args, e->n_args);
    if (e->kind == PS_EXPR_IN && e->has_null_item) ps_text_puts(w->out, ",\"null\":true");
    ps_text_char(w->out, '}');
}

static void write_literal(writer *w, const ps_expr *e)
{
    ps_text_puts(w->out, "{\"literal\":");
    if (w->no_literals) ps_text_puts(w->out, "\"?\"");
    else write_value(w, &e->literal);
    ps_text_puts(w->out, ",\"type\":");
    write_type(w, e->type);
    ps_text_char(w->out, '}');
}

static void write_expr_at(writer *w, const ps_expr *e)
{
    switch ((ps_expr_kind)e->kind) {
    case PS_EXPR_COLUMN: write_column(w, e->column); return;
    case PS_EXPR_LITERAL: write_literal(w, e); return;
    case PS_EXPR_PARAM:
        ps_text_printf(w->out, "{\"param\":%u,\"type\":", e->param);
        write_type(w, e->type);
        ps_text_char(w->out, '}');
        return;
    case PS_EXPR_CALL: write_function(w, "call", e), ps_text_char(w->out, '}'); return;
    case PS_EXPR_CAST:
        ps_text_puts(w->out, "{\"cast\":");
        write_expr_at(w, e->args[0]);
        ps_text_puts(w->out, ",\"type\":");
        write_type(w, e->type);
        ps_text_puts(w->out, e->cast == PS_CAST_TRY ? ",\"try\":true}" : "}");
        return;
    case PS_EXPR_AND: write_variadic(w, "and", e); return;
    case PS_EXPR_OR: write_variadic(w, "or", e); return;
    case PS_EXPR_CASE: write_variadic(w, "case", e); return;
    case PS_EXPR_COALESCE: write_variadic(w, "coalesce", e); return;
    case PS_EXPR_IN: write_variadic(w, "in", e); return;
    case PS_EXPR_TRY: write_variadic(w, "try_null", e); return;
    case PS_EXPR_AGGREGATE:
        write_function(w, "aggregate", e);
        write_agg_part(w, e->agg);
        ps_text_char(w->out, '}');
        return;
    case PS_EXPR_WINDOW: write_window(w, e); return;
    case PS_EXPR_SUBQUERY: write_subquery(w, e); return;
    }
}

/* ---- fields: write_<type>(w, ",\"name\":", &value), nothing for a zero value ---- */

static void write_i64(writer *w, const char *name, const ps_f_i64 *v)
{
    if (*v) ps_text_printf(w->out, "%s%lld", name, (long long)*v);
}
static void write_bool(writer *w, const char *name, const ps_f_bool *v)
{
    if (*v) ps_text_printf(w->out, "%strue", name);
}
static void write_str(writer *w, const char *name, const ps_f_str *v)
{
    if (v->n) ps_text_puts(w->out, name), ps_text_json(w->out, *v);
}
static void write_source(writer *w, const char *name, const ps_f_source *v)
{
    ps_text text;

    ps_text_init(&text, w->cx);
    if ((*v)->class->describe) (*v)->class->describe(*v, &text);
    else ps_text_printf(&text, "%s:%.*s", (*v)->class->name, PS_STR_ARGS((*v)->name));
    ps_text_puts(w->out, name);
    ps_text_json(w->out, (ps_str){text.at ? text.at : "", text.n});
    fail(w, ps_text_status(&text));
    ps_text_release(&text);
}
static void write_dataset(writer *w, const ps_dataset_spec *d)
{
    ps_text_printf(w->out, ",\"mode\":\"%s\",\"partition_by\":[", ps_write_mode_names[d->mode]);
    for (uint32_t i = 0; i < d->n_partition; i++)
        ps_text_printf(w->out, "%s%u", i ? "," : "", d->partition[i]);
    ps_text_char(w->out, ']');
    if (d->keep_columns) ps_text_puts(w->out, ",\"keep_columns\":true");
    if (d->rows_max) ps_text_printf(w->out, ",\"rows_max\":%llu", (unsigned long long)d->rows_max);
    if (d->bytes_max)
        ps_text_printf(w->out, ",\"bytes_max\":%llu", (unsigned long long)d->bytes_max);
    if (d->extension.n) ps_text_puts(w->out, ",\"extension\":"), ps_text_json(w->out, d->extension);
    if (d->job.n) ps_text_puts(w->out, ",\"job\":"), ps_text_json(w->out, d->job);
}
static void write_sink(writer *w, const char *name, const ps_f_sink *v)
{
    ps_text_printf(w->out, "%s{\"format\":\"%s\",\"path\":", name, (*v)->class->name);
    ps_text_json(w->out, (*v)->path);
    if ((*v)->dataset) write_dataset(w, (*v)->dataset);
    for (uint32_t i = 0; i < (*v)->options.n; i++) {
        ps_text_puts(w->out, i ? ",{\"name\":" : ",\"options\":[{\"name\":");
        ps_text_json(w->out, (*v)->options.at[i].name);
        ps_text_puts(w->out, ",\"type\":");
        write_type(w, (*v)->options.at[i].value.type);
        ps_text_puts(w->out, ",\"value\":");
        write_value(w, &(*v)->options.at[i].value);
        ps_text_char(w->out, '}');
    }
    ps_text_puts(w->out, (*v)->options.n ? "]}" : "}");
}
static void write_join_kind(writer *w, const char *name, const ps_f_join_kind *v)
{
    if (*v) ps_text_printf(w->out, "%s\"%s\"", name, ps_join_kind_names[*v]);
}
static void write_setop(writer *w, const char *name, const ps_f_setop *v)
{
    if (*v) ps_text_printf(w->out, "%s\"%s\"", name, ps_setop_names[*v]);
}
static void write_expr(writer *w, const char *name, const ps_f_expr *v)
{
    if (*v) ps_text_puts(w->out, name), write_expr_at(w, *v);
}
static void write_exprs(writer *w, const char *name, const ps_f_exprs *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i == 0) ps_text_puts(w->out, name), ps_text_char(w->out, '[');
        else ps_text_char(w->out, ',');
        write_expr_at(w, v->at[i]);
    }
    if (v->n) ps_text_char(w->out, ']');
}
static void write_items(writer *w, const char *name, const ps_f_items *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        const ps_item *item = &v->at[i];
        ps_text_puts(w->out, i ? "," : name);
        ps_text_puts(w->out, i ? "{\"name\":" : "[{\"name\":");
        ps_text_json(w->out, item->col.name);
        ps_text_puts(w->out, ",\"expr\":");
        write_expr_at(w, item->expr);
        if (item->expr->kind == PS_EXPR_COLUMN && item->expr->column == item->col.id)
            ps_text_puts(w->out, ",\"keep\":true");
        ps_text_char(w->out, '}');
    }
    if (v->n) ps_text_char(w->out, ']');
}
static void write_col(writer *w, const ps_col *col)
{
    ps_text_puts(w->out, "{\"name\":");
    ps_text_json(w->out, col->name);
    ps_text_puts(w->out, ",\"type\":");
    write_type(w, col->type);
    if (col->nullable) ps_text_puts(w->out, ",\"nullable\":true");
}
static void write_cols(writer *w, const char *name, const ps_f_cols *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i == 0) ps_text_puts(w->out, name), ps_text_char(w->out, '[');
        else ps_text_char(w->out, ',');
        write_col(w, &v->at[i]);
        ps_text_char(w->out, '}');
    }
    if (v->n) ps_text_char(w->out, ']');
}
static void write_scan_cols(writer *w, const char *name, const ps_f_scan_cols *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i == 0) ps_text_puts(w->out, name), ps_text_char(w->out, '[');
        else ps_text_char(w->out, ',');
        write_col(w, &v->at[i].col);
        ps_text_printf(w->out, ",\"column\":%u}", v->at[i].source_column);
    }
    if (v->n) ps_text_char(w->out, ']');
}
static void write_sort_keys(writer *w, const char *name, const ps_f_sort_keys *v)
{
    if (v->n) ps_text_puts(w->out, name), write_keys(w, v->at, v->n);
}
static void write_join_keys(writer *w, const char *name, const ps_f_join_keys *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i == 0) ps_text_puts(w->out, name), ps_text_char(w->out, '[');
        else ps_text_char(w->out, ',');
        ps_text_puts(w->out, "{\"left\":");
        write_expr_at(w, v->at[i].left);
        ps_text_puts(w->out, ",\"right\":");
        write_expr_at(w, v->at[i].right);
        ps_text_puts(w->out, v->at[i].null_equal ? ",\"null_equal\":true}" : "}");
    }
    if (v->n) ps_text_char(w->out, ']');
}

/* ---- nodes ---- */

static void write_fields(writer *w, const ps_node *node)
{
    switch ((ps_node_kind)node->kind) {
#define F(type, name, id, doc) write_##type(w, ",\"" #name "\":", &n->name);
#define N(KIND, name, inputs)                                                                      \
    case PS_NODE_##KIND: {                                                                         \
        const ps_node_##name *n = ps_node_as_##name(node);                                         \
        PS_FIELDS_##KIND(F) return;                                                                \
    }
        PS_NODES(N)
#undef N
#undef F
    case PS_NODE_COUNT: return;
    }
}

static ps_status write_plan(ps_ctx *cx, const ps_node *root, writer *w);

static bool write_subquery_plan(const ps_expr *e, void *user)
{
    writer *w = user;

    if (e->kind == PS_EXPR_SUBQUERY) fail(w, write_plan(w->cx, e->plan, w));
    return w->status == PS_OK;
}

static ps_status write_subquery_plans(ps_ctx *cx, const ps_expr *expr, void *user)
{
    (void)cx;
    if (expr->flags & PS_EXPR_HAS_SUBQUERY) ps_expr_visit(expr, write_subquery_plan, user);
    return ((writer *)user)->status;
}

static ps_status define(writer *w, const ps_node *node, uintptr_t number)
{
    for (uint32_t i = 0; i < node->n_cols; i++) {
        ps_col_id id = node->cols[i].id;
        if (id >= w->n_defined) {
            size_t n = PS_MAX((size_t)id + 1, w->n_defined * 2);
            uint64_t *bigger = PS_ARENA_ARRAY(w->cx, &w->arena, uint64_t, n);
            if (!bigger) return w->cx->error.code;
            if (w->n_defined) memcpy(bigger, w->defined, sizeof(*bigger) * w->n_defined);
            w->defined = bigger;
            w->n_defined = n;
        }
        if (!w->defined[id]) w->defined[id] = ((uint64_t)number << 32 | i) + 1;
    }
    return PS_OK;
}

static ps_status write_node(ps_ctx *cx, const ps_node *node, void *user)
{
    writer *w = user;

    if (ps_ptr_map_get(&w->numbers, node)) return PS_OK; /* shared with an enclosing plan */
    PS_TRY(ps_node_visit_exprs(cx, node, write_subquery_plans, w));
    ps_text_printf(w->out, "%s\n{\"node\":\"%s\"", w->n_nodes ? "," : "",
                   ps_node_kind_names[node->kind]);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uintptr_t number = (uintptr_t)ps_ptr_map_get(&w->numbers, node->inputs[i]);
        ps_text_printf(w->out, "%s%llu", i ? "," : ",\"inputs\":[",
                       (unsigned long long)(number - 1));
    }
    if (node->n_inputs) ps_text_char(w->out, ']');
    w->node = node;
    write_fields(w, node);
    ps_text_char(w->out, '}');
    if (w->status != PS_OK) return w->status;
    PS_TRY(define(w, node, w->n_nodes));
    return ps_ptr_map_put(cx, &w->arena, &w->numbers, node, (const void *)++w->n_nodes);
}

static ps_status write_plan(ps_ctx *cx, const ps_node *root, writer *w)
{
    return ps_node_visit(cx, root, write_node, w);
}

static ps_status write_all(ps_ctx *cx, const ps_node *root, bool no_literals, ps_text *out)
{
    writer w = {.cx = cx, .out = out, .no_literals = no_literals};

    ps_text_puts(out, "{\"penstock_plan\":1,\"nodes\":[");
    ps_status st = write_plan(cx, root, &w);
    ps_text_puts(out, "\n]}\n");
    ps_arena_release(&w.arena);
    return st == PS_OK ? ps_text_status(out) : st;
}

ps_status ps_plan_to_json(ps_ctx *cx, const ps_node *root, ps_text *out)
{
    return write_all(cx, root, false, out);
}

ps_status ps_plan_hash(ps_ctx *cx, const ps_node *root, bool without_literals, ps_hash128 *out)
{
    ps_text text;

    ps_text_init(&text, cx);
    ps_status st = write_all(cx, root, without_literals, &text);
    if (st == PS_OK) *out = ps_hash128_bytes(text.at, text.n);
    ps_text_release(&text);
    return st;
}
