"""Joins under a memory limit: every kind and skew, larger than the limit, equal to DuckDB, with resident memory that stays
at the limit; and where order can be seen, the order of an instance without a limit.

    python3 tests/py/test_spill_join.py LIMIT_MIB THREADS ROWS [KIND...]     prints the table
"""
import json
import os
import re
import subprocess
import sys
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
try:
    import duckdb
    import pslib
    import pyarrow # pslib's results are its tables
except ImportError:
    duckdb = pslib = pyarrow = None

LONG = os.environ.get("PS_TEST_TIER") == "all"
SLACK_MIB = 32

# l probes or is built, as the estimates say; r has two rows a key. Text makes rows wide.
L = "(SELECT i, {key} AS k, 'left ' || CAST(i AS VARCHAR) || ' and some more of it' AS p FROM range({rows}) g(i)) l"
R = "(SELECT i, {key} AS k, 'right ' || CAST(i AS VARCHAR) || ' with a longer tail' AS p FROM range({rows}) g(i)) r"
EVEN = "(i * 7919) % {rows}"
SKEWS = {
    "even": (EVEN, "(i * 104729) % {rows} // 2 * 2"),
    # one key has half of a side, and few rows on the other
    "half_left": ("CASE WHEN i % 2 = 0 THEN 6 ELSE " + EVEN + " END", "(i * 104729) % {rows} // 2 * 2"),
    "half_right": (EVEN, "CASE WHEN i % 2 = 0 THEN 6 ELSE (i * 104729) % {rows} END"),
    "all_right": (EVEN, "6 + i * 0"),
    "all_left": ("6 + i * 0", EVEN),
    "nulls": ("CASE WHEN i % 3 <> 0 THEN " + EVEN + " END", "CASE WHEN i % 2 = 0 THEN (i * 104729) % {rows} END"),
}
PAIRS = "SELECT count(*), sum(l.i)::BIGINT, sum(r.i)::BIGINT, max(l.p), min(r.p), sum(length(l.p))::BIGINT, sum(length(r.p))::BIGINT FROM {l} %s JOIN {r} ON l.k = r.k"
ROWS_OF_L = "SELECT count(*), sum(i)::BIGINT, max(p), min(p), sum(length(p))::BIGINT FROM {l} WHERE "
KINDS = {
    "inner": PAIRS % "", "left": PAIRS % "LEFT", "right": PAIRS % "RIGHT", "full": PAIRS % "FULL",
    "residual": PAIRS % "" + " AND l.i < r.i",
    "semi": ROWS_OF_L + "l.k IN (SELECT r.k FROM {r})",
    "anti": "SELECT count(*), sum(i)::BIGINT, max(p) FROM {l} ANTI JOIN {r} ON l.k = r.k",
    "not_in": ROWS_OF_L + "l.k NOT IN (SELECT r.k FROM {r} WHERE r.k IS NOT NULL AND r.i % 2 = 0)",
    "mark": "SELECT m, count(*), sum(i)::BIGINT, max(p) FROM (SELECT *, l.k IN (SELECT r.k FROM {r}) AS m FROM {l}) q GROUP BY m ORDER BY m NULLS LAST",
    "except": "SELECT count(*), sum(k)::BIGINT, max(q) FROM (SELECT k, length(p) AS q FROM {l} EXCEPT SELECT k, length(p) - 1 FROM {r}) e",
    "intersect": "SELECT count(*), sum(k)::BIGINT, max(q) FROM (SELECT k, length(p) AS q FROM {l} INTERSECT SELECT k, length(p) - 1 FROM {r}) e",
}
# The number of a row in the join's order times its columns: not for DuckDB, whose order is its own.
ORDERED = "SELECT count(*), sum(n * (1 + coalesce(a, 0)) %% 1000003)::BIGINT, sum(n * (1 + coalesce(b, 0)) %% 1000003)::BIGINT FROM" \
          " (SELECT row_number() OVER () AS n, l.i AS a, r.i AS b FROM {l} %s JOIN {r} ON l.k = r.k) q"
ORDERS = {"order_" + kind.lower(): ORDERED % kind for kind in ("INNER", "LEFT", "RIGHT", "FULL")}


def query(kind, skew, rows):
    left, right = (key.format(rows=rows) for key in SKEWS[skew])
    text = {**KINDS, **ORDERS}[kind]
    return text.format(l=L.format(key=left, rows=rows), r=R.format(key=right, rows=rows))


def peak_mib():
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024


def child(limit, threads, rows, kind, skew):
    """Runs one query; prints the rows, the growth of the peak in MiB, seconds."""
    session = pslib.Session(os.environ.get("PS_LIBRARY"), int(threads))
    if int(limit):
        session.sql(f"SET memory_limit = '{limit}MiB'")
    session.sql("SELECT 42")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    before, start = peak_mib(), time.time()
    try:
        table, outcome = session.sql(query(kind, skew, int(rows))), "ok"
    except pslib.Failure as failed:
        table, outcome = None, str(failed)
    seconds, growth = time.time() - start, peak_mib() - before
    got = [] if table is None else [[str(v) for v in row.values()] for row in table.to_pylist()]
    print(json.dumps({"outcome": outcome, "growth": growth, "seconds": seconds, "rows": got}))


def run(limit, threads, rows, kind, skew):
    if pslib is None:
        raise unittest.SkipTest("needs duckdb and pyarrow")
    done = subprocess.run([sys.executable, __file__, "--child", *map(str, (limit, threads, rows)), kind, skew],
                          text=True, timeout=900, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, f"{kind} {skew}: exit code {done.returncode}, {done.stderr[-500:]}"
    return json.loads(done.stdout)


def expected(kind, skew, rows):
    if kind in ORDERS:
        return run(0, 2, rows, kind, skew)["rows"]
    return [[str(v) for v in row] for row in duckdb.sql(query(kind, skew, rows)).fetchall()]


def verdict(limit, threads, rows, kind, skew):
    """What came, and what is wrong with it; empty: nothing."""
    got = run(limit, threads, rows, kind, skew)
    wrong = []
    if got["outcome"] != "ok":
        wrong.append(got["outcome"][:300])
    elif got["rows"] != (want := expected(kind, skew, rows)):
        wrong.append(f"{got['rows']} instead of {want}")
    if got["growth"] > limit + SLACK_MIB:
        wrong.append(f"grew by {got['growth']:.0f} MiB")
    return got, [f"{kind} {skew}: {text}" for text in wrong]


def all_of(limit, threads, rows, kinds, skews):
    wrong = []
    for kind in kinds:
        for skew in skews:
            wrong += verdict(limit, threads, rows, kind, skew)[1]
    assert not wrong, "\n".join(wrong)


def test_kinds():
    if LONG:
        return all_of(64, 2, 3000000, KINDS, ["even", "nulls"])
    return all_of(32, 2, 400000, ["inner", "full", "anti", "mark"], ["even"])


def test_skew():
    if LONG:
        return all_of(64, 4, 2000000, ["inner", "full", "semi", "mark"], ["half_left", "half_right", "all_left", "all_right"])
    return all_of(32, 2, 300000, ["full", "semi"], ["half_right", "all_right"])


def test_order():
    if LONG:
        return all_of(64, 4, 2000000, ORDERS, ["even", "half_right"])
    return all_of(32, 4, 300000, ["order_full"], ["even"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        mib, n_threads, n_rows = map(int, sys.argv[1:4])
        for a_kind in sys.argv[4:] or {**KINDS, **ORDERS}:
            for a_skew in SKEWS:
                result, bad = verdict(mib, n_threads, n_rows, a_kind, a_skew)
                print(f"{a_kind:15} {a_skew:11} {result['seconds']:7.2f} s {result['growth']:7.1f} MiB {' '.join(bad)}", flush=True)
