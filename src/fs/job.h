/* fs/job.h -- a dataset that is written file by file, by a job that may be killed and go on later.
 *
 * The directory holds a list of what the job has committed, .NAME.job.penstock: a line for the job
 * (its id and what it writes), a line for each file (rows, name), a line when it is done; each with
 * a checksum, so that a line that was cut off counts as none. A file gets its final name before its
 * line: the job that is started again writes the file of a missing line once more, with the same
 * rows, over itself.
 *
 * The list is locked while the job runs. Threads: one at a time.
 * Tests: tests/unit/test_fs_stage.c, tests/py/test_kills.py */
#ifndef PS_FS_JOB_H
#define PS_FS_JOB_H

#include "base/hash.h"
#include "base/str.h"

enum { PS_JOB_NAME_MAX = 64 };

typedef struct ps_job ps_job;
/* identity: of the query, its input and its options. May the directory hold other things (append)?
 * PS_EXISTS: it does and may not; the job was begun with another identity; it runs. */
ps_status ps_job_open(ps_ctx *cx, ps_str dir, ps_str name, ps_hash128 identity, bool append,
                      ps_job **out);
bool ps_job_name_valid(ps_str name);
uint64_t ps_job_id(const ps_job *job);   /* random; the same in every run */
uint64_t ps_job_rows(const ps_job *job); /* committed */
uint64_t ps_job_files(const ps_job *job);
bool ps_job_is_done(const ps_job *job);
const char *ps_job_dir(const ps_job *job);
/* name: of a file below the directory that is there now, with this many rows. */
ps_status ps_job_add(ps_ctx *cx, ps_job *job, ps_str name, uint64_t n_rows);
ps_status ps_job_finish(ps_ctx *cx, ps_job *job);
void ps_job_free(ps_job *job);

/* PS_EXISTS if a job runs in the directory. */
ps_status ps_job_check_idle(ps_ctx *cx, const char *dir);

#endif
