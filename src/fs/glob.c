/* fs/glob.c -- braces are expanded first, then each path is walked part by part.
 *
 * A directory may be exchanged for another while it is walked (fs/stage.h): what was listed of both
 * would be a mixture. So whoever walked looks at the end whether every directory that was listed is
 * still the one that has its name, and walks again if not. */
#include "fs/glob.h"

#include "base/array.h"
#include "fs/file.h"
#include "fs/sys.h"

#include <errno.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64, BRACES_MAX = 4096, MATCHES_MAX = 1000000, WALKS_MAX = 50 };

typedef PS_ARRAY(ps_str) str_array;

/* A directory that was listed. */
typedef struct listed {
    const char *path;
    dev_t device;
    ino_t inode;
} listed;

typedef struct walk {
    ps_ctx *cx;
    ps_arena *arena;
    str_array found;
    PS_ARRAY(listed) listed;
} walk;

bool ps_glob_is_pattern(ps_str path)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.at[i] && strchr("*?[{", path.at[i])) return true;
    return false;
}

/* A set at pattern[0] == '[': its length, 0 if it has no end; *in tells whether byte is of it. */
static size_t set_match(ps_str p, unsigned char byte, bool *in)
{
    size_t i = 1;
    const bool negated = i < p.n && (p.at[i] == '!' || p.at[i] == '^');

    *in = false;
    i += negated;
    for (size_t first = i; i < p.n && (p.at[i] != ']' || i == first); i++) {
        unsigned char low = (unsigned char)p.at[i], high = low;
        if (i + 2 < p.n && p.at[i + 1] == '-' && p.at[i + 2] != ']') {
            high = (unsigned char)p.at[i + 2];
            i += 2;
        }
        if (byte >= low && byte <= high) *in = true;
    }
    if (i >= p.n) return 0;
    *in ^= negated;
    return i + 1;
}

/* One step of the pattern against the byte at name[*j]: bytes of pattern taken, 0: no match. */
static size_t step_match(ps_str p, ps_str name, size_t *j)
{
    bool in;
    size_t length;

    if (*j >= name.n || p.n == 0) return 0;
    if (p.at[0] == '?') {
        size_t next = *j + 1;
        while (next < name.n && ((unsigned char)name.at[next] & 0xC0) == 0x80) next++;
        *j = next;
        return 1;
    }
    if (p.at[0] == '[' && (length = set_match(p, (unsigned char)name.at[*j], &in)) != 0) {
        if (!in) return 0;
        ++*j;
        return length;
    }
    if (p.at[0] != name.at[*j]) return 0;
    ++*j;
    return 1;
}

bool ps_glob_match(ps_str pattern, ps_str name)
{
    size_t i = 0, j = 0, star_i = SIZE_MAX, star_j = 0;

    if (name.n && name.at[0] == '.' && !(pattern.n && pattern.at[0] == '.')) return false;
    while (j < name.n || i < pattern.n) {
        size_t taken;
        if (i < pattern.n && pattern.at[i] == '*') {
            star_i = ++i, star_j = j; /* try to match nothing first */
            continue;
        }
        taken = step_match((ps_str){pattern.at + i, pattern.n - i}, name, &j);
        if (taken) {
            i += taken;
        } else {
            if (star_i == SIZE_MAX || star_j >= name.n) return false;
            i = star_i, j = ++star_j; /* let the last star take one byte more */
        }
    }
    return true;
}

/* Finds the first group {..}: its ends; false: there is none. */
static bool brace_find(ps_str p, size_t *open, size_t *close)
{
    for (size_t i = 0; i < p.n; i++) {
        uint32_t depth = 0;
        if (p.at[i] != '{') continue;
        for (size_t k = i; k < p.n; k++) {
            depth += p.at[k] == '{';
            depth -= p.at[k] == '}';
            if (depth == 0) {
                *open = i, *close = k;
                return true;
            }
        }
    }
    return false;
}

/* Replaces groups one at a time: a work list, no recursion. */
static ps_status braces_expand(ps_ctx *cx, ps_arena *arena, ps_str pattern, str_array *out)
{
    str_array work = {0};

    PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &work, pattern));
    while (work.n) {
        const ps_str p = work.at[--work.n];
        size_t open, close, start, end_at;
        if (!brace_find(p, &open, &close)) {
            PS_TRY(PS_ARRAY_ADD_IN(cx, arena, out, p));
            continue;
        }
        start = open + 1;
        for (end_at = start; end_at <= close; end_at++) {
            if (p.at[end_at] == '{') { /* an inner group is copied whole */
                uint32_t depth = 0;
                do depth += p.at[end_at] == '{', depth -= p.at[end_at] == '}', end_at++;
                while (depth);
                end_at--;
                continue;
            }
            if (p.at[end_at] != ',' && end_at != close) continue;
            const char *const text =
                ps_arena_printf(cx, arena, "%.*s%.*s%.*s", (int)open, p.at, (int)(end_at - start),
                                p.at + start, (int)(p.n - close - 1), p.at + close + 1);
            if (!text) return PS_MEMORY;
            if (work.n + out->n >= BRACES_MAX)
                return ps_fail(cx, PS_INVALID, "more than %d alternatives in %.*s", BRACES_MAX,
                               PS_STR_ARGS(pattern));
            PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &work, ps_str_of(text)));
            start = end_at + 1;
        }
    }
    return PS_OK;
}

/* Errors that say that nothing is there, or went since it was listed; any other one must not make
 * an answer of fewer files. */
static bool means_absent(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

static ps_status is_directory(walk *w, const char *path, bool follow, bool *is)
{
    struct stat info;
    const int failed = follow ? ps_sys_stat(path, &info) : ps_sys_lstat(path, &info);

    *is = failed == 0 && S_ISDIR(info.st_mode);
    if (failed == 0 || means_absent(errno)) return PS_OK;
    return ps_file_fail(w->cx, errno, "looking at", ps_str_of(path));
}

static const char *path_join(walk *w, const char *dir, const char *name)
{
    const size_t n = strlen(dir);
    const char *const slash = n == 0 || dir[n - 1] == '/' ? "" : "/";
    return ps_arena_printf(w->cx, w->arena, "%s%s%s", dir, slash, name);
}

static ps_status found_add(walk *w, const char *path)
{
    struct stat info;

    if (ps_sys_stat(path, &info) != 0)
        return means_absent(errno) ? PS_OK
                                   : ps_file_fail(w->cx, errno, "looking at", ps_str_of(path));
    if (w->found.n >= MATCHES_MAX)
        return ps_fail(w->cx, PS_INVALID, "a pattern matches more than %d files", MATCHES_MAX);
    return PS_ARRAY_ADD_IN(w->cx, w->arena, &w->found, ps_str_of(path));
}

static ps_status walk_part(walk *w, const char *dir, ps_str rest, uint32_t depth);

/* An entry of a directory that the part matches. */
static ps_status walk_entry(walk *w, const char *path, ps_str part, ps_str rest, bool last,
                            uint32_t depth)
{
    const bool deep = ps_str_equal(part, PS_STR("**"));
    bool directory;

    PS_TRY(is_directory(w, path, !deep, &directory)); /* ** doesn't follow links */
    if (deep && directory) {
        const ps_str again = {part.at, part.n + (last ? 0 : 1 + rest.n)};
        return walk_part(w, path, again, depth + 1);
    }
    if (last) return directory ? PS_OK : found_add(w, path);
    return directory && !deep ? walk_part(w, path, rest, depth + 1) : PS_OK;
}

static ps_status listed_add(walk *w, const char *path, DIR *dir)
{
    struct stat info;

    if (ps_sys_fstat(dirfd(dir), &info) != 0)
        return ps_file_fail(w->cx, errno, "looking at", ps_str_of(path));
    const listed one = {path, info.st_dev, info.st_ino};
    return PS_ARRAY_ADD_IN(w->cx, w->arena, &w->listed, one);
}

/* Whether every directory that was listed still has its name. */
static ps_status is_steady(walk *w, bool *steady)
{
    struct stat info;

    *steady = true;
    for (size_t i = 0; *steady && i < w->listed.n; i++) {
        const listed *one = &w->listed.at[i];
        if (ps_sys_stat(one->path, &info) == 0)
            *steady = info.st_dev == one->device && info.st_ino == one->inode;
        else if (means_absent(errno)) *steady = false;
        else return ps_file_fail(w->cx, errno, "looking at", ps_str_of(one->path));
    }
    return PS_OK;
}

/* Every entry of dir that the part matches. */
static ps_status walk_entries(walk *w, const char *dir, ps_str part, ps_str rest, bool last,
                              uint32_t depth)
{
    const bool deep = ps_str_equal(part, PS_STR("**"));
    const char *const name = dir[0] ? dir : ".";
    DIR *const d = ps_sys_opendir(name);
    const struct dirent *entry;
    ps_status st = PS_OK;

    if (!d)
        return means_absent(errno) ? PS_OK : ps_file_fail(w->cx, errno, "listing", ps_str_of(name));
    PS_GO(listed_add(w, name, d));
    while ((entry = ps_sys_readdir(d)) != NULL) {
        const char *path;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (!ps_glob_match(deep ? PS_STR("*") : part, ps_str_of(entry->d_name))) continue;
        PS_GO(ps_poll(w->cx));
        path = path_join(w, dir, entry->d_name);
        if (!path) PS_GO(PS_MEMORY);
        PS_GO(walk_entry(w, path, part, rest, last, depth));
    }
    if (errno) st = ps_file_fail(w->cx, errno, "listing", ps_str_of(name));
done:
    ps_sys_closedir(d);
    return st;
}

/* The files below dir that match rest, which begins with a part. */
static ps_status walk_part(walk *w, const char *dir, ps_str rest, uint32_t depth)
{
    const char *const slash = rest.n ? memchr(rest.at, '/', rest.n) : NULL;
    const ps_str part = {rest.at, slash ? (size_t)(slash - rest.at) : rest.n};
    const bool last = slash == NULL;
    ps_str next = {0};

    if (depth > DEPTH_MAX)
        return ps_fail(w->cx, PS_IO, "directories nested deeper than %d: %s", DEPTH_MAX, dir);
    if (!last) next = (ps_str){slash + 1, rest.n - part.n - 1};
    while (next.n && next.at[0] == '/') next.at++, next.n--;
    if (part.n == 0) return last ? PS_OK : walk_part(w, dir, next, depth + 1);
    if (!ps_glob_is_pattern(part)) {
        const char *const name = ps_arena_strndup(w->cx, w->arena, part.at, part.n);
        const char *const path = name ? path_join(w, dir, name) : NULL;
        if (!path) return PS_MEMORY;
        return last ? found_add(w, path) : walk_part(w, path, next, depth + 1);
    }
    if (ps_str_equal(part, PS_STR("**")) && !last) /* ** may stand for no directory at all */
        PS_TRY(walk_part(w, dir, next, depth + 1));
    return walk_entries(w, dir, part, next, last, depth);
}

static int str_order(const void *a, const void *b)
{
    return ps_str_compare(*(const ps_str *)a, *(const ps_str *)b);
}

/* The files of plain patterns, of one state of their directories. */
static ps_status patterns_walk(walk *w, const str_array *plain, ps_str pattern)
{
    const size_t first = w->found.n;
    bool steady = false;

    for (uint32_t k = 0; !steady; k++) {
        if (k == WALKS_MAX)
            return ps_fail(w->cx, PS_IO, "directories are replaced while they are listed: %.*s",
                           PS_STR_ARGS(pattern));
        w->found.n = first;
        w->listed.n = 0;
        for (size_t i = 0; i < plain->n; i++) {
            const bool absolute = plain->at[i].n && plain->at[i].at[0] == '/';
            PS_TRY(walk_part(w, absolute ? "/" : "", plain->at[i], 0));
        }
        PS_TRY(is_steady(w, &steady));
    }
    return PS_OK;
}

static ps_status pattern_expand(walk *w, ps_str pattern)
{
    str_array plain = {0};
    const size_t first = w->found.n;
    size_t n;

    PS_TRY(braces_expand(w->cx, w->arena, pattern, &plain));
    PS_TRY(patterns_walk(w, &plain, pattern));
    if (w->found.n == first)
        return ps_fail(w->cx, PS_IO, "no file matches %.*s", PS_STR_ARGS(pattern));
    qsort(w->found.at + first, w->found.n - first, sizeof(ps_str), str_order);
    n = first + 1;
    for (size_t i = first + 1; i < w->found.n; i++)
        if (!ps_str_equal(w->found.at[i], w->found.at[n - 1])) w->found.at[n++] = w->found.at[i];
    w->found.n = n;
    return PS_OK;
}

ps_status ps_glob_expand(ps_ctx *cx, ps_arena *arena, const ps_str *patterns, uint32_t n,
                         ps_str **paths, uint32_t *n_paths)
{
    walk w = {.cx = cx, .arena = arena};

    for (uint32_t i = 0; i < n; i++) {
        const char *const text = ps_arena_strndup(cx, arena, patterns[i].at, patterns[i].n);
        struct stat info;
        if (!text) return PS_MEMORY;
        if (patterns[i].n == 0) return ps_fail(cx, PS_IO, "the name of a file is empty");
        if (ps_sys_stat(text, &info) == 0)
            PS_TRY(PS_ARRAY_ADD_IN(cx, arena, &w.found, ((ps_str){text, patterns[i].n})));
        else if (ps_glob_is_pattern(patterns[i]))
            PS_TRY(pattern_expand(&w, (ps_str){text, patterns[i].n}));
        else if (means_absent(errno)) return ps_file_fail_missing(cx, patterns[i]);
        else return ps_file_fail(cx, errno, "looking at", patterns[i]);
    }
    *paths = w.found.at;
    *n_paths = (uint32_t)w.found.n;
    return PS_OK;
}
