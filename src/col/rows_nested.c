/* col/rows_nested.c -- nested values as one run of bytes, so that they fit a row's view.
 *
 * Not there yet: rows of LIST, STRUCT, MAP and UNION columns are refused with a typed error. */
#include "col/rows.h"

ps_status ps_nested_write(ps_ctx *cx, const ps_vec *vec, uint32_t row, bool key, ps_text *out)
{
    (void)vec, (void)row, (void)key, (void)out;
    return ps_fail(cx, PS_UNSUPPORTED, "nested values can't be kept in rows yet (grouped, sorted or joined)");
}

ps_status ps_nested_read(ps_ctx *cx, ps_type type, const ps_view *views, const uint64_t *valid, uint32_t n,
                         ps_vec_buf *buf, ps_vec *out)
{
    (void)type, (void)views, (void)valid, (void)n, (void)buf, (void)out;
    return ps_fail(cx, PS_UNSUPPORTED, "nested values can't be kept in rows yet (grouped, sorted or joined)");
}
