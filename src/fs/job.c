/* fs/job.c -- the list of a job's committed files. */
#include "fs/job.h"

#include "base/mark.h"
#include "fs/file.h"
#include "fs/place.h"
#include "fs/stage.h"
#include "fs/sys.h"
#include "fs/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

enum { LIST_BYTES_MAX = 1 << 30, CRC_DIGITS = 8, HASH_DIGITS = 16 };

static const char SUFFIX[] = ".job" PS_MARK;

struct ps_job {
    ps_arena arena;
    ps_place place;
    ps_str name;
    const char *path; /* of the list */
    int fd;
    ps_hash128 identity;
    uint64_t id, n_rows, n_files;
    uint64_t n_bytes; /* of whole lines */
    bool begun, done;
};

bool ps_job_name_valid(ps_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        const char c = name.at[i];
        const bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-') return false;
    }
    return name.n > 0 && name.n <= PS_JOB_NAME_MAX;
}

uint64_t ps_job_id(const ps_job *job) { return job->id; }
uint64_t ps_job_rows(const ps_job *job) { return job->n_rows; }
uint64_t ps_job_files(const ps_job *job) { return job->n_files; }
bool ps_job_is_done(const ps_job *job) { return job->done; }
const char *ps_job_dir(const ps_job *job) { return job->place.path; }

/* ---- lines: <crc> <text>\n ---- */

static ps_status line_write(ps_ctx *cx, ps_job *job, const char *text)
{
    const size_t n = strlen(text);
    char *line = ps_alloc(cx, n + CRC_DIGITS + 3);
    size_t put = 0;

    if (!line) return PS_MEMORY;
    const size_t n_line = CRC_DIGITS + 1 + n + 1;
    snprintf(line, n_line + 1, "%08" PRIx32 " %s\n", ps_crc32(0, text, n), text);
    ps_status st = PS_OK;
    while (st == PS_OK && put < n_line) {
        const ssize_t got = ps_sys_pwrite(job->fd, line + put, n_line - put, job->n_bytes + put);
        if (got < 0)
            st = ps_file_fail(cx, errno, "writing the list of a job", ps_str_of(job->path));
        else put += (size_t)got;
    }
    if (st == PS_OK && ps_sys_fdatasync(job->fd) != 0)
        st = ps_file_fail(cx, errno, "syncing the list of a job", ps_str_of(job->path));
    if (st == PS_OK) job->n_bytes += n_line;
    ps_free(line);
    return st;
}

/* The next whole line without its checksum; false: there is none. */
static bool line_next(ps_str *rest, ps_str *line)
{
    const char *const end = rest->n ? memchr(rest->at, '\n', rest->n) : NULL;
    char digits[CRC_DIGITS + 1];

    if (!end || end - rest->at < CRC_DIGITS + 1) return false;
    *line = (ps_str){rest->at + CRC_DIGITS + 1, (size_t)(end - rest->at) - CRC_DIGITS - 1};
    memcpy(digits, rest->at, CRC_DIGITS);
    digits[CRC_DIGITS] = 0;
    if (strtoul(digits, NULL, 16) != ps_crc32(0, line->at, line->n)) return false;
    rest->n -= (size_t)(end + 1 - rest->at);
    rest->at = end + 1;
    return true;
}

static ps_status fail_other(ps_ctx *cx, const ps_job *job)
{
    ps_fail(cx, PS_EXISTS,
            "the job %.*s of this dataset was begun with another query, input or "
            "options: %s",
            PS_STR_ARGS(job->name), job->place.path);
    ps_hint(cx, "start it again as it was, or give this one another name");
    return PS_EXISTS;
}

static ps_status file_line(ps_ctx *cx, ps_job *job, ps_str line)
{
    char *end;
    char path[PATH_MAX];
    struct stat info;
    const uint64_t n_rows = strtoull(line.at, &end, 10);
    const ps_str name = {end + 1, (size_t)(line.at + line.n - end - 1)};

    job->n_rows += n_rows;
    job->n_files++;
    if ((size_t)snprintf(path, sizeof path, "%s/%.*s", job->place.path, PS_STR_ARGS(name)) <
            sizeof path &&
        ps_sys_stat(path, &info) == 0)
        return PS_OK;
    ps_fail(cx, PS_IO, "a file that the job %.*s has written is gone: %s", PS_STR_ARGS(job->name),
            path);
    ps_hint(cx, "the job can't be resumed: give it another name, or OVERWRITE the dataset");
    return PS_IO;
}

static ps_status list_read(ps_ctx *cx, ps_job *job, ps_str text)
{
    char begin[3 * HASH_DIGITS + 16];
    ps_str rest = text, line;

    while (line_next(&rest, &line)) {
        if (!job->begun) {
            if (line.n < 4 + HASH_DIGITS || memcmp(line.at, "job ", 4) != 0)
                return ps_fail(cx, PS_DATA, "not the list of a job: %s", job->path);
            job->id = strtoull(line.at + 4, NULL, 16);
            snprintf(begin, sizeof begin, "job %016" PRIx64 " %016" PRIx64 "%016" PRIx64, job->id,
                     job->identity.high, job->identity.low);
            if (!ps_str_equal(line, ps_str_of(begin))) return fail_other(cx, job);
            job->begun = true;
        } else if (ps_str_starts(line, PS_STR("file "))) {
            PS_TRY(file_line(cx, job, (ps_str){line.at + 5, line.n - 5}));
        } else {
            job->done = ps_str_equal(line, PS_STR("done"));
        }
        job->n_bytes = (uint64_t)(rest.at - text.at);
    }
    return PS_OK;
}

static ps_status list_load(ps_ctx *cx, ps_job *job)
{
    struct stat info;
    size_t got = 0;

    if (ps_sys_fstat(job->fd, &info) != 0)
        return ps_file_fail(cx, errno, "reading the list of a job", ps_str_of(job->path));
    if (info.st_size > LIST_BYTES_MAX)
        return ps_fail(cx, PS_DATA, "not the list of a job: %s", job->path);
    const size_t n = (size_t)info.st_size;
    char *text = ps_alloc(cx, n + 1);
    if (!text) return PS_MEMORY;
    ps_status st = PS_OK;
    while (st == PS_OK && got < n) {
        const ssize_t part = ps_sys_pread(job->fd, text + got, n - got, got);
        if (part == 0) break;
        if (part > 0) got += (size_t)part;
        else st = ps_file_fail(cx, errno, "reading the list of a job", ps_str_of(job->path));
    }
    text[got] = 0;
    if (st == PS_OK) st = list_read(cx, job, (ps_str){text, got});
    ps_free(text);
    return st;
}

static ps_status job_begin(ps_ctx *cx, ps_job *job)
{
    char line[3 * HASH_DIGITS + 16];

    if (ps_sys_random(&job->id, sizeof job->id) != 0)
        return ps_file_fail(cx, errno, "making an id for", ps_str_of(job->path));
    snprintf(line, sizeof line, "job %016" PRIx64 " %016" PRIx64 "%016" PRIx64, job->id,
             job->identity.high, job->identity.low);
    PS_TRY(line_write(cx, job, line));
    return ps_dir_sync(cx, job->place.path);
}

static ps_status fail_running(ps_ctx *cx, ps_str name, const char *dir)
{
    ps_fail(cx, PS_EXISTS, "the job %.*s is writing to this dataset: %s", PS_STR_ARGS(name), dir);
    ps_hint(cx, "wait until it has ended");
    return PS_EXISTS;
}

/* Opens and locks the list, under the lock of the place: directories that are exchanged look for
 * jobs under it. */
static ps_status list_open(ps_ctx *cx, ps_job *job, bool append)
{
    struct stat info;

    if (ps_sys_stat(job->path, &info) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return ps_file_fail(cx, errno, "looking at", ps_str_of(job->path));
        PS_TRY(ps_stage_check(cx, &job->place, append ? PS_STAGE_APPEND : PS_STAGE_NEW));
        if (ps_sys_mkdir(job->place.path, 0777) == 0) PS_TRY(ps_dir_sync(cx, job->place.dir));
        else if (errno == ENOENT) return ps_place_fail(cx, &job->place);
        else if (errno != EEXIST)
            return ps_file_fail(cx, errno, "making the directory", ps_str_of(job->place.path));
    }
    job->fd = ps_sys_open(job->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (job->fd < 0)
        return ps_file_fail(cx, errno, "opening the list of a job", ps_str_of(job->path));
    if (ps_lock_try(job->fd, job->path) == PS_LOCK_BUSY)
        return fail_running(cx, job->name, job->place.path);
    return PS_OK;
}

ps_status ps_job_open(ps_ctx *cx, ps_str dir, ps_str name, ps_hash128 identity, bool append,
                      ps_job **out)
{
    ps_job *job = ps_alloc_zero(cx, sizeof *job);
    ps_place_lock lock = {.fd = -1};
    ps_status st = PS_OK;

    *out = NULL;
    if (!job) return PS_MEMORY;
    job->fd = -1;
    job->identity = identity;
    PS_GO(ps_place_init(cx, &job->arena, dir, &job->place));
    job->name.at = ps_arena_strndup(cx, &job->arena, name.at, name.n);
    job->name.n = name.n;
    job->path =
        ps_arena_printf(cx, &job->arena, "%s/.%.*s%s", job->place.path, PS_STR_ARGS(name), SUFFIX);
    if (!job->name.at || !job->path) PS_GO(PS_MEMORY);
    PS_GO(ps_place_sweep(cx, &job->place));
    PS_GO(ps_place_lock_take(cx, &job->arena, &job->place, &lock));
    PS_GO(list_open(cx, job, append));
    PS_GO(list_load(cx, job));
    if (!job->begun) PS_GO(job_begin(cx, job));
    *out = job;
    job = NULL;
done:
    ps_place_lock_drop(&lock);
    ps_job_free(job);
    return st;
}

ps_status ps_job_add(ps_ctx *cx, ps_job *job, ps_str name, uint64_t n_rows)
{
    const char *const line =
        ps_arena_printf(cx, &job->arena, "file %" PRIu64 " %.*s", n_rows, PS_STR_ARGS(name));

    if (!line) return PS_MEMORY;
    PS_TRY(line_write(cx, job, line));
    job->n_rows += n_rows;
    job->n_files++;
    return PS_OK;
}

ps_status ps_job_finish(ps_ctx *cx, ps_job *job)
{
    PS_TRY(line_write(cx, job, "done"));
    job->done = true;
    return PS_OK;
}

void ps_job_free(ps_job *job)
{
    if (!job) return;
    if (job->fd >= 0) ps_sys_close(job->fd);
    ps_arena_release(&job->arena);
    ps_free(job);
}

ps_status ps_job_check_idle(ps_ctx *cx, const char *dir)
{
    DIR *const d = ps_sys_opendir(dir);
    const struct dirent *entry;
    char path[PATH_MAX];
    ps_status st = PS_OK;

    if (!d) return ps_file_fail(cx, errno, "listing", ps_str_of(dir));
    while (st == PS_OK && (entry = ps_sys_readdir(d)) != NULL) {
        const ps_str name = ps_str_of(entry->d_name);
        if (name.at[0] != '.' || !ps_str_ends(name, ps_str_of(SUFFIX)) ||
            (size_t)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) >= sizeof path)
            continue;
        const int fd = ps_sys_open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
        if (fd < 0 && errno == ENOENT) continue;
        if (fd < 0) {
            st = ps_file_fail(cx, errno, "opening the list of a job", ps_str_of(path));
            break;
        }
        if (ps_lock_try(fd, path) == PS_LOCK_BUSY)
            st = fail_running(cx, (ps_str){name.at + 1, name.n - sizeof SUFFIX}, dir);
        ps_sys_close(fd);
        errno = 0;
    }
    if (st == PS_OK && errno) st = ps_file_fail(cx, errno, "listing", ps_str_of(dir));
    ps_sys_closedir(d);
    return st;
}
