/* base/hash.c -- hashing of bytes: XXH3 (xxHash 0.8) and CRC-32 (libdeflate).
 *
 * XXH3's result is the same on every CPU and build; row order relies on it. */
#define XXH_INLINE_ALL
#include "base/hash.h"

#include <libdeflate.h>
#include <xxhash.h>

uint64_t ps_hash_bytes(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(n ? bytes : "", n, seed);
}

ps_hash128 ps_hash128_bytes(const void *bytes, size_t n)
{
    const XXH128_hash_t hash = XXH3_128bits(n ? bytes : "", n);
    return (ps_hash128){hash.high64, hash.low64};
}

uint32_t ps_crc32(uint32_t crc, const void *bytes, size_t n)
{
    return libdeflate_crc32(crc, n ? bytes : "", n);
}
