/* func/agg_moment.c -- skewness, kurtosis, standard error, geometric mean: of all rows of a group.
 *
 * Two passes in quad precision, so that nothing cancels; in the order of rows, so that bits are the
 * same for any number of threads. Tests: tests/slt/func/statistics.test */
#include "func/agg_collect.h"

#include <math.h>

typedef struct moments {
    double n;
    __float128 m2, m3, m4; /* central, divided by n */
} moments;

/* Adds the rows' x, or the powers of their distances from the mean. */
static ps_status moments_pass(ps_ctx *cx, ps_agg_run *run, bool central, __float128 *sum,
                              __float128 mean, moments *out)
{
    ps_vec args[4];
    uint32_t n;

    for (uint64_t at = 0; at < run->n; at += n) {
        PS_TRY(run->read(cx, run, at, PS_AGG_READ_ROWS, args, &n));
        const double *x = args[0].data;
        for (uint32_t i = 0; !central && i < n; i++) *sum += (__float128)x[i];
        for (uint32_t i = 0; central && i < n; i++) {
            const __float128 d = (__float128)x[i] - mean, dd = d * d;
            out->m2 += dd, out->m3 += dd * d, out->m4 += dd * dd;
        }
        PS_TRY(ps_poll(cx));
    }
    return PS_OK;
}

static ps_status moments_of(ps_ctx *cx, ps_agg_run *run, moments *out)
{
    const __float128 n = (__float128)run->n;
    __float128 sum = 0;

    *out = (moments){.n = (double)run->n};
    PS_TRY(moments_pass(cx, run, false, &sum, 0, out));
    PS_TRY(moments_pass(cx, run, true, &sum, sum / n, out));
    out->m2 /= n, out->m3 /= n, out->m4 /= n;
    return PS_OK;
}

/* A result from the moments; false: null. */
typedef bool (*moment_fn)(const moments *m, double *out);

static ps_status finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, moment_fn result,
                        ps_vec_buf *buf, uint32_t row, ps_vec *out)
{
    moments m;
    double value = 0;

    ps_agg_result_begin(agg, buf, row, out);
    if (run->n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    PS_TRY(moments_of(cx, run, &m));
    if (!result(&m, &value)) return ps_agg_result_null(buf, row, out), PS_OK;
    ((double *)buf->data)[row] = value;
    return PS_OK;
}

static bool skewness(const moments *m, double *out)
{
    const double m2 = (double)m->m2;

    if (m->n < 3 || m2 == 0) return false;
    *out = (double)m->m3 / (m2 * sqrt(m2)) * sqrt(m->n * (m->n - 1)) / (m->n - 2);
    return true;
}

static bool kurtosis_pop(const moments *m, double *out)
{
    if (m->n < 2 || m->m2 == 0) return false;
    *out = (double)(m->m4 / (m->m2 * m->m2)) - 3;
    return true;
}

static bool kurtosis(const moments *m, double *out)
{
    double pop;

    if (m->n < 4 || !kurtosis_pop(m, &pop)) return false;
    *out = (m->n - 1) / ((m->n - 2) * (m->n - 3)) * ((m->n + 1) * pop + 6);
    return true;
}

static bool sem(const moments *m, double *out)
{
    *out = sqrt((double)m->m2) / sqrt(m->n);
    return true;
}

#define MOMENT(name)                                                                               \
    static ps_status name##_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run,                 \
                                   ps_vec_buf *buf, uint32_t row, ps_vec *out)                     \
    {                                                                                              \
        return finish(cx, agg, run, name, buf, row, out);                                          \
    }
MOMENT(skewness)
MOMENT(kurtosis)
MOMENT(kurtosis_pop)
MOMENT(sem)
const ps_agg_class ps_aggfn_skewness = {.collect = true, .finish_run = skewness_finish};
const ps_agg_class ps_aggfn_kurtosis = {.collect = true, .finish_run = kurtosis_finish};
const ps_agg_class ps_aggfn_kurtosis_pop = {.collect = true, .finish_run = kurtosis_pop_finish};
const ps_agg_class ps_aggfn_sem = {.collect = true, .finish_run = sem_finish};

/* exp of the mean of the logarithms. */
static ps_status geomean_finish(ps_ctx *cx, const ps_agg *agg, ps_agg_run *run, ps_vec_buf *buf,
                                uint32_t row, ps_vec *out)
{
    __float128 sum = 0;
    ps_vec args[4];
    uint32_t n;

    ps_agg_result_begin(agg, buf, row, out);
    if (run->n == 0) return ps_agg_result_null(buf, row, out), PS_OK;
    for (uint64_t at = 0; at < run->n; at += n) {
        PS_TRY(run->read(cx, run, at, PS_AGG_READ_ROWS, args, &n));
        const double *x = args[0].data;
        for (uint32_t i = 0; i < n; i++) {
            if (x[i] <= 0) return ps_fail(cx, PS_VALUE, "geomean takes numbers above 0: %g", x[i]);
            sum += (__float128)log(x[i]);
        }
        PS_TRY(ps_poll(cx));
    }
    ((double *)buf->data)[row] = exp((double)(sum / (__float128)run->n));
    return PS_OK;
}
const ps_agg_class ps_aggfn_geomean = {.collect = true, .finish_run = geomean_finish};
