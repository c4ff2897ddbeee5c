/* format/parquet/decode.tmpl.h -- gather and expand for slots of one width.
 * Define V (slot type) and N(name) before; both are undefined at the end. */

static void N(gather)(const uint32_t *PS_RESTRICT codes, size_t n, const void *values,
                      void *PS_RESTRICT out)
{
    const V *const from = values;
    V *const to = out;

    for (size_t i = 0; i < n; i++) to[i] = from[codes[i]];
}

/* From the last row down: a value never moves to a lower place, so nothing is overwritten
 * before it has moved. Words that are all set or all clear are moved whole. */
static void N(expand)(void *slots, size_t n_values, const uint64_t *valid, size_t n_rows)
{
    V *const at = slots;
    V zero;
    size_t left = n_values, row = n_rows;

    memset(&zero, 0, sizeof zero);
    while (row > 0) {
        const size_t first = (row - 1) & ~(size_t)63, n = row - first;
        const uint64_t all = n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
        const uint64_t word = valid[first >> 6] & all;
        if (left == row) return; /* what is left is in its place */
        if (word == all) {
            left -= n;
            memmove(at + first, at + left, n * sizeof(V));
        } else {
            for (size_t i = n; i-- > 0;) {
                const bool set = (word >> i) & 1;
                left -= set;
                at[first + i] = set ? at[left] : zero;
            }
        }
        row = first;
    }
}

#undef V
#undef N
