/* func/agg_input.h -- the rows of one argument as aggregate loops want them: no nulls, no
 * encodings. */
#ifndef PS_FUNC_AGG_INPUT_H
#define PS_FUNC_AGG_INPUT_H

#include "func/agg.h"

/* The k-th value is data[idx[k]] (data[k] without idx); groups and states go with it. */
typedef struct ps_agg_input {
    const void *data;
    ps_layout layout;
    const uint32_t *idx;
    uint32_t n;
    const uint32_t *rows;    /* physical row of the k-th value; NULL: k */
    const uint8_t *groups;   /* FEW */
    const uint32_t *group_n; /* FEW */
    uint8_t *const *states;
} ps_agg_input;

/* Leaves nulls out and resolves encodings; uses the update's scratch memory. */
void ps_agg_input_read(const ps_agg_update *update, const ps_vec *arg, ps_agg_input *out);
/* Rows where every one of the arguments is valid (idx is meaningless): corr and the like. */
void ps_agg_input_rows(const ps_agg_update *update, ps_agg_input *out);
PS_INLINE size_t ps_agg_at(const ps_agg_input *in, uint32_t k) { return in->idx ? in->idx[k] : k; }
PS_INLINE uint32_t ps_agg_row(const ps_agg_input *in, uint32_t k)
{
    return in->rows ? in->rows[k] : k;
}
PS_INLINE uint8_t *ps_agg_state(const ps_agg_update *u, const ps_agg_input *in, uint32_t k)
{
    return u->shape == PS_AGG_ONE   ? in->states[0]
           : u->shape == PS_AGG_FEW ? in->states[in->groups[k]]
                                    : in->states[k];
}

/* Kernels of integer sums, by CPU level; NULL: no kernel for the layout (U64, I128). */
typedef struct ps_agg_kernels {
    /* The sum of n values that can't overflow. */
    int64_t (*sum[PS_LAYOUT_COUNT])(const void *data, const uint32_t *idx, uint32_t n);
    /* Sums of each group, added to acc[0..n_groups). */
    void (*sum_few[PS_LAYOUT_COUNT])(const void *data, const uint32_t *idx, const uint8_t *groups,
                                     uint32_t n, uint32_t n_groups, int64_t *acc);
    /* The same for up to PS_AGG_DENSE_MAX groups, with ps_agg_update's `dense`: a pass a group, in
     * vectors. */
    void (*sum_dense[PS_LAYOUT_COUNT])(const void *data, const uint8_t *dense, uint32_t n,
                                       uint32_t n_groups, int64_t *acc);
    /* Least and greatest of n > 0 values. */
    void (*range[PS_LAYOUT_COUNT])(const void *data, const uint32_t *idx, uint32_t n, int64_t *lo,
                                   int64_t *hi);
} ps_agg_kernels;
const ps_agg_kernels *ps_agg_kernels_get(void);

/* One value of an integer layout of up to 64 bits (not U64) or BOOL. */
int64_t ps_agg_int(ps_layout layout, const void *data, size_t at);
/* A canonical-layout slot of up to 16 bytes, from any layout the type may come in; views are
 * borrowed. */
void ps_agg_slot(const ps_agg_input *in, ps_layout canonical, size_t at, uint64_t slot[2]);
/* agg_plain.c: sum and avg of floats, quicker, with bits that depend on the order. */
extern const ps_agg_class ps_agg_plain_sum, ps_agg_plain_avg;
double ps_agg_double(ps_layout layout, const void *data, size_t at);

#endif
