/* cli/main.c -- penstock [OPTION]... [-c SQL]... [FILE]: the shell, over penstock.h only.
 *
 * With -c or FILE it runs those and ends; else it reads stdin: line by line with an editor where a
 * person types, as a script otherwise. Exit codes are in shell.h; README.md of this folder is the
 * manual. */
#include "shell.h"

#include <errno.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX_DEFAULT = 40, SCRIPTS_MAX = 256 };

typedef struct arguments {
    const char *commands[SCRIPTS_MAX];
    size_t n_commands;
    const char *file;
    const char *format; /* NULL: box */
    bool timer, help, version;
} arguments;

static const char usage[] =
    "usage: penstock [OPTION]... [-c SQL]... [FILE]\n"
    "  -c SQL            run this (more than once: in turn)\n"
    "  --format FORMAT   box, csv, json, jsonlines or markdown\n"
    "  --timer           show how long statements take\n"
    "  --version, --help\n"
    "FILE is a script, - or nothing is stdin. Exit code 1: a statement failed; 2: a wrong call;\n"
    "130: stopped by Ctrl-C.\n";

static bool add_command(arguments *a, const char *sql)
{
    if (!sql || a->n_commands == SCRIPTS_MAX) return false;
    a->commands[a->n_commands++] = sql;
    return true;
}

static bool parse_arguments(arguments *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (strcmp(word, "-c") == 0) {
            if (!add_command(a, argv[++i])) return false;
        } else if (strcmp(word, "--format") == 0) {
            a->format = argv[++i];
            if (!a->format) return false;
        } else if (strncmp(word, "--format=", 9) == 0) {
            a->format = word + 9;
        } else if (strcmp(word, "--timer") == 0) {
            a->timer = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            a->help = true;
        } else if (strcmp(word, "--version") == 0) {
            a->version = true;
        } else if ((word[0] == '-' && word[1]) || a->file) {
            return false;
        } else {
            a->file = word;
        }
    }
    return true;
}

static bool run_file(shell *sh, const char *path)
{
    text content = {0};
    const bool is_stdin = strcmp(path, "-") == 0;

    if (!text_read_file(is_stdin ? "/dev/stdin" : path, &content)) {
        fprintf(stderr, "penstock: %s: %s\n", path, strerror(errno));
        text_release(&content);
        return false;
    }
    const bool good = shell_run_all(sh, is_stdin ? NULL : path, content.at, content.n);
    text_release(&content);
    return good;
}

static bool open_session(shell *sh)
{
    ps_error error = {0};

    if (ps_instance_new(NULL, &sh->instance, &error) == PS_OK &&
        ps_session_new(sh->instance, &sh->session, &error) == PS_OK)
        return true;
    shell_print_error(sh, &error);
    return false;
}

static bool run_arguments(shell *sh, const arguments *a)
{
    bool good = true;

    for (size_t i = 0; good && i < a->n_commands; i++)
        good = shell_run_all(sh, NULL, a->commands[i], strlen(a->commands[i]));
    if (good && a->file && !sh->leave) return run_file(sh, a->file);
    if (a->n_commands || a->file) return good;
    if (sh->interactive) {
        shell_interact(sh);
        return true;
    }
    return run_file(sh, "-");
}

int main(int argc, char **argv)
{
    shell sh = {.rows_max = isatty(STDOUT_FILENO) ? ROWS_MAX_DEFAULT : 0,
                .progress = progress_wanted()};
    arguments a = {0};
    int code = EXIT_FAILED;

    if (!parse_arguments(&a, argc, argv)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (a.help || a.version) {
        if (a.help) fputs(usage, stdout);
        else printf("penstock %s\n", ps_version());
        return EXIT_FINE;
    }
    sh.mode = a.format ? render_mode_of(a.format) : RENDER_BOX;
    if (sh.mode == RENDER_MODES) {
        fprintf(stderr, "penstock: no such format: %s\n%s", a.format, usage);
        return EXIT_USAGE;
    }
    setlocale(LC_CTYPE, ""); /* the line editor needs to know that the terminal speaks UTF-8 */
    sh.timer = a.timer;
    sh.interactive = !a.n_commands && !a.file && isatty(STDIN_FILENO);
    if (open_session(&sh) && signals_start(&sh)) {
        const bool good = run_arguments(&sh, &a);

        code = good && shell_flush() ? EXIT_FINE : sh.interrupted ? EXIT_INTERRUPTED : EXIT_FAILED;
    }
    shell_reap(&sh);
    ps_session_free(sh.session);
    ps_instance_free(sh.instance);
    return code;
}
