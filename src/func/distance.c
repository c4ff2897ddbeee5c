/* func/distance.c -- how far two texts are apart: edits, shared bytes, Jaro.
 *
 * On bytes, as DuckDB does: an accented letter counts as its two bytes. Working memory is two or
 * three rows of the table of edits, taken from the heap of the call.
 * Tests: tests/slt/func/encode.test */
#include "func/rows.h"

/* ---- edits ---- */

/* The table's rows for the prefixes of a; three of them, so that a swap can look two back. */
static ps_status edits(ps_rows *rows, ps_str a, ps_str b, bool swaps, int64_t *out)
{
    const size_t width = b.n + 1;
    uint32_t *room = ps_alloc(rows->call->cx, 3 * width * sizeof *room);
    uint32_t *before = room, *last = room + width, *now = room + 2 * width;
    ps_status st = PS_OK;

    if (!room) return PS_MEMORY;
    for (size_t j = 0; j < width; j++) last[j] = (uint32_t)j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = (uint32_t)i;
        for (size_t j = 1; j <= b.n; j++) {
            const bool same = a.at[i - 1] == b.at[j - 1];
            uint32_t best = PS_MIN(last[j] + 1, now[j - 1] + 1);

            best = PS_MIN(best, last[j - 1] + !same);
            if (swaps && i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                best = PS_MIN(best, before[j - 2] + !same);
            now[j] = best;
        }
        uint32_t *const free_row = before;
        before = last, last = now, now = free_row;
        if ((i & 63) == 0) PS_GO(ps_poll(rows->call->cx));
    }
    *out = last[b.n];
done:
    ps_free(room);
    return st;
}

static ps_status levenshtein_row(ps_rows *rows, uint32_t row)
{
    return edits(rows, ps_rows_str(rows, 0, row), ps_rows_str(rows, 1, row), false,
                 &PS_ROWS_OUT(rows, int64_t)[row]);
}
PS_ROW_FN(levenshtein, I64);

/* With swaps of neighbours, and edits between the two that are swapped (Lowrance and Wagner): the
 * last row in which each byte stood says where a swap may begin. */
static ps_status damerau(ps_rows *rows, ps_str a, ps_str b, int64_t *out)
{
    const size_t width = b.n + 2;
    uint32_t *room, *at, in_a[256] = {0};
    ps_status st = PS_OK;

    if (a.n * b.n > (size_t)1 << 26) {
        *out = 0;
        return PS_OK;
    }
    if (!(room = ps_alloc(rows->call->cx, (a.n + 2) * width * sizeof *room))) return PS_MEMORY;
    const uint32_t far = (uint32_t)(a.n + b.n);
    at = room + width + 1; /* at[i * width + j]; row and column -1 are out of reach */
    for (size_t i = 0; i < a.n + 2; i++) room[i * width] = far;
    for (size_t j = 0; j < width; j++) room[j] = far;
    for (size_t i = 0; i <= a.n; i++) at[i * width] = (uint32_t)i;
    for (size_t j = 0; j <= b.n; j++) at[j] = (uint32_t)j;
    for (size_t i = 1; i <= a.n; i++) {
        uint32_t in_b = 0;
        for (size_t j = 1; j <= b.n; j++) {
            const uint32_t i1 = in_a[(unsigned char)b.at[j - 1]], j1 = in_b;
            const bool same = a.at[i - 1] == b.at[j - 1];
            uint32_t best = PS_MIN(at[(i - 1) * width + j] + 1, at[i * width + j - 1] + 1);

            best = PS_MIN(best, at[(i - 1) * width + j - 1] + !same);
            if (same) in_b = (uint32_t)j;
            if (i1 && j1)
                best = PS_MIN(best, at[(i1 - 1) * width + j1 - 1] + (uint32_t)(i - i1 - 1) + 1 +
                                        (uint32_t)(j - j1 - 1));
            at[i * width + j] = best;
        }
        in_a[(unsigned char)a.at[i - 1]] = (uint32_t)i;
        if ((i & 63) == 0) PS_GO(ps_poll(rows->call->cx));
    }
    *out = at[a.n * width + b.n];
done:
    ps_free(room);
    return st;
}

static ps_status damerau_levenshtein_row(ps_rows *rows, uint32_t row)
{
    const ps_str a = ps_rows_str(rows, 0, row), b = ps_rows_str(rows, 1, row);

    if (b.n && a.n > ((size_t)1 << 26) / b.n) {
        ps_rows_error(rows, row, "texts of %zu and %zu bytes are too long to compare", a.n, b.n);
        return PS_OK;
    }
    return damerau(rows, a, b, &PS_ROWS_OUT(rows, int64_t)[row]);
}
PS_ROW_FN(damerau_levenshtein, I64);

static ps_status hamming_row(ps_rows *rows, uint32_t row)
{
    const ps_str a = ps_rows_str(rows, 0, row), b = ps_rows_str(rows, 1, row);
    int64_t n = 0;

    if (a.n != b.n || a.n == 0) {
        ps_rows_error(rows, row, "hamming compares texts of one length above 0, not %zu and %zu",
                      a.n, b.n);
        return PS_OK;
    }
    for (size_t i = 0; i < a.n; i++) n += a.at[i] != b.at[i];
    PS_ROWS_OUT(rows, int64_t)[row] = n;
    return PS_OK;
}
PS_ROW_FN(hamming, I64);

/* ---- sets of bytes ---- */

static ps_status jaccard_row(ps_rows *rows, uint32_t row)
{
    const ps_str a = ps_rows_str(rows, 0, row), b = ps_rows_str(rows, 1, row);
    uint8_t in[256] = {0};
    int both = 0, any = 0;

    if (!a.n || !b.n) {
        ps_rows_error(rows, row, "jaccard compares texts that are not empty");
        return PS_OK;
    }
    for (size_t i = 0; i < a.n; i++) in[(unsigned char)a.at[i]] |= 1;
    for (size_t i = 0; i < b.n; i++) in[(unsigned char)b.at[i]] |= 2;
    for (size_t c = 0; c < 256; c++) both += in[c] == 3, any += in[c] != 0;
    PS_ROWS_OUT(rows, double)[row] = (double)both / any;
    return PS_OK;
}
PS_ROW_FN(jaccard, F64);

/* ---- Jaro ---- */

/* Bytes match when they are equal and no further apart than half the longer text. */
static ps_status jaro(ps_rows *rows, ps_str a, ps_str b, double *out)
{
    const size_t longer = PS_MAX(a.n, b.n), reach = longer / 2 > 0 ? longer / 2 - 1 : 0;
    size_t matches = 0, swapped = 0;
    ps_status st = PS_OK;

    *out = 0;
    if (!a.n || !b.n) return PS_OK;
    uint8_t *room = ps_alloc_zero(rows->call->cx, a.n + b.n), *of_a = room, *of_b;
    if (!room) return PS_MEMORY;
    of_b = room + a.n;
    for (size_t i = 0; i < a.n; i++) {
        const size_t from = i > reach ? i - reach : 0, to = PS_MIN(i + reach + 1, b.n);

        if ((i & 63) == 63) PS_GO(ps_poll(rows->call->cx));
        for (size_t j = from; j < to; j++) {
            if (of_b[j] || a.at[i] != b.at[j]) continue;
            of_a[i] = of_b[j] = 1;
            matches++;
            break;
        }
    }
    if (!matches) goto done;
    for (size_t i = 0, j = 0; i < a.n; i++) {
        if (!of_a[i]) continue;
        while (!of_b[j]) j++;
        swapped += a.at[i] != b.at[j++];
    }
    const double m = (double)matches;
    *out = (m / (double)a.n + m / (double)b.n + (m - (double)(swapped / 2)) / m) / 3;
done:
    ps_free(room);
    return st;
}

static ps_status jaro_similarity_row(ps_rows *rows, uint32_t row)
{
    return jaro(rows, ps_rows_str(rows, 0, row), ps_rows_str(rows, 1, row),
                &PS_ROWS_OUT(rows, double)[row]);
}
PS_ROW_FN(jaro_similarity, F64);

/* A common beginning of up to four bytes counts a tenth each, above a similarity of 0.7. */
static ps_status jaro_winkler_similarity_row(ps_rows *rows, uint32_t row)
{
    const ps_str a = ps_rows_str(rows, 0, row), b = ps_rows_str(rows, 1, row);
    double *out = &PS_ROWS_OUT(rows, double)[row];
    size_t prefix = 0;

    PS_TRY(jaro(rows, a, b, out));
    while (prefix < PS_MIN(PS_MIN(a.n, b.n), (size_t)4) && a.at[prefix] == b.at[prefix]) prefix++;
    if (*out > 0.7) *out += (double)prefix * 0.1 * (1 - *out);
    return PS_OK;
}
PS_ROW_FN(jaro_winkler_similarity, F64);
