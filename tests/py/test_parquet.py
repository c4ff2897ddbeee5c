#!/usr/bin/env python3
# tests/py/test_parquet.py -- our Parquet reader against pyarrow's, value by value.
#
# usage: test_parquet.py LIBRARY [--data DIR]... [FILE]...
# LIBRARY is the build's libparquet_stream.so. Files made by pyarrow, DuckDB and Polars with all types,
# encodings, codecs, page versions and nestings; --data: every file of a folder too, where an error of
# ours must be one that EXPECTED names. Ends with the counts, alone on a line.
import ctypes, datetime, decimal, math, os, random, sys, tempfile, unittest

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# What we refuse on purpose, by a piece of the file's name: a piece of our message.
EXPECTED = {
    ".encrypted": "encrypted",
    "corrupt-checksum": "checksum",
    "incorrect_map_schema": "read, but",
    "int96_from_spark": "out of the range",  # years that microseconds can't hold
}


class Reader:
    def __init__(self, library):
        self.open = ctypes.CDLL(library).parquet_stream_open
        self.open.argtypes = [ctypes.c_char_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p]

    def stream(self, path, batch, skip):
        room = ctypes.create_string_buffer(40)
        self.open(os.fsencode(path), batch, skip, ctypes.addressof(room))
        return pa.RecordBatchReader._import_from_c(ctypes.addressof(room))

    def read(self, path, batch=2048, skip=0):
        reader = self.stream(path, batch, skip)
        batches = list(reader)
        for b in batches:
            b.validate(full=True)
        return pa.Table.from_batches(batches, reader.schema)


def plain(t):
    """The type that both sides are brought to."""
    if pa.types.is_dictionary(t):
        return plain(t.value_type)
    if pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t):
        return pa.large_string()
    if pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_binary_view(t):
        return pa.large_binary()
    if pa.types.is_decimal(t):
        return pa.decimal128(38, t.scale)
    if pa.types.is_map(t):
        return pa.map_(plain(t.key_type), plain(t.item_type))
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        return pa.list_(plain(t.value_type))
    if pa.types.is_struct(t):
        return pa.struct([(f.name, plain(f.type)) for f in t])
    return t


def values(column):
    """Python values, floats by their bits but for NaN."""
    def norm(v):
        if isinstance(v, float):
            return "nan" if v != v else (v, math.copysign(1, v))
        if isinstance(v, list):
            return [tuple(norm(x) for x in i) if isinstance(i, tuple) else norm(i) for i in v]
        if isinstance(v, dict):
            return {k: norm(x) for k, x in v.items()}
        if isinstance(v, decimal.Decimal):
            return v.normalize() if v else decimal.Decimal(0)
        if isinstance(v, pa.MonthDayNano):  # pyarrow leaves Parquet's intervals as bytes
            return b"".join(x.to_bytes(4, "little") for x in (v.months, v.days, v.nanoseconds // 10**6))
        if hasattr(v, "value") and hasattr(v, "tz"):
            return ("ns", v.value)
        if type(v).__name__ == "UUID":
            return v.bytes
        return v
    return [norm(v) for v in column.to_pylist()]


def ints(column):
    """Dates and times as numbers in one unit: python can't hold all of them."""
    t = column.type
    if pa.types.is_timestamp(t):
        factor = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[t.unit]
        return [None if v is None else v * factor for v in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_time(t):
        factor = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[t.unit]
        return [None if v is None else v * factor for v in
                column.cast(pa.int32() if t.bit_width == 32 else pa.int64()).to_pylist()]
    return None


def storage(column):
    while isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([c.storage for c in column.chunks], column.type.storage_type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column


def column_differs(ours, theirs):
    ours, theirs = storage(ours), storage(theirs)
    if len(ours) != len(theirs):
        return f"{len(ours)} rows, expected {len(theirs)}"
    if pa.types.is_timestamp(theirs.type) != pa.types.is_timestamp(ours.type):
        return f"type {ours.type}, expected {theirs.type}"
    if pa.types.is_timestamp(theirs.type) and (ours.type.tz is None) != (theirs.type.tz is None):
        return f"type {ours.type}, expected {theirs.type}"
    want = plain(theirs.type)
    try:
        if plain(ours.type) == want and ours.cast(want).equals(theirs.cast(want)):
            return None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    a, b = ints(ours), ints(theirs)
    if a is None or b is None:
        a, b = values(ours), values(theirs)
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return f"row {i}: {str(x)[:100]}, expected {str(y)[:100]} ({ours.type} / {theirs.type})"
    return None


def differs(ours, theirs):
    if ours.column_names != theirs.column_names:
        return f"columns {ours.column_names}, expected {theirs.column_names}"
    for i, name in enumerate(ours.column_names):
        d = column_differs(ours.column(i), theirs.column(i))
        if d:
            return f"column {name}: {d}"
    return None


# ---- files ----

def all_types(n, seed, nulls=True):
    r = random.Random(seed)
    def col(make):
        return [None if nulls and r.random() < 0.1 else make() for _ in range(n)]
    words = ["".join(r.choice("abcdefghijklmnop äöü€") for _ in range(r.randrange(0, 40))) for _ in range(200)]
    D = decimal.Decimal
    t0 = datetime.datetime(2020, 1, 1)
    fields = {
        "b": (pa.bool_(), lambda: r.random() < 0.3),
        "i8": (pa.int8(), lambda: r.randrange(-128, 128)), "i16": (pa.int16(), lambda: r.randrange(-2**15, 2**15)),
        "i32": (pa.int32(), lambda: r.randrange(-2**31, 2**31)), "i64": (pa.int64(), lambda: r.randrange(-2**63, 2**63)),
        "u8": (pa.uint8(), lambda: r.randrange(256)), "u16": (pa.uint16(), lambda: r.randrange(2**16)),
        "u32": (pa.uint32(), lambda: r.randrange(2**32)), "u64": (pa.uint64(), lambda: r.randrange(2**64)),
        "small": (pa.int64(), lambda: r.randrange(10)), "run": (pa.int32(), lambda: r.randrange(1000) // 900),
        "f32": (pa.float32(), lambda: r.choice([0.0, -0.0, float("nan"), 1.5, float("inf")])),
        "f64": (pa.float64(), lambda: r.gauss(0, 1e10)),
        "d9": (pa.decimal128(9, 2), lambda: D(r.randrange(-10**9 + 1, 10**9)).scaleb(-2)),
        "d18": (pa.decimal128(18, 4), lambda: D(r.randrange(-10**18 + 1, 10**18)).scaleb(-4)),
        "d38": (pa.decimal128(38, 10), lambda: D(r.randrange(-10**30, 10**30)).scaleb(-10)),
        "date": (pa.date32(), lambda: (t0 + datetime.timedelta(days=r.randrange(-10000, 10000))).date()),
        "tms": (pa.time32("ms"), lambda: r.randrange(86400000)), "tus": (pa.time64("us"), lambda: r.randrange(86400000000)),
        "tns": (pa.time64("ns"), lambda: r.randrange(86400) * 10**9),
        "sms": (pa.timestamp("ms"), lambda: r.randrange(-2**40, 2**40)), "sus": (pa.timestamp("us"), lambda: r.randrange(-2**50, 2**50)),
        "sns": (pa.timestamp("ns"), lambda: r.randrange(-2**60, 2**60)), "utc": (pa.timestamp("us", "UTC"), lambda: r.randrange(-2**50, 2**50)),
        "s": (pa.string(), lambda: r.choice(words)), "u": (pa.string(), lambda: str(r.random()) * r.randrange(3)),
        "y": (pa.binary(), lambda: r.randbytes(r.randrange(20))), "fx": (pa.binary(7), lambda: r.randbytes(7)),
        "none": (pa.int32(), lambda: None),
    }
    table = pa.table({k: pa.array(col(m), t) for k, (t, m) in fields.items()})
    half = pa.array([None if nulls and r.random() < .1 else r.random() for _ in range(n)], pa.float32()).cast(pa.float16())
    return table.append_column("f16", half)


def nested(n, seed):
    r = random.Random(seed)
    def maybe(f, p=0.15):
        return None if r.random() < p else f()
    ints_ = lambda: [maybe(lambda: r.randrange(100)) for _ in range(r.choice([0, 1, 2, 3, 10]))]
    point = pa.struct([("x", pa.int32()), ("name", pa.string())])
    cols = {
        "l": (pa.list_(pa.int64()), ints_),
        "ll": (pa.list_(pa.list_(pa.string())), lambda: [maybe(lambda: [maybe(lambda: str(r.randrange(50))) for _ in range(r.randrange(4))]) for _ in range(r.randrange(4))]),
        "st": (point, lambda: {"x": maybe(lambda: r.randrange(9)), "name": maybe(lambda: "n%d" % r.randrange(30))}),
        "ls": (pa.list_(point), lambda: [maybe(lambda: {"x": maybe(lambda: 1), "name": maybe(lambda: "abc" * r.randrange(9))}) for _ in range(r.randrange(3))]),
        "m": (pa.map_(pa.string(), pa.float64()), lambda: [("k%d" % i, maybe(r.random)) for i in range(r.randrange(4))]),
        "sl": (pa.struct([("a", pa.list_(pa.int32())), ("b", pa.struct([("c", pa.bool_())]))]),
               lambda: {"a": maybe(lambda: [1, 2, 3][: r.randrange(4)]), "b": maybe(lambda: {"c": maybe(lambda: True)})}),
        "lll": (pa.list_(pa.list_(pa.list_(pa.int32()))), lambda: [[[r.randrange(5)] * r.randrange(3)] * r.randrange(3)] * r.randrange(3)),
        "id": (pa.int32(), lambda: r.randrange(1000)),
    }
    return pa.table({k: pa.array([maybe(f) for _ in range(n)], t) for k, (t, f) in cols.items()})


def made_files(folder):
    """(path, batch sizes) of everything we write ourselves."""
    def write(name, table, **kw):
        path = os.path.join(folder, name + ".parquet")
        pq.write_table(table, path, **kw)
        return path
    types, deep = all_types(5000, 1), nested(3000, 2)
    required = all_types(3000, 3, nulls=False)
    required = required.drop_columns(["none"]).cast(pa.schema([pa.field(f.name, f.type, False) for f in required.schema if f.name != "none"]))
    for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]:
        for version in ["1.0", "2.0"]:
            yield write(f"types_{codec}_{version}", types, compression=codec, data_page_version=version, data_page_size=4000)
            yield write(f"deep_{codec}_{version}", deep, compression=codec, data_page_version=version, data_page_size=3000)
    for dictionary in [True, False]:
        yield write(f"required_{dictionary}", required, use_dictionary=dictionary, row_group_size=700)
        yield write(f"plain_{dictionary}", types, use_dictionary=dictionary, compression="none", write_page_checksum=True, write_page_index=True)
        yield write(f"deepindex_{dictionary}", deep, use_dictionary=dictionary, write_page_index=True, data_page_size=2000)
    yield write("fallback", types, dictionary_pagesize_limit=2000, data_page_size=1500)
    yield write("fallback_deep", deep, dictionary_pagesize_limit=500, data_page_size=1500)
    enc = {"i32": "DELTA_BINARY_PACKED", "i64": "DELTA_BINARY_PACKED", "small": "DELTA_BINARY_PACKED", "run": "DELTA_BINARY_PACKED",
           "sus": "DELTA_BINARY_PACKED", "date": "DELTA_BINARY_PACKED", "s": "DELTA_LENGTH_BYTE_ARRAY", "u": "DELTA_BYTE_ARRAY",
           "y": "DELTA_BYTE_ARRAY", "fx": "DELTA_BYTE_ARRAY", "f32": "BYTE_STREAM_SPLIT", "f64": "BYTE_STREAM_SPLIT", "b": "RLE",
           "d38": "BYTE_STREAM_SPLIT", "i16": "BYTE_STREAM_SPLIT", "u64": "BYTE_STREAM_SPLIT", "f16": "BYTE_STREAM_SPLIT"}
    for version in ["1.0", "2.0"]:
        for name, table in [("", types), ("req", required)]:
            yield write(f"encodings{name}_{version}", table, use_dictionary=False, column_encoding=enc, data_page_version=version, data_page_size=2500)
    yield write("empty", types.slice(0, 0))
    yield write("empty_deep", deep.slice(0, 0))
    yield write("one", types.slice(17, 1))
    yield write("int96", types.select(["sus", "i8"]), use_deprecated_int96_timestamps=True)
    yield write("decimal_int", types.select(["d9", "d18", "d38"]), store_decimal_as_integer=True)
    big = pa.table({"k": pa.array(range(400000), pa.int64()), "s": pa.array([f"value {i % 70000}" for i in range(400000)]),
                    "n": pa.array([None if i % 7 == 0 else i % 1000 for i in range(400000)], pa.int32())})
    for index in [True, False]:
        yield write(f"split_{index}", big, row_group_size=400000, write_page_index=index, data_page_size=100000)
        yield write(f"split_v2_{index}", big, row_group_size=400000, write_page_index=index, data_page_version="2.0")
    deep_big = pa.concat_tables([nested(20000, 5)] * 12)
    yield write("split_deep", deep_big, row_group_size=400000, write_page_index=True)
    yield write("split_deep_v2", deep_big, row_group_size=400000, data_page_version="2.0")
    yield write("nothing_deep", pa.table({"l": pa.array([None, [], None, [None]], pa.list_(pa.int32()))}))
    yield from other_writers(folder, types, deep)


def other_writers(folder, types, deep):
    import duckdb
    import polars as pl
    usable = types.drop_columns(["f16", "u64", "none"])
    for codec in ["snappy", "zstd", "gzip", "uncompressed", "brotli", "lz4_raw"]:
        path = os.path.join(folder, f"duck_{codec}.parquet")
        con = duckdb.connect()
        con.register("t", usable), con.register("d", deep)
        con.execute(f"copy (select * from t) to '{path}' (format parquet, codec '{codec}', row_group_size 2048)")
        yield path
        path = os.path.join(folder, f"duck_deep_{codec}.parquet")
        con.execute(f"copy (select * from d) to '{path}' (format parquet, codec '{codec}', parquet_version v2)")
        yield path
    path = os.path.join(folder, "duck_kinds.parquet")
    duckdb.sql(f"copy (select i, uuid() u, interval (i) day v, i::hugeint h, (i % 5)::varchar e, i % 3 = 0 b, i * 1.5::double f, "
               f"date '1992-01-01' + i::integer d from range(300000) t(i)) to '{path}' (format parquet, row_group_size 300000)")
    yield path
    for codec in ["snappy", "zstd", "lz4", "uncompressed"]:
        path = os.path.join(folder, f"polars_{codec}.parquet")
        pl.from_arrow(usable.drop_columns(["d38"])).write_parquet(path, compression=codec, data_page_size=5000)
        yield path
        path = os.path.join(folder, f"polars_deep_{codec}.parquet")
        pl.from_arrow(deep.drop_columns(["m"])).write_parquet(path, compression=codec)
        yield path


# ---- the run ----

def one(reader, path, batches):
    """None: equal. Else what is wrong."""
    try:
        theirs = pq.read_table(path, use_threads=False)
    except Exception as e:
        theirs = e
    try:
        for batch in batches:
            ours = reader.read(path, batch)
            if isinstance(theirs, Exception):
                return f"read, but pyarrow says: {str(theirs)[:150]}"
            d = differs(ours, theirs)
            if d:
                return f"batch {batch}: {d}"
    except Exception as e:
        text = str(e).strip()
        if isinstance(theirs, Exception):
            return None
        return f"error: {text[:300]}"
    return None


def skipped(reader, path):
    """Dropping batches must leave the others as they were."""
    full = reader.read(path, 512)
    left = reader.read(path, 512, 3)
    names = [i for i, f in enumerate(full.schema)]
    keep, row = [], 0
    for i, b in enumerate(reader.stream(path, 512, 0)):
        if i % 3:
            keep.append(b)
        row += b.num_rows
    want = pa.Table.from_batches(keep, full.schema)
    return differs(left, want)


def expected(path, problem):
    name = os.path.basename(path)
    return any(k in name and v in problem for k, v in EXPECTED.items())


def check(reader, jobs):
    """Every (path, batch sizes, made by us) that is wrong, and how many were right."""
    passed, wrong = 0, []
    for path, batches, ours in jobs:
        if os.environ.get("PS_VERBOSE"):
            print(path, flush=True)
        problem = one(reader, path, batches if os.path.getsize(path) < 3e7 else batches[:1])
        if problem is None and ours:
            problem = skipped(reader, path)
            problem = problem and f"skipping: {problem}"
        if problem is None or expected(path, problem):
            passed += 1
            continue
        wrong.append(f"{os.path.basename(path)}: {problem}")
    return passed, wrong


def built():
    library = os.path.join(os.path.dirname(os.environ.get("PS_LIBRARY", "")), "libparquet_stream.so")
    if not os.path.exists(library):
        raise unittest.SkipTest(f"not built: {library}")
    return Reader(library)


def test_files_of_all_writers():
    with tempfile.TemporaryDirectory() as folder:
        jobs = ((p, [2048, 7 if "split" not in p else 8192], True) for p in made_files(folder))
        _, wrong = check(built(), jobs)
    assert not wrong, "\n".join(wrong)


def test_parquet_testing_corpus():
    folder = os.path.join(os.environ.get("PS_SHARED", ""), "corpora", "parquet", "data")
    if not os.path.isdir(folder):
        raise unittest.SkipTest(f"no corpus: {folder}")
    _, wrong = check(built(), [(p, [2048, 3], False) for p in corpus(folder)])
    assert not wrong, "\n".join(wrong)


def corpus(folder):
    found = []
    for root, _, names in sorted(os.walk(folder)):
        found += [os.path.join(root, n) for n in sorted(names) if ".parquet" in n and not n.endswith(".json")]
    return found


def main():
    args = sys.argv[1:]
    reader = Reader(args.pop(0))
    data = []
    while args and args[0] == "--data":
        data += corpus(args[1])
        args = args[2:]
    data += args
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(p, [2048, 7 if "split" not in p else 8192], True) for p in made_files(folder)]
        passed, wrong = check(reader, jobs + [(p, [2048, 3], False) for p in data])
    for w in wrong:
        print(f"FAIL {w}")
    print(f"{passed} passed, {len(wrong)} failed, 0 skipped")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
