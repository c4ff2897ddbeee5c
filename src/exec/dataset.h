/* exec/dataset.h -- a sink that writes a directory of files with the sink of a format. */
#ifndef PS_EXEC_DATASET_H
#define PS_EXEC_DATASET_H

#include "plan/source.h"

extern const ps_sink_class ps_dataset_sink;

#endif
