/* exec/query_impl.h -- the running state of a query, shared by query.c, sched.c, lane.c and pool.c
 * only.
 *
 * query->mutex guards the states of pipelines, lanes and sinks and all counters here; operators run
 * outside of it. A lane is one worker's place in a pipeline: the locals of its operators and the
 * batches between them. A lane is in the hands of one task at a time, so its own members need no
 * lock. */
#ifndef PS_EXEC_QUERY_IMPL_H
#define PS_EXEC_QUERY_IMPL_H

#include "base/thread.h"
#include "exec/collector.h"
#include "exec/phys.h"
#include "exec/query.h"

typedef enum ps_lane_state {
    PS_LANE_IDLE,
    PS_LANE_RUNNING,
    PS_LANE_PARKED,
    PS_LANE_COMBINED
} ps_lane_state;
typedef enum ps_pipe_state {
    PS_PIPE_WAITING,
    PS_PIPE_PLANNING,
    PS_PIPE_RUNNING,
    PS_PIPE_DRAINED
} ps_pipe_state;
typedef enum ps_sink_state {
    PS_SINK_FILLING,
    PS_SINK_PLANNING,
    PS_SINK_FINISHING,
    PS_SINK_SEALING,
    PS_SINK_SEALED
} ps_sink_state;

/* What a lane counts of one operator until its morsel ends. */
typedef struct ps_lane_stats {
    uint64_t rows_in, rows_out, batches, cycles, bytes_out, bytes_read;
} ps_lane_stats;

typedef struct ps_run_pipe ps_run_pipe;
typedef struct ps_lane {
    ps_run_pipe *pipe;
    ps_lane_state state;
    bool opened;
    ps_ctx cx;
    ps_arena arena;
    void *source_local, *sink_local;
    void **locals;        /* by op */
    ps_batch *batches;    /* n_ops + 1: batches[0] is the source's, batches[i + 1] what op i gave */
    bool *pending;        /* by op: it has more output for its input */
    ps_lane_stats *stats; /* source, ops, sink */
    uint64_t morsel;      /* number within the pipeline */
    uint32_t at;          /* op to push next; n_ops: the sink; PS_LANE_SOURCE: ask the source */
    bool source_done;
    bool start_due;     /* the source hasn't begun the morsel */
    bool asks;          /* parked until there is memory */
    bool granted;       /* goes on for one batch, whatever is left */
    uint64_t parked_at; /* cycles */
    uint32_t n_asked;   /* times that other queries were asked since the last batch */
    uint64_t asked_at;  /* the pool's n_shrunk then */
    /* What its sink could give back, as of its last batch. */
    _Atomic uint64_t held;
} ps_lane;
#define PS_LANE_SOURCE UINT32_MAX

struct ps_run_pipe {
    struct ps_query *query;
    const ps_pipeline *plan;
    struct ps_run_sink *sink;
    ps_pipe_state state;
    bool stopped; /* the sink has enough: no further morsels */
    uint64_t n_morsels, next_morsel;
    _Atomic uint64_t n_ended;
    uint32_t n_lanes;
    ps_lane **lanes; /* settings.threads pointers */
};

typedef struct ps_run_sink {
    ps_op *op;
    ps_sink_state state;
    uint32_t n_feeders, n_drained;
    uint32_t last_pipe; /* number of its last feeder: its place in the order of errors */
    uint64_t n_tasks, next_task, n_done;
    bool went_on;   /* finish_more was asked */
    bool shrinking; /* a task writes its sealed state out */
    uint64_t held;  /* of the sealed state; 0: it is read, or can't shrink */
} ps_run_sink;

typedef enum ps_task_kind {
    PS_TASK_PLAN,
    PS_TASK_MORSEL,
    PS_TASK_COMBINE,
    PS_TASK_FINISH_PLAN,
    PS_TASK_FINISH,
    PS_TASK_FINISH_MORE,
    PS_TASK_SEAL,
    PS_TASK_SHRINK /* of a lane that nobody runs, or of a sealed sink */
} ps_task_kind;
typedef struct ps_task {
    ps_task_kind kind;
    ps_run_pipe *pipe;
    ps_lane *lane;
    ps_run_sink *sink;
    uint64_t number;
    uint64_t wanted; /* of a shrink: bytes */
} ps_task;

/* Order of errors: lower comes first in the input. */
typedef struct ps_error_place {
    uint64_t pipe, morsel;
} ps_error_place;

struct ps_query {
    ps_pool *pool;
    ps_query *next_in_pool; /* guarded by the pool's mutex */
    uint32_t pool_users;    /* pool threads looking at this query; guarded by the pool's mutex */
    ps_ctx cx;              /* of the query: payer, cancel flag; its error is the query's */
    ps_arena arena;
    ps_exec_settings settings;
    ps_mem *mem;
    ps_phys phys;
    ps_op *result;
    const ps_col *cols;
    uint32_t n_cols;

    ps_mutex mutex;
    ps_cond changed; /* something for the puller: a batch, an end, an error, work */
    ps_run_pipe *pipes;
    uint32_t n_pipes;
    ps_run_sink *sinks;
    uint32_t n_sinks;
    uint32_t n_running;              /* tasks in the hands of threads */
    uint32_t n_helping;              /* pool threads with a task; below settings.threads */
    _Atomic uint64_t begin_wait_ns;  /* until its floor could be set aside */
    bool recorded;                   /* the recorder knows how it went */
    uint64_t start_ns, start_cycles; /* when it was made: wall time, length of a cycle */
    bool stopping;                   /* freed by its owner: start nothing more */
    uint32_t n_shrinking;
    _Atomic bool admitted;      /* its floor is set aside, or it runs without */
    _Atomic bool begun;         /* and its operators have begun: tasks may be taken */
    const ps_mem *waits_for;    /* whose limit it waits for to begin; guarded by the pool's begin */
    _Atomic uint32_t n_active;  /* threads that pull it or run its tasks */
    _Atomic uint64_t n_batches; /* counted for settings.fail_bug, fail_memory */
    _Atomic uint64_t rows_scanned; /* what max_rows_scanned bounds */
    uint64_t bytes_given;          /* to whoever pulls: what max_result_bytes bounds */
    _Atomic uint64_t held;         /* of all lanes and sealed sinks: for other queries */
    _Atomic bool shrink_wanted;    /* by another query */
    _Atomic bool failed;
    ps_error_place failed_at;
    ps_error error;
};

/* sched.c -- with query->mutex held: a task that can run now, taken; false: none. */
bool ps_query_pick(ps_query *query, ps_task *task);
bool ps_query_wants_help(ps_query *query);     /* there is work for one more pool thread */
bool ps_query_finished(const ps_query *query); /* nothing runs and nothing will */
/* Without the mutex: the query has failed, before everything else that fails. */
void ps_query_fail(ps_query *query, const ps_error *error);
/* Without the mutex: runs a picked task and accounts for its end. */
void ps_query_run_task(ps_query *query, const ps_task *task);
/* Takes and runs a shrink task for another query: what helpers do. False: there was none. */
bool ps_query_shrink(ps_query *query);
/* Takes and runs one task: what pool threads do. False: there was none. */
bool ps_query_work(ps_query *query);

/* floor.c -- what a query can't do without (ADR 7). Sets threads, memory_floor and memory_reserve
 * of its settings, or refuses it. */
ps_status ps_query_settle_floor(ps_ctx *cx, ps_query *query);
/* Sets the floor aside, unless that doesn't fit now and others run whose end would help. */
bool ps_query_admit(ps_query *query);

/* arbiter.c -- who gives memory back (ADR 7). */
enum { PS_SHRINK_BYTES_MIN = 1 << 20 };
/* Before a batch: shrinks the lane's own part, or parks it until others did. */
ps_status ps_lane_ask(ps_lane *lane, bool *parked);
void ps_lane_publish_held(ps_lane *lane, uint64_t held);
void ps_lane_shrunk(ps_lane *lane); /* publishes what it did not give back */
/* The rest with query->mutex held. May a lane that asked go on? */
bool ps_lane_granted(ps_lane *lane);
/* The largest part of the query that can be shrunk now. */
bool ps_query_pick_shrink(ps_query *query, ps_task *task);
bool ps_query_asks(const ps_query *query); /* a lane is parked, and there still isn't memory */
void ps_sink_sealed(ps_query *query, ps_run_sink *sink);
void ps_sink_unheld(ps_query *query, ps_run_sink *sink);

/* lane.c */
ps_status ps_lane_open(ps_lane *lane);
ps_status ps_lane_start(ps_lane *lane); /* the source begins lane->morsel */
/* Runs the lane's morsel until it ends (*parked false) or can't go on (*parked true). */
ps_status ps_lane_run(ps_lane *lane, bool *parked);
ps_status ps_lane_combine(ps_lane *lane);
bool ps_lane_ready(ps_lane *lane);
void ps_lane_close(ps_lane *lane);
PS_INLINE uint64_t ps_pipe_position(const ps_run_pipe *pipe, uint64_t morsel)
{
    return (uint64_t)pipe->plan->feeder << 40 | morsel;
}
/* Whether an error at this place would be after one that is already known. */
bool ps_query_is_moot(ps_query *query, ps_error_place place);

/* pool.c */
void ps_pool_add(ps_pool *pool, ps_query *query);
void ps_pool_remove(ps_pool *pool, ps_query *query); /* waits until no pool thread looks at it */
void ps_pool_kick(ps_pool *pool);                    /* there is work for one more thread */
/* Tells the other query that holds most to shrink; false: none holds enough. */
bool ps_pool_ask(ps_pool *pool, ps_query *asker);
/* Around looking whether others run and beginning: else two could begin for want of the other. */
void ps_pool_begin_lock(ps_pool *pool);
void ps_pool_begin_unlock(ps_pool *pool);
/* Whether another query below this payer (NULL: any) runs, so that its end may give memory back. */
bool ps_pool_others_run(ps_pool *pool, const ps_query *query, const ps_mem *payer);
/* Whether no older one waits for room that this one would take. The begin lock is held. */
bool ps_pool_is_first(ps_pool *pool, const ps_query *query);
uint64_t ps_pool_n_shrunk(ps_pool *pool);
void ps_pool_shrunk(ps_pool *pool); /* one shrink ended, or there was nothing to shrink */
/* Runs a shrink task that another query was told to: false: there is none. */
bool ps_pool_help(ps_pool *pool, ps_query *helper);

#endif
