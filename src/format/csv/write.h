/* format/csv/write.h -- inside csv: the sink. */
#ifndef PS_FORMAT_CSV_WRITE_H
#define PS_FORMAT_CSV_WRITE_H

#include "plan/source.h"

extern const ps_sink_class ps_csv_sink;

#endif
