/* fuzz/support/parquet_mutate.h -- damage of every kind to the bytes of a Parquet file. */
#ifndef FUZZ_SUPPORT_PARQUET_MUTATE_H
#define FUZZ_SUPPORT_PARQUET_MUTATE_H

#include <stddef.h>
#include <stdint.h>

enum { PARQUET_MUTATE_ROOM = 64 }; /* how much longer a mutant may be */

/** Damages bytes in place; there is room for PARQUET_MUTATE_ROOM more. The same for the same seed.
 *  @return  how many bytes the mutant has */
size_t parquet_mutate(uint8_t *bytes, size_t n, uint64_t seed);

#endif
