"""Spilling: the same bytes as without, whatever is forced or refused, and resident memory that stays at the limit.

Seeded by nothing: the tables are arithmetic. PS_SHELL is the shell to test."""
import os
import subprocess
import tempfile
import unittest

SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")
ROWS = int(os.environ.get("PS_SPILL_ROWS", "40000"))

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
