"""The 22 queries of TPC-H on unkind data: nulls, doubles, skewed, dangling and null foreign keys.

The data is made by tools/tpch_skew.py from scale 0.1: row groups of three sizes, with and without
dictionaries. Answers must equal DuckDB's: doubles within 1e-9, the rest exactly. Rows that tie on the
sort keys may come in any order, and any of them may be left out by LIMIT; so the sort keys are
compared row by row, and each row must be one of DuckDB's without LIMIT, no more often than there.
"""
import collections
import decimal
import functools
import math
import os
import re
import sys
import unittest

try:
    import duckdb
    import numpy # pylint: disable=unused-import
except ImportError as missing:
    raise unittest.SkipTest(f"{missing.name} is not installed")
import tpch

sys.path.insert(0, os.path.join(tpch.ROOT, "tools"))
import pslib
import tpch_skew

SCALE = "0.1"


@functools.cache
def skewed():
    """The folder of all variants."""
    folder = os.path.join(tpch.ROOT, "build", "data", f"skewed-{SCALE}")
    tpch.make("tpch_skew.py", tpch.data(SCALE), folder)
    return folder


def value(v):
    """One form for both engines: float, exact number, or the value itself."""
    if isinstance(v, bytes):
        return int.from_bytes(v, "little", signed=True) # HUGEINT
    if isinstance(v, decimal.Decimal):
        return v.normalize()
    return v


def close(a, b):
    if a is None or b is None or isinstance(a, str):
        return a == b
    if isinstance(a, float) or isinstance(b, float):
        return math.isclose(float(a), float(b), rel_tol=1e-9, abs_tol=1e-12)
    return a == b


def sort_columns(sql, names):
    """Positions of the sort keys of the whole query."""
    found = re.search(r"ORDER BY([^()]*)$", sql, re.I)
    if not found:
        return []
    keys = re.sub(r"LIMIT.*", "", found[1], flags=re.I | re.S).split(",")
    return [names.index(key.split()[0]) for key in keys]


@functools.cache
def expected(number):
    """Names of the columns, rows without LIMIT, rows with it."""
    connection = duckdb.connect(config={"threads": 1})
    for statement in tpch.views(f"{skewed()}/{next(iter(tpch_skew.VARIANTS))}"):
        connection.execute(statement)
    sql = tpch.query(number)
    cursor = connection.execute(re.sub(r"LIMIT\s+\d+\s*$", "", sql, flags=re.I))
    rows = [tuple(map(value, row)) for row in cursor.fetchall()]
    limit = re.search(r"LIMIT\s+(\d+)\s*$", sql, re.I)
    return [c[0] for c in cursor.description], rows, int(limit[1]) if limit else len(rows)


def check_rows(got, want, n_expected, keys):
    """got in order; want: everything, in order, before LIMIT."""
    assert len(got) == min(n_expected, len(want)), f"{len(got)} rows, not {min(n_expected, len(want))}"
    for i, row in enumerate(got):
        assert all(close(row[k], want[i][k]) for k in keys), f"row {i} is {row}, DuckDB's {want[i]}"
    floats = [i for i in range(len(want[0])) if any(isinstance(r[i], float) for r in want)] if want else []
    exact = [i for i in range(len(want[0])) if i not in floats] if want else []
    left = collections.defaultdict(list)
    for row in want:
        left[tuple(row[i] for i in exact)].append(row)
    for row in got:
        rivals = left[tuple(row[i] for i in exact)]
        match = next((r for r in rivals if all(close(row[i], r[i]) for i in floats)), None)
        assert match is not None, f"{row} is none of DuckDB's rows; near: {rivals[:3]}"
        rivals.remove(match)


def variant_test(variant):
    def test():
        session, wrong = pslib.Session(os.environ.get("PS_LIBRARY"), 2), []
        for statement in tpch.views(f"{skewed()}/{variant}"):
            session.sql(statement)
        for number in tpch.QUERIES:
            names, want, limit = expected(number)
            table = session.sql(tpch.query(number))
            got = [tuple(map(value, row.values())) for row in table.to_pylist()]
            try:
                check_rows(got, want, limit, sort_columns(tpch.query(number), names))
            except AssertionError as failed:
                wrong.append(f"q{number:02d}: {failed}")
        session.close()
        assert not wrong, "\n".join(wrong)
    return test


def test_the_data_asks_something():
    """Every query finds something in it, and it has what it is meant to have."""
    empty = [n for n in tpch.QUERIES if not expected(n)[1]]
    assert not empty, empty
    connection = duckdb.connect()
    for statement in tpch.views(f"{skewed()}/{next(iter(tpch_skew.VARIANTS))}"):
        connection.execute(statement)
    counts = connection.execute(
        "SELECT count(*) FILTER (WHERE l_orderkey IS NULL), count(*) FILTER (WHERE l_shipdate IS NULL),"
        " count(*) FILTER (WHERE o_orderkey IS NULL), count(*) FROM lineitem"
        " LEFT JOIN orders ON l_orderkey = o_orderkey").fetchone()
    shares = [n / counts[3] for n in counts[:3]]
    assert all(abs(a - b) < 0.005 for a, b in zip(shares, (0.02, 0.05, 0.118))), shares


for name in tpch_skew.VARIANTS:
    globals()[f"test_{name}"] = variant_test(name)
