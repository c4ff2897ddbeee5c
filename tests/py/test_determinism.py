"""Two hundred queries, one digest each: the same rows in the same order to the same bits, whatever
the threads, the size of batches, spilling and the level of the processor's instructions.

The tables are awkward on purpose: doubles from 1e-300 to 1e300 whose sum depends on the order, ties
in every sort key, duplicate join keys, nulls, a key that half of the rows have. Nothing is sorted
before it is compared. `make check` plays CHECK's configurations, `make check-all` those of LARGE and, over
fewer rows, SMALL: batches of one row that are spilled take minutes.
"""
import hashlib
import itertools
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

LONG = os.environ.get("PS_TEST_TIER") == "all"
ROWS, FEW_ROWS = 6000, 900

TABLES = ["""CREATE TABLE t AS SELECT i,
    i % 7 AS few,
    CASE WHEN i % 2 = 0 THEN 5 WHEN i % 31 = 3 THEN NULL ELSE (i * 7919) % 1009 END AS k,
    CASE WHEN i % 41 = 7 THEN NULL ELSE 'text ' || CAST((i * 31) % 613 AS VARCHAR) || ' of some length' END AS s,
    CASE WHEN i % 19 = 4 THEN NULL
         ELSE (CAST((i * 1103515245) % 2147483647 AS DOUBLE) - 1073741823) *
              power(10, CAST((i * 37) % 41 - 20 AS DOUBLE)) END AS f,
    CAST(CAST((i * 48271) % 65537 AS DOUBLE) / 7 AS FLOAT) AS g,
    CAST((i * 69621) % 1000003 AS DOUBLE) / 3 AS h,
    CAST((i * 13) % 9999 AS DECIMAL(12, 2)) / 100 AS m,
    DATE '2020-01-01' + CAST(i % 400 AS INTEGER) AS d
    FROM range({0}) r(i)""",
          """CREATE TABLE u AS SELECT j, j % 11 AS few,
    CASE WHEN j % 3 = 0 THEN 5 WHEN j % 29 = 1 THEN NULL ELSE (j * 31) % 1500 END AS k,
    'text ' || CAST(j % 700 AS VARCHAR) || ' of some length' AS s,
    CAST((j * 16807) % 99991 AS DOUBLE) / 9 AS w
    FROM range({0} * 3 // 20) r(j)"""]

AGGREGATES = [
    "sum(f), avg(f)", "sum(g), avg(g), sum(h)", "stddev_samp(h), stddev_pop(f)", "var_samp(f), var_pop(h)",
    "corr(f, h), corr(h, g)", "covar_samp(h, g), covar_pop(f, g)", "regr_slope(h, g), regr_intercept(h, g), regr_r2(h, g)",
    "skewness(h), kurtosis(h)", "median(f), quantile_cont(h, 0.3), quantile_disc(s, 0.7)", "mode(k), mode(s), mad(h)",
    "string_agg(s, '|')", "string_agg(DISTINCT s, '|' ORDER BY s DESC), string_agg(s, ',' ORDER BY few)",
    "first(s), last(s), any_value(k)", "arg_min(s, few), arg_max(i, few)", "count(DISTINCT k), sum(DISTINCT h)",
    "min(f), max(s), count(*), sum(m)", "sum(f) FILTER (WHERE k > 100), avg(h) FILTER (WHERE few = 2)",
    "product(g / 9000), geomean(h + 1), sem(h)", "entropy(few), bit_xor(i), bool_or(few = 3)", "sum(f * h), sum(f + g), avg(f - h)",
]
GROUPS = ["", "few", "k", "s", "few, d"]
FRAMES = ["ORDER BY few", "PARTITION BY few ORDER BY k", "PARTITION BY k ORDER BY s DESC", "PARTITION BY s",
          "ORDER BY few, k ROWS BETWEEN 5 PRECEDING AND 2 FOLLOWING", "PARTITION BY few ORDER BY d RANGE BETWEEN 3 PRECEDING AND CURRENT ROW"]
CALLS = ["row_number(), rank(), ntile(7)", "sum(f), avg(g)", "lag(s), lead(i, 3), first_value(i)", "stddev_samp(h), last_value(s)",
         "count(*), min(f), max(s)"]
JOINS = [
    "SELECT t.i, u.j FROM t {} JOIN u ON t.k = u.k AND u.j % 10 = 1", "SELECT t.i, t.s, u.j, u.w FROM t {} JOIN u ON t.s = u.s",
    "SELECT u.few, sum(t.f * u.w), count(*) FROM t {} JOIN u ON t.s = u.s GROUP BY u.few",
    "SELECT t.i, u.j FROM t {} JOIN u ON t.few = u.few AND t.i % 97 = u.j % 97",
]
OTHER = [
    "SELECT i, f FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k)", "SELECT i FROM t WHERE k NOT IN (SELECT k FROM u WHERE k IS NOT NULL)",
    "SELECT i FROM t WHERE s NOT IN (SELECT s FROM u)", "SELECT j FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.s = u.s AND t.h > u.w)",
    "SELECT i, (SELECT max(w) FROM u WHERE u.k = t.k) FROM t", "SELECT i, (SELECT sum(w) FROM u WHERE u.few < t.few) FROM t",
    "SELECT i, k IN (SELECT k FROM u) FROM t", "SELECT DISTINCT k FROM t", "SELECT DISTINCT s, few FROM t", "SELECT DISTINCT f FROM t",
    "SELECT k FROM t EXCEPT SELECT k FROM u", "SELECT s FROM t INTERSECT SELECT s FROM u", "SELECT k FROM t UNION SELECT k FROM u",
    "SELECT s, k FROM t UNION ALL SELECT s, k FROM u", "SELECT k FROM t EXCEPT ALL SELECT k FROM u", "SELECT s FROM t INTERSECT ALL SELECT s FROM u",
    "SELECT i, f * h, f / g, sqrt(h), ln(h + 1) FROM t", "SELECT i FROM t WHERE f > 0 AND s LIKE '%7%'", "SELECT * FROM t LIMIT 777 OFFSET 1234",
    "SELECT * FROM t, u WHERE t.i = u.j * 3 LIMIT 100", "SELECT few, s FROM t ORDER BY few LIMIT 500", "SELECT i FROM t ORDER BY k LIMIT 100 OFFSET 50",
    "SELECT s, i FROM t ORDER BY s DESC NULLS FIRST LIMIT 1000", "SELECT i FROM t ORDER BY few, d LIMIT 3000", "SELECT i, f FROM t ORDER BY f",
    "SELECT i FROM t ORDER BY m, g DESC", "SELECT * FROM t ORDER BY d, few DESC", "SELECT i FROM t ORDER BY k NULLS FIRST, s LIMIT 10",
    "SELECT x.i, y.i FROM t x JOIN t y ON x.k = y.k AND x.i % 211 = 1 AND y.i % 13 = 2", "SELECT few, sum(c) FROM (SELECT few, k, sum(f) AS c FROM t GROUP BY few, k) q GROUP BY few",
    "SELECT few, avg(c) FROM (SELECT few, corr(f, h) AS c FROM t GROUP BY few, d) q GROUP BY few",
    "SELECT k, sum(f) AS c FROM t GROUP BY k ORDER BY c DESC LIMIT 20", "SELECT s, count(*) AS n FROM t GROUP BY s ORDER BY n LIMIT 40",
    "WITH c AS (SELECT s, sum(f) AS x FROM t GROUP BY s) SELECT a.s, a.x, b.x FROM c a JOIN c b ON a.s = b.s",
    "SELECT few, sum(f) OVER (ORDER BY sum_h) FROM (SELECT few, sum(h) AS sum_h, sum(f) AS f FROM t GROUP BY few) q",
    "SELECT t.few, median(u.w), string_agg(u.s, '' ORDER BY u.w) FROM t JOIN u ON t.k = u.k AND t.i % 50 = 1 GROUP BY t.few",
    "SELECT u.j, count(t.i), sum(t.f) FROM u LEFT JOIN t ON u.s = t.s GROUP BY u.j",
    "SELECT count(*), sum(t.h * u.w), stddev_samp(t.h - u.w) FROM t, u WHERE t.few = u.few",
]


def queries():
    found = [f"SELECT {g + ', ' if g else ''}{a} FROM t {'GROUP BY ' + g if g else ''}"
             for a, g in itertools.product(AGGREGATES, GROUPS)]
    found += [f"SELECT i, {', '.join(c + ' OVER w' for c in call_list(calls))} FROM t WINDOW w AS ({frame})"
              for calls, frame in itertools.product(CALLS, FRAMES)]
    found += [join.format(kind) for join in JOINS for kind in ("", "LEFT", "RIGHT", "FULL")]
    found += ["SELECT t.i, u.j FROM t CROSS JOIN u WHERE t.i % 37 = 1 AND u.j % 5 = 2"] + OTHER
    found += [f"SELECT k, few, {a} FROM t GROUP BY k, few" for a in AGGREGATES[:15]]
    return found


def call_list(text):
    """The calls of a list: commas within parentheses don't count."""
    calls, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            calls.append("")
        else:
            calls[-1] += c
    return [call.strip() for call in calls]


SPILLS = (False, True)
LEVELS = [(2, 2048, False, "2"), (2, 2048, True, "3")] # builds with assertions know PS_CPU_LEVEL
LARGE = [(*run, "") for run in itertools.product((1, 2, 4, 8), (2048, 7), SPILLS)] + LEVELS
SMALL = [(*run, "") for run in itertools.product((1, 2, 4, 8), (2048, 1), SPILLS)]
CHECK = [(1, 2048, False, ""), (8, 100, True, "2"), (3, 512, False, "3")]


def digests(rows, threads, batch, spill, level, numbers=""):
    """One digest a query, from a process of its own: the order and the bits of every value count."""
    done = subprocess.run([sys.executable, os.path.abspath(__file__), str(rows), str(threads), str(batch),
                           str(int(spill)), numbers], text=True, check=False, timeout=3000,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=dict(os.environ, **{"PS_CPU_LEVEL": level} if level else {}))
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split("\n")[:-1]


def child(rows, threads, batch, spill, numbers):
    import pslib
    session = pslib.Session(os.environ.get("PS_LIBRARY"), int(threads))
    for table in TABLES:
        session.sql(table.format(rows))
    session.sql(f"SET threads = {threads}")
    session.sql(f"SET batch_rows = {batch}")
    session.sql(f"SET force_spill = {'true' if spill == '1' else 'false'}")
    for number, query in enumerate(queries()):
        if numbers and str(number) not in numbers.split(","):
            continue
        try:
            rows = session.sql(query).to_pydict()
            # repr of a float names its bits, but for the sign of NaN, which nobody may see
            print(hashlib.md5(repr(list(rows.items())).encode()).hexdigest())
        except pslib.Failure as failed:
            print(f"{failed}".replace("\n", " "))


def compare(rows, runs, first_run=(1, 2048, False, "")):
    """Every run has the digests of the first."""
    texts = queries()
    assert len(texts) == 200 and len(set(texts)) == 200
    first = digests(rows, *first_run)
    failed = [f"{text}: {got}" for text, got in zip(texts, first) if len(got) != 32]
    assert not failed, "\n".join(failed)
    wrong = []
    for threads, batch, spill, level in runs:
        got = digests(rows, threads, batch, spill, level)
        wrong += [f"query {n}, {threads} threads, batches of {batch}{', spilled' if spill else ''}"
                  f"{', level ' + level if level else ''}: {x}\n  {texts[n]}"
                  for n, x in enumerate(got) if x != first[n]]
    assert not wrong, "\n".join(wrong)


def only_long():
    if not LONG:
        raise unittest.SkipTest("make check-all")


def test_one_digest_each():
    compare(ROWS, CHECK[1:] if not LONG else LEVELS)


def test_batches_of_any_size():
    only_long()
    compare(ROWS, [run for run in LARGE if not run[2]])


def test_spilled():
    only_long()
    compare(ROWS, [run for run in LARGE if run[2] and run[1] > 7])


def test_spilled_in_small_batches():
    only_long()
    compare(ROWS, [run for run in LARGE if run[2] and run[1] <= 7])


def test_batches_of_one_row():
    only_long()
    compare(FEW_ROWS, SMALL)


if __name__ == "__main__":
    child(*sys.argv[1:])
