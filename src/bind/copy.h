/* bind/copy.h -- options of COPY TO that say which files there are, for every format. */
#ifndef PS_BIND_COPY_H
#define PS_BIND_COPY_H

#include "plan/node.h"

/* Takes PARTITION_BY, OVERWRITE, ... out of the options of a Write whose rows are input's: sets
 * sink->dataset where they, or a path that ends in a slash, ask for a directory of files, and
 * sink->options to the rest, which is the format's. Everything lives in the arena. */
ps_status ps_bind_write(ps_ctx *cx, ps_arena *arena, const ps_node *input, const ps_options *given,
                        ps_sink_spec *sink);

#endif
