/* format/parquet/narrow.tmpl.h -- INT32 values to slots of fewer bits; false when one doesn't fit.
 * Define V (slot type) and NAME before; both are undefined at the end. */

static bool NAME(const uint8_t *raw, size_t n, V *out)
{
    uint32_t bad = 0;

    for (size_t i = 0; i < n; i++) {
        int32_t v;
        memcpy(&v, raw + i * 4, 4);
        out[i] = (V)v;
        bad |= (uint32_t)(v ^ (int32_t)out[i]);
    }
    return bad == 0;
}

#undef V
#undef NAME
