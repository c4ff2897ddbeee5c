/* format/csv/csv.h -- CSV files as a format: what api puts into its list. */
#ifndef PS_FORMAT_CSV_H
#define PS_FORMAT_CSV_H

#include "plan/source.h"

extern const ps_format ps_format_csv;

#endif
