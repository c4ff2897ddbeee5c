/* format/parquet/parquet.h -- Parquet files as a format: what api puts into its list. */
#ifndef PS_FORMAT_PARQUET_H
#define PS_FORMAT_PARQUET_H

#include "plan/source.h"

extern const ps_format ps_format_parquet;

#endif
