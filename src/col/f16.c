/* col/f16.c -- half precision to and from float, in integer steps: the same on every CPU. */
#include "col/vec.h"

float ps_f16_to(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1F, mantissa = half & 0x3FFu, bits;
    float value;

    if (exponent == 31) {
        bits = 0x7F800000u | mantissa << 13;
    } else if (exponent == 0 && mantissa == 0) {
        bits = 0;
    } else {
        if (exponent == 0) { /* subnormal: shift until the hidden bit appears */
            const unsigned shift = (unsigned)__builtin_clz(mantissa) - 21;
            mantissa = (mantissa << shift) & 0x3FF;
            exponent = 1 - shift; /* wraps; put right by the bias below */
        }
        bits = (exponent + 112) << 23 | mantissa << 13;
    }
    bits |= sign;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t ps_f16_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7FFFFFFF;
    if (bits > 0x7F800000) return (uint16_t)(sign | 0x7E00);  /* NaN */
    if (bits >= 0x477FF000) return (uint16_t)(sign | 0x7C00); /* rounds to 65536 or more */
    if (bits < 0x33000001) return sign;                       /* rounds to zero */
    const uint32_t exponent = bits >> 23;
    uint32_t mantissa = (bits & 0x7FFFFF) | 0x800000;
    /* Subnormal halves lose one bit more for each step below 2^-14. */
    const unsigned drop = exponent < 113 ? 126 - exponent : 13;
    const uint32_t half = 1u << (drop - 1), rest = mantissa & ((half << 1) - 1);
    mantissa >>= drop;
    if (rest > half || (rest == half && (mantissa & 1))) mantissa++;
    /* a carry out of the mantissa raises the exponent by itself */
    const uint32_t base = exponent < 113 ? 0 : (exponent - 113) << 10;
    return (uint16_t)(sign | (base + mantissa));
}
