/* fs/pace.c -- see pace.h. All loads and stores are relaxed: they order nothing. */
#include "fs/pace.h"

enum {
    WINDOW_BYTES = 4 << 20, /* what is older counts half */
    UNPACK_SHARE = 5        /* LZ4 unpacks five times as fast as it packs */
};

static uint64_t load(const _Atomic uint64_t *at)
{
    return atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)at, memory_order_relaxed);
}

void ps_pace_add(ps_pace_rate *rate, uint64_t ns, uint64_t bytes)
{
    uint64_t sum = load(&rate->sum) + ns, n = load(&rate->bytes) + bytes;

    for (; n > WINDOW_BYTES; n /= 2) sum /= 2;
    atomic_store_explicit(&rate->sum, sum, memory_order_relaxed);
    atomic_store_explicit(&rate->bytes, n, memory_order_relaxed);
}

void ps_pace_packed(ps_pace *pace, uint64_t ns, uint64_t raw, uint64_t stored)
{
    ps_pace_add(&pace->pack, ns, raw);
    ps_pace_add(&pace->saved, raw - PS_MIN(raw, stored), raw);
}

static double rate_of(const ps_pace_rate *rate)
{
    const uint64_t bytes = load(&rate->bytes);
    return bytes ? (double)load(&rate->sum) / (double)bytes : 0;
}

bool ps_pace_due(ps_pace *pace)
{
    return atomic_fetch_add_explicit(&pace->blocks, 1, memory_order_relaxed) % PS_PACE_TRY == 0;
}

bool ps_pace_pays(const ps_pace *pace)
{
    const double write = rate_of(&pace->write), pack = rate_of(&pace->pack);
    const double read = load(&pace->read.bytes) ? rate_of(&pace->read) : write; /* none yet */

    return (write + read) * rate_of(&pace->saved) > pack + pack / (double)UNPACK_SHARE;
}
