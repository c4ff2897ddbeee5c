/* tests/runner/play.c -- runs the records of one script. See play.h.
 *
 * Each file has an instance of its own, a directory for what it writes (${DIR}) that is removed
 * afterwards, and variables of its loops. A failing record is told with what was expected and
 * what came; the records after it still run. */
#include "play.h"

#include "lost.h"
#include "values.h"

#include <dirent.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VARIABLES_MAX = 8, LABELS_MAX = 4096, SHOWN_LINES = 12, BAD_RUNS_MAX = 3 };

/* What fails in a sweep, and how a run that met it may end beside the way it ends without. */
typedef struct sweep_kind {
    const char *name;
    ps_status status; /* PS_OK: in no other way */
    bool always;      /* and in none but this one */
    bool first;       /* "all" from the first one on is enough: they are as good as any */
} sweep_kind;

static const sweep_kind ALLOCATIONS[] = {{"allocation", PS_MEMORY, false, false}};
static const sweep_kind CALLS[] = {
    {"EIO", PS_IO, false, false},  {"ENOSPC", PS_DISK_FULL, false, false},
    {"EINTR", PS_OK, false, true}, {"SHORT", PS_OK, false, true},
    {"FLIP", PS_IO, true, true},   {"CUT", PS_IO, true, true},
    {"ZERO", PS_IO, true, true},
};

/* Where a sweep over what one record does is. */
typedef struct sweep {
    fault fault;          /* of the next run; n 0: no sweep */
    const sweep_kind *of; /* what its faults are */
    bool over;            /* the run met no fault */
    bool done; /* a run succeeded: the statement may fail for that when it is run again */
} sweep;

typedef struct label {
    const char *name;
    char *hash;
} label;

typedef struct player {
    pool keep; /* lives as long as the file is played */
    pool step; /* of one record */
    const configuration *config;
    const play_options *options;
    script script;
    db *db;
    tally *tally;
    char dir[64];
    const char *names[VARIABLES_MAX], *values[VARIABLES_MAX];
    size_t n_variables;
    label *labels;
    size_t n_labels;
    long threshold;
    char **fresh; /* by record: the new expected text, where it changes (update) */
    bool stopped;
    const record *prepare; /* of the next record; NULL: none */
    bool tainted;          /* a statement failed: what tables hold is not what the script expects */
    sweep sweep;
} player;

/* ---- configurations */

bool configuration_read(pool *p, const char *path, configuration *out, char **why)
{
    text content = {0};
    char *line, *rest;
    const char *base = strrchr(path, '/');

    *out = (configuration){0};
    base = base ? base + 1 : path;
    out->name = pool_copy(p, base, strcspn(base, "."));
    const bool read = text_read_file(path, &content);
    rest = pool_copy(p, content.at, content.n);
    text_release(&content);
    if (!read) {
        *why = strerror(errno);
        return false;
    }
    while ((line = strsep(&rest, "\n"))) {
        if (strncmp(line, "skip ", 5) == 0 && out->n_skips < PLAY_SETS_MAX) {
            out->skips[out->n_skips++] = line + 5;
        } else if (line[0] && line[0] != '#' && out->n_sets < PLAY_SETS_MAX) {
            out->sets[out->n_sets++] = line;
        }
    }
    return true;
}

/* ---- variables, temporary directories */

static const char *variable(const player *pl, const char *name, size_t n)
{
    for (size_t i = pl->n_variables; i-- > 0;)
        if (strlen(pl->names[i]) == n && memcmp(pl->names[i], name, n) == 0) return pl->values[i];
    if (n == 3 && memcmp(name, "DIR", n) == 0) return pl->dir;
    if (n == 4 && memcmp(name, "ROOT", n) == 0) return pl->options->root;
    return NULL;
}

/* Replaces ${NAME}; other text stays as it is. */
static char *expand(player *pl, const char *in)
{
    text t = {0};

    for (const char *at = in; *at;) {
        const char *end = at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;
        const char *value = end ? variable(pl, at + 2, (size_t)(end - at - 2)) : NULL;

        if (value) {
            text_puts(&t, value);
            at = end + 1;
        } else {
            text_add(&t, at++, 1);
        }
    }
    char *out = pool_copy(&pl->step, t.at ? t.at : "", t.n);
    text_release(&t);
    return out;
}

/* The reverse for paths in messages: the name of this run's directory is not what a test expects.
 */
static char *hide_paths(player *pl, const char *in)
{
    const size_t n = strlen(pl->dir);
    text t = {0};

    while (*in) {
        const bool here = n && strncmp(in, pl->dir, n) == 0;

        text_add(&t, here ? "${DIR}" : in, here ? 6 : 1);
        in += here ? n : 1;
    }
    char *out = pool_copy(&pl->step, t.at ? t.at : "", t.n);
    text_release(&t);
    return out;
}

static void remove_tree(const char *path, int depth)
{
    DIR *dir = depth < 8 ? opendir(path) : NULL;
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        text child = {0};
        struct stat st;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        text_printf(&child, "%s/%s", path, entry->d_name);
        if (lstat(child.at, &st) == 0 && S_ISDIR(st.st_mode)) remove_tree(child.at, depth + 1);
        else unlink(child.at);
        text_release(&child);
    }
    if (dir) closedir(dir);
    rmdir(path);
}

/* ---- judging */

static void show_lines(const char *head, char *const *lines, size_t n)
{
    printf("    %s\n", head);
    for (size_t i = 0; i < n && i < SHOWN_LINES; i++) printf("      %s\n", lines[i]);
    if (n > SHOWN_LINES) printf("      ... %zu lines\n", n);
}

static void fail(player *pl, const record *r, const char *what, const char *detail)
{
    pl->tally->failed++;
    printf("%s:%zu: %s", pl->script.path, r->line, what);
    for (size_t i = 0; i < pl->n_variables; i++) printf(" [%s=%s]", pl->names[i], pl->values[i]);
    printf("\n");
    if (detail) printf("    %s\n", detail);
    if (r->sql) printf("    statement: %.1000s\n", r->sql);
}

static void fail_status(player *pl, const record *r, const char *what, const result *res)
{
    pl->tally->unsupported += res->status == PS_UNSUPPORTED;
    fail(pl, r, what, res->message);
}

static size_t record_index(const player *pl, const record *r)
{
    return (size_t)(r - pl->script.records);
}

/* Notes the new expectation of a failing record; false where the file is not to be changed. */
static bool update(player *pl, const record *r, char *const *lines, size_t n_lines)
{
    text t = {0};

    if (!pl->options->update || pl->n_variables) return false;
    for (size_t i = 0; i < n_lines; i++) text_printf(&t, "%s\n", lines[i]);
    pl->fresh[record_index(pl, r)] = pool_copy(&pl->keep, t.at ? t.at : "", t.n);
    text_release(&t);
    printf("%s:%zu: updated\n", pl->script.path, r->line);
    return true;
}

/* A message matches the beginning "CODE: text", a part of it, or <REGEX>:pattern as a whole. */
static bool message_matches(player *pl, const char *message, const char *expected)
{
    static const char marker[] = "<REGEX>:";
    regex_t pattern;
    text whole = {0};

    if (strncmp(expected, marker, sizeof marker - 1) != 0) return strstr(message, expected) != NULL;
    text_printf(&whole, "^(%s)$", expected + sizeof marker - 1);
    const int bad = regcomp(&pattern, whole.at, REG_EXTENDED | REG_NOSUB);
    text_release(&whole);
    if (bad) {
        printf("%s: a pattern that does not compile: %s\n", pl->script.path, expected);
        return false;
    }
    const bool found = regexec(&pattern, message, 0, NULL, 0) == 0;
    regfree(&pattern);
    return found;
}

static char *joined(player *pl, char *const *lines, size_t n)
{
    text t = {0};

    for (size_t i = 0; i < n; i++) text_printf(&t, "%s%s", i ? "\n" : "", lines[i]);
    char *out = expand(pl, t.at ? t.at : "");
    text_release(&t);
    return out;
}

/* Whether the error of a failed system call says where. */
static bool is_told(const player *pl, const result *res, const char *call)
{
    const char *tmp = getenv("TMPDIR");

    return !pl->options->io || strcmp(call, "getrandom") == 0 || strstr(res->message, pl->dir) ||
           strstr(res->message, tmp && tmp[0] ? tmp : "/tmp") || strstr(res->message, "tests/data");
}

/* A run that met its fault, and ended in its error or (failed false) as without: the session goes
 * on, no file changed. */
static void judge_fault(player *pl, const record *r, const result *res, const char *call,
                        uint64_t folder)
{
    /* A file that can't be taken away stays, and one whose directory can't be synced is there. */
    const bool may_stay = strcmp(call, "unlink") == 0 || (pl->sweep.fault.all && call[0]);
    const bool placed = strstr(res->message, "syncing the directory") != NULL;
    const long n_left = lost_leftovers(pl->dir);
    result after;

    pl->tally->faulty++;
    db_run(pl->db, &pl->step, "SELECT 1", &after);
    if (after.status != PS_OK || after.n_rows != 1)
        fail(pl, r, "the session can't be used after an error", after.message);
    else if (!is_told(pl, res, call)) fail(pl, r, "an error that doesn't say where", res->message);
    else if (n_left && !may_stay) fail(pl, r, "temporary files were left", res->message);
    else if (lost_folder(pl->dir) != folder && !placed)
        fail(pl, r, "a statement that failed left files changed", res->message);
    else pl->tally->passed++;
}

/* Runs a statement of the script. True: what came is to be judged; false: a run of a sweep that
 * ended early, and was judged here. */
static bool run_sql(player *pl, const record *r, const char *sql, result *out)
{
    sweep *s = &pl->sweep;
    const uint64_t folder = s->fault.n ? lost_folder(pl->dir) : 0;
    const fault nothing = {.kind = s->fault.kind};
    char call[16];

    if (s->fault.n) db_fault(pl->db, &s->fault);
    db_run(pl->db, &pl->step, sql, out);
    if (!s->fault.n) return true;
    const bool came = db_fault_came(pl->db, &s->fault, call);
    db_fault(pl->db, &nothing);
    pl->tally->runs += came;
    s->over = !came;
    if (came && out->status != PS_OK && out->status == s->of->status) {
        judge_fault(pl, r, out, call, folder);
        return false;
    }
    if (came && s->of->always) {
        fail(pl, r, "what came back damaged was not noticed", out->message);
        return false;
    }
    if (s->done && r->kind == RECORD_STATEMENT && !r->wants_error && out->status != PS_OK) {
        s->over = true; /* CREATE of what is there by now */
        return false;
    }
    s->done |= out->status == PS_OK;
    if (lost_leftovers(pl->dir) && strcmp(call, "unlink") != 0 && !s->fault.all)
        fail(pl, r, "temporary files were left", out->message);
    return true;
}

static void judge_error(player *pl, const record *r, const result *res)
{
    if (res->status == PS_OK) {
        fail(pl, r, "expected an error, but it succeeded", NULL);
        return;
    }
    if (res->status == PS_INTERNAL) { /* a bug is never what a test expects */
        fail(pl, r, "internal error", res->message);
        return;
    }
    if (!r->has_expected && !pl->options->update) {
        pl->tally->passed++;
        return;
    }
    char *message = hide_paths(pl, res->message);
    const char *expected = hide_paths(pl, joined(pl, r->lines, r->n_lines));

    if ((r->has_expected && message_matches(pl, message, expected)) || update(pl, r, &message, 1)) {
        pl->tally->passed++;
        return;
    }
    fail(pl, r, "another error than expected", message);
    show_lines("expected:", r->lines, r->n_lines);
}

static void play_statement(player *pl, const record *r)
{
    result res;

    if (!run_sql(pl, r, expand(pl, r->sql), &res)) return;
    if (r->wants_error) {
        judge_error(pl, r, &res);
    } else if (res.status != PS_OK) {
        pl->tainted = true;
        fail_status(pl, r, "statement failed", &res);
    } else {
        pl->tally->passed++;
    }
}

/* Queries of one label must have one answer. */
static bool same_as_label(player *pl, const record *r, const result *res)
{
    if (!r->label) return true;
    char *hash = values_hash(&pl->step, res);

    for (size_t i = 0; i < pl->n_labels; i++)
        if (strcmp(pl->labels[i].name, r->label) == 0) return strcmp(pl->labels[i].hash, hash) == 0;
    if (pl->n_labels < LABELS_MAX) {
        pl->labels = pool_grow(&pl->keep, pl->labels, pl->n_labels, sizeof *pl->labels);
        pl->labels[pl->n_labels++] =
            (label){.name = r->label, .hash = pool_copy(&pl->keep, hash, strlen(hash))};
    }
    return true;
}

static void judge_rows(player *pl, const record *r, result *res)
{
    const bool sqlite = pl->options->sqlite;
    const size_t n_values = res->n_rows * res->n_cols;
    char **expected = pool_alloc(&pl->step, (r->n_lines + 1) * sizeof *expected);

    for (size_t i = 0; i < r->n_lines; i++) expected[i] = expand(pl, r->lines[i]);
    values_format(&pl->step, res, r->word, sqlite);
    values_sort(&pl->step, res, r->sort);
    const bool matches = !r->has_expected
                             ? !pl->options->update
                             : values_match(&pl->step, res, expected, r->n_lines, sqlite);
    const bool labelled = same_as_label(pl, r, res);

    if (matches && labelled) {
        pl->tally->passed++;
        return;
    }
    outcome_text came = values_lines(&pl->step, res, sqlite);
    if (pl->threshold > 0 && n_values > (size_t)pl->threshold) {
        came.lines = pool_alloc(&pl->step, sizeof *came.lines);
        came.lines[0] = values_hash(&pl->step, res);
        came.n_lines = 1;
    }
    if (labelled && update(pl, r, came.lines, came.n_lines)) {
        pl->tally->passed++;
        return;
    }
    if (pl->tainted) pl->tally->tainted++;
    else pl->tally->wrong++;
    fail(pl, r, matches ? "another result than before under this label" : "wrong result", NULL);
    show_lines("expected:", expected, r->n_lines);
    show_lines("came:", came.lines, came.n_lines);
}

static void play_query(player *pl, const record *r)
{
    result res;

    if (!run_sql(pl, r, expand(pl, r->sql), &res)) return;
    if (res.status != PS_OK) {
        fail_status(pl, r, "query failed", &res);
    } else if (res.n_cols != strlen(r->word)) {
        char detail[96];

        snprintf(detail, sizeof detail, "%zu columns, the test has %zu", res.n_cols,
                 strlen(r->word));
        fail(pl, r, "wrong number of columns", detail);
    } else {
        judge_rows(pl, r, &res);
    }
}

static void play_plan(player *pl, const record *r)
{
    const bool bound = strcmp(r->word, "bound") == 0;
    result res;
    text sql = {0};
    char *plan, *line;
    char **lines = NULL;
    size_t n_lines = 0;

    text_printf(&sql, "EXPLAIN (%s) %s", bound ? "bound" : "optimized", expand(pl, r->sql));
    const bool came = run_sql(pl, r, sql.at, &res);
    text_release(&sql);
    if (!came) return;
    if (res.status != PS_OK || res.n_rows == 0) {
        fail_status(pl, r, "explain failed", &res);
        return;
    }
    plan = joined(pl, res.cells, res.n_rows); /* one column: a row a line, or one text */
    while ((line = strsep(&plan, "\n"))) {
        if (!line[0]) continue;
        lines = pool_grow(&pl->step, lines, n_lines, sizeof *lines);
        lines[n_lines++] = line;
    }
    bool same = n_lines == r->n_lines && r->has_expected;
    for (size_t i = 0; same && i < n_lines; i++) same = strcmp(lines[i], r->lines[i]) == 0;
    if (same || update(pl, r, lines, n_lines)) {
        pl->tally->passed++;
        return;
    }
    pl->tally->wrong++;
    fail(pl, r, "another plan than expected", NULL);
    show_lines("expected:", r->lines, r->n_lines);
    show_lines("came:", lines, n_lines);
}

/* ---- directives */

static bool has_feature(const player *pl, const char *name)
{
    static const char *const ours[] = {"parquet", "csv", "json"};

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(name, ours[i]) == 0) return true;
    if (strcmp(name, "shared") == 0) { /* other projects' files, where the machine has them */
        text path = {0};

        text_printf(&path, "%s/../shared/corpora", pl->options->root);
        const bool there = access(path.at, R_OK) == 0;
        text_release(&path);
        return there;
    }
    return false;
}

static void play_config(player *pl, const record *r)
{
    bool named = false;

    for (size_t i = 0; i < r->n_lines; i++) named |= strcmp(r->lines[i], pl->config->name) == 0;
    if (named == (strcmp(r->word, "skip") == 0)) pl->tally->left_out = pl->stopped = true;
}

static void run_settings(player *pl, const record *r)
{
    for (size_t i = 0; i < pl->config->n_sets && !pl->stopped; i++) {
        result res;

        db_run(pl->db, &pl->step, pl->config->sets[i], &res);
        if (res.status == PS_OK) continue;
        fail(pl, r, "the configuration can't be set", res.message);
        printf("    %s: %s\n", pl->config->name, pl->config->sets[i]);
        pl->stopped = true;
    }
}

static void play_session(player *pl, const record *r)
{
    char *why = NULL;
    bool fresh = true;

    for (const record *before = pl->script.records; before < r; before++)
        fresh &= before->kind != RECORD_SESSION || strcmp(before->word, r->word) != 0;
    if (!db_session(pl->db, &pl->keep, r->word, &why)) {
        fail(pl, r, "no session", why);
        pl->stopped = true;
    } else if (fresh) {
        run_settings(pl, r);
    }
}

static void play_records(player *pl, size_t first, size_t end);

static void play_loop(player *pl, const record *r)
{
    const size_t first = record_index(pl, r) + 1;

    for (size_t i = 0; i < r->n_lines && !pl->stopped; i++) {
        pl->names[pl->n_variables] = r->word;
        pl->values[pl->n_variables++] = r->lines[i];
        play_records(pl, first, r->partner);
        pl->n_variables--;
    }
}

static void play_sql(player *pl, const record *r)
{
    switch (r->kind) {
    case RECORD_STATEMENT: play_statement(pl, r); break;
    case RECORD_QUERY: play_query(pl, r); break;
    default: play_plan(pl, r); break;
    }
}

/* What a record stands on, made anew. */
static bool prepared(player *pl)
{
    result res;

    if (!pl->prepare) return true;
    db_run(pl->db, &pl->step, expand(pl, pl->prepare->sql), &res);
    if (res.status != PS_OK) fail_status(pl, pl->prepare, "what prepares a record failed", &res);
    return res.status == PS_OK;
}

/* What comes after the n-th one. TORTURE_SOME takes ever larger steps, as do system calls of which
 * all that follow fail too: there are thousands. */
static long sweep_step(const player *pl, long n, bool all)
{
    const bool some = pl->options->torture == TORTURE_SOME;

    if (pl->options->io) return 1 + (some ? n / 3 : all ? n / 8 : 0);
    return 1 + (some ? n / (all ? 4 : 8) : 0);
}

/* Runs with the first one failing, with the second one, ..., until a run has none left to fail;
 * with `all` each time also those that follow it. */
static void sweep_runs(player *pl, const record *r, const sweep_kind *of, bool all)
{
    long n_bad = 0;

    pl->sweep.of = of;
    pl->sweep.over = false;
    for (long n = 1; !pl->sweep.over && n_bad < BAD_RUNS_MAX; n += sweep_step(pl, n, all)) {
        const long n_failed = pl->tally->failed;

        pl->sweep.fault = pl->tally->fault = (fault){of->name, n, all};
        if (prepared(pl)) play_sql(pl, r);
        if (pl->tally->failed > n_failed) {
            n_bad++;
            printf("    with %s %ld failing%s\n", of->name, n, all ? ", and all after it" : "");
        }
        fflush(stdout);
        pool_release(&pl->step);
        if (all && of->first) break;
    }
    pl->sweep.fault = pl->tally->fault = (fault){0};
}

/* Open descriptors, but the files that tables are in: those live as long as the tables. */
static long open_descriptors(player *pl)
{
    result files;

    db_run(pl->db, &pl->step,
           "SELECT count(*) FROM penstock_spill_files() WHERE operator = 'tables'", &files);
    const long n_tables = files.n_rows == 1 ? strtol(files.cells[0], NULL, 10) : 0;
    pool_release(&pl->step);
    return lost_descriptors() - n_tables;
}

static void sweep_record(player *pl, const record *r)
{
    const bool io = pl->options->io;
    const long n_open = open_descriptors(pl);

    pl->sweep = (sweep){0};
    pl->tally->line = r->line;
    for (size_t k = 0; k < (io ? sizeof CALLS / sizeof *CALLS : 1); k++)
        for (int all = 0; all < 2; all++) sweep_runs(pl, r, io ? &CALLS[k] : &ALLOCATIONS[k], all);
    if (open_descriptors(pl) > n_open) fail(pl, r, "files were left open", NULL);
    if (!lost_memory()) return;
    fail(pl, r, "memory was lost", NULL);
    pl->stopped = true; /* every later look would find the same again */
}

static void play_record(player *pl, const record *r)
{
    switch (r->kind) {
    case RECORD_STATEMENT:
    case RECORD_QUERY:
    case RECORD_PLAN:
        if (pl->options->torture) sweep_record(pl, r);
        else if (prepared(pl)) play_sql(pl, r);
        pl->prepare = NULL;
        break;
    case RECORD_PREPARE: pl->prepare = r; break;
    case RECORD_LOOP: play_loop(pl, r); break;
    case RECORD_END: break;
    case RECORD_HALT: pl->stopped = true; break;
    case RECORD_THRESHOLD: pl->threshold = r->number; break;
    case RECORD_CONFIG: play_config(pl, r); break;
    case RECORD_SESSION: play_session(pl, r); break;
    case RECORD_REQUIRE:
        if (!has_feature(pl, r->word)) pl->tally->left_out = pl->stopped = true;
        break;
    }
}

/* The depth of loops is bounded by script_parse(). */
static void play_records(player *pl, size_t first, size_t end)
{
    for (size_t i = first; i < end && !pl->stopped; i++) {
        const record *r = &pl->script.records[i];

        if (r->skipped) {
            pl->tally->skipped += r->kind <= RECORD_PLAN;
        } else {
            play_record(pl, r);
            fflush(stdout);
        }
        if (r->kind == RECORD_LOOP) i = r->partner;
        pool_release(&pl->step);
    }
}

/* ---- the whole file */

static void rewrite(player *pl)
{
    text out = {0};
    size_t at = 0;

    for (size_t i = 0; i < pl->script.n_records; i++) {
        const record *r = &pl->script.records[i];

        if (!pl->fresh[i]) continue;
        for (; at < r->sql_end; at++) text_printf(&out, "%s\n", pl->script.lines[at]);
        text_printf(&out, "----\n%s", pl->fresh[i]);
        at = r->expected_end;
    }
    if (at == 0) {
        text_release(&out);
        return;
    }
    for (; at < pl->script.n_lines; at++) text_printf(&out, "%s\n", pl->script.lines[at]);
    if (!text_write_file(pl->script.path, &out))
        printf("%s: can't be written: %s\n", pl->script.path, strerror(errno));
    text_release(&out);
}

static bool is_left_out(const player *pl, const char *path)
{
    for (size_t i = 0; i < pl->config->n_skips; i++) {
        const char *skip = pl->config->skips[i];
        const size_t n = strcspn(skip, " ");
        const char *found = memmem(path, strlen(path), skip, n);

        if (n && found && found[n] == 0) return true;
    }
    return false;
}

static void play_script(player *pl)
{
    static const record start = {.line = 1};
    const long n_threads = lost_threads();
    char *why = NULL;

    pl->fresh = pool_alloc(&pl->keep, (pl->script.n_records + 1) * sizeof *pl->fresh);
    pl->db = db_open(&pl->keep, &why);
    if (!pl->db) {
        fail(pl, &start, "no instance", why);
        return;
    }
    run_settings(pl, &start);
    play_records(pl, 0, pl->script.n_records);
    db_close(pl->db);
    if (pl->options->torture && lost_threads() > n_threads)
        fail(pl, &start, "threads were left running", NULL);
    if (pl->options->update) rewrite(pl);
}

void play_file(const char *path, const configuration *config, const play_options *options,
               tally *out)
{
    player pl = {.config = config, .options = options, .tally = out};
    const char *tmp = getenv("TMPDIR");
    text content = {0};

    *out = (tally){0};
    snprintf(pl.dir, sizeof pl.dir, "%.40s/slt-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
    if (is_left_out(&pl, path)) {
        out->left_out = out->done = true;
        return;
    }
    if (!text_read_file(path, &content) || !mkdtemp(pl.dir)) {
        printf("%s: %s\n", path, strerror(errno));
        out->failed = 1;
        text_release(&content);
        return;
    }
    script_parse(&pl.keep, path, &content, &pl.script);
    text_release(&content);
    if (pl.script.mistake) {
        printf("%s\n", pl.script.mistake);
        out->failed++;
    } else {
        play_script(&pl);
    }
    remove_tree(pl.dir, 0);
    pool_release(&pl.step);
    pool_release(&pl.keep);
    out->done = true;
}
