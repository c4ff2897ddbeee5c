"""bench/groups/fixed.py -- the fixed cost of a small query: SELECT 42, and 10,000 rows in memory.

Ours are measured by a C program over penstock.h (bench/fixed/fixed_cost.c), and again through Python
as the peers are, so that like is compared with like. DuckDB is also called through its C functions,
with ctypes: a microsecond or two a call on top. Times are medians, to the last row fetched.
"""
import ctypes
import glob
import os
import statistics
import subprocess
import sys
import time

import race
from groups import ROOT

RUNS, SECONDS = 2000, 1.5
MAKE = "CREATE TABLE t AS SELECT i AS id, i % 100 AS g, (i * 7919) % 1000 AS v FROM range(10000) r(i)"
QUERIES = {
    "SELECT 42": "SELECT 42 AS x",
    "filtered sum of 10,000 rows": "SELECT sum(v) AS s FROM t WHERE g < 10",
    "group-by of 10,000 rows": "SELECT g, sum(v) AS s, count(*) AS n FROM t GROUP BY g",
}
BARS = {"SELECT 42": (100, 30)}
BAR = (100, 50) # microseconds, from text and prepared


def median_us(call):
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < RUNS and time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times[len(times) // 10:]) * 1e6


# ---- each engine: query -> microseconds from text, prepared ------------------------------------


def by_program(options):
    """Ours in C; a third figure: a plan of ps_plan_sql run with ps_plan_run."""
    library = os.path.abspath(
        os.environ.get("PS_LIBRARY") or f"{ROOT}/build/release/libpenstock.so")
    program = f"{ROOT}/build/fixed_cost"
    subprocess.run(["cc", "-std=gnu17", "-O2", f"-I{ROOT}/include", f"{ROOT}/bench/fixed/fixed_cost.c",
                    library, f"-Wl,-rpath,{os.path.dirname(library)}", "-o", program], check=True)
    command = [program, str(options.threads), str(RUNS), MAKE, *QUERIES.values()]
    out = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    return dict(zip(QUERIES, ([float(word) for word in line.split()] for line in out.splitlines())))


def in_penstock(threads):
    sys.path.insert(0, f"{ROOT}/tools")
    import pslib
    session = pslib.Session(os.environ.get("PS_LIBRARY"), threads)
    session.sql(MAKE)

    def prepare(text):
        session.sql(f"PREPARE p AS {text}")
        return lambda: session.sql("EXECUTE p")
    return (lambda text: lambda: session.sql(text)), prepare


def in_duckdb(threads):
    import duckdb
    connection = duckdb.connect(config={"threads": threads})
    connection.execute(MAKE)

    def prepare(text):
        connection.execute(f"PREPARE p AS {text}")
        return lambda: connection.execute("EXECUTE p").fetchall()
    return (lambda text: lambda: connection.execute(text).fetchall()), prepare


def in_duckdb_c(threads):
    """The wheel's library exports DuckDB's C functions."""
    import _duckdb
    lib = ctypes.CDLL(_duckdb.__file__)
    database, connection = ctypes.c_void_p(), ctypes.c_void_p()
    result = ctypes.create_string_buffer(256) # duckdb_result

    def must(state):
        if state:
            raise RuntimeError("DuckDB's C interface refused")
    must(lib.duckdb_open(None, ctypes.byref(database)))
    must(lib.duckdb_connect(database, ctypes.byref(connection)))

    def query(text):
        must(lib.duckdb_query(connection, text, result))
        lib.duckdb_destroy_result(result)

    def execute(statement):
        must(lib.duckdb_execute_prepared(statement, result))
        lib.duckdb_destroy_result(result)

    def prepare(text):
        statement = ctypes.c_void_p()
        must(lib.duckdb_prepare(connection, text.encode(), ctypes.byref(statement)))
        return lambda: execute(statement)
    query(f"SET threads = {threads}".encode())
    query(MAKE.encode())
    return (lambda text: lambda data=text.encode(): query(data)), prepare


def in_polars(threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars
    i = polars.int_range(10_000, eager=True)
    frame = polars.DataFrame({"id": i, "g": i % 100, "v": (i * 7919) % 1000})
    context = polars.SQLContext({"t": frame.lazy()})
    engine = os.environ.get("BENCH_POLARS", "streaming")

    def prepare(text):
        lazy = context.execute(text)
        return lambda: lazy.collect(engine=engine).rows()
    return (lambda text: lambda: context.execute(text).collect(engine=engine).rows()), prepare


def in_datafusion(threads):
    import datafusion
    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(threads))
    context.sql(MAKE.replace("range(10000) r(i)", "range(10000) r").replace("i ", "value ")
                .replace("(i", "(value")).collect()

    def prepare(text):
        frame = context.sql(text)
        return lambda: frame.collect()
    return (lambda text: lambda: context.sql(text).collect()), prepare


def child(engine, threads, out):
    """Measures one engine in this process."""
    text_of, prepare = globals()[f"in_{engine}"](threads)
    for title, text in QUERIES.items():
        out.put((title, median_us(text_of(text)), median_us(prepare(text))))


def by_python(engine, options):
    import multiprocessing
    fork = multiprocessing.get_context("spawn")
    out = fork.Queue()
    process = fork.Process(target=child, args=(engine, options.threads, out))
    process.start()
    got = {}
    while len(got) < len(QUERIES) and (process.is_alive() or not out.empty()):
        try:
            title, *figures = out.get(timeout=1)
            got[title] = figures
        except Exception: # pylint: disable=broad-except
            continue
    process.join(race.SECONDS_MAX)
    return got


def run(options):
    print(f"\n== fixed cost, microseconds, medians of {RUNS}: from text / prepared", flush=True)
    mine = by_program(options)
    peers = [options.ours, *options.engines]
    if "duckdb" in peers:
        peers.insert(peers.index("duckdb"), "duckdb_c")
    theirs = {name: by_python(name, options) for name in peers}
    print(f"{'query':28}      text   EXECUTE ps_plan_run  bars           in Python: "
          + ", ".join(peers))
    for title, (text, execute, plan) in mine.items():
        bars = BARS.get(title, BAR)
        prepared = min(execute, plan)
        verdict = "held" if text < bars[0] and prepared < bars[1] else "not held"
        print(f"{title:28} {text:9.1f} {execute:9.1f} {plan:11.1f}  {bars[0]}/{bars[1]} {verdict:9}"
              + "  ".join("{:.0f}/{:.0f}".format(*theirs[n].get(title, (float("nan"),) * 2))
                          for n in peers), flush=True)
