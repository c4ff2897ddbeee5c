/* col/bounds.tmpl.h -- least and greatest of the chosen values of one slot type.
 *
 * BOUNDS_T is the slot type, BOUNDS_NAME the function, BOUNDS_LEAST and BOUNDS_MOST its range.
 * Without a selection, runs of 64 rows that are all valid take the plain loop. False: no value. */
static PS_TEMPLATE void PS_CAT(BOUNDS_NAME, _run)(const BOUNDS_T *restrict at, size_t n,
                                                  BOUNDS_T *lo, BOUNDS_T *hi)
{
    BOUNDS_T least = *lo, most = *hi;

    for (size_t i = 0; i < n; i++) {
        least = at[i] < least ? at[i] : least;
        most = at[i] > most ? at[i] : most;
    }
    *lo = least;
    *hi = most;
}

static bool BOUNDS_NAME(const ps_vec *vec, const uint32_t *sel, uint32_t n, ps_i128 *out_lo,
                        ps_i128 *out_hi)
{
    const BOUNDS_T *at = vec->data;
    const uint64_t *valid = vec->valid;
    BOUNDS_T lo = BOUNDS_MOST, hi = BOUNDS_LEAST;

    if (sel) {
        for (uint32_t k = 0; k < n; k++)
            if (!valid || ps_bit_get(valid, sel[k]))
                PS_CAT(BOUNDS_NAME, _run)(at + sel[k], 1, &lo, &hi);
    } else if (!valid) {
        PS_CAT(BOUNDS_NAME, _run)(at, n, &lo, &hi);
    } else {
        for (uint32_t i = 0; i < n; i += 64) {
            const uint32_t run = PS_MIN(n - i, 64u);
            uint64_t word = valid[i / 64];
            if (run == 64 && word == UINT64_MAX) {
                PS_CAT(BOUNDS_NAME, _run)(at + i, 64, &lo, &hi);
                continue;
            }
            if (run < 64) word &= ((uint64_t)1 << run) - 1;
            for (; word; word &= word - 1)
                PS_CAT(BOUNDS_NAME, _run)(at + i + __builtin_ctzll(word), 1, &lo, &hi);
        }
    }
    *out_lo = (ps_i128)lo;
    *out_hi = (ps_i128)hi;
    return lo <= hi;
}
#undef BOUNDS_T
#undef BOUNDS_NAME
#undef BOUNDS_LEAST
#undef BOUNDS_MOST
