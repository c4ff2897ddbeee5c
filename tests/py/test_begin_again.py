"""A query that is refused memory that others hold, before anything of it is seen, begins again and has half of the limit for
itself. The setting fail_memory refuses the n-th batch of each query until it begins again."""
import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
try:
    import pslib
    import pyarrow # pslib's results are its tables
except ImportError:
    pslib = pyarrow = None

ROWS = 100000
TABLE = f"CREATE TABLE t AS SELECT i, i % 100 AS g, concat('text ', CAST(i AS VARCHAR)) AS s FROM range({ROWS}) r(i)"


def session(limit_mib=100):
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    made = pslib.Session(os.environ.get("PS_LIBRARY"), threads=2, memory_bytes_max=limit_mib << 20)
    made.sql(TABLE)
    return made


def rows(found):
    return [tuple(row.values()) for row in found.to_pylist()]


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def test_queries_give_what_they_should():
    s = session()
    queries = ("SELECT g, count(*) AS n, min(s) AS s FROM t GROUP BY g ORDER BY g",
               "SELECT count(*) AS n FROM t a JOIN t b ON a.i = b.i WHERE b.g < 50",
               "SELECT i, s FROM t ORDER BY s DESC LIMIT 5")
    expected = [rows(s.sql(query)) for query in queries]
    for at in (1, 2, 7, 20, 45):
        s.sql(f"SET fail_memory = {at}")
        for query, right in zip(queries, expected):
            assert rows(s.sql(query)) == right, (at, query)


def test_what_is_written_is_there_once():
    with tempfile.TemporaryDirectory() as folder:
        s = session()
        for at in (1, 3, 8, 30):
            s.sql(f"SET fail_memory = {at}")
            s.sql(f"COPY t TO '{folder}/a.parquet'")
            s.sql(f"COPY t TO '{folder}/a.csv'")
            s.sql(f"COPY t TO '{folder}/parts' (FORMAT parquet, PARTITION_BY (g), OVERWRITE)")
            s.sql("CREATE OR REPLACE TABLE u AS SELECT * FROM t")
            s.sql("INSERT INTO u SELECT * FROM t WHERE g < 50")
            s.sql("SET fail_memory = 0")
            for source, n in ((f"'{folder}/a.parquet'", ROWS), (f"'{folder}/a.csv'", ROWS),
                              (f"'{folder}/parts/*/*.parquet'", ROWS), ("u", ROWS + ROWS // 2)):
                assert rows(s.sql(f"SELECT count(*) AS n FROM {source}")) == [(n,)], (at, source)
            assert [f for f in files_of(folder) if not f.startswith("parts")] == ["a.csv", "a.parquet"], files_of(folder)
            assert len(files_of(f"{folder}/parts")) == 100, files_of(folder)


def test_rows_that_were_given_are_not_given_again():
    s = session()
    s.sql("SET fail_memory = 12")
    try:
        s.sql("SELECT i, s FROM t")
    except pslib.Failure as failure:
        assert "MEMORY: the setting fail_memory asked for it" in str(failure), failure
    else:
        raise AssertionError("a query that had given rows began again")
    s.sql("SET fail_memory = 0")
    assert rows(s.sql("SELECT count(*) AS n FROM t")) == [(ROWS,)]


def test_it_begins_again_once():
    """Memory that nobody else holds: the error comes as soon as it would."""
    s = session(limit_mib=64)
    try:
        s.sql("SELECT list(i) AS l FROM range(9000000) r(i)")
    except pslib.Failure as failure:
        assert str(failure).startswith("MEMORY"), failure
    else:
        raise AssertionError("a list of 72 MB fits into 64 MiB")
