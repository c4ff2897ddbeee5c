/* func/rows.h -- what kernels share: rows wanted, readers, nulls, errors, text results.
 *
 *     ps_rows rows;
 *     PS_TRY(ps_rows_begin(call, PS_LAYOUT_I64, &rows));
 *     int64_t *out = rows.out;
 *     for (uint32_t k = 0; k < rows.n; k++) {
 *         const uint32_t row = ps_rows_at(&rows, k);
 *         if (!ps_rows_live(&rows, row)) continue;
 *         out[row] = f(ps_rows_view(&rows, 0, row));
 *     }
 *
 * When every argument is constant the kernel sees one row and the result is a constant.
 * Integer arguments of any layout are read as int64_t (ps_rows_ints) or ps_i128 (ps_rows_i128s). */
#ifndef PS_FUNC_ROWS_H
#define PS_FUNC_ROWS_H

#include "func/func.h"

enum { PS_ROWS_ARGS_MAX = 8 };

typedef struct ps_rows {
    ps_call *call;
    const uint32_t *sel;
    uint32_t n; /* rows to compute */
    bool constant;
    bool reads_text;       /* argument 0 is text */
    bool writable;         /* out->valid is ours */
    const uint64_t *valid; /* rows that are not null already; NULL: all */
    void *out;             /* the result's slots */
    ps_reader_view in[PS_ROWS_ARGS_MAX];
    const int64_t
        *ints[PS_ROWS_ARGS_MAX]; /* ps_rows_each: integer-like arguments of up to 64 bits */
    uint32_t int_mask[PS_ROWS_ARGS_MAX];
    size_t unpolled; /* work since cancellation was looked for: see ps_rows_poll */
} ps_rows;

/* Prepares readers (sequences are written out) and a FLAT or CONSTANT result of layout. */
ps_status ps_rows_begin(ps_call *call, ps_layout layout, ps_rows *rows);
PS_INLINE uint32_t ps_rows_at(const ps_rows *rows, uint32_t k)
{
    return rows->sel ? rows->sel[k] : k;
}
PS_INLINE bool ps_rows_live(const ps_rows *rows, uint32_t row)
{
    return !rows->valid || ps_bit_get(rows->valid, row);
}
PS_INLINE bool ps_rows_arg_valid(const ps_rows *rows, uint32_t arg, uint32_t row)
{
    return ps_reader_valid(&rows->in[arg], row);
}
/* A text argument: the address in the data, since short text lies in the view itself. */
PS_INLINE const ps_view *ps_rows_view(const ps_rows *rows, uint32_t arg, uint32_t row)
{
    return (const ps_view *)rows->in[arg].data + ps_reader_at(&rows->in[arg], row);
}
PS_INLINE ps_str ps_rows_str(const ps_rows *rows, uint32_t arg, uint32_t row)
{
    return ps_view_str(ps_rows_view(rows, arg, row));
}
PS_INLINE double ps_rows_f64(const ps_rows *rows, uint32_t arg, uint32_t row)
{
    return ((const double *)rows->in[arg].data)[ps_reader_at(&rows->in[arg], row)];
}
PS_INLINE int64_t ps_rows_i64(const ps_rows *rows, uint32_t arg, uint32_t row)
{
    return rows->ints[arg][row & rows->int_mask[arg]];
}
PS_INLINE ps_interval ps_rows_interval(const ps_rows *rows, uint32_t arg, uint32_t row)
{
    return ((const ps_interval *)rows->in[arg].data)[ps_reader_at(&rows->in[arg], row)];
}
/* Argument `arg` as 64-bit slots in row order (one slot when it is constant: index with
 * ps_ints_at); its values must fit, which ps_rows_fits_i64 says. */
bool ps_rows_fits_i64(const ps_vec *vec);
typedef struct ps_ints {
    const int64_t *at;
    uint32_t mask;
} ps_ints;
typedef struct ps_wides {
    const ps_i128 *at;
    uint32_t mask;
} ps_wides;
ps_status ps_rows_ints(ps_rows *rows, uint32_t arg, ps_ints *out);
ps_status ps_rows_i128s(ps_rows *rows, uint32_t arg, ps_wides *out);
PS_INLINE int64_t ps_ints_at(const ps_ints *ints, uint32_t row)
{
    return ints->at[row & ints->mask];
}
PS_INLINE ps_i128 ps_wides_at(const ps_wides *wides, uint32_t row)
{
    return wides->at[row & wides->mask];
}

/* Looks for cancellation every 256 rows, or sooner where texts are long: a row stands for its bytes
 * read (n_bytes) and written (ps_rows_text counts those). */
enum { PS_ROWS_POLL_ROW = 256, PS_ROWS_POLL_BYTES = 64 * 1024 };
PS_INLINE ps_status ps_rows_poll(ps_rows *rows, size_t n_bytes)
{
    rows->unpolled += n_bytes + PS_ROWS_POLL_ROW;
    if (PS_LIKELY(rows->unpolled < PS_ROWS_POLL_BYTES)) return PS_OK;
    rows->unpolled = 0;
    return ps_poll(rows->call->cx);
}
/* The bytes of a live row's first argument, where that is text: what the row costs to read. */
PS_INLINE size_t ps_rows_bytes(const ps_rows *rows, uint32_t row)
{
    return rows->reads_text ? ps_rows_view(rows, 0, row)->n : 0;
}
ps_status ps_rows_set_null(ps_rows *rows, uint32_t row);
/* Marks the row (of a constant: every row wanted). */
void ps_rows_error(ps_rows *rows, uint32_t row, const char *format, ...) PS_PRINTF(3, 4);
/* Room for text of n bytes in the result's heap; NULL: failure recorded. */
char *ps_rows_text(ps_rows *rows, size_t n);
/* out[row] = a copy of text / text that lives as long as the batch (n > 12: not copied). */
ps_status ps_rows_put_copy(ps_rows *rows, uint32_t row, const char *text, size_t n);
PS_INLINE void ps_rows_put(ps_rows *rows, uint32_t row, const char *text, size_t n)
{
    ((ps_view *)rows->out)[row] = ps_view_of(text, n);
}
/* The usual kernel: fn computes one row that is wanted and not null, reading its arguments with
 * ps_rows_str, ps_rows_i64, ps_rows_f64, ps_rows_interval. Cancellable. */
typedef ps_status (*ps_row_fn)(ps_rows *rows, uint32_t row);
ps_status ps_rows_each(ps_call *call, ps_layout layout, ps_row_fn fn);
/* ps_fn_<name> that computes <name>_row for each row into slots of the layout. */
#define PS_ROW_FN(name, LAYOUT)                                                                    \
    static ps_status name##_eval(ps_call *call)                                                    \
    {                                                                                              \
        return ps_rows_each(call, PS_LAYOUT_##LAYOUT, name##_row);                                 \
    }                                                                                              \
    PS_FN(name, .eval = name##_eval)
#define PS_ROWS_OUT(rows, type) ((type *)(rows)->out)

/* Sets the bounds of an integer result that the kernel knows. */
PS_INLINE void ps_rows_bounds(ps_rows *rows, int64_t lo, int64_t hi)
{
    rows->call->out->lo = lo, rows->call->out->hi = hi, rows->call->out->bounded = true;
}

#endif
