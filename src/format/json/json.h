/* format/json/json.h -- JSON lines as a format: what api puts into its list. */
#ifndef PS_FORMAT_JSON_H
#define PS_FORMAT_JSON_H

#include "plan/source.h"

extern const ps_format ps_format_json;

#endif
