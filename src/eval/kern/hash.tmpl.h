/* eval/kern/hash.tmpl.h -- hashes of slots of K_T as 64-bit words. Define K_NAME, K_T, K_WORD(x).
 */
static void K_NAME(const void *slots, const uint32_t *idx, size_t n, uint64_t seed,
                   uint64_t *PS_RESTRICT words)
{
    const K_T *x = slots;

    if (idx)
        for (size_t k = 0; k < n; k++) words[k] = ps_hash_u64(K_WORD(x[idx[k]]), seed);
    else
        for (size_t k = 0; k < n; k++) words[k] = ps_hash_u64(K_WORD(x[k]), seed);
}
#undef K_NAME
#undef K_T
#undef K_WORD
