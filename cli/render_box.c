/* cli/render_box.c -- kept rows as a table.
 *
 * Fitting: widths are those of the longest cell; while the table is wider than the terminal, the
 * widest columns give way down to WIDTH_MIN; if that is not enough, columns in the middle are left
 * out. What was cut ends in an ellipsis. */
#include "render_box.h"

#include "width.h"

#include <string.h>

enum { WIDTH_MIN = 8, CELL_MAX = 4096 };

typedef struct layout {
    size_t *widths;
    size_t n_left, n_right; /* columns shown at both ends */
    bool cut;               /* some in the middle are left out */
} layout;

static size_t kept_rows(const render *r)
{
    const size_t rest = r->n_rows - r->n_head;

    return r->n_head + (rest < r->tail_room ? rest : r->tail_room);
}

/* The i-th kept row, in order. */
static char **kept_row(const render *r, size_t i)
{
    if (i < r->n_head) return r->head[i].cells;
    const size_t rest = r->n_rows - r->n_head;
    const size_t first = rest > r->tail_room ? rest % r->tail_room : 0;

    return r->tail[(first + i - r->n_head) % r->tail_room].cells;
}

/* U+202A..202E and U+2066..2069 turn the direction of what follows, the table's lines too. */
static unsigned bidi_number(const char *cell)
{
    return ((unsigned)(unsigned char)cell[1] - 0x80) * 64 + (unsigned)(unsigned char)cell[2] - 0x80;
}

static bool is_bidi(const char *cell)
{
    if ((unsigned char)cell[0] != 0xe2 || !cell[1] || !cell[2]) return false;
    const unsigned number = bidi_number(cell);
    return (number >= 0x2a && number <= 0x2e) || (number >= 0x66 && number <= 0x69);
}

/* A cell on one line: control characters are shown as escapes. */
static const char *one_line(text *t, const render *r, const char *cell)
{
    if (!cell) return r->options.null;
    text_clear(t);
    text_add(t, "", 0);
    for (; *cell && t->n < CELL_MAX; cell++) {
        const unsigned char byte = (unsigned char)*cell;

        if (byte == '\n') text_puts(t, "\\n");
        else if (byte == '\t') text_puts(t, "\\t");
        else if (byte < ' ' || byte == 0x7f) text_printf(t, "\\x%02x", byte);
        else if (byte == 0xc2 && (unsigned char)cell[1] < 0xa0) /* C1: some terminals obey them */
            text_printf(t, "\\x%02x", (unsigned char)*++cell);
        else if (is_bidi(cell)) text_printf(t, "\\u20%02x", bidi_number(cell)), cell += 2;
        else text_add(t, cell, 1);
    }
    return t->at;
}

/* Columns that a cell takes; Markdown escapes its bars. */
static size_t cell_width(text *t, const render *r, const char *cell)
{
    const char *shown = one_line(t, r, cell);
    size_t width = width_of(shown);

    for (; r->options.mode == RENDER_MARKDOWN && *shown; shown++) width += *shown == '|';
    return width;
}

static size_t widest(const render *r, size_t column)
{
    text t = {0};
    size_t width = cell_width(&t, r, r->names[column]);
    const size_t type = r->options.mode == RENDER_BOX ? width_of(r->types[column]) : 3;

    if (type > width) width = type;
    for (size_t i = 0; i < kept_rows(r); i++) {
        const size_t cell = cell_width(&t, r, kept_row(r, i)[column]);
        if (cell > width) width = cell;
    }
    text_release(&t);
    return width;
}

static size_t table_width(const render *r, const layout *l)
{
    size_t sum = l->cut ? 5 : 1;

    for (size_t i = 0; i < r->n_columns; i++)
        if (i < l->n_left || i >= r->n_columns - l->n_right) sum += l->widths[i] + 3;
    return sum;
}

/* Takes columns off the widest until the table fits or nothing more may give way. */
static void shrink(const render *r, layout *l)
{
    while (table_width(r, l) > r->options.width) {
        size_t most = 0, next = WIDTH_MIN, n_most = 0;

        for (size_t i = 0; i < r->n_columns; i++)
            if (l->widths[i] > most) most = l->widths[i];
        if (most <= WIDTH_MIN) return;
        for (size_t i = 0; i < r->n_columns; i++) {
            if (l->widths[i] == most) n_most++;
            else if (l->widths[i] > next) next = l->widths[i];
        }
        const size_t over = table_width(r, l) - r->options.width;
        const size_t share = (over + n_most - 1) / n_most;
        const size_t step = share < most - next ? share : most - next;
        for (size_t i = 0; i < r->n_columns; i++)
            if (l->widths[i] == most) l->widths[i] -= step;
    }
}

static layout fit(render *r)
{
    layout l = {.widths = pool_alloc(&r->keep, (r->n_columns + 1) * sizeof *l.widths),
                .n_left = r->n_columns};

    for (size_t i = 0; i < r->n_columns; i++) l.widths[i] = widest(r, i);
    if (!r->options.width) return l;
    shrink(r, &l);
    while (table_width(r, &l) > r->options.width && l.n_left + l.n_right > 1) {
        if (!l.cut) l.n_left = (r->n_columns + 1) / 2, l.n_right = r->n_columns - l.n_left;
        l.cut = true;
        if (l.n_left > l.n_right) l.n_left--;
        else l.n_right--;
    }
    return l;
}

static bool is_shown(const render *r, const layout *l, size_t column)
{
    return column < l->n_left || column >= r->n_columns - l->n_right;
}

/* ┌──┬──┐ and its like. */
static void rule(const render *r, const layout *l, const char *left, const char *middle,
                 const char *right)
{
    const char *separator = left;

    for (size_t i = 0; i < r->n_columns; i++) {
        if (l->cut && i == l->n_left) {
            fprintf(r->out, "%s───", separator);
            separator = middle;
        }
        if (!is_shown(r, l, i)) continue;
        fputs(separator, r->out);
        for (size_t k = 0; k < l->widths[i] + 2; k++) fputs("─", r->out);
        separator = middle;
    }
    fprintf(r->out, "%s\n", right);
}

static void pad(FILE *out, size_t n) { fprintf(out, "%*s", (int)n, ""); }

typedef enum align { ALIGN_LEFT, ALIGN_RIGHT, ALIGN_CENTRE } align;

static void put_cell(const render *r, const char *cell, size_t width, align how)
{
    size_t taken;
    size_t n = width_cut(cell, width, &taken);
    const bool cut = cell[n] != 0;

    if (cut) n = width_cut(cell, width - 1, &taken), taken++;
    const size_t room = width - taken;
    const size_t before = how == ALIGN_RIGHT ? room : how == ALIGN_CENTRE ? room / 2 : 0;
    pad(r->out, before);
    fwrite(cell, 1, n, r->out);
    if (cut) fputs("…", r->out);
    pad(r->out, room - before);
}

static void put_row(const render *r, const layout *l, char *const *cells, bool centred)
{
    text t = {0};

    for (size_t i = 0; i < r->n_columns; i++) {
        if (l->cut && i == l->n_left) fputs("│ … ", r->out);
        if (!is_shown(r, l, i)) continue;
        fputs("│ ", r->out);
        put_cell(r, one_line(&t, r, cells[i]), l->widths[i],
                 centred         ? ALIGN_CENTRE
                 : r->numeric[i] ? ALIGN_RIGHT
                                 : ALIGN_LEFT);
        fputs(" ", r->out);
    }
    fputs("│\n", r->out);
    text_release(&t);
}

static void put_gap(const render *r, const layout *l)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        if (l->cut && i == l->n_left) fputs("│ · ", r->out);
        if (!is_shown(r, l, i)) continue;
        fputs("│ ", r->out);
        put_cell(r, "·", l->widths[i], ALIGN_CENTRE);
        fputs(" ", r->out);
    }
    fputs("│\n", r->out);
}

static void footer(const render *r)
{
    const size_t shown = kept_rows(r);

    fprintf(r->out, "(%zu %s", r->n_rows, r->n_rows == 1 ? "row" : "rows");
    if (shown < r->n_rows) fprintf(r->out, ", %zu shown", shown);
    fputs(")\n", r->out);
}

/* One column of text with line breaks: a JSON document; or a plan. */
static bool is_document(const render *r)
{
    if (r->options.document) return r->n_columns == 1;
    if (r->n_columns != 1 || r->numeric[0] || r->n_rows == 0 || kept_rows(r) < r->n_rows)
        return false;
    for (size_t i = 0; i < r->n_rows; i++) {
        const char *cell = kept_row(r, i)[0];
        if (cell && strchr(cell, '\n')) return true;
    }
    return false;
}

/* What continues the lines of a tree (│ ├ └) in the lines below: "│  └─ scan" gives "│     ". */
static void tree_indent(const char *line, text *out)
{
    static const char *const pieces[][2] = {
        {"│", "│"}, {"├", "│"}, {"└", " "}, {"─", " "}, {" ", " "}};
    bool found = true;

    text_clear(out);
    text_add(out, "", 0);
    while (found) {
        found = false;
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0] && !found; i++) {
            const size_t n = strlen(pieces[i][0]);

            found = strncmp(line, pieces[i][0], n) == 0;
            if (found) text_puts(out, pieces[i][1]), line += n;
        }
    }
    text_puts(out, "    ");
}

/* Bytes of the longest beginning of line that fits, up to a blank where there is one. */
static size_t line_cut(const char *line, size_t width)
{
    size_t taken;
    const size_t n = width_cut(line, width, &taken);
    size_t at = n;

    if (!line[n]) return n;
    while (at > n / 2 && line[at - 1] != ' ') at--;
    return at > n / 2 ? at : n;
}

/* A line of a plan, broken to the terminal's width. */
static void put_line(const render *r, const char *line)
{
    const size_t width = r->options.width;
    text indent = {0};
    size_t n = width ? line_cut(line, width) : strlen(line);

    tree_indent(line, &indent);
    const size_t used = width_of(indent.at);
    fwrite(line, 1, n, r->out);
    for (line += n; *line && n && used + WIDTH_MIN < width; line += n) {
        n = line_cut(line, width - used);
        fprintf(r->out, "\n%s", indent.at);
        fwrite(line, 1, n, r->out);
    }
    fprintf(r->out, "%s\n", line);
    text_release(&indent);
}

static void put_document(const render *r)
{
    for (size_t i = 0; i < r->n_rows; i++) {
        const char *cell = kept_row(r, i)[0];
        const size_t n = cell ? strlen(cell) : 0;

        if (!cell) continue;
        if (r->options.document && !strchr(cell, '\n')) {
            put_line(r, cell);
            continue;
        }
        fputs(cell, r->out);
        if (n == 0 || cell[n - 1] != '\n') fputs("\n", r->out);
    }
}

void render_box(render *r)
{
    if (r->n_columns == 0) return;
    if (is_document(r)) {
        put_document(r);
        return;
    }
    const layout l = fit(r);

    rule(r, &l, "┌", "┬", "┐");
    put_row(r, &l, r->names, true);
    put_row(r, &l, r->types, true);
    rule(r, &l, "├", "┼", "┤");
    for (size_t i = 0; i < kept_rows(r); i++) {
        if (i == r->n_head && kept_rows(r) < r->n_rows) put_gap(r, &l);
        put_row(r, &l, kept_row(r, i), false);
    }
    rule(r, &l, "└", "┴", "┘");
    footer(r);
}

static void markdown_row(const render *r, const layout *l, char *const *cells)
{
    text t = {0}, escaped = {0};

    for (size_t i = 0; i < r->n_columns; i++) {
        text_clear(&escaped);
        text_add(&escaped, "", 0);
        for (const char *at = one_line(&t, r, cells[i]); *at; at++) {
            if (*at == '|') text_puts(&escaped, "\\");
            text_add(&escaped, at, 1);
        }
        fputs("| ", r->out);
        put_cell(r, escaped.at, l->widths[i], r->numeric[i] ? ALIGN_RIGHT : ALIGN_LEFT);
        fputs(" ", r->out);
    }
    fputs("|\n", r->out);
    text_release(&t);
    text_release(&escaped);
}

void render_markdown(render *r)
{
    layout l = {.widths = pool_alloc(&r->keep, (r->n_columns + 1) * sizeof *l.widths)};

    for (size_t i = 0; i < r->n_columns; i++) l.widths[i] = widest(r, i);
    markdown_row(r, &l, r->names);
    for (size_t i = 0; i < r->n_columns; i++) {
        fputs("|", r->out);
        for (size_t k = 0; k < l.widths[i] + 1; k++) fputs("-", r->out);
        fputs(r->numeric[i] ? ":" : "-", r->out);
    }
    fputs("|\n", r->out);
    for (size_t i = 0; i < kept_rows(r); i++) markdown_row(r, &l, kept_row(r, i));
    if (kept_rows(r) < r->n_rows) footer(r);
}
