/* func/agg_value.h -- values of a group in order: all of them in memory, or read from a sorted run.
 *
 * Values of up to 64 bits become keys, unsigned numbers in the values' order, so that selecting and
 * sorting are loops over numbers; the others (text, 128 bits) stay slots behind an index. */
#ifndef PS_FUNC_AGG_VALUE_H
#define PS_FUNC_AGG_VALUE_H

#include "func/agg.h"

typedef struct ps_agg_slots {
    ps_layout layout;
    size_t bytes;
    const char *data;
} ps_agg_slots;
/* NaN above numbers, zeros of both signs equal, text by bytes. */
int ps_agg_slots_order(const ps_agg_slots *slots, uint32_t a, uint32_t b);
bool ps_agg_has_order(ps_layout layout);

/* The group's values; zeroed, then loaded. */
typedef struct ps_agg_values {
    ps_layout layout;
    uint64_t n;
    uint64_t *keys; /* NULL: the layout has none */
    char *data;     /* else slots */
    uint32_t *index;
} ps_agg_values;
ps_status ps_agg_values_load(ps_ctx *cx, ps_agg_run *run, ps_layout layout, ps_agg_values *values);
void ps_agg_values_release(ps_agg_values *values);
uint64_t ps_agg_key_of_double(double x);
double ps_agg_double_of_key(uint64_t key);
/* The k-th value, and (beside 1, -1) the next one up or down after it, as slots one behind the
 * other. Loaded values change their places. */
ps_status ps_agg_values_pick(ps_ctx *cx, ps_agg_values *values, uint64_t k, int beside, char *out);
/* The same of a run. Text is good until the run is read again. */
ps_status ps_agg_run_pick(ps_ctx *cx, ps_agg_run *run, ps_layout layout, uint64_t k, int beside,
                          char *out);

/* Stretches of equal values, in the values' order. */
typedef struct ps_agg_stretches {
    ps_agg_run *run;
    ps_layout layout;
    ps_agg_values values;
    uint32_t *order; /* in memory: places by value */
    uint64_t at;
    ps_vec args[4]; /* a sorted run's last read */
    uint32_t read_n, read_at;
    char last[16] __attribute__((aligned(16))); /* the stretch's value */
    ps_text text;                               /* its bytes */
} ps_agg_stretches;
ps_status ps_agg_stretches_begin(ps_ctx *cx, ps_agg_run *run, ps_layout layout,
                                 ps_agg_stretches *s);
/* *n 0: no more. first: its first place in memory; of a sorted run that row is kept instead. */
ps_status ps_agg_stretches_next(ps_ctx *cx, ps_agg_stretches *s, bool keep, uint64_t *n,
                                uint64_t *first);
void ps_agg_stretches_release(ps_agg_stretches *s);

#endif
