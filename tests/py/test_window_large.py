"""Windows over partitions larger than memory: the bytes of a run in memory, DuckDB's rows, and no more than the limit.

Random calls and frames of test_window.py over partitions that force_spill makes larger than a lane may hold (seeded by
PS_WINDOW_SEED, PS_WINDOW_LARGE_QUERIES); then every function over partitions of many times a real limit."""
import filecmp
import os
import random
import subprocess
import sys
import tempfile

import test_window
from test_window import DIGITS, TABLE, call, penstock, same

try:
    import duckdb
except ImportError:
    duckdb = None

LONG = os.environ.get("PS_TEST_TIER") == "all"
QUERIES = int(os.environ.get("PS_WINDOW_LARGE_QUERIES", "400" if LONG else "25"))

SPILLED = ["SET force_spill = true; SET threads = 1; SET batch_rows = 50;\n", "SET force_spill = true; SET threads = 3; SET batch_rows = 7;\n",
           "SET force_spill = true; SET threads = 2; SET batch_rows = 20; SET relocate_pages = true;\n"]


def large_call(rng):
    """A call whose partitions are large as a rule, with distances that leave the block of the row."""
    text = call(rng)
    if rng.randrange(3):
        for partition in ("PARTITION BY g, o ", "PARTITION BY x ", "PARTITION BY g "):
            text = text.replace(partition, "")
    if rng.randrange(2):
        text = text.replace("40 ", "300 ").replace("(x, 2", "(x, 270").replace("(s, 2 ", "(s, 90 ").replace("(x, 3)", "(x, 200)")
    return text


def check(rng, connection, table):
    calls = [large_call(rng) for _ in range(rng.choice([1, 1, 2, 4]))]
    sql = f"SELECT id, {', '.join(f'{c} AS c{i}' for i, c in enumerate(calls))} FROM t ORDER BY id"
    plain = penstock(table, sql, "SET threads = 2;\n")
    settings = rng.choice(SPILLED)
    spilled = penstock(table, sql, settings)
    for ours, wanted in zip(spilled, plain):
        assert ours == wanted, f"{settings}row {wanted}, spilled {ours}\n{sql}"
    assert len(spilled) == len(plain), f"{settings}{len(plain)} rows, {len(spilled)} spilled\n{sql}"
    if not connection:
        return
    for ours, wanted in zip(plain, connection.execute(sql).fetchall()):
        for i, (a, b) in enumerate(zip(ours, wanted)):
            assert same(a, b), f"row {wanted[0]} column {i}: got {a!r}, wanted {b!r}\n{sql}"


def test_random_windows_are_the_same():
    failed = 0
    for case in range(QUERIES):
        rng = random.Random(test_window.SEED * 7000003 + case)
        table = TABLE.format(digits=DIGITS, rows=rng.choice([600, 1000]), groups=rng.choice([1, 1, 2]), keys=rng.choice([1, 5, 50, 400]))
        connection = duckdb.connect() if duckdb and case % 2 == 0 else None
        if connection:
            connection.execute(table)
        try:
            check(rng, connection, table)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"case {case}: {error}", file=sys.stderr)
        if connection:
            connection.close()
    assert failed == 0, f"{failed} of {QUERIES} window queries differ"


# ---- a real limit ----

ROWS, LIMIT = (600000, 24) if LONG else (120000, 12)
SKEWS = {"none": "i % 1000", "half": "CASE WHEN i % 2 = 0 THEN -1 ELSE i % 1000 END", "all": "i * 0"}
DATA = """SELECT i, (i * 7919) % 100003 AS k, i % 4 AS few, CAST((i * 13) % 2900 AS DOUBLE) / 7 AS f,
 CASE WHEN i % 3 = 1 THEN NULL ELSE (i * 31) % 977 END AS x, {key} AS g,
 'pad ' || CAST(i AS VARCHAR) || ' and some more of it' AS p FROM range({rows}) r(i)"""
FUNCTIONS = [
    "lag(p, 3) OVER w, lead(i) OVER w, sum(f) OVER (w ROWS BETWEEN 5 PRECEDING AND 5 FOLLOWING), row_number() OVER w|PARTITION BY g ORDER BY k, i",
    "lag(p, 9000) OVER w, lead(i, k) OVER w, lag(x IGNORE NULLS) OVER w|PARTITION BY g ORDER BY i",
    "first_value(p) OVER w, last_value(i) OVER w, nth_value(i, 7) OVER w|PARTITION BY g ORDER BY k, i",
    "last_value(x IGNORE NULLS) OVER w, nth_value(i, 1000) OVER w|PARTITION BY g ORDER BY k, i"
    " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    "sum(f) OVER w, count(*) OVER w, min(p) OVER w, avg(f) OVER w|PARTITION BY g",
    "ntile(7) OVER w, percent_rank() OVER w, cume_dist() OVER w, rank() OVER w, dense_rank() OVER w|PARTITION BY g ORDER BY k // 1000",
    "sum(f) OVER w, count(*) OVER w, max(p) OVER w, row_number() OVER w|PARTITION BY g ORDER BY few",
    "sum(f) OVER w, max(i) OVER w|PARTITION BY g ORDER BY k, i ROWS BETWEEN 20000 PRECEDING AND 10000 FOLLOWING",
    "sum(f) OVER w, count(x) OVER w|PARTITION BY g ORDER BY k RANGE BETWEEN 1000 PRECEDING AND 500 FOLLOWING",
    "sum(f) OVER w, first_value(i) OVER w|PARTITION BY g ORDER BY few GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES",
    "count(DISTINCT x) OVER w, sum(DISTINCT k) OVER w|PARTITION BY g",
    "median(f) OVER w, mode(p) OVER w, quantile_cont(x, 0.3) FILTER (WHERE i > 100) OVER w|PARTITION BY g",
    "median(f) OVER w, string_agg(p, ',') OVER w, count(DISTINCT few) OVER w|PARTITION BY g ORDER BY i"
    " ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING",
]


# A process begins with its parent's peak: this small one stands between.
MEASURE = """import resource, subprocess, sys
code = subprocess.call(sys.argv[2:], stdin=sys.stdin, stdout=open(sys.argv[1], "wb"))
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"""


def limited(sql, settings, path):
    """Has the shell write what it gives to a file; its largest resident memory in MiB."""
    done = subprocess.run([sys.executable, "-c", MEASURE, path, test_window.SHELL, "--format", "csv", "-"], text=True,
                          input=f"{settings}\n{sql};\n", capture_output=True, timeout=1200, check=True)
    code, peak = done.stdout.split()
    assert code == "0", f"{settings} {done.stderr}\n{sql}"
    return int(peak)


def query_of(functions, skew):
    calls, window = functions.split("|")
    data = DATA.format(key=SKEWS[skew], rows=ROWS)
    return f"SELECT i, p, {calls} FROM ({data}) t WINDOW w AS ({window})"


def first_difference(path, other):
    with open(path, encoding="utf-8") as got, open(other, encoding="utf-8") as want:
        for ours, wanted in zip(got, want):
            if ours != wanted:
                return f"{ours.strip()} instead of {wanted.strip()}"
    return f"{os.path.getsize(path)} bytes instead of {os.path.getsize(other)}"


def test_every_function_within_a_limit():
    with tempfile.TemporaryDirectory() as folder:
        want, got = f"{folder}/want.csv", f"{folder}/got.csv"
        idle = limited("SELECT 1", "", got)
        for turn, functions in enumerate(FUNCTIONS):
            for skew in list(SKEWS) if LONG else [list(SKEWS)[2 - turn % 2]]:
                sql = query_of(functions, skew)
                limited(sql, "SET threads = 2;", want)
                for threads in (1, 4) if LONG else (2,):
                    peak = limited(sql, f"SET memory_limit = '{LIMIT}MiB'; SET threads = {threads};", got)
                    assert filecmp.cmp(got, want, shallow=False), f"{skew}, {threads} threads: {first_difference(got, want)}\n{sql}"
                    assert peak - idle <= LIMIT + 32, f"{skew}, {threads} threads: {peak - idle} MiB\n{sql}"


def test_what_calls_make_of_rows_fits_beside_them():
    """Limits around what sorted rows take: the calls' trees are three times as large."""
    calls = " + ".join(f"corr(f + {n}, i) OVER w" for n in range(5))
    sql = f"""SELECT sum(x) FROM (SELECT {calls} AS x FROM (SELECT i, i * 0.5::DOUBLE AS f FROM range(50000) r(i)) t
 WINDOW w AS (ORDER BY i ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING)) q"""
    with tempfile.TemporaryDirectory() as folder:
        want, got = f"{folder}/want.csv", f"{folder}/got.csv"
        limited(sql, "SET threads = 1;", want)
        for limit in range(8, 18):
            limited(sql, f"SET memory_limit = '{limit}MiB'; SET threads = 1;", got)
            assert filecmp.cmp(got, want, shallow=False), f"{limit} MiB: {first_difference(got, want)}"


if __name__ == "__main__":
    test_random_windows_are_the_same()
    test_every_function_within_a_limit()
    test_what_calls_make_of_rows_fits_beside_them()
