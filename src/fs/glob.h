/* fs/glob.h -- names of files from patterns.
 *
 * * any bytes but /, ? one code point's bytes, [a-z] [!a-z] one byte of a set, {a,b}
 * alternatives (may nest), ** any number of directories (links to directories are not
 * followed). Names that begin with a dot match only a pattern that does. Results are sorted
 * by bytes and have no duplicates. A pattern that is the name of an existing file means
 * that file.
 * Tests: tests/unit/test_fs_file.c */
#ifndef PS_FS_GLOB_H
#define PS_FS_GLOB_H

#include "base/str.h"

bool ps_glob_is_pattern(ps_str path);
/* One name (no /) against one pattern; braces must have been expanded. */
bool ps_glob_match(ps_str pattern, ps_str name);
/* The files of each pattern in turn. A name without a file, a pattern without a match: PS_IO.
 * A directory stands for itself (whoever opens it says what is wrong). */
ps_status ps_glob_expand(ps_ctx *cx, ps_arena *arena, const ps_str *patterns, uint32_t n,
                         ps_str **paths, uint32_t *n_paths);

#endif
