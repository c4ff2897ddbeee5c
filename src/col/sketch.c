/* col/sketch.c -- HyperLogLog (Flajolet 2007) with linear counting for small sets. */
#include "col/segment.h"

#include <math.h>

enum { INDEX_BITS = 10 };
PS_STATIC_ASSERT(PS_SKETCH_REGISTERS == 1 << INDEX_BITS, "one register an index");

void ps_sketch_add(ps_sketch *sketch, uint64_t hash)
{
    const uint64_t rest = hash << INDEX_BITS | (uint64_t)1 << (INDEX_BITS - 1); /* never zero */
    const uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t *at = &sketch->registers[hash >> (64 - INDEX_BITS)];

    *at = PS_MAX(*at, rank);
}

void ps_sketch_merge(ps_sketch *into, const ps_sketch *other)
{
    for (size_t i = 0; i < PS_SKETCH_REGISTERS; i++)
        into->registers[i] = PS_MAX(into->registers[i], other->registers[i]);
}

double ps_sketch_count(const ps_sketch *sketch)
{
    const double m = PS_SKETCH_REGISTERS;
    double sum = 0;
    size_t zeros = 0;

    for (size_t i = 0; i < PS_SKETCH_REGISTERS; i++) {
        sum += ldexp(1, -sketch->registers[i]);
        zeros += sketch->registers[i] == 0;
    }
    const double raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    return raw <= 2.5 * m && zeros ? m * log(m / (double)zeros) : raw;
}
