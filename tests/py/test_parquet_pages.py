"""Parquet pages of many MB, which are read a piece at a time: the same values as pyarrow's in every batch,
whatever is skipped; copies of snappy that reach behind the piece; damage; the memory that they take.

Seeded. PS_LIBRARY is the library; its libparquet_stream.so lies beside it."""
import os
import random
import struct
import subprocess
import tempfile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import bad_parquet
from test_parquet import built, check

SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")
ROWS = 20000


def large(seed, nulls=True):
    """Columns whose pages are above a MiB when they are not cut: fixed values, short texts, long ones, one above
    all pieces, lists."""
    r = random.Random(seed)
    words = ["".join(r.choice("abcdefghijklmnop äöü€") for _ in range(r.randrange(100))) for _ in range(500)]
    fields = {
        "fixed": (pa.binary(77), lambda i: r.randbytes(77)),
        "text": (pa.string(), lambda i: "%x" % r.getrandbits(300)),
        "words": (pa.string(), lambda i: r.choice(words) + r.choice(words)),
        "long": (pa.binary(), lambda i: r.randbytes(r.choice([0, 3, 20, 1500000 if i == 9000 else 90]))),
        "list": (pa.list_(pa.int64()), lambda i: [r.randrange(2**60) for _ in range(r.randrange(16))]),
        "texts": (pa.list_(pa.string()), lambda i: [r.choice(words) for _ in range(r.randrange(5))]),
    }
    return pa.table({name: pa.array([None if nulls and r.random() < 0.1 else make(i) for i in range(ROWS)], kind)
                     for name, (kind, make) in fields.items()})


def numbers():
    """Columns of 8 and 16 bytes that are taken where they are, and as converted."""
    r = random.Random(5)
    column = pa.array([r.randrange(2**62) for _ in range(150000)])
    mask = pa.array([i % 11 == 0 for i in range(150000)])
    table = pa.table({"i": column, "f": column.cast(pa.float64(), safe=False), "d": column.cast(pa.decimal128(38, 3)),
                      "n": pc.if_else(mask, None, column)})
    return table.cast(pa.schema([table.schema.field("i").with_nullable(False)] + [table.schema.field(i) for i in (1, 2, 3)]))


def files(folder):
    def write(name, table, **kw):
        path = os.path.join(folder, name + ".parquet")
        pq.write_table(table, path, use_dictionary=False, data_page_size=1 << 29, max_rows_per_page=1 << 29, **kw)
        return path

    for nulls in [True, False]:
        table = large(1 + nulls, nulls)
        if not nulls:
            table = table.cast(pa.schema([f.with_nullable(False) for f in table.schema]))
        for codec in ["snappy", "none"]:
            for version in ["1.0", "2.0"]:
                yield write(f"large_{nulls}_{codec}_{version}", table, compression=codec, data_page_version=version,
                            write_page_checksum=nulls)
    yield write("numbers", numbers(), compression="snappy")
    yield write("numbers_none", numbers(), compression="none")
    yield write("index", table, compression="snappy", write_page_index=True)
    yield write("zstd", table, compression="zstd")


def test_large_pages_have_the_values_that_pyarrow_reads():
    with tempfile.TemporaryDirectory() as folder:
        _, wrong = check(built(), ((path, [2048, 37], True) for path in files(folder)))
    assert not wrong, "\n".join(wrong)


# ---- snappy by hand ----

def literal(data):
    return bytes([63 << 2]) + struct.pack("<I", len(data) - 1) + data


def far_copies(data, period):
    """Snappy of data that repeats: copies of 64 bytes, as far back as the period."""
    out = bytearray(bad_parquet.varint(len(data)))
    out += literal(data[:period])
    for at in range(period, len(data), 64):
        out += bytes([(min(64, len(data) - at) - 1) << 2 | 3]) + struct.pack("<I", period)
    return bytes(out)


def rewritten(path, make):
    """The file of one column, one page and no compression, with make(page) as its snappy page."""
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<I", data[-8:-4])[0]
    footer = bad_parquet.Reader(data[-8 - size:-8]).struct()
    chunk = bad_parquet.field(bad_parquet.field(footer, 4)[1][0], 1)[1][0]
    meta = bad_parquet.field(chunk, 3)
    at = bad_parquet.field(meta, 9)
    reader = bad_parquet.Reader(data[at:])
    header = reader.struct()
    plain = bad_parquet.field(header, 2)
    body = make(data[at + reader.at:at + reader.at + plain])
    bad_parquet.set_field(header, 3, len(body))
    page = bad_parquet.write_struct(header) + body
    bad_parquet.set_field(meta, 4, 1)  # snappy
    bad_parquet.set_field(meta, 7, len(page))
    foot = bad_parquet.write_struct(footer)
    with open(path, "wb") as file:
        file.write(data[:at] + page + foot + struct.pack("<I", len(foot)) + b"PAR1")
    return path


def repeating(folder, name, every):
    """A file of 30,000 texts of 64 bytes, which repeat."""
    r = random.Random(7)
    some = ["%064x" % r.getrandbits(256) for _ in range(every)]
    schema = pa.schema([pa.field("s", pa.string(), False)])
    path = os.path.join(folder, name)
    pq.write_table(pa.table([pa.array([some[i % every] for i in range(30000)])], schema), path, use_dictionary=False,
                   compression="none", data_page_size=1 << 29, max_rows_per_page=1 << 29)
    return path


def test_copies_may_reach_behind_the_piece():
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for every in [3, 900, 960, 970, 5000, 29999]:  # 964 values are 64 KiB
            path = repeating(folder, f"far_{every}.parquet", every)
            jobs.append((rewritten(path, lambda page, n=every: far_copies(page, n * 68)), [2048, 100], True))
        _, wrong = check(built(), jobs)
    assert not wrong, "\n".join(wrong)


def test_damaged_pieces_are_errors():
    """Cut off, too long, and a copy from before the start in the midst of the page."""
    def broken(page, how):
        good = far_copies(page, 68 * 100)
        cut = len(good) // 10 * 7 // 5 * 5
        if how == "cut":
            return good[:-5]
        if how == "long":
            return good + literal(b"x")
        return good[:cut] + bytes([63 << 2 | 3]) + struct.pack("<I", 1 << 30) + good[cut + 5:]

    reader = built()
    with tempfile.TemporaryDirectory() as folder:
        for how in ["cut", "long", "before"]:
            path = rewritten(repeating(folder, how, 100), lambda page, h=how: broken(page, h))
            for batch in [2048, 100]:
                try:
                    reader.read(path, batch)
                    assert False, f"{how}: read"
                except pa.ArrowInvalid as error:
                    assert "damaged" in str(error), error
                except OSError as error:
                    assert "damaged" in str(error), error


# ---- memory ----

def test_large_pages_fit_under_small_limits():
    """Three columns with pages of 12 MB each, in 12 MiB."""
    r = random.Random(3)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "large.parquet")
        texts = ["%0100x" % r.getrandbits(400) for _ in range(1000)]
        column = pa.array([texts[i * 7919 % 1000] + str(i) for i in range(120000)])
        pq.write_table(pa.table({"a": column, "b": column, "c": column}), path, use_dictionary=False,
                       data_page_size=1 << 29, max_rows_per_page=1 << 29)
        sql = f"SELECT count(*), sum(length(a)), max(b), min(c) FROM '{path}' WHERE a <> 'x';"
        answers = set()
        for settings in ["", "SET memory_limit = '12MiB'; SET threads = 2;"]:
            done = subprocess.run([SHELL, "--format", "csv", "-"], input=f"{settings}\n{sql}\n",
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            answers.add(done.stdout)
        assert len(answers) == 1 and "120000" in answers.pop()


def test_a_page_in_place_before_one_as_large_as_the_window():
    """A V2 page that says it isn't compressed is read where it lies; the one behind it, compressed and as large as what
    was read of the file, must not take that away (seen by the address sanitizer)."""
    texts, few = ["%060d" % i for i in range(4000)], 50
    plain = lambda values: b"".join(struct.pack("<I", len(v)) + v.encode() for v in values)
    first, second = plain(texts[:few]), plain(texts[few:])
    packed = bad_parquet.varint(len(second)) + bytes([63 << 2]) + struct.pack("<I", len(second) - 1) + second
    head = bad_parquet.write_struct([[1, 5, 3], [2, 5, len(first)], [3, 5, len(first)], [8, 12, [
        [1, 5, few], [2, 5, 0], [3, 5, few], [4, 5, 0], [5, 5, 0], [6, 5, 0], [7, 2, None]]]])
    behind = bad_parquet.write_struct([[1, 5, 0], [2, 5, len(second)], [3, 5, len(packed)], [5, 12, [
        [1, 5, len(texts) - few], [2, 5, 0], [3, 5, 3], [4, 5, 3]]]])
    pages = head + first + behind + packed
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "t.parquet")
        pq.write_table(pa.table([pa.array(texts)], pa.schema([pa.field("s", pa.string(), False)])), path,
                       use_dictionary=False, compression="none", write_statistics=False)
        with open(path, "rb") as file:
            data = file.read()
        size = struct.unpack("<I", data[-8:-4])[0]
        footer = bad_parquet.Reader(data[-8 - size:-8]).struct()
        meta = bad_parquet.field(bad_parquet.field(bad_parquet.field(footer, 4)[1][0], 1)[1][0], 3)
        for number, value in ((4, 1), (6, len(pages)), (7, len(pages))):
            bad_parquet.set_field(meta, number, value)
        end = bad_parquet.write_struct(footer)
        with open(path, "wb") as file:
            file.write(data[:bad_parquet.field(meta, 9)] + pages + end + struct.pack("<I", len(end)) + b"PAR1")
        assert pq.read_table(path)["s"].to_pylist() == texts
        out = subprocess.run([SHELL, "--format", "csv", "-c", f"SELECT min(s), max(s), count(DISTINCT s) FROM '{path}'"],
                             capture_output=True, text=True, timeout=60, check=True).stdout
        assert out.splitlines()[1] == f"{texts[0]},{texts[-1]},{len(texts)}", out
