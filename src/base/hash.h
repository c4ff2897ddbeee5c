/* base/hash.h -- hashing: fast 64-bit mixing for keys, 128 bits for plan identity.
 *
 * Hashes of values depend on the value alone, never on layout or encoding: an integer hashes
 * as its 64-bit value whatever slot it sits in. The seed is a session setting. */
#ifndef PS_BASE_HASH_H
#define PS_BASE_HASH_H

#include "base/attr.h"

typedef struct ps_hash128 {
    uint64_t high, low;
} ps_hash128;

/* Two multiply-free rounds would be weaker: this is one 64x64->128 multiply folded, which
 * spreads every input bit over the high bits that radix partitions use. */
PS_INLINE uint64_t ps_hash_u64(uint64_t value, uint64_t seed)
{
    value ^= seed ^ 0x9e3779b97f4a7c15u;
    value *= 0xd6e8feb86659fd93u;
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93u;
    return value ^ (value >> 32);
}
PS_INLINE uint64_t ps_hash_combine(uint64_t a, uint64_t b)
{
    return (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccdu;
}
uint64_t ps_hash_bytes(const void *bytes, size_t n, uint64_t seed);
ps_hash128 ps_hash128_bytes(const void *bytes, size_t n);
uint32_t ps_crc32(uint32_t crc, const void *bytes,
                  size_t n); /* IEEE, as Parquet pages and gzip use */

#endif
