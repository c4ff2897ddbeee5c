/* api/insight.h -- what the library knows about itself, as rows: table functions of SQL.
 *
 * A table is made when its function is bound: it shows that moment. */
#ifndef PS_API_INSIGHT_H
#define PS_API_INSIGHT_H

#include "api/handles.h"

/* Rows of a fixed form. Columns are name and type; cells come row by row, in the arena with what
 * they point to. */
typedef struct ps_rows_of {
    const ps_field *fields;
    uint32_t n_cols;
    PS_ARRAY(ps_value) cells;
} ps_rows_of;
ps_status ps_rows_of_table(ps_ctx *cx, ps_arena *arena, const ps_rows_of *rows, ps_table **out);

/* penstock_settings(): every setting with its value and what it amounts to in this session. */
ps_status ps_insight_settings(ps_ctx *cx, ps_arena *arena, const ps_session *session,
                              ps_table **out);
/* penstock_memory(): the payers of the instance. */
ps_status ps_insight_memory(ps_ctx *cx, ps_arena *arena, const ps_session *session, ps_table **out);
/* penstock_spill_files(): the temporary files of the instance. */
ps_status ps_insight_spill_files(ps_ctx *cx, ps_arena *arena, const ps_session *session,
                                 ps_table **out);

#endif
