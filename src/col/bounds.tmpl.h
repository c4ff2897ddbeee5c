/* col/bounds.tmpl.h -- least and greatest of the chosen values of one slot type.
 *
 * BOUNDS_T is the slot type, BOUNDS_NAME the function, BOUNDS_LEAST and BOUNDS_MOST its range.
 * Two halves at once hide the latency of compare and blend. Without a selection rows go by words of
 * 64; where a word has nulls, their slots are replaced by a valid value of the word in a copy, so
 * that the same loop serves. False: no value. */
static void PS_CAT(BOUNDS_NAME, _run)(const BOUNDS_T *restrict at, size_t n, BOUNDS_T *lo,
                                      BOUNDS_T *hi)
{
    const size_t half = n / 2;
    const BOUNDS_T *restrict other = at + half;
    BOUNDS_T least = *lo, most = *hi, least2 = *lo, most2 = *hi;

    for (size_t i = 0; i < half; i++) {
        least = at[i] < least ? at[i] : least;
        most = at[i] > most ? at[i] : most;
        least2 = other[i] < least2 ? other[i] : least2;
        most2 = other[i] > most2 ? other[i] : most2;
    }
    if (n % 2) {
        least = at[n - 1] < least ? at[n - 1] : least;
        most = at[n - 1] > most ? at[n - 1] : most;
    }
    *lo = PS_MIN(least, least2);
    *hi = PS_MAX(most, most2);
}

/* Up to 64 rows of which those in `word` are valid, at least one. */
static void PS_CAT(BOUNDS_NAME, _word)(const BOUNDS_T *at, size_t n, uint64_t word, BOUNDS_T *lo,
                                       BOUNDS_T *hi)
{
    BOUNDS_T copy[64];
    const BOUNDS_T stand_in = at[__builtin_ctzll(word)];
    uint64_t nulls = ~word;

    if (n < 64) nulls &= ((uint64_t)1 << n) - 1;
    memcpy(copy, at, n * sizeof *at);
    for (; nulls; nulls &= nulls - 1) copy[__builtin_ctzll(nulls)] = stand_in;
    PS_CAT(BOUNDS_NAME, _run)(copy, n, lo, hi);
}

static bool BOUNDS_NAME(const ps_vec *vec, const uint32_t *sel, uint32_t n, ps_i128 *out_lo,
                        ps_i128 *out_hi)
{
    const BOUNDS_T *at = vec->data;
    const uint64_t *valid = vec->valid;
    BOUNDS_T lo = BOUNDS_MOST, hi = BOUNDS_LEAST;

    if (sel) {
        for (uint32_t k = 0; k < n; k++) {
            const BOUNDS_T value = at[sel[k]];
            if (valid && !ps_bit_get(valid, sel[k])) continue;
            lo = value < lo ? value : lo;
            hi = value > hi ? value : hi;
        }
    } else if (!valid) {
        PS_CAT(BOUNDS_NAME, _run)(at, n, &lo, &hi);
    } else {
        for (uint32_t i = 0; i < n; i += 64) {
            const uint32_t run = PS_MIN(n - i, 64u);
            uint64_t word = valid[i / 64];
            if (run < 64) word &= ((uint64_t)1 << run) - 1;
            if (word == UINT64_MAX) PS_CAT(BOUNDS_NAME, _run)(at + i, 64, &lo, &hi);
            else if (word) PS_CAT(BOUNDS_NAME, _word)(at + i, run, word, &lo, &hi);
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
