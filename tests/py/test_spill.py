"""Spilling: the same bytes as without, whatever is forced or refused, and resident memory that stays at the limit.

Seeded by nothing: the tables are arithmetic. PS_SHELL is the shell to test, PS_LIBRARY the library."""
import os
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
try:
    import pslib
    import pyarrow # pslib's results are its tables
except ImportError:
    pslib = pyarrow = None

SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")
LONG = os.environ.get("PS_TEST_TIER") == "all"
ROWS = int(os.environ.get("PS_SPILL_ROWS", "200000" if LONG else "20000"))

TABLE = f"""CREATE TABLE t AS SELECT i,
 CASE WHEN i % 13 = 5 THEN NULL ELSE (i * 7919) % 10007 END AS k,
 CASE WHEN i % 17 = 3 THEN NULL ELSE 'a text with one long beginning, number ' || CAST((i * 31) % 977 AS VARCHAR) END AS s,
 CAST((i * 13) % 2900 AS DOUBLE) / 7 AS f, i % 4 AS few, CAST((i * 3) % 1000 AS DECIMAL(9,2)) AS m,
 CASE WHEN i % 97 = 0 THEN 'x' ELSE 'pad ' || CAST(i AS VARCHAR) END AS p
 FROM range({ROWS}) r(i);"""

SORTS = [
    "SELECT * FROM t ORDER BY k, i DESC",
    "SELECT * FROM t ORDER BY s DESC NULLS FIRST, f",
    "SELECT i, s FROM t ORDER BY few",
    "SELECT i, p FROM t ORDER BY 'one', few DESC, s",
    "SELECT i FROM t ORDER BY f, m DESC LIMIT 20000 OFFSET 777",
    "SELECT i, s, p FROM t ORDER BY s LIMIT 9000",
    "SELECT i FROM t ORDER BY i DESC LIMIT 3",
    "SELECT i, [k, i] AS l FROM t ORDER BY [few, k], s",
    "SELECT count(*) FROM (SELECT * FROM t ORDER BY k LIMIT 0) q",
]

WINDOWS = [
    "SELECT i, row_number() OVER w, rank() OVER w, dense_rank() OVER w, sum(f) OVER w FROM t WINDOW w AS (ORDER BY few, s)",
    "SELECT i, row_number() OVER w, sum(f) OVER w, max(p) OVER w FROM t WINDOW w AS (PARTITION BY few ORDER BY k, i ROWS UNBOUNDED PRECEDING)",
    "SELECT i, lag(s, 3) OVER w, lead(k) OVER w, first_value(p) OVER w FROM t WINDOW w AS (PARTITION BY k % 1000 ORDER BY f, i)",
    "SELECT i, count(*) OVER (PARTITION BY s), ntile(7) OVER (PARTITION BY s ORDER BY i), median(f) OVER (PARTITION BY s) FROM t",
    "SELECT i, sum(f) OVER (PARTITION BY m ORDER BY i ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING) FROM t",
    "SELECT i, row_number() OVER (), avg(f) OVER (ORDER BY few RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
    "SELECT i, dense_rank() OVER (PARTITION BY i // 9000 ORDER BY i // 100), rank() OVER (PARTITION BY i // 9000 ORDER BY i // 100),"
    " sum(i) OVER (PARTITION BY i // 9000 ORDER BY i // 100) FROM t",
    "SELECT i, string_agg(p, ',') OVER (PARTITION BY i // 10 ORDER BY i) FROM t",
]


def run(statements, settings="", shell_format="csv"):
    """What the shell prints after the settings and the table."""
    done = subprocess.run([SHELL, "--format", shell_format, "-"], input=f"{settings}\n{TABLE}\n{statements}",
                          capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise AssertionError(f"{settings}: {done.stderr.strip()}")
    return done.stdout


def same(queries):
    text = ";\n".join(queries) + ";"
    plain = run(text)
    for settings in ["SET force_spill = true; SET threads = 1;",
                     "SET force_spill = true; SET threads = 8; SET batch_rows = 7;",
                     "SET force_spill = true; SET threads = 2; SET batch_rows = 100; SET relocate_pages = true;",
                     "SET force_spill = true; SET threads = 3; SET park_always = true;"]:
        if run(text, settings) != plain:
            for query in queries:  # which one, with the first rows that differ
                a, b = run(query + ";").splitlines(), run(query + ";", settings).splitlines()
                for n, (x, y) in enumerate(zip(a, b)):
                    assert x == y, f"{settings} {query}: row {n}: {x} | {y}"
                assert len(a) == len(b), f"{settings} {query}: {len(a)} rows, {len(b)} spilled"


def test_windows_are_the_same():
    same(WINDOWS)


def test_sorts_and_top_n_are_the_same():
    same(SORTS)


# ---- one limit, resident memory ----

ARITHMETIC = "SELECT i, (i * 7919) % 1000003 AS k, 'pad ' || CAST(i AS VARCHAR) || ' and some more of it' AS p FROM range({0}) r(i)"
SHARERS = [
    "SELECT count(*), sum(i), min(p) FROM (SELECT * FROM (" + ARITHMETIC + ") t ORDER BY k, p LIMIT {0} - 1) q",
    "SELECT count(*), sum(n), min(p), sum(x) FROM (SELECT *, row_number() OVER w n, sum(i) OVER w x FROM"
    " (SELECT *, i % 1000 AS g FROM (" + ARITHMETIC + ") t) u WINDOW w AS (PARTITION BY g ORDER BY i)) q",
]


def resident_peak():
    with open("/proc/self/status", encoding="ascii") as status:
        return int([line for line in status if line.startswith("VmHWM")][0].split()[1]) // 1024


def shared(limit_mib, threads, sessions, rows):
    """Every session runs the queries in turn on one instance: answers of an instance without a limit, and the growth of
    resident memory in MiB."""
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    library = os.environ.get("PS_LIBRARY")
    queries = [query.format(rows) for query in SHARERS]
    plain = pslib.Session(library, threads=threads)
    want = [plain.sql(query).to_pylist() for query in queries]
    plain.close()
    first = pslib.Session(library, threads=threads, memory_bytes_max=limit_mib << 20)
    others, wrong = [first], []
    for _ in range(sessions - 1):
        others.append(first.another())

    def work(session, turn):
        try:
            for k in range(len(queries)):
                at = (turn + k) % len(queries)
                got = session.sql(queries[at]).to_pylist()
                if got != want[at]:
                    wrong.append(f"{queries[at]}: {got} instead of {want[at]}")
        except pslib.Failure as failure:
            wrong.append(str(failure))

    with open("/proc/self/clear_refs", "w", encoding="ascii") as clear:
        clear.write("5")
    before = resident_peak()
    threads_of = [threading.Thread(target=work, args=(s, turn)) for turn, s in enumerate(others)]
    for thread in threads_of:
        thread.start()
    for thread in threads_of:
        thread.join()
    growth = resident_peak() - before
    for other in others[1:]:
        other.close_session()
    first.close()
    assert not wrong, wrong
    return growth


def test_ten_times_the_limit():
    for threads in (1, 4) if LONG else (4,):
        growth = shared(16, threads, 1, 1200000)
        assert growth <= 16 + 32, f"{threads} threads: {growth} MiB"


def test_many_queries_take_turns():
    for threads, limit, sessions in ((2, 64, 4), (1, 64, 4), (2, 16, 6)) if LONG else ((2, 64, 4), (2, 16, 6)):
        growth = shared(limit, threads, sessions, 500000 if LONG else 250000)
        assert growth <= limit + 32, f"{sessions} queries in {limit} MiB, {threads} threads: {growth} MiB"


WRITES = [
    "SELECT * FROM {0} t ORDER BY s, i",
    "SELECT s, count(*) AS n, max(j) AS m FROM {0} t GROUP BY s",
    "SELECT a.i, a.s, b.s AS t FROM {0} a JOIN {0} b ON a.j = b.i",
    "SELECT i, s, row_number() OVER (PARTITION BY s ORDER BY i) AS n FROM {0} t",
]


def test_writes_share_one_limit():
    """Four COPYs at once, of 20 MB each and more: what a writer holds of rows is nobody else's."""
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    import pyarrow.parquet as pq
    rows = 200000
    table = (f"(SELECT i, (i * 7919) % {rows} AS j, 'text number ' || (i * 40503) % {rows // 2} || "
             f"' with a tail of some length, and more of it, so that rows are long' AS s FROM range({rows}) r(i))")
    for threads in (1, 2, 8) if LONG else (2,):
        first = pslib.Session(os.environ.get("PS_LIBRARY"), threads=threads, memory_bytes_max=24 << 20)
        sessions, wrong = [first] + [first.another() for _ in WRITES[1:]], []
        with tempfile.TemporaryDirectory() as folder:
            def write(k):
                try:
                    sessions[k].sql(f"COPY ({WRITES[k].format(table)}) TO '{folder}/{k}.parquet' (FORMAT parquet)")
                except pslib.Failure as failure:
                    wrong.append(str(failure))

            work = [threading.Thread(target=write, args=(k,)) for k in range(len(WRITES))]
            for thread in work:
                thread.start()
            for thread in work:
                thread.join()
            for session in sessions[1:]:
                session.close_session()
            first.close()
            assert not wrong, wrong
            written = [pq.ParquetFile(f"{folder}/{k}.parquet").metadata.num_rows for k in range(len(WRITES))]
            assert written == [rows, rows // 2, rows, rows], written


def test_two_queries_share_one_limit():
    for threads, limit, rows in ((1, 64, 500000), (1, 64, 1500000)) if LONG else ((1, 64, 500000),):
        growth = shared(limit, threads, 2, rows)
        assert growth <= limit + 32, f"{threads} threads: {growth} MiB"


def test_a_frame_that_does_not_fit_says_so():
    query = "SELECT max(length(a)) FROM (SELECT string_agg(p, '') OVER (PARTITION BY k < 0) a FROM (" + ARITHMETIC.format(400000) + ") t) q"
    done = subprocess.run([SHELL, "--format", "csv", "-c", "SET memory_limit = '24MiB'", "-c", query],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 1 and "MEMORY" in done.stderr, done.stderr
    assert "a window frame of 400000 rows doesn't fit into memory, which string_agg needs to see at once" in done.stderr, done.stderr


def test_a_cap_on_files_is_told():
    text = ARITHMETIC.format(400000)
    done = subprocess.run([SHELL, "--format", "csv", "-c", "SET memory_limit = '24MiB'", "-c",
                           "SET max_temp_directory_size = '1MiB'", "-c",
                           f"SELECT count(*), max(p) FROM (SELECT * FROM ({text}) t ORDER BY p LIMIT 399999) q"],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 1 and "DISK_FULL" in done.stderr, done.stderr
    for word in (tempfile.gettempdir(), "need", "their cap is 1048576 bytes", "max_temp_directory_size"):
        assert word in done.stderr, done.stderr


def test_pages_of_whole_chunks_fit_with_fewer_lanes():
    """DuckDB's pages are whole chunks: two readers of 12 MB of text each don't fit, one does."""
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    try:
        import duckdb
    except ImportError:
        raise unittest.SkipTest("needs duckdb") from None
    with tempfile.TemporaryDirectory() as folder:
        duckdb.sql("SELECT i % 1000 AS k, md5('a' || i) || md5('b' || i) || md5('c' || i) AS p FROM range(500000) r(i)"
                   ).write_parquet(f"{folder}/wide.parquet")
        session = pslib.Session(os.environ.get("PS_LIBRARY"), threads=4)
        query = f"SELECT k, max(p) AS m FROM '{folder}/wide.parquet' GROUP BY k ORDER BY k"
        want = session.sql(query)
        session.sql("SET memory_limit = '56MiB'")
        assert session.sql(query).equals(want)
        session.close()
