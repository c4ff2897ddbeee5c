/* col/slots.tmpl.h -- one row of the conversion matrix: from SLOT_T to every integer layout.
 * SLOT_NAME names the function. */
static void SLOT_NAME(const void *src, ps_layout to, void *dst, size_t n)
{
    const SLOT_T *restrict in = src;

    switch (to) {
#define SLOT_TO(LAYOUT, T)                                                                         \
    case PS_LAYOUT_##LAYOUT: {                                                                     \
        T *restrict out = dst;                                                                     \
        for (size_t i = 0; i < n; i++) out[i] = (T)in[i];                                          \
        break;                                                                                     \
    }
        SLOT_LIST(SLOT_TO)
#undef SLOT_TO
    default: PS_ASSERT(ps_layout_is_int(to));
    }
}
#undef SLOT_T
#undef SLOT_NAME
