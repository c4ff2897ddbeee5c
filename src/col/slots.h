/* col/slots.h -- loops over the slots of a vector, by width or by integer layout. */
#ifndef PS_COL_SLOTS_H
#define PS_COL_SLOTS_H

#include "col/vec.h"

/* One slot of an integer layout or BOOL, widened; and back, cut to the layout. */
ps_i128 ps_slot_get(ps_layout layout, const void *data, size_t i);
void ps_slot_put(ps_layout layout, void *data, size_t i, ps_i128 value);
/* dst[i] = src[idx[i]]; slots of `width` bytes: 0, 1, 2, 4, 8 or 16. */
void ps_slots_take(size_t width, const void *src, const uint32_t *idx, size_t n, void *dst);
/* dst[sel[k]] = src[idx[sel[k]]]. */
void ps_slots_take_at(size_t width, const void *src, const uint32_t *idx, const uint32_t *sel,
                      size_t n, void *dst);
void ps_slots_fill(size_t width, const void *slot, size_t n, void *dst);
/* dst[i] = start + step * (idx ? idx[i] : i), wrapping. */
void ps_slots_sequence(ps_layout layout, int64_t start, int64_t step, const uint32_t *idx, size_t n,
                       void *dst);
/* Zeroes VIEW and LIST slots of null rows, as vec.h promises; valid NULL: none. */
void ps_slots_zero_nulls(ps_layout layout, void *data, const uint64_t *valid, size_t n);
/* bits[i] of out = bits[idx[i]] of src; whole words are written. */
void ps_bits_take(const uint64_t *src, const uint32_t *idx, size_t n, uint64_t *out);

#endif
