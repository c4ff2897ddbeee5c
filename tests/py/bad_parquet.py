"""Ten small Parquet files of all writers for damage, and footers rewritten so that they lie.

Not a test: test_bad_input.py and the long one in tests/all stand on it."""
import os
import random
import struct

# ---- files ----

NAMES = ["plain", "dictionary", "delta", "deep", "deep_v2", "lz4", "duckdb", "duckdb_v2", "polars",
         "polars_deep"]


def files(folder):
    """The paths: flat and nested, dictionaries and deltas, every codec, both page versions, page
    indexes, checksums; by pyarrow, DuckDB and Polars."""
    import duckdb
    import polars as pl
    import pyarrow.parquet as pq
    from test_parquet import all_types, nested

    paths = []

    def path(name):
        paths.append(os.path.join(folder, name + ".parquet"))
        return paths[-1]

    types, deep = all_types(150, 1), nested(120, 2)
    deltas = {"i32": "DELTA_BINARY_PACKED", "i64": "DELTA_BINARY_PACKED",
              "s": "DELTA_LENGTH_BYTE_ARRAY", "u": "DELTA_BYTE_ARRAY", "y": "DELTA_BYTE_ARRAY",
              "f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT", "b": "RLE"}
    pq.write_table(types, path("plain"), compression="none", use_dictionary=False,
                   write_page_index=True, data_page_size=300)
    pq.write_table(types, path("dictionary"), compression="snappy", row_group_size=40)
    pq.write_table(types.select(list(deltas)), path("delta"), compression="zstd",
                   data_page_version="2.0", use_dictionary=False, column_encoding=deltas)
    pq.write_table(deep, path("deep"), compression="gzip", write_page_index=True,
                   data_page_size=200)
    pq.write_table(deep, path("deep_v2"), compression="brotli", data_page_version="2.0",
                   write_page_checksum=True)
    pq.write_table(types.slice(0, 60), path("lz4"), compression="lz4", data_page_version="2.0",
                   dictionary_pagesize_limit=100)
    usable = types.drop_columns(["f16", "u64", "none"])
    con = duckdb.connect()
    con.register("t", usable), con.register("d", deep)
    con.execute(f"copy t to '{path('duckdb')}' (format parquet, codec 'zstd')")
    con.execute(f"copy d to '{path('duckdb_v2')}' (format parquet, codec 'lz4_raw', "
                "parquet_version v2)")
    pl.from_arrow(usable.drop_columns(["d38"])).write_parquet(
        path("polars"), compression="lz4", data_page_size=500)
    pl.from_arrow(deep.drop_columns(["m"])).write_parquet(path("polars_deep"),
                                                          compression="snappy")
    assert paths == [os.path.join(folder, name + ".parquet") for name in NAMES]
    return paths


# ---- the compact protocol, as far as Parquet uses it ----

BOOLS, I8, DOUBLE, BINARY, LIST, STRUCT = (1, 2), 3, 7, 8, (9, 10), 12


class Reader:
    """Values as [field, type, value] in structures, [item type, values] in lists."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def struct(self):
        fields, last = [], 0
        while head := self.byte():
            number = self.varint() if not head >> 4 else 0
            last = last + (head >> 4) if head >> 4 else number >> 1 ^ -(number & 1)
            fields.append([last, head & 15, self.value(head & 15, False)])
        return fields

    def value(self, kind, in_list):
        if kind in BOOLS:
            return self.byte() if in_list else None
        if kind == I8:
            return self.byte()
        if kind == DOUBLE:
            self.at += 8
            return self.data[self.at - 8:self.at]
        if kind == BINARY:
            n = self.varint()
            self.at += n
            return self.data[self.at - n:self.at]
        if kind in LIST:
            head = self.byte()
            n = self.varint() if head >> 4 == 15 else head >> 4
            return [head & 15, [self.value(head & 15, True) for _ in range(n)]]
        if kind == STRUCT:
            return self.struct()
        number = self.varint()
        return number >> 1 ^ -(number & 1)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_value(kind, value, in_list):
    if kind in BOOLS:
        return bytes([value]) if in_list else b""
    if kind == I8:
        return bytes([value])
    if kind == DOUBLE:
        return value
    if kind == BINARY:
        return varint(len(value)) + value
    if kind in LIST:
        n = len(value[1])
        head = bytes([n << 4 | value[0]]) if n < 15 else bytes([0xF0 | value[0]]) + varint(n)
        return head + b"".join(write_value(value[0], v, True) for v in value[1])
    if kind == STRUCT:
        return write_struct(value)
    return varint((value << 1 ^ value >> 63) & (1 << 64) - 1)


def write_struct(fields):
    out, last = b"", 0
    for number, kind, value in fields:
        if 0 < number - last < 16:
            out += bytes([number - last << 4 | kind])
        else:
            out += bytes([kind]) + varint(number << 1)
        last = number
        out += write_value(kind, value, False)
    return out + b"\0"


def field(fields, number):
    """The value of a field, None if it is absent."""
    return next((f[2] for f in fields if f[0] == number), None)


def set_field(fields, number, value):
    for f in fields:
        if f[0] == number:
            f[2] = value


# ---- lies ----

NUMBERS = [0, 1, -1, 7, 100, 2**31 - 1, 2**31, -2**31, 2**40, 2**62, 2**63 - 1, -2**63]


def lie_about_statistics(stats, pick):
    for f in stats:
        if f[1] == BINARY and pick.random() < 0.8:
            f[2] = pick.choice([bytes(len(f[2])), b"\xff" * len(f[2]), f[2][::-1], b"", b"x" * 40,
                                pick.randbytes(len(f[2])), pick.randbytes(len(f[2]))])
        elif f[1] not in BOOLS and f[1] != BINARY:
            f[2] = pick.choice(NUMBERS)
    binary = [f for f in stats if f[1] == BINARY]
    if len(binary) >= 2 and pick.random() < 0.3: # least above greatest
        binary[0][2], binary[1][2] = binary[1][2], binary[0][2]


def lie(data, seed, statistics_only):
    """The file with another footer: statistics of the column chunks say what is not so; without
    statistics_only the counts of values and rows and the sizes lie too."""
    pick = random.Random(seed)
    n = struct.unpack("<I", data[-8:-4])[0]
    footer = Reader(data[-8 - n:-8]).struct()
    if not statistics_only:
        set_field(footer, 3, pick.choice(NUMBERS))
    for group in field(footer, 4)[1]:
        if not statistics_only and pick.random() < 0.3:
            set_field(group, pick.choice([2, 3, 6]), pick.choice(NUMBERS))
        for chunk in field(group, 1)[1]:
            meta = field(chunk, 3)
            stats = field(meta, 12)
            if stats and pick.random() < 0.9:
                lie_about_statistics(stats, pick)
            if not statistics_only and pick.random() < 0.2:
                set_field(meta, pick.choice([5, 6, 7]), pick.choice(NUMBERS))
    out = write_struct(footer)
    return data[:-8 - n] + out + struct.pack("<I", len(out)) + b"PAR1"
