/* api/formats.h -- the list of formats; frontends reach them only through the bind environment. */
#ifndef PS_API_FORMATS_H
#define PS_API_FORMATS_H

#include "plan/source.h"

/* By name ("parquet"); NULL: none. */
const ps_format *ps_format_find(ps_str name);
/* By a path's extension; NULL: none. */
const ps_format *ps_format_of_path(ps_str path);
const ps_format *ps_format_at(uint32_t i); /* NULL: there are no more */

#endif
