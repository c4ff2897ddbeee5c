/* api/formats.c -- see formats.h: one line for each format. */
#include "api/formats.h"

#include "format/csv/csv.h"
#include "format/json/json.h"
#include "format/parquet/parquet.h"

static const ps_format *const FORMATS[] = {&ps_format_parquet, &ps_format_csv, &ps_format_json};

const ps_format *ps_format_at(uint32_t i) { return i < PS_COUNT(FORMATS) ? FORMATS[i] : NULL; }

const ps_format *ps_format_find(ps_str name)
{
    for (size_t i = 0; i < PS_COUNT(FORMATS) && FORMATS[i]; i++) {
        if (ps_str_equal_nocase(ps_str_of(FORMATS[i]->name), name)) return FORMATS[i];
    }
    return NULL;
}

const ps_format *ps_format_of_path(ps_str path)
{
    for (size_t i = 0; i < PS_COUNT(FORMATS) && FORMATS[i]; i++) {
        for (const char *const *e = FORMATS[i]->extensions; *e; e++) {
            const ps_str extension = ps_str_of(*e);

            if (path.n <= extension.n) continue;
            if (ps_str_equal_nocase((ps_str){path.at + path.n - extension.n, extension.n},
                                    extension))
                return FORMATS[i];
        }
    }
    return NULL;
}
