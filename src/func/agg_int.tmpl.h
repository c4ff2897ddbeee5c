/* func/agg_int.tmpl.h -- integer sums and ranges over one slot type.
 *
 * AGG_T: the slot's type; AGG_N: suffix of the names; AGG_BATCH: holds a batch's sum. The caller
 * has proved that no sum overflows.
 * Groups: several copies of the accumulators take turns, because adding to what was stored a few
 * cycles ago would wait for the store. Up to 8 groups sit in 4 copies, more in 2. */
static PS_TEMPLATE int64_t PS_CAT(sum_body_, AGG_N)(const AGG_T *restrict data,
                                                    const uint32_t *restrict idx, uint32_t n)
{
    int64_t sum = 0;
    for (uint32_t k = 0; k < n; k++) sum += (int64_t)data[idx ? idx[k] : k];
    return sum;
}
static int64_t PS_CAT(sum_, AGG_N)(const void *data, const uint32_t *idx, uint32_t n)
{
    return idx ? PS_CAT(sum_body_, AGG_N)(data, idx, n) : PS_CAT(sum_body_, AGG_N)(data, NULL, n);
}

static PS_TEMPLATE void PS_CAT(few_body_, AGG_N)(const AGG_T *restrict data,
                                                 const uint32_t *restrict idx,
                                                 const uint8_t *restrict groups, uint32_t n,
                                                 uint32_t n_groups, uint32_t width,
                                                 int64_t *restrict table, int64_t *restrict acc)
{
    int64_t *a = table, *b = table + width, *c = table + 2 * width, *d = table + 3 * width;
    uint32_t k = 0;

    for (; k + 4 <= n; k += 4) {
        a[groups[k]] += (int64_t)data[idx ? idx[k] : k];
        b[groups[k + 1]] += (int64_t)data[idx ? idx[k + 1] : k + 1];
        c[groups[k + 2]] += (int64_t)data[idx ? idx[k + 2] : k + 2];
        d[groups[k + 3]] += (int64_t)data[idx ? idx[k + 3] : k + 3];
    }
    for (; k < n; k++) a[groups[k]] += (int64_t)data[idx ? idx[k] : k];
    for (uint32_t g = 0; g < n_groups; g++) acc[g] += a[g] + b[g] + c[g] + d[g];
}
static void PS_CAT(few_, AGG_N)(const void *data, const uint32_t *idx, const uint8_t *groups,
                                uint32_t n, uint32_t n_groups, int64_t *acc)
{
    int64_t table[4 * PS_AGG_FEW_MAX];
    const uint32_t width = n_groups <= 8 ? 8 : PS_AGG_FEW_MAX;

    for (uint32_t copy = 0; copy < 4; copy++)
        memset(table + copy * width, 0, n_groups * sizeof(*table));
    if (width == 8) {
        if (idx) PS_CAT(few_body_, AGG_N)(data, idx, groups, n, n_groups, 8, table, acc);
        else PS_CAT(few_body_, AGG_N)(data, NULL, groups, n, n_groups, 8, table, acc);
    } else {
        if (idx)
            PS_CAT(few_body_, AGG_N)(data, idx, groups, n, n_groups, PS_AGG_FEW_MAX, table, acc);
        else PS_CAT(few_body_, AGG_N)(data, NULL, groups, n, n_groups, PS_AGG_FEW_MAX, table, acc);
    }
}

/* A row of another group adds nothing: no branch and no address depends on the data. */
static void PS_CAT(dense_, AGG_N)(const void *values, const uint8_t *restrict dense, uint32_t n,
                                  uint32_t n_groups, int64_t *acc)
{
    const AGG_T *restrict data = values;

    PS_ASSERT(n <= PS_BATCH_ROWS_MAX);
    for (uint32_t g = 0; g < n_groups; g++) {
        AGG_BATCH sum = 0;
        for (uint32_t k = 0; k < n; k++)
            sum += dense[k] == (uint8_t)g ? (AGG_BATCH)data[k] : (AGG_BATCH)0;
        acc[g] += sum;
    }
}

static PS_TEMPLATE void PS_CAT(range_body_, AGG_N)(const AGG_T *restrict data,
                                                   const uint32_t *restrict idx, uint32_t n,
                                                   int64_t *lo, int64_t *hi)
{
    AGG_T least = data[idx ? idx[0] : 0], most = least;
    for (uint32_t k = 1; k < n; k++) {
        const AGG_T v = data[idx ? idx[k] : k];
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    *lo = (int64_t)least;
    *hi = (int64_t)most;
}
static void PS_CAT(range_, AGG_N)(const void *data, const uint32_t *idx, uint32_t n, int64_t *lo,
                                  int64_t *hi)
{
    if (idx) PS_CAT(range_body_, AGG_N)(data, idx, n, lo, hi);
    else PS_CAT(range_body_, AGG_N)(data, NULL, n, lo, hi);
}
#undef AGG_T
#undef AGG_BATCH
#undef AGG_N
