/* cli/width.c -- see width.h; widths of code points are utf8proc's. */
#include "width.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

size_t width_cut(const char *text, size_t columns, size_t *taken)
{
    const size_t n = strlen(text);
    size_t at = 0, sum = 0;

    while (at < n) {
        utf8proc_int32_t code_point;
        const utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                                       (utf8proc_ssize_t)(n - at), &code_point);
        const int width = step > 0 ? utf8proc_charwidth(code_point) : 1;

        if (sum + (size_t)(width > 0 ? width : 0) > columns) break;
        sum += (size_t)(width > 0 ? width : 0);
        at += step > 0 ? (size_t)step : 1;
    }
    *taken = sum;
    return at;
}

size_t width_of(const char *text)
{
    size_t taken;

    width_cut(text, SIZE_MAX, &taken);
    return taken;
}
