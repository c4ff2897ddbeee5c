/* cli/editor.c -- the interactive loop on libedit: prompt, lines, history.
 *
 * A statement may take several lines; it is run when its semicolon comes and is one entry of the
 * history, kept in the file of PENSTOCK_HISTORY or ~/.penstock_history. */
#include "shell.h"

#include "split.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HISTORY_SIZE = 5000, KEY_PAUSE_MS = 50 };

typedef struct editor {
    EditLine *line;
    History *history;
    text path;      /* of the history file; empty: none */
    text statement; /* typed so far */
} editor;

static char *prompt(EditLine *line)
{
    static char first[] = "penstock> ", more[] = "     ...> ";
    void *data = NULL;

    el_get(line, EL_CLIENTDATA, &data);
    const editor *ed = data;
    return ed && ed->statement.n ? more : first;
}

/* What a code point's first byte says: how many bytes follow; its own bits. */
static int utf8_rest(unsigned char first, wchar_t *bits)
{
    if (first < 0x80) return *bits = first, 0;
    if ((first & 0xe0) == 0xc0) return *bits = first & 0x1f, 1;
    if ((first & 0xf0) == 0xe0) return *bits = first & 0x0f, 2;
    return *bits = first & 0x07, 3;
}

/* libedit's key reader. A signal that comes just before a read() would not end it, so this waits
 * in short pauses and looks whether Ctrl-C was pressed: 1: a key, 0: the end, -1: pressed. */
static int read_key(EditLine *line, wchar_t *key)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    unsigned char byte;

    (void)line;
    for (int rest = -1; rest != 0;) {
        if (signals_pressed()) return -1;
        if (poll(&input, 1, KEY_PAUSE_MS) <= 0) continue;
        const ssize_t n = read(STDIN_FILENO, &byte, 1);

        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        /* what the kernel makes of a Ctrl-D that was pressed before the terminal was in raw mode */
        if (byte == 0) continue;
        if (rest < 0) {
            rest = utf8_rest(byte, key);
        } else {
            *key = (wchar_t)(*key << 6 | (byte & 0x3f));
            rest--;
        }
    }
    return 1;
}

static void open_history(editor *ed)
{
    const char *file = getenv("PENSTOCK_HISTORY"), *home = getenv("HOME");
    HistEvent event;

    ed->history = history_init();
    if (!ed->history) return;
    history(ed->history, &event, H_SETSIZE, HISTORY_SIZE);
    history(ed->history, &event, H_SETUNIQUE, 1);
    if (file) text_puts(&ed->path, file);
    else if (home && home[0]) text_printf(&ed->path, "%s/.penstock_history", home);
    if (ed->path.n) history(ed->history, &event, H_LOAD, ed->path.at);
    el_set(ed->line, EL_HIST, history, ed->history);
}

static void remember(editor *ed, const char *entry)
{
    HistEvent event;
    text one = {0};

    if (!ed->history) return;
    /* lines stay lines: a comment ends at its line's end, a text may go over several */
    text_puts(&one, entry + strspn(entry, " \t\r\n"));
    while (one.n && strchr(" \t\r\n", one.at[one.n - 1])) one.at[--one.n] = 0;
    if (one.n) history(ed->history, &event, H_ENTER, one.at);
    text_release(&one);
}

static void close_history(editor *ed)
{
    HistEvent event;

    if (!ed->history) return;
    if (ed->path.n) history(ed->history, &event, H_SAVE, ed->path.at);
    history_end(ed->history);
    text_release(&ed->path);
}

/* Runs every complete statement of what was typed; the rest stays. */
static void run_complete(shell *sh, editor *ed)
{
    size_t n;

    while (!sh->leave && (n = split_statement(ed->statement.at, ed->statement.n)) > 0) {
        text one = {0};

        text_add(&one, ed->statement.at, n);
        remember(ed, one.at);
        shell_run(sh, one.at, one.n);
        text_release(&one);
        memmove(ed->statement.at, ed->statement.at + n, ed->statement.n - n + 1);
        ed->statement.n -= n;
    }
    if (split_is_empty(ed->statement.at, ed->statement.n)) text_clear(&ed->statement);
}

/* What people of other shells type for .quit and .help. */
static bool is_word_of_dot(const char *line)
{
    static const char *const words[] = {"quit", "exit", "help"};
    const size_t n = strcspn(line, " ;\t\r\n");

    if (line[n + strspn(line + n, " ;\t\r\n")]) return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (n == strlen(words[i]) && strncmp(line, words[i], n) == 0) return true;
    return false;
}

static void take_line(shell *sh, editor *ed, const char *line)
{
    const char *start = line + strspn(line, " \t");
    const bool word = is_word_of_dot(start);

    if (ed->statement.n == 0 && (start[0] == '.' || word)) {
        text command = {0};

        if (word) text_puts(&command, ".");
        text_add(&command, start, strcspn(start, "\r\n"));
        remember(ed, command.at);
        shell_dot(sh, command.at);
        text_release(&command);
        return;
    }
    text_puts(&ed->statement, line);
    run_complete(sh, ed);
}

void shell_interact(shell *sh)
{
    editor ed = {.line = el_init("penstock", stdin, stdout, stderr)};
    int n;

    if (!ed.line) return;
    text_add(&ed.statement, "", 0);
    el_set(ed.line, EL_CLIENTDATA, &ed);
    el_set(ed.line, EL_PROMPT, prompt);
    el_set(ed.line, EL_EDITOR, "emacs");
    el_set(ed.line, EL_SIGNAL, 0);
    el_set(ed.line, EL_GETCFN, read_key);
    el_set(ed.line, EL_BIND, "^R", "em-inc-search-prev", NULL);
    open_history(&ed);
    el_source(ed.line, NULL);
    printf("Penstock %s. Statements end with a semicolon; .help for more.\n", ps_version());
    while (!sh->leave) {
        signals_arm(false); /* Ctrl-C at the prompt cancels nothing, but is noticed */
        errno = 0;
        const char *line = el_gets(ed.line, &n);
        const bool pressed = signals_disarm();

        if (pressed) { /* drop what was typed */
            text_clear(&ed.statement);
            el_reset(ed.line);
            fputs("\n", stdout);
            continue;
        }
        if (!line || n <= 0) break;
        take_line(sh, &ed, line);
    }
    close_history(&ed);
    text_release(&ed.statement);
    el_end(ed.line);
}
