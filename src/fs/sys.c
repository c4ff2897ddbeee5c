/* fs/sys.c -- see sys.h. What fails on purpose is the process's, like base/mem.c's faults. */
#include "fs/sys.h"

#include "base/hash.h"
#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* ---- faults ---- */

typedef enum fault_class { /* sets of calls */
                           FAULT_NONE,
                           FAULT_ANY = 1,
                           FAULT_ROOM = 2,  /* that take room on the device */
                           FAULT_MOVE = 4,  /* that move bytes */
                           FAULT_SPOIL = 8, /* blocks read back */
} fault_class;

typedef struct fault_kind {
    const char *name;
    fault_class class;
    int error;
} fault_kind;

static const fault_kind KINDS[] = {
    {"EIO", FAULT_ANY, EIO},  {"ENOSPC", FAULT_ROOM, ENOSPC}, {"EINTR", FAULT_ANY, EINTR},
    {"SHORT", FAULT_MOVE, 0}, {"FLIP", FAULT_SPOIL, 0},       {"CUT", FAULT_SPOIL, 0},
    {"ZERO", FAULT_SPOIL, 0}, {"LATE", FAULT_SPOIL, 0},
};

enum { LATE_NS = 20000000 };

static _Atomic unsigned fault_armed; /* a fault_class; what follows is guarded by the mutex */
static ps_mutex fault_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const fault_kind *kind; /* NULL: never set */
    bool all;
    uint64_t at, calls;  /* calls so far; it comes at number `at` */
    const char *came_at; /* NULL: not yet */
} fault;

/* One more call of these classes: the kind of fault that it meets, or NULL. */
static PS_COLD const fault_kind *fault_count(unsigned classes, const char *call, uint64_t *number)
{
    const fault_kind *met = NULL;

    ps_mutex_lock(&fault_mutex);
    if (fault.kind && (fault.kind->class & classes)) {
        const uint64_t n = ++fault.calls;
        const bool again =
            fault.all && n > fault.at && (fault.kind->error != EINTR || (n - fault.at) % 2 == 0);
        if (n == fault.at || again) met = fault.kind;
        if (met && !fault.came_at) fault.came_at = call;
        *number = n;
    }
    ps_mutex_unlock(&fault_mutex);
    return met;
}

PS_INLINE bool fault_on(unsigned classes)
{
    /* relaxed: tests set it before the calls that it is for */
    return PS_UNLIKELY(atomic_load_explicit(&fault_armed, memory_order_relaxed) & classes);
}

/* Whether this call is to fail; then errno says how. */
static bool fails_of(unsigned classes, const char *call)
{
    const fault_kind *met;
    uint64_t number;

    if (PS_LIKELY(!fault_on(classes))) return false;
    met = fault_count(classes, call, &number);
    if (met) errno = met->error;
    return met != NULL;
}

static bool fails(const char *call) { return fails_of(FAULT_ANY, call); }
static bool fails_room(const char *call) { return fails_of(FAULT_ANY | FAULT_ROOM, call); }

/* How many of n bytes this call is to move. */
static size_t shortened(const char *call, size_t n)
{
    uint64_t number;

    if (PS_LIKELY(!fault_on(FAULT_MOVE)) || n < 2) return n;
    return fault_count(FAULT_MOVE, call, &number) ? n / 2 : n;
}

size_t ps_sys_spoil(void *bytes, size_t n)
{
    const fault_kind *met;
    uint64_t number;

    if (PS_LIKELY(!fault_on(FAULT_SPOIL)) || n == 0) return n;
    met = fault_count(FAULT_SPOIL, "spoil", &number);
    if (!met) return n;
    if (met->name[0] == 'L') return nanosleep(&(struct timespec){.tv_nsec = LATE_NS}, NULL), n;
    const uint64_t place = ps_hash_bytes(&number, sizeof(number), n) % n;
    switch (met->name[0]) {
    case 'C': return place;
    case 'Z': memset(bytes, 0, n); return n;
    default: ((uint8_t *)bytes)[place] ^= (uint8_t)(1u << number % 8); return n;
    }
}

/* The kind of a fault's text, its number and whether it is for all calls; NULL: it is none. */
static const fault_kind *fault_parse(ps_str text, uint64_t *at, bool *all)
{
    char copy[64] = "", name[16], rest[16] = "";
    unsigned long long n = 0;

    if (text.n >= sizeof(copy)) return NULL;
    if (text.n) memcpy(copy, text.at, text.n);
    const int found = sscanf(copy, "%15s %llu %15s", name, &n, rest);
    *at = n;
    *all = strcmp(rest, "all") == 0;
    if (found < 2 || n == 0 || (found == 3 && !*all)) return NULL;
    for (size_t k = 0; k < PS_COUNT(KINDS); k++)
        if (strcmp(KINDS[k].name, name) == 0) return &KINDS[k];
    return NULL;
}

ps_status ps_sys_fault_check(ps_ctx *cx, ps_str text)
{
    uint64_t at;
    bool all;

    if (text.n == 0 || fault_parse(text, &at, &all)) return PS_OK;
    return ps_fail(cx, PS_INVALID,
                   "a fault is EIO, ENOSPC, EINTR, SHORT, FLIP, CUT, ZERO or LATE, a number from 1 "
                   "on and perhaps `all`, not: %.*s",
                   PS_STR_ARGS(text));
}

void ps_sys_fault_set(ps_str text)
{
    uint64_t at;
    bool all;
    const fault_kind *kind = fault_parse(text, &at, &all);

    ps_mutex_lock(&fault_mutex);
    fault.kind = kind;
    fault.all = all;
    fault.at = at;
    fault.calls = 0;
    fault.came_at = NULL;
    ps_mutex_unlock(&fault_mutex);
    atomic_store(&fault_armed, kind ? kind->class : FAULT_NONE);
}

void ps_sys_fault_get(char *out, size_t out_bytes)
{
    ps_mutex_lock(&fault_mutex);
    const unsigned long long left = fault.at > fault.calls ? fault.at - fault.calls : 0;
    if (!fault.kind) snprintf(out, out_bytes, "%s", "");
    else
        snprintf(out, out_bytes, "%s %llu%s%s%s", fault.kind->name, left, fault.all ? " all" : "",
                 fault.came_at ? " " : "", fault.came_at ? fault.came_at : "");
    ps_mutex_unlock(&fault_mutex);
}

/* ---- calls ---- */

int ps_sys_open(const char *path, int flags, mode_t mode)
{
    int fd;

    do fd = fails_room("open") ? -1 : open(path, flags, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int ps_sys_close(int fd)
{
    const int result = close(fd);

    if (fails_room("close")) return errno == EINTR ? 0 : -1;
    return result < 0 && errno == EINTR ? 0 : result; /* Linux has closed it then */
}

ssize_t ps_sys_pread(int fd, void *bytes, size_t n, uint64_t at)
{
    ssize_t got;

    do got = fails("read") ? -1 : pread(fd, bytes, shortened("read", n), (off_t)at);
    while (got < 0 && errno == EINTR);
    return got;
}

ssize_t ps_sys_write(int fd, const void *bytes, size_t n)
{
    ssize_t put;

    do put = fails_room("write") ? -1 : write(fd, bytes, shortened("write", n));
    while (put < 0 && errno == EINTR);
    return put;
}

ssize_t ps_sys_pwrite(int fd, const void *bytes, size_t n, uint64_t at)
{
    ssize_t put;

    do put = fails_room("write") ? -1 : pwrite(fd, bytes, shortened("write", n), (off_t)at);
    while (put < 0 && errno == EINTR);
    return put;
}

/* For calls that give an int and may be made again. */
#define AGAIN(failed, call)                                                                        \
    do {                                                                                           \
        int result_;                                                                               \
        do result_ = (failed) ? -1 : call;                                                         \
        while (result_ < 0 && errno == EINTR);                                                     \
        return result_;                                                                            \
    } while (0)

int ps_sys_fsync(int fd) { AGAIN(fails_room("fsync"), fsync(fd)); }
int ps_sys_rename(const char *from, const char *to)
{
    AGAIN(fails_room("rename"), rename(from, to));
}
int ps_sys_room(int fd, uint64_t *bytes)
{
    struct statvfs info;
    int failed;

    do failed = fails("stat") ? -1 : fstatvfs(fd, &info);
    while (failed < 0 && errno == EINTR);
    *bytes = failed ? 0 : (uint64_t)info.f_bavail * info.f_frsize;
    return failed;
}
int ps_sys_unlink(const char *path) { AGAIN(fails("unlink"), unlink(path)); }
int ps_sys_mkdir(const char *path, mode_t mode) { AGAIN(fails_room("mkdir"), mkdir(path, mode)); }
int ps_sys_rmdir(const char *path) { AGAIN(fails("rmdir"), rmdir(path)); }
int ps_sys_fstat(int fd, struct stat *info) { AGAIN(fails("stat"), fstat(fd, info)); }
int ps_sys_stat(const char *path, struct stat *info) { AGAIN(fails("stat"), stat(path, info)); }
int ps_sys_lstat(const char *path, struct stat *info) { AGAIN(fails("stat"), lstat(path, info)); }
int ps_sys_fdatasync(int fd) { AGAIN(fails_room("fdatasync"), fdatasync(fd)); }
int ps_sys_syncfs(int fd) { AGAIN(fails_room("syncfs"), syncfs(fd)); }
int ps_sys_exchange(const char *a, const char *b)
{
    AGAIN(fails_room("exchange"), renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE));
}
int ps_sys_link(const char *from, const char *to) { AGAIN(fails_room("link"), link(from, to)); }
int ps_sys_symlink(const char *target, const char *path)
{
    AGAIN(fails_room("symlink"), symlink(target, path));
}
int ps_sys_lock(int fd) { AGAIN(fails("flock"), flock(fd, LOCK_EX | LOCK_NB)); }
int ps_sys_writable(const char *path) { AGAIN(fails("access"), access(path, W_OK)); }
int ps_sys_chmod(const char *path, mode_t mode) { AGAIN(fails("chmod"), chmod(path, mode)); }
int ps_sys_fchmod(int fd, mode_t mode) { AGAIN(fails("fchmod"), fchmod(fd, mode)); }

int ps_sys_write_out(int fd, bool wait)
{
    enum { WAIT = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER };

    AGAIN(fails_room("sync_file_range"),
          sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE | (wait ? WAIT : 0u)));
}

ssize_t ps_sys_readlink(const char *path, char *out, size_t n)
{
    ssize_t got;

    do got = fails("readlink") ? -1 : readlink(path, out, n);
    while (got < 0 && errno == EINTR);
    return got;
}

bool ps_sys_realpath(const char *path, char *out)
{
    bool found;

    do found = !fails("realpath") && realpath(path, out);
    while (!found && errno == EINTR);
    return found;
}

int ps_sys_punch(int fd, uint64_t at, uint64_t n)
{
    enum { MODE = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };

    AGAIN(fails_room("fallocate"), fallocate(fd, MODE, (off_t)at, (off_t)n));
}

void ps_sys_expect(int fd, uint64_t at, uint64_t n)
{
    (void)posix_fadvise(fd, (off_t)at, (off_t)n, POSIX_FADV_WILLNEED);
}

DIR *ps_sys_opendir(const char *path)
{
    DIR *dir;

    do dir = fails("opendir") ? NULL : opendir(path);
    while (!dir && errno == EINTR);
    return dir;
}

struct dirent *ps_sys_readdir(DIR *dir)
{
    struct dirent *entry;

    do {
        errno = 0;
        entry = fails("readdir") ? NULL : readdir(dir);
    } while (!entry && errno == EINTR);
    return entry;
}

void ps_sys_closedir(DIR *dir) { closedir(dir); }

int ps_sys_random(void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        const ssize_t got = fails("getrandom") ? -1 : getrandom((char *)bytes + done, n - done, 0);
        if (got < 0 && errno != EINTR) return -1;
        if (got > 0) done += (size_t)got;
    }
    return 0;
}
