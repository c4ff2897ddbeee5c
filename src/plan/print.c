/* plan/print.c -- plans for people and tools: EXPLAIN's tree, nested JSON, Graphviz.
 *
 * All three come from the field list through one function for each field type. Columns go by their
 * names; a name that several columns have gets its id. A shared node is printed once and named
 * after that. Recursion is bounded by PS_PLAN_DEPTH_MAX and the nesting of subqueries.
 * The exact form that can be read back is json_write.c's. Tests: tests/unit/test_lower.c,
 * test_plan_json.c, test_lower.c */
#include "base/array.h"
#include "base/map.h"
#include "base/mark.h"
#include "plan/node_internal.h"

typedef struct name_entry {
    ps_str name;
    bool shared;
} name_entry;
typedef struct printer {
    ps_ctx *cx;
    ps_arena arena;
    ps_text *out;
    const ps_plan_annotate *annotate;
    ps_plan_form form;
    PS_ARRAY(name_entry) names; /* by column id */
    ps_map by_name;             /* name -> id + 1 of its first column */
    ps_ptr_map numbers;         /* node -> number + 1, in order of printing */
    uintptr_t n_nodes;
    ps_ptr_map seen;
    ps_status status;
    ps_expr_names expr_names;
} printer;

/* The first failure stays. */
static void note(printer *p, ps_status st)
{
    if (p->status == PS_OK) p->status = st;
}

/* ---- names ---- */

static ps_status names_of_plan(ps_ctx *cx, const ps_node *root, printer *p);

static bool names_of_subquery(const ps_expr *e, void *user)
{
    printer *p = user;

    if (e->kind == PS_EXPR_SUBQUERY) p->status = names_of_plan(p->cx, e->plan, p);
    return p->status == PS_OK;
}

static ps_status names_of_expr(ps_ctx *cx, const ps_expr *expr, void *user)
{
    printer *p = user;

    (void)cx;
    if (expr->flags & PS_EXPR_HAS_SUBQUERY) ps_expr_visit(expr, names_of_subquery, p);
    return p->status;
}

static ps_status name_column(printer *p, const ps_col *col)
{
    while (p->names.n <= col->id)
        PS_TRY(PS_ARRAY_ADD_IN(p->cx, &p->arena, &p->names, (name_entry){0}));
    name_entry *entry = &p->names.at[col->id];
    if (col->name.n == 0 || entry->name.n) return PS_OK;
    entry->name = col->name;
    uintptr_t first = (uintptr_t)ps_map_get(&p->by_name, col->name);
    if (first) {
        p->names.at[first - 1].shared = entry->shared = true;
        return PS_OK;
    }
    return ps_map_put(p->cx, &p->arena, &p->by_name, col->name, (void *)((uintptr_t)col->id + 1));
}

static ps_status names_of_node(ps_ctx *cx, const ps_node *node, void *user)
{
    printer *p = user;

    for (uint32_t i = 0; i < node->n_cols; i++) PS_TRY(name_column(p, &node->cols[i]));
    return ps_node_visit_exprs(cx, node, names_of_expr, p);
}

static ps_status names_of_plan(ps_ctx *cx, const ps_node *root, printer *p)
{
    if (ps_ptr_map_get(&p->seen, root)) return PS_OK;
    PS_TRY(ps_ptr_map_put(cx, &p->arena, &p->seen, root, root));
    return ps_node_visit(cx, root, names_of_node, p);
}

static ps_str name_of(void *user, ps_col_id id)
{
    printer *p = user;

    if (id >= p->names.n || p->names.at[id].name.n == 0) return PS_STR("");
    const name_entry *entry = &p->names.at[id];
    if (!entry->shared) return entry->name;
    char *text = ps_arena_printf(p->cx, &p->arena, "%.*s#%u", PS_STR_ARGS(entry->name), id);
    if (!text) note(p, p->cx->error.code);
    return text ? ps_str_of(text) : entry->name;
}

/* ---- values of fields: print_<type>(p, &field, out); nothing written: the field is at its default
 * ---- */

static void print_column(printer *p, ps_col_id id, ps_text *out)
{
    ps_str name = name_of(p, id);

    if (name.n) ps_text_str(out, name);
    else ps_text_printf(out, "#%u", id);
}

static void print_i64(printer *p, const ps_f_i64 *v, ps_text *out)
{
    (void)p;
    if (*v == INT64_MAX) ps_text_puts(out, "all");
    else if (*v) ps_text_printf(out, "%lld", (long long)*v);
}
static void print_bool(printer *p, const ps_f_bool *v, ps_text *out)
{
    (void)p;
    if (*v) ps_text_puts(out, "true");
}
static void print_str(printer *p, const ps_f_str *v, ps_text *out)
{
    (void)p, ps_text_str(out, *v);
}
static void print_source(printer *p, const ps_f_source *v, ps_text *out)
{
    (void)p;
    ps_text_str(out, (*v)->name.n ? (*v)->name : ps_str_of((*v)->class->name));
    if ((*v)->class->explain) ps_text_char(out, ' '), (*v)->class->explain(*v, out);
}
static void print_dataset(const ps_dataset_spec *d, ps_text *out)
{
    ps_text_printf(out, " %s", ps_write_mode_names[d->mode]);
    for (uint32_t i = 0; i < d->n_partition; i++) {
        ps_text_puts(out, i ? ", " : ", partition by ");
        ps_text_str(out, d->partition_names[i]);
    }
    if (d->rows_max) ps_text_printf(out, ", %llu rows a file", (unsigned long long)d->rows_max);
    if (d->bytes_max) ps_text_printf(out, ", %llu bytes a file", (unsigned long long)d->bytes_max);
    if (d->job.n) ps_text_printf(out, ", file by file as job %.*s", PS_STR_ARGS(d->job));
}
/* Where bytes lie until they are put in place: fs/place.h. */
static void print_hidden(ps_str path, ps_text *out)
{
    while (path.n > 1 && path.at[path.n - 1] == '/') path.n--;
    const char *const slash = path.n ? memrchr(path.at, '/', path.n) : NULL;
    const size_t n_dir = slash ? (size_t)(slash + 1 - path.at) : 0;

    ps_text_printf(out, ", through %.*s.%.*s.*" PS_MARK, (int)n_dir, path.at, (int)(path.n - n_dir),
                   path.at + n_dir);
}
static void print_sink(printer *p, const ps_f_sink *v, ps_text *out)
{
    (void)p;
    if (!*v) return;
    ps_text_printf(out, "%s ", (*v)->class->name);
    ps_text_json(out, (*v)->path);
    if ((*v)->dataset) print_dataset((*v)->dataset, out);
    if (!(*v)->user && !((*v)->dataset && (*v)->dataset->job.n)) print_hidden((*v)->path, out);
}
static void print_join_kind(printer *p, const ps_f_join_kind *v, ps_text *out)
{
    (void)p;
    ps_text_puts(out, ps_join_kind_names[*v]);
}
static void print_setop(printer *p, const ps_f_setop *v, ps_text *out)
{
    (void)p;
    ps_text_puts(out, ps_setop_names[*v]);
}
static void print_expr(printer *p, const ps_f_expr *v, ps_text *out)
{
    if (*v) ps_expr_print(*v, &p->expr_names, out);
}
static void print_exprs(printer *p, const ps_f_exprs *v, ps_text *out)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i) ps_text_puts(out, ", ");
        ps_expr_print(v->at[i], &p->expr_names, out);
    }
}
static void print_items(printer *p, const ps_f_items *v, ps_text *out)
{
    for (uint32_t i = 0; i < v->n; i++) {
        const ps_item *item = &v->at[i];
        if (i) ps_text_puts(out, ", ");
        ps_expr_print(item->expr, &p->expr_names, out);
        if (item->expr->kind == PS_EXPR_COLUMN && item->expr->column == item->col.id) continue;
        ps_text_puts(out, " AS ");
        print_column(p, item->col.id, out);
    }
}
static void print_cols(printer *p, const ps_f_cols *v, ps_text *out)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i) ps_text_puts(out, ", ");
        print_column(p, v->at[i].id, out);
    }
}
static void print_scan_cols(printer *p, const ps_f_scan_cols *v, ps_text *out)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i) ps_text_puts(out, ", ");
        print_column(p, v->at[i].col.id, out);
    }
}
static void print_sort_keys(printer *p, const ps_f_sort_keys *v, ps_text *out)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i) ps_text_puts(out, ", ");
        ps_expr_print(v->at[i].expr, &p->expr_names, out);
        if (v->at[i].descending) ps_text_puts(out, " DESC");
        if (v->at[i].nulls_first) ps_text_puts(out, " NULLS FIRST");
    }
}
static void print_join_keys(printer *p, const ps_f_join_keys *v, ps_text *out)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (i) ps_text_puts(out, ", ");
        ps_expr_print(v->at[i].left, &p->expr_names, out);
        ps_text_puts(out, v->at[i].null_equal ? " IS " : " = ");
        ps_expr_print(v->at[i].right, &p->expr_names, out);
    }
}

/* ---- a node's fields, in the three forms ---- */

static void add_field(printer *p, const char *name, const ps_text *value, uint32_t *n)
{
    note(p, ps_text_status(value));
    if (value->n == 0) return;
    switch (p->form) {
    case PS_PLAN_TEXT: ps_text_printf(p->out, "%s%s: ", *n ? "; " : "  ", name); break;
    case PS_PLAN_JSON: ps_text_printf(p->out, ",\"%s\":", name); break;
    case PS_PLAN_GRAPHVIZ: ps_text_printf(p->out, "\\n%s: ", name); break;
    }
    if (p->form == PS_PLAN_JSON) ps_text_json(p->out, (ps_str){value->at, value->n});
    else if (p->form == PS_PLAN_TEXT) ps_text_add(p->out, value->at, value->n);
    for (size_t i = 0; p->form == PS_PLAN_GRAPHVIZ && i < value->n; i++) {
        if (value->at[i] == '"' || value->at[i] == '\\') ps_text_char(p->out, '\\');
        ps_text_char(p->out, value->at[i] == '\n' ? ' ' : value->at[i]);
    }
    ++*n;
}

static void add_fields(printer *p, const ps_node *node)
{
    uint32_t count = 0;
    ps_text value;

    ps_text_init(&value, p->cx);
    switch ((ps_node_kind)node->kind) {
#define F(type, name, id, doc)                                                                     \
    ps_text_clear(&value);                                                                         \
    print_##type(p, &n->name, &value);                                                             \
    add_field(p, #name, &value, &count);
#define N(KIND, name, inputs)                                                                      \
    case PS_NODE_##KIND: {                                                                         \
        const ps_node_##name *n = ps_node_as_##name(node);                                         \
        PS_FIELDS_##KIND(F) break;                                                                 \
    }
        PS_NODES(N)
#undef N
#undef F
    case PS_NODE_COUNT: break;
    }
    ps_text_release(&value);
}

/* ---- the tree ---- */

enum { SUBQUERIES_MAX = 64 };
typedef struct subqueries {
    const ps_node *at[SUBQUERIES_MAX];
    uint32_t n;
} subqueries;

static bool add_subquery(const ps_expr *e, void *user)
{
    subqueries *s = user;

    if (e->kind == PS_EXPR_SUBQUERY && s->n < SUBQUERIES_MAX) s->at[s->n++] = e->plan;
    return true;
}

static ps_status find_subqueries(ps_ctx *cx, const ps_expr *expr, void *user)
{
    (void)cx;
    if (expr->flags & PS_EXPR_HAS_SUBQUERY) ps_expr_visit(expr, add_subquery, user);
    return PS_OK;
}

/* The number a node was printed under before, or 0 after giving it its number. */
static uintptr_t number_node(printer *p, const ps_node *node)
{
    uintptr_t number = (uintptr_t)ps_ptr_map_get(&p->numbers, node);

    if (number) return number;
    note(p, ps_ptr_map_put(p->cx, &p->arena, &p->numbers, node, (void *)++p->n_nodes));
    return 0;
}

/* Where the figures of a run come too, they name the estimate beside the true number. */
static void add_estimate(printer *p, const ps_node *node)
{
    if (node->rows_est >= 0 && !(p->annotate && p->form != PS_PLAN_JSON)) {
        if (p->form == PS_PLAN_JSON)
            ps_text_printf(p->out, ",\"rows_estimated\":%.0f", node->rows_est);
        else
            ps_text_printf(p->out, "%s~%.0f rows", p->form == PS_PLAN_TEXT ? "  " : "\\n",
                           node->rows_est);
    }
}

/* The run-time figures: in the text form each line of them on its own below the node, so that the
 * tree's lines go on. */
static void add_figures(printer *p, const ps_node *node, const ps_text *indent, bool root,
                        bool last, bool has_children)
{
    ps_text figures;

    if (!p->annotate || !p->annotate->fn) return;
    ps_text_init(&figures, p->cx);
    p->annotate->fn(p->annotate->user, node, root, p->form, &figures);
    if (p->form != PS_PLAN_TEXT) ps_text_add(p->out, figures.at, figures.n);
    for (size_t at = 0; p->form == PS_PLAN_TEXT && at < figures.n;) {
        const char *line = figures.at + at, *end = memchr(line, '\n', figures.n - at);
        const size_t n = end ? (size_t)(end - line) : figures.n - at;

        ps_text_add(p->out, indent->at, indent->n);
        if (!root) ps_text_puts(p->out, last ? "   " : "│  ");
        ps_text_puts(p->out, has_children ? "│    " : "     ");
        ps_text_add(p->out, line, n);
        ps_text_char(p->out, '\n');
        at += n + 1;
    }
    note(p, ps_text_status(&figures));
    ps_text_release(&figures);
}

static void print_tree(printer *p, const ps_node *node, ps_text *indent, bool root, bool last);

static void print_child(printer *p, const ps_node *child, ps_text *indent, bool root,
                        bool parent_last, bool last)
{
    size_t kept = indent->n;

    if (!root) ps_text_puts(indent, parent_last ? "   " : "│  ");
    print_tree(p, child, indent, false, last);
    indent->n = kept;
    if (indent->at) indent->at[kept] = 0;
}

static void print_tree(printer *p, const ps_node *node, ps_text *indent, bool root, bool last)
{
    subqueries subs = {.n = 0};

    if (p->status != PS_OK) return;
    ps_text_add(p->out, indent->at, indent->n);
    if (!root) ps_text_puts(p->out, last ? "└─ " : "├─ ");
    ps_text_puts(p->out, ps_node_kind_names[node->kind]);
    if (number_node(p, node)) {
        ps_text_puts(p->out, "  (shared, shown above)\n");
        return;
    }
    add_fields(p, node);
    add_estimate(p, node);
    ps_text_char(p->out, '\n');
    note(p, ps_node_visit_exprs(p->cx, node, find_subqueries, &subs));
    if (p->status != PS_OK) return;
    add_figures(p, node, indent, root, last, node->n_inputs + subs.n > 0);
    for (uint32_t i = 0; i < node->n_inputs; i++)
        print_child(p, node->inputs[i], indent, root, last, i + 1 == node->n_inputs && subs.n == 0);
    for (uint32_t i = 0; i < subs.n; i++)
        print_child(p, subs.at[i], indent, root, last, i + 1 == subs.n);
}

static void print_json(printer *p, const ps_node *node, bool root)
{
    subqueries subs = {.n = 0};
    uintptr_t number = number_node(p, node);

    ps_text_printf(p->out, "{\"id\":%llu,\"node\":\"%s\"",
                   (unsigned long long)(number ? number : p->n_nodes),
                   ps_node_kind_names[node->kind]);
    if (number || p->status != PS_OK) {
        ps_text_puts(p->out, ",\"shared\":true}");
        return;
    }
    add_fields(p, node);
    add_estimate(p, node);
    add_figures(p, node, NULL, root, true, false);
    if (p->status != PS_OK) return;
    note(p, ps_node_visit_exprs(p->cx, node, find_subqueries, &subs));
    ps_text_puts(p->out, ",\"children\":[");
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (i) ps_text_char(p->out, ',');
        print_json(p, node->inputs[i], false);
    }
    ps_text_puts(p->out, "]");
    for (uint32_t i = 0; i < subs.n; i++) {
        ps_text_puts(p->out, i ? "," : ",\"subqueries\":[");
        print_json(p, subs.at[i], false);
    }
    ps_text_puts(p->out, subs.n ? "]}" : "}");
}

static uintptr_t print_graph(printer *p, const ps_node *node)
{
    subqueries subs = {.n = 0};
    uintptr_t number = number_node(p, node);

    if (number || p->status != PS_OK) return number;
    number = p->n_nodes;
    ps_text_printf(p->out, "  n%llu [label=\"%s", (unsigned long long)number,
                   ps_node_kind_names[node->kind]);
    add_fields(p, node);
    add_estimate(p, node);
    add_figures(p, node, NULL, number == 1, true, false);
    if (p->status != PS_OK) return number;
    ps_text_puts(p->out, "\"];\n");
    note(p, ps_node_visit_exprs(p->cx, node, find_subqueries, &subs));
    for (uint32_t i = 0; i < node->n_inputs + subs.n; i++) {
        bool input = i < node->n_inputs;
        uintptr_t child = print_graph(p, input ? node->inputs[i] : subs.at[i - node->n_inputs]);
        ps_text_printf(p->out, "  n%llu -> n%llu%s;\n", (unsigned long long)child,
                       (unsigned long long)number, input ? "" : " [style=dashed]");
    }
    return number;
}

ps_status ps_plan_print(ps_ctx *cx, const ps_node *root, ps_plan_form form,
                        const ps_plan_annotate *annotate, ps_text *out)
{
    printer p = {.cx = cx, .out = out, .annotate = annotate, .form = form};
    ps_text indent;

    p.expr_names = (ps_expr_names){name_of, &p};
    ps_text_init(&indent, cx);
    p.status = names_of_plan(cx, root, &p);
    switch (form) {
    case PS_PLAN_TEXT: print_tree(&p, root, &indent, true, true); break;
    case PS_PLAN_JSON: print_json(&p, root, true); break;
    case PS_PLAN_GRAPHVIZ:
        ps_text_puts(out, "digraph plan {\n  node [shape=box];\n");
        print_graph(&p, root);
        ps_text_puts(out, "}\n");
        break;
    }
    if (p.status == PS_OK) p.status = ps_text_status(&indent);
    ps_text_release(&indent);
    ps_arena_release(&p.arena);
    return p.status == PS_OK ? ps_text_status(out) : p.status;
}
