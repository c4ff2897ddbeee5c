/* cli/dot.c -- the shell's own commands; each is one line of a table. */
#include "shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8 };

typedef struct command {
    const char *name, *arguments, *help;
    bool (*run)(shell *sh, size_t n_words, char **words);
} command;

static bool wrong(const char *what, const char *given)
{
    fprintf(stderr, "%s: %s; see .help\n", what, given);
    return false;
}

static bool run_sql(shell *sh, const char *sql) { return shell_run(sh, sql, strlen(sql)); }

static bool dot_tables(shell *sh, size_t n_words, char **words)
{
    (void)n_words, (void)words;
    return run_sql(sh, "SHOW TABLES");
}

static void describe_sql(text *sql, const char *table)
{
    text_puts(sql, "DESCRIBE \"");
    for (const char *at = table; *at; at++)
        text_add(sql, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
    text_puts(sql, "\"");
}

/* A name as SQL writes it: in quotes unless it is a plain word. */
static void print_name(const char *name)
{
    if (name[0] && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")] &&
        !strchr("0123456789", name[0])) {
        fputs(name, stdout);
        return;
    }
    fputs("\"", stdout);
    for (const char *at = name; *at; at++) {
        if (*at == '"') fputs("\"", stdout);
        fputc(*at, stdout);
    }
    fputs("\"", stdout);
}

static void print_column(void *user, const char *name, const char *type)
{
    size_t *n = user;

    fputs((*n)++ ? ", " : "(", stdout);
    print_name(name);
    printf(" %s", type);
}

/* name(column TYPE, ...) */
static void print_table(void *user, const char *name, const char *unused)
{
    shell *sh = user;
    text sql = {0};
    size_t n = 0;

    (void)unused;
    describe_sql(&sql, name);
    print_name(name);
    shell_each(sh, sql.at, print_column, &n);
    printf("%s\n", n ? ")" : "");
    text_release(&sql);
}

static bool dot_schema(shell *sh, size_t n_words, char **words)
{
    text sql = {0};

    if (n_words < 2) return shell_each(sh, "SHOW TABLES", print_table, sh);
    describe_sql(&sql, words[1]);
    const bool good = run_sql(sh, sql.at);
    text_release(&sql);
    return good;
}

static bool dot_mode(shell *sh, size_t n_words, char **words)
{
    if (n_words < 2) {
        printf("mode: %s\n", render_mode_names[sh->mode]);
        return true;
    }
    const render_mode mode = render_mode_of(words[1]);

    if (mode == RENDER_MODES) return wrong("no such mode", words[1]);
    sh->mode = mode;
    return true;
}

static bool dot_timer(shell *sh, size_t n_words, char **words)
{
    if (n_words < 2) sh->timer = !sh->timer;
    else if (strcmp(words[1], "on") == 0) sh->timer = true;
    else if (strcmp(words[1], "off") == 0) sh->timer = false;
    else return wrong("on or off", words[1]);
    if (n_words < 2) printf("timer: %s\n", sh->timer ? "on" : "off");
    return true;
}

static bool dot_maxrows(shell *sh, size_t n_words, char **words)
{
    long rows;

    if (n_words < 2) {
        printf("maxrows: %zu\n", sh->rows_max);
        return true;
    }
    if (!text_number(words[1], strlen(words[1]), &rows) || rows < 0)
        return wrong("not a number of rows", words[1]);
    sh->rows_max = (size_t)rows;
    return true;
}

static bool dot_read(shell *sh, size_t n_words, char **words)
{
    text content = {0};
    bool good = false;

    if (n_words < 2) return wrong("which file", ".read FILE");
    if (text_read_file(words[1], &content))
        good = shell_run_all(sh, words[1], content.at, content.n);
    else fprintf(stderr, "%s: %s\n", words[1], strerror(errno));
    text_release(&content);
    return good;
}

static bool dot_quit(shell *sh, size_t n_words, char **words)
{
    (void)n_words, (void)words;
    sh->leave = true;
    return true;
}

static bool dot_help(shell *sh, size_t n_words, char **words);

static const command commands[] = {
    {".help", "", "this list", dot_help},
    {".maxrows", "[N]", "rows shown of a result; 0: all", dot_maxrows},
    {".mode", "[box|csv|json|jsonlines|markdown]", "how results are written", dot_mode},
    {".quit", "", "leave (Ctrl-D does too)", dot_quit},
    {".read", "FILE", "run the statements of a file", dot_read},
    {".schema", "[TABLE]", "columns of one table or of all", dot_schema},
    {".tables", "", "names of tables and views", dot_tables},
    {".timer", "[on|off]", "show how long statements take", dot_timer},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static bool dot_help(shell *sh, size_t n_words, char **words)
{
    (void)sh, (void)n_words, (void)words;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const command *c = &commands[i];

        printf("%-9s %-34s %s\n", c->name, c->arguments, c->help);
    }
    printf("A statement ends with a semicolon and may take several lines. Ctrl-C stops it.\n");
    return true;
}

bool shell_dot(shell *sh, const char *line)
{
    char *words[WORDS_MAX];
    size_t n_words = 0;
    pool p = {0};
    bool good = false;

    while (n_words < WORDS_MAX) {
        line += strspn(line, " \t;");
        const size_t n = strcspn(line, " \t;");

        if (n == 0) break;
        words[n_words++] = pool_copy(&p, line, n);
        line += n;
    }
    const command *found = NULL;
    for (size_t i = 0; i < N_COMMANDS && n_words; i++)
        if (strcmp(commands[i].name, words[0]) == 0) found = &commands[i];
    if (n_words && strcmp(words[0], ".exit") == 0) good = dot_quit(sh, n_words, words);
    else if (found) good = found->run(sh, n_words, words);
    else wrong("no such command", n_words ? words[0] : ".");
    pool_release(&p);
    fflush(stdout);
    return good;
}
