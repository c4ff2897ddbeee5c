#!/usr/bin/env python3
"""Writes src/col/pow10_table.h: 10^k to 128 bits, rounded up, for the printing of floats."""

LEAST, MOST = -292, 324


def floor_log2_pow10(k):
    return (k * 1741647) >> 19


def entry(k):
    shift = floor_log2_pow10(k) - 127  # value = 10^k / 2^shift, in [2^127, 2^128)
    number, divisor = (10**k, 1) if k >= 0 else (1, 10**-k)
    if shift < 0:
        number <<= -shift
    else:
        divisor <<= shift
    value = -(-number // divisor)
    assert 1 << 127 <= value < 1 << 128
    return value >> 64, value & (2**64 - 1)


def main():
    out = [
        "/* col/pow10_table.h -- 10^k for k = %d..%d as 128 bits from the highest one, rounded up." % (LEAST, MOST),
        " * Made by tools/gen_pow10.py; do not edit. */",
        "#ifndef PS_COL_POW10_TABLE_H",
        "#define PS_COL_POW10_TABLE_H",
        "",
        "#include <stdint.h>",
        "",
        "enum { POW10_LEAST = %d, POW10_MOST = %d };" % (LEAST, MOST),
        "static const struct { uint64_t high, low; } pow10_table[] = {",
    ]
    for k in range(LEAST, MOST + 1):
        out.append("    {0x%016xu, 0x%016xu}, /* %d */" % (*entry(k), k))
    out += ["};", "", "#endif"]
    with open("src/col/pow10_table.h", "w") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
