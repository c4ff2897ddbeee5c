"""Random window queries against DuckDB: the same rows, with 1, 2 and 8 threads and any batch size.

Seeded (PS_WINDOW_SEED, PS_WINDOW_QUERIES); skipped without duckdb. Columns: id is unique and ends every ORDER BY whose
order matters to the result; g, k, x have ties and nulls."""
import csv
import io
import os
import random
import subprocess
import sys

try:
    import duckdb
except ImportError:
    duckdb = None

SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")
QUERIES = int(os.environ.get("PS_WINDOW_QUERIES", "150"))
SEED = int(os.environ.get("PS_WINDOW_SEED", "1"))

TABLE = """CREATE TABLE t AS SELECT i AS id,
 CASE WHEN i % 11 = 3 THEN NULL ELSE (i * 7 + i // 3) % {groups} END AS g,
 CASE WHEN i % 13 = 5 THEN NULL ELSE (i * 31) % {keys} - 10 END AS k,
 CASE WHEN i % 7 = 2 THEN NULL ELSE (i * 17) % 23 END AS x,
 CAST((i * 13) % 29 AS DOUBLE) / 4 AS f,
 CASE WHEN i % 5 = 1 THEN NULL ELSE 'a text that is long ' || CAST((i * 3) % 8 AS VARCHAR) END AS s,
 CASE WHEN i % 17 = 4 THEN NULL ELSE DATE '2020-01-01' + CAST((i * 5) % 40 AS INTEGER) END AS d,
 CAST((i * 3) % 10 AS DECIMAL(9,2)) AS m,
 i % 4 AS o FROM (SELECT CAST(a.v + b.v * 10 + c.v * 100 AS INTEGER) AS i FROM {digits} a(v), {digits} b(v), {digits} c(v))
 WHERE i < {rows}"""
DIGITS = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"

AGGREGATES = ["sum(x)", "count(*)", "count(x)", "avg(x)", "min(s)", "max(s)", "sum(m)", "min(f)", "max(d)", "sum(f)",
              "bool_or(x > 15)", "median(x)", "max(x)"]
RANKS = ["row_number()", "rank()", "dense_rank()", "percent_rank()", "cume_dist()", "ntile(3)", "ntile(o + 1)"]
SHIFTS = ["lag(x)", "lead(s)", "lag(x, 2)", "lead(x, o, -1)", "lag(s, 1, 'none')", "lead(d, 3)", "lag(x, -1)"]
NULLS = ["lag(x{})", "lead(s, 2{})", "first_value(x{})", "last_value(s{})", "nth_value(x, 2{})"]
FRAME_VALUES = ["first_value(x)", "last_value(s)", "nth_value(x, 3)", "nth_value(s, o + 1)", "first_value(d)"]


def bounds(rng, distance):
    """Two bounds in order."""
    starts = ["UNBOUNDED PRECEDING", f"{distance()} PRECEDING", "CURRENT ROW", f"{distance()} FOLLOWING"]
    ends = [f"{distance()} PRECEDING", "CURRENT ROW", f"{distance()} FOLLOWING", "UNBOUNDED FOLLOWING"]
    first = rng.randrange(4)
    return f"BETWEEN {starts[first]} AND {ends[rng.randrange(max(first - 1, 0), 4)]}"


def frame(rng, key):
    kind = rng.randrange(5)
    exclude = rng.choice(["", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE NO OTHERS"])
    if kind == 0:
        return ""
    if kind == 1:
        return " ROWS " + bounds(rng, lambda: rng.choice(["0", "1", "3", "40", "o", "o + 1"])) + exclude
    if kind == 2:
        return " GROUPS " + bounds(rng, lambda: rng.choice(["0", "1", "2", "o"])) + exclude
    if kind == 3 or not key:
        return " RANGE BETWEEN " + rng.choice(["UNBOUNDED PRECEDING", "CURRENT ROW"]) + " AND " + \
            rng.choice(["CURRENT ROW", "UNBOUNDED FOLLOWING"]) + exclude
    if key == "d":
        return " RANGE " + bounds(rng, lambda: rng.choice(["INTERVAL 3 DAY", "INTERVAL 1 MONTH", "INTERVAL 0 DAY"])) + exclude
    return " RANGE " + bounds(rng, lambda: rng.choice(["0", "1", "4", "o"])) + exclude


def call(rng):
    partition = rng.choice(["", "PARTITION BY g ", "PARTITION BY g, o ", "PARTITION BY x "])
    key = rng.choice(["k", "k", "d", "m", "f"])
    way = rng.choice(["", " DESC"]) + rng.choice(["", " NULLS FIRST", " NULLS LAST"])
    kind = rng.randrange(8)
    whole = f"OVER ({partition}ORDER BY {key}{way}, id"
    if kind == 0:
        return f"{rng.choice(RANKS[1:5])} OVER ({partition}ORDER BY {key}{way})"
    if kind == 1:
        return f"{rng.choice(RANKS + SHIFTS)} {whole})"
    if kind == 2:
        ignore = rng.choice(NULLS).format(" IGNORE NULLS")
        return f"{ignore} {whole}{frame(rng, None) if 'lag' not in ignore and 'lead' not in ignore else ''})"
    if kind == 3:
        return f"{rng.choice(FRAME_VALUES)} {whole}{frame(rng, None)})"
    if kind == 4:
        name = rng.choice(["string_agg(s, '-')", "string_agg(s, '-' ORDER BY x DESC NULLS LAST, id)", "first(s ORDER BY x NULLS FIRST, id)"])
        return f"{name} {whole}{frame(rng, None)})"
    filtered = rng.choice(["", "", " FILTER (WHERE o > 1)"])
    if kind == 5:
        name = rng.choice(["count(DISTINCT x)", "sum(DISTINCT x)", "count(DISTINCT s)"])
    else:
        name = rng.choice(AGGREGATES)
    over = frame(rng, key)
    tie = ", id" if "ROWS" in over else ""
    return f"{name}{filtered} OVER ({partition}ORDER BY {key}{way}{tie}{over})"


def penstock(table, sql, settings):
    script = f"{settings}{table};\n{sql};\n"
    done = subprocess.run([SHELL, "--format", "csv"], input=script, text=True, timeout=120, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, f"{done.stderr}\n{sql}"
    return [line for line in csv.reader(io.StringIO(done.stdout))][1:]


def same(ours, theirs):
    if theirs is None:
        return ours == ""
    if isinstance(theirs, bool):
        return ours == str(theirs).lower()
    if isinstance(theirs, float):
        return ours != "" and abs(float(ours) - theirs) <= 1e-9 * max(1, abs(theirs))
    return ours == str(theirs)


def check(rng, connection, table):
    calls = [call(rng) for _ in range(rng.choice([1, 1, 2, 4]))]
    sql = f"SELECT id, {', '.join(f'{c} AS c{i}' for i, c in enumerate(calls))} FROM t ORDER BY id"
    theirs = connection.execute(sql).fetchall()
    settings = [f"SET threads = {threads}; SET batch_rows = {rows};\n"
                for threads, rows in [(1, 2048), rng.choice([(2, 7), (8, 1), (8, 64)])]]
    first = penstock(table, sql, settings[0])
    assert len(first) == len(theirs), f"{len(first)} rows, {len(theirs)} wanted\n{sql}"
    for ours, wanted in zip(first, theirs):
        for i, (a, b) in enumerate(zip(ours, wanted)):
            assert same(a, b), f"row {wanted[0]} column {i}: got {a!r}, wanted {b!r}\n{calls[i - 1]}"
    assert penstock(table, sql, settings[1]) == first, f"{settings[1]} changed the result\n{sql}"


def test_window():
    if duckdb is None:
        print("skipped: no duckdb")
        return
    failed = 0
    for case in range(QUERIES):
        rng = random.Random(SEED * 1000003 + case)
        table = TABLE.format(digits=DIGITS, rows=rng.choice([1, 20, 100, 400]), groups=rng.choice([1, 3, 9]), keys=rng.choice([5, 50]))
        connection = duckdb.connect()
        connection.execute(table)
        try:
            check(rng, connection, table)
        except AssertionError as error:
            failed += 1
            print(f"case {case}: {error}", file=sys.stderr)
        connection.close()
    assert failed == 0, f"{failed} of {QUERIES} window queries differ"


if __name__ == "__main__":
    test_window()
