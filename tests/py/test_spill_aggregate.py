"""Aggregation under a memory limit: the same answers as without, and resident memory that stays at the limit.

Each case runs in a process of its own. The tables are arithmetic; skew: no key, half of the rows, all of them in one group.
PS_LIBRARY is the library to test."""
import json
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
try:
    import pslib
    import pyarrow  # noqa: F401  pslib's results are its tables
except ImportError:
    pslib = None

LONG = os.environ.get("PS_TEST_TIER") == "all"
ROWS = 4000000 if LONG else 1200000 # make bench-ceiling takes more
LIMITS = (48, 128) if LONG else (32,)
GROWTH = 32  # MiB above the limit

# keys: many groups, one with half of the rows, all rows in one
SKEWS = {"none": f"i * 7919 % {ROWS // 4}", "half": f"CASE WHEN i % 2 = 0 THEN 0 ELSE i * 7919 % {ROWS // 4} END", "all": "0"}
QUERIES = [
    "SELECT count(*), sum(n), sum(s) FROM (SELECT {k} AS g, count(*) n, sum(i) s, max('text ' || i) t FROM {t} GROUP BY 1) q",
    "SELECT count(*), min(g), max(g) FROM (SELECT DISTINCT 'key number ' || ({k}) AS g FROM {t}) q",
    "SELECT sum(n), max(n) FROM (SELECT {k} AS g, count(DISTINCT 'value number ' || i % 1000003) n FROM {t} GROUP BY 1) q",
    "SELECT sum(m), min(m), max(q) FROM (SELECT {k} AS g, median(i * 31 % 1000003) m, quantile_disc(i, 0.9) q FROM {t} GROUP BY 1) q",
    "SELECT sum(m), max(e) FROM (SELECT {k} AS g, mode(i % 1009) m, round(entropy(i % 7), 6) e FROM {t} GROUP BY 1) q",
    "SELECT sum(length(s)), max(md5(s)) FROM (SELECT {k} AS g, string_agg(CAST(i % 10 AS VARCHAR), '' ORDER BY i DESC) s FROM {t} GROUP BY 1) q",
    "SELECT sum(len(l)), max(list_extract(l, -1)) FROM (SELECT {k} AS g, list(CAST(i % 100 AS TINYINT)) l FROM {t} GROUP BY 1) q",
]
# without keys: what is kept are rows, too
WHOLE = [
    "SELECT median(i * 31 % 1000003), quantile_disc(i, 0.9), mode(i % 1009), mad(CAST(i % 5003 AS DOUBLE)) FROM {t}",
    "SELECT count(DISTINCT 'value number ' || i), sum(DISTINCT i) FROM {t}",
    "SELECT first(i ORDER BY i % 1000 DESC, i), last('text ' || i ORDER BY i % 1000, i), length(string_agg(DISTINCT CAST(i % 30011 AS VARCHAR), ',')) FROM {t}",
]
# shared subplans and an inner LIMIT: rows that are kept and read by several
KEPT = [
    "WITH t AS (SELECT i, i * 7919 % 1000003 k, 'some padding text ' || i s FROM {t}) SELECT count(*), sum(a.i), max(b.s), max(a.s)"
    " FROM (SELECT i, s FROM t LIMIT {n} OFFSET 5) a, (SELECT max(s) s FROM t WHERE k > 3) b WHERE a.i > 7",
    "WITH t AS (SELECT i, [i, i + 1] l, CASE WHEN i % 3 = 0 THEN NULL ELSE 'text number ' || i END s FROM {t})"
    " SELECT count(*), sum(len(l)), max(s) FROM (SELECT * FROM t WHERE i % 2 = 0 UNION ALL SELECT * FROM t WHERE i % 5 > 1) u",
]


def resident_peak():
    with open("/proc/self/status", encoding="ascii") as status:
        return int([line for line in status if line.startswith("VmHWM")][0].split()[1]) // 1024


def child(limit, threads):
    """Reads queries, writes their rows and the growth of resident memory."""
    queries = json.load(sys.stdin)
    session = pslib.Session(os.environ.get("PS_LIBRARY"), threads=threads, memory_bytes_max=limit << 20)
    session.sql("SELECT 1")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as clear:
        clear.write("5")
    before, rows = resident_peak(), []
    for query in queries:
        try:
            rows.append(str(session.sql(query).to_pylist()))
        except pslib.Failure as failure:
            rows.append(str(failure))
    json.dump({"rows": rows, "growth": resident_peak() - before}, sys.stdout)


def run(queries, limit, threads):
    done = subprocess.run([sys.executable, os.path.abspath(__file__), str(limit), str(threads)], input=json.dumps(queries),
                          capture_output=True, text=True, timeout=3600, check=True)
    return json.loads(done.stdout)


def check(queries, threads=2):
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    plain = run(queries, 0, threads)
    for limit in LIMITS:
        limited = run(queries, limit, threads)
        for query, want, got in zip(queries, plain["rows"], limited["rows"]):
            assert got == want, f"{limit} MiB: {query}: {got} instead of {want}"
        assert limited["growth"] <= limit + GROWTH, f"{limit} MiB: resident memory grew by {limited['growth']} MiB"


def skewed(skew):
    check([query.format(k=SKEWS[skew], t=f"range({ROWS}) r(i)") for query in QUERIES])


def test_many_groups():
    skewed("none")


def test_one_group_with_half_of_the_rows():
    skewed("half")


def test_one_group():
    skewed("all")


def test_without_keys():
    check([query.format(t=f"range({ROWS}) r(i)") for query in WHOLE])


def test_kept_rows():
    check([query.format(t=f"range({ROWS}) r(i)", n=ROWS * 9 // 10) for query in KEPT])


def test_a_result_that_does_not_fit_is_named():
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    for call in ("string_agg(repeat('x', 1000), '')", "list(repeat('x', 1000) || i)"):
        rows = run([f"SELECT len({call}) FROM range(200000) r(i)", "SELECT 1 AS one"], 24, 2)["rows"]
        assert rows[0].startswith("MEMORY: a result of ") and call.split("(")[0] in rows[0], rows[0]
        assert rows[1] == "[{'one': 1}]", rows[1]


if __name__ == "__main__":
    child(int(sys.argv[1]), int(sys.argv[2]))
