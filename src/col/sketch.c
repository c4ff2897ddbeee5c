/* col/sketch.c -- HyperLogLog (Flajolet 2007) with linear counting for small sets. */
#include "col/segment.h"

#include <math.h>

PS_STATIC_ASSERT(PS_SKETCH_REGISTERS == 1 << 10, "ps_sketch_add() takes ten bits of the hash");

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
