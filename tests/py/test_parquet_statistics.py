"""count, min and max from the footers of Parquet files: what writers mark as exact answers, with the value and the
type that reading gives; whatever is not marked, or can't be so, is read (ADR 12).

Seeded. PS_LIBRARY is the library."""
import os
import struct
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

from bad_parquet import Reader, field, write_struct
from test_parquet import all_types, nested

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))
import pslib

RULE = "aggregate_from_statistics"
FLOATS = {"f16", "f32", "f64"}
ROWS = 500
STRUCT, BINARY, TRUE, FALSE = 12, 8, 1, 2
NULLS, MAX, MIN, MAX_EXACT, MIN_EXACT, STATISTICS = 3, 5, 6, 7, 8, 12


def quoted(name):
    return '"' + name + '"'


def is_answered(session, sql):
    """Whether the plan reads nothing; EXPLAIN ANALYZE tells the same."""
    plan = str(session.sql("EXPLAIN " + sql).to_pylist())
    ran = str(session.sql("EXPLAIN ANALYZE " + sql).to_pylist())
    assert ("scan" in plan) == ("scan" in ran) and ("scan" in plan) != ("values" in plan), (plan, ran)
    return "scan" not in plan


def same_as_read(session, sql):
    """The answer, which must be what reading gives, to the type and the bit."""
    got = session.sql(sql)
    session.sql(f"SET disabled_rules = '{RULE}'")
    assert not is_answered(session, sql)
    want = session.sql(sql)
    session.sql("RESET disabled_rules")
    assert got.schema == want.schema, (sql, got.schema, want.schema)
    for a, b in zip(got.columns, want.columns):
        assert a.combine_chunks().cast(b.type).to_pylist() == b.to_pylist() or \
            str(a.to_pylist()) == str(b.to_pylist()) == "[nan]", (sql, a.to_pylist(), b.to_pylist())
    return list(got.to_pylist()[0].values())


def answered_columns(session, path, names):
    """The columns whose min and max are not read, those whose count is not. All are compared with reading."""
    ranges, counts = set(), set()
    for name in names:
        same_as_read(session, f"SELECT count(*), count({quoted(name)}), min({quoted(name)}), max({quoted(name)}) FROM '{path}'")
        for sets, sql in (ranges, "SELECT min({0}), max({0})"), (counts, "SELECT count({0})"):
            if is_answered(session, f"{sql.format(quoted(name))} FROM '{path}'"):
                sets.add(name)
    return ranges, counts


class Folder:
    """A session and files that are gone afterwards."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.session = pslib.Session(os.environ["PS_LIBRARY"], 2)
        return self.session, lambda name: os.path.join(self.folder.name, name + ".parquet")

    def __exit__(self, *_):
        self.session.close()
        self.folder.cleanup()


def test_every_type_that_pyarrow_marks():
    table = all_types(ROWS, 1)
    deep = table.append_column("deep", nested(ROWS, 2).column("l"))
    with Folder() as (session, path):
        for name, options in (("v1", {}), ("groups", {"row_group_size": 77}), ("pages", {"write_page_index": True}),
                              ("plain", {"use_dictionary": False, "data_page_version": "2.0"}),
                              ("ints", {"store_decimal_as_integer": True})):
            pq.write_table(deep, path(name), **options)
            ranges, counts = answered_columns(session, path(name), table.column_names)
            assert ranges == set(table.column_names) - FLOATS, (name, ranges)
            assert counts == set(table.column_names), (name, counts)
            assert not is_answered(session, f"SELECT count(deep) FROM '{path(name)}'")
        assert is_answered(session, f"SELECT count(*), min(i8), max(utc), count(f64), max(fx) FROM '{path('groups')}'")
        assert not is_answered(session, f"SELECT count(*), min(i8), min(f64) FROM '{path('groups')}'")
        required = pa.table([table.column(0).fill_null(True)], pa.schema([pa.field("b", pa.bool_(), False)]))
        pq.write_table(required, path("required"))
        assert answered_columns(session, path("required"), ["b"]) == ({"b"}, {"b"})


def test_what_other_writers_mark():
    import duckdb
    import polars as pl
    table = all_types(ROWS, 3).drop_columns(["f16", "u64", "none", "d38", "tns", "sms", "sns"])
    names = set(table.column_names)
    with Folder() as (session, path):
        con = duckdb.connect()
        con.register("t", table)
        con.execute(f"COPY t TO '{path('duckdb')}' (ROW_GROUP_SIZE 100)")
        ranges, counts = answered_columns(session, path("duckdb"), table.column_names)
        assert ranges and not ranges & FLOATS and counts == names, (ranges, counts)
        pl.from_arrow(table).write_parquet(path("polars"), row_group_size=100)
        ranges, counts = answered_columns(session, path("polars"), table.column_names)
        assert not ranges and counts == names, (ranges, counts)


def test_files_without_statistics():
    table = all_types(ROWS, 4).select(["i32", "s", "date", "d9", "none"])
    with Folder() as (session, path):
        pq.write_table(table, path("none"), write_statistics=False)
        assert answered_columns(session, path("none"), table.column_names) == (set(), set())
        assert is_answered(session, f"SELECT count(*) FROM '{path('none')}'")
        pq.write_table(table, path("some"), write_statistics=["i32", "d9"], row_group_size=90)
        assert answered_columns(session, path("some"), table.column_names) == ({"i32", "d9"}, {"i32", "d9"})
        # a column is known of all files, or not at all
        pq.write_table(table, path("all"))
        both = f"read_parquet(['{path('all')}', '{path('some')}'])"
        assert is_answered(session, f"SELECT count(i32), max(i32), min(d9) FROM {both}")
        assert not is_answered(session, f"SELECT max(s) FROM {both}")
        assert same_as_read(session, f"SELECT count(i32) + count(s) FROM {both}") == [
            2 * sum(ROWS - table.column(c).null_count for c in ("i32", "s"))]


def test_old_timestamps_and_empty_files():
    table = all_types(ROWS, 5).select(["sus", "i64", "s", "none"])
    with Folder() as (session, path):
        pq.write_table(table, path("int96"), use_deprecated_int96_timestamps=True)
        assert answered_columns(session, path("int96"), ["sus"])[0] == set()
        pq.write_table(table.slice(0, 0), path("empty"))
        assert answered_columns(session, path("empty"), table.column_names)[0] == set(table.column_names)
        assert same_as_read(session, f"SELECT count(*), max(i64) FROM '{path('empty')}'") == [0, None]


# ---- footers that say something else ----

def rewritten(path, out, change, columns=None):
    """The file with change(statistics, chunk, footer) made in the chunks of some columns."""
    with open(path, "rb") as file:
        data = file.read()
    n = struct.unpack("<I", data[-8:-4])[0]
    footer = Reader(data[-8 - n:-8]).struct()
    for group in field(footer, 4)[1]:
        for chunk in field(group, 1)[1]:
            meta = field(chunk, 3)
            if columns is None or field(meta, 3)[1][0].decode() in columns:
                change(field(meta, STATISTICS), meta, footer)
    text = write_struct(footer)
    with open(out, "wb") as file:
        file.write(data[:-8 - n] + text + struct.pack("<I", len(text)) + b"PAR1")


def put(fields, number, kind, value=None):
    fields[:] = sorted([f for f in fields if f[0] != number] + ([[number, kind, value]] if kind else []))


def test_marks_decide():
    table = pa.table({"i": pa.array([3, None, 300, -7], pa.int16()), "t": pa.array([1, None, 5, 7], pa.int8()),
                      "s": ["b", "ä", None, "a"], "d": pa.array([1, 2, 3, None], pa.decimal128(4, 1))})
    names = table.column_names

    def orders(number):
        def change(_stats, _meta, footer):
            put(footer, 7, 9 if number else 0, [STRUCT, [[[number, STRUCT, []]] for _ in names]])
        return change

    def legacy(stats, _meta, _footer):
        least, greatest = field(stats, MIN), field(stats, MAX)
        stats[:] = [[1, BINARY, greatest], [2, BINARY, least], [NULLS, 6, field(stats, NULLS)]]

    changes = {
        "as it was": (lambda stats, meta, footer: None, True),
        "no mark": (lambda s, m, f: (put(s, MIN_EXACT, 0), put(s, MAX_EXACT, 0)), False),
        "one mark": (lambda s, m, f: put(s, MAX_EXACT, 0), False),
        "marked as cut": (lambda s, m, f: put(s, MIN_EXACT, FALSE), False),
        "only a greatest value": (lambda s, m, f: put(s, MIN, 0), False),
        "the older fields": (legacy, False),
        "no order told": (orders(0), False),
        "another order": (orders(2), False),
        "the type's order": (orders(1), True),
        "least above greatest": (lambda s, m, f: (put(s, MIN, BINARY, field(s, MAX)), put(s, MAX, BINARY, b"\x00" * len(
            field(s, MAX)))), False),
        "more nulls than rows": (lambda s, m, f: put(s, NULLS, 6, 5), True),
        "less than no nulls": (lambda s, m, f: put(s, NULLS, 6, -1), True),
        "nulls not told": (lambda s, m, f: put(s, NULLS, 0), True),
    }
    with Folder() as (session, path):
        pq.write_table(table, path("a"))
        for name, (change, ranged) in changes.items():
            rewritten(path("a"), path("b"), change)
            ranges, counts = answered_columns(session, path("b"), names)
            assert ranges == (set(names) if ranged else set()), (name, ranges)
            assert counts == (set() if "null" in name else set(names)), (name, counts)


def test_values_that_a_reader_would_refuse():
    table = pa.table({"t": pa.array([1, None, 5, 7], pa.int8()), "u": pa.array([1, 2, 3, 4], pa.uint16()),
                      "s": ["b", "ä", None, "a"], "d": pa.array([1, 2, 3, None], pa.decimal128(4, 1)), "x": pa.array(
                          [b"abc", b"abd", None, b"abe"], pa.binary(3)), "time": pa.array([1, 2, 3, 4], pa.time64("us"))})
    bounds = {"t": struct.pack("<i", 300), "u": struct.pack("<i", 70000), "s": b"z\xff", "d": b"\x7f\xff\xff\xff",
              "x": b"abff", "time": struct.pack("<q", 86400000001)}
    with Folder() as (session, path):
        pq.write_table(table, path("a"))
        for name, bound in bounds.items():
            rewritten(path("a"), path("b"), lambda s, m, f: put(s, MAX, BINARY, bound), [name])
            ranges, _ = answered_columns(session, path("b"), table.column_names)
            assert ranges == set(table.column_names) - {name}, (name, ranges)
        # a chunk with another number of values than its row group: reading says so
        rewritten(path("a"), path("b"), lambda s, m, f: put(m, 5, 6, 3), ["t"])
        failure = pslib.failure_of(session, f"SELECT max(t) FROM '{path('b')}'")
        assert failure.name == "DATA", failure


def test_long_text_is_cut():
    """parquet-rs and others cut bounds; whoever marks nothing may have."""
    table = pa.table({"s": ["a" * 100, "b" * 65, None], "short": ["a" * 64, "b", "c"]})
    with Folder() as (session, path):
        pq.write_table(table, path("a"))
        assert answered_columns(session, path("a"), ["s", "short"])[0] == {"short"}
        rewritten(path("a"), path("b"), lambda s, m, f: (put(s, MIN, BINARY, b"a" * 10), put(s, MIN_EXACT, FALSE)))
        assert answered_columns(session, path("b"), ["s", "short"])[0] == set()


def test_nothing_is_read():
    """With the pages gone, what the footer says is all there is; what is marked exact is believed."""
    table = pa.table({"i": list(range(1000)), "s": ["text %d" % i for i in range(1000)]})
    with Folder() as (session, path):
        pq.write_table(table, path("a"), row_group_size=300)
        with open(path("a"), "r+b") as file:
            size = file.seek(-8, os.SEEK_END) + 8
            n = struct.unpack("<I", file.read(4))[0]
            file.seek(0)
            file.write(b"\x00" * (size - 8 - n))
        sql = f"SELECT count(*) AS n, min(i) AS a, max(s) AS b FROM '{path('a')}'"
        assert session.sql(sql).to_pylist() == [{"n": 1000, "a": 0, "b": "text 999"}]
        session.sql(f"SET disabled_rules = '{RULE}'")
        assert pslib.failure_of(session, sql).name == "DATA"
        session.sql("RESET disabled_rules")
        pq.write_table(table, path("a"))
        rewritten(path("a"), path("b"), lambda s, m, f: put(s, MAX, BINARY, struct.pack("<q", 10**6)), ["i"])
        sql = f"SELECT max(i) AS n FROM '{path('b')}'"
        assert session.sql(sql).to_pylist() == [{"n": 10**6}]
        session.sql(f"SET disabled_rules = '{RULE}'")
        assert session.sql(sql).to_pylist() == [{"n": 999}]
