#!/usr/bin/env python3
"""bench/ceiling.py -- work larger than a memory limit: who keeps the limit, who is right, who is quick.

    build/venv/bin/python bench/ceiling.py [--limits 64,256,400,1024] [--skews none,half,same]
        [--work sort,group,...] [--engines penstock,duckdb,polars,datafusion] [--runs 1] [--threads 2]
        [--cpu]

Each piece of work reads a table of about 1.3 GB of decoded data (20 times the smallest limit), under
1,024 MiB one of 4.2 GB, and writes a Parquet file; each run is a process of its own. `growth` is the
peak of its resident memory, reset before the query runs, less what was resident then; the bar is the
limit and the larger of 32 MiB and a tenth. What was written is checked by a digest, order included
where the query says one, against DuckDB's without a limit. Polars has no limit to set. The seconds
are those of a clock, or with --cpu of processors, which other work on the machine moves less.

The work is WORK, the data is what make_data() says: arithmetic and md5 of row numbers, no seeds.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = f"{ROOT}/build/data/ceiling"
LIMITS = (64, 256, 400, 1024)
SKEWS = ("none", "half", "same")
ENGINES = ("penstock", "duckdb", "polars", "datafusion")
ROWS = {"medium": 2_000_000, "small": 8_000_000, "large": 25_000_000}
SECONDS_MAX = 600
SLACK_MIB = 32
TOP = 1_000_000


class Work:
    """A query, and how its result is told from a wrong one."""

    def __init__(self, sql, ordered=False, columns=None, partition=None, together=None):
        self.sql, self.ordered, self.columns = sql, ordered, columns
        self.partition = partition # column of a partitioned write
        self.together = together   # names of work that runs at once


JOIN = "SELECT a.k AS ak, a.s AS s, b.k AS bk, b.p AS p FROM t a {kind} JOIN t b ON a.j = b.k"
WINDOW = "SELECT k, s, {call} OVER (PARTITION BY s ORDER BY k) AS w FROM t"
WORK = {
    "sort": Work("SELECT * FROM t ORDER BY s, k", ordered=True),
    "group": Work("SELECT s, count(*) AS n, CAST(sum(v) AS BIGINT) AS sv, max(p) AS p FROM t GROUP BY s"),
    "distinct": Work("SELECT DISTINCT s, p FROM t"),
    "join": Work(JOIN.format(kind="")),
    "left": Work(JOIN.format(kind="LEFT")),
    "right": Work(JOIN.format(kind="RIGHT")),
    "full": Work(JOIN.format(kind="FULL")),
    "semi": Work("SELECT k, s, p FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE b.j = a.k)"),
    "anti": Work("SELECT k, s, p FROM t a WHERE NOT EXISTS (SELECT 1 FROM t b WHERE b.j = a.k)"),
    "row_number": Work(WINDOW.format(call="row_number()")),
    "running_sum": Work(WINDOW.format(call="CAST(sum(v) AS BIGINT)").replace(
        "CAST(sum(v) AS BIGINT) OVER (PARTITION BY s ORDER BY k)",
        "CAST(sum(v) OVER (PARTITION BY s ORDER BY k) AS BIGINT)")),
    "string_agg": Work("SELECT s, string_agg(c, '' ORDER BY k) AS w FROM t GROUP BY s"),
    "list": Work("SELECT s, array_agg(v ORDER BY k) AS w FROM t GROUP BY s"),
    "top": Work(f"SELECT * FROM t ORDER BY s, k LIMIT {TOP}", ordered=True),
    "partitioned": Work("SELECT * FROM t", partition="r"),
    "four_in_one": Work(
        "WITH g AS (SELECT s, count(*) AS n FROM t GROUP BY s),"
        " j AS (SELECT a.k, a.s, b.p, a.v FROM t a JOIN t b ON a.j = b.k),"
        " w AS (SELECT k, s, p, row_number() OVER (PARTITION BY s ORDER BY k) AS rn FROM j)"
        " SELECT w.k, w.s, w.p, w.rn, g.n FROM w JOIN g ON w.s = g.s ORDER BY w.s, w.k", ordered=True),
    "four_at_once": Work(None, together=("sort", "group", "join", "row_number")),
}
POLARS_LACKS = {"list", "string_agg", "row_number", "running_sum", "semi", "anti", "four_in_one", "four_at_once"}
DATAFUSION_LACKS = {"four_at_once", "partitioned"}


# ---- data -------------------------------------------------------------------------------------


def size_of(limit):
    return "large" if limit >= 1024 else "small"


def data_path(size, skew):
    return f"{DATA}/{size}-{skew}.parquet"


def make_data(size, skew):
    """k a permutation, s a text (half of the rows have a key of their own in pairs), j a key of k that
    dangles for one row in ten, r one of 50. Skewed: s, j and r are one value in half of, or all, rows."""
    path, n = data_path(size, skew), ROWS[size]
    if os.path.exists(path):
        return path
    import duckdb
    os.makedirs(DATA, exist_ok=True)
    one = {"none": "false", "half": "i % 2 = 0", "same": "true"}[skew]
    duckdb.connect().execute(f"""COPY (
        SELECT (i * 2654435761) % {n} AS k,
            CASE WHEN {one} THEN 'the one text that has many rows'
                 ELSE 'text number ' || ((i * 40503) % {n // 2}) || ' of a column' END AS s,
            CASE WHEN {one} THEN 77 WHEN i % 10 = 0 THEN {n} + i ELSE (i * 7368787) % {n} END AS j,
            CAST(CASE WHEN {one} THEN 7 ELSE (i * 31) % 50 END AS INTEGER) AS r,
            (i * 1103515245) % 1000003 AS v,
            chr(CAST(65 + i % 26 AS INTEGER)) AS c,
            md5('a' || i) || md5('b' || i) || md5('c' || i) AS p
        FROM range({n}) q(i)) TO '{path}.tmp' (FORMAT parquet)""")
    os.rename(f"{path}.tmp", path)
    return path


# ---- one engine, in a process of its own ------------------------------------------------------


def run_penstock(data, limit, threads, temp):
    sys.path.insert(0, f"{ROOT}/tools")
    import pslib
    first = pslib.Session(os.environ.get("PS_LIBRARY"), threads, limit << 20)
    first.sql(f"CREATE VIEW t AS FROM '{data}'")
    first.sql("SELECT count(*) FROM range(10) q(i)")

    def run(work, out, session=None):
        session = session or first
        more = f", PARTITION_BY ({work.partition})" if work.partition else ""
        session.sql(f"COPY ({work.sql}) TO '{out}' (FORMAT parquet{more})")

    def other():
        session = first.another()
        session.sql(f"CREATE OR REPLACE VIEW t AS FROM '{data}'")
        return session
    return run, other


def run_duckdb(data, limit, threads, temp):
    import duckdb
    config = {"threads": threads, "temp_directory": temp}
    if limit:
        config["memory_limit"] = f"{limit}MiB"
    first = duckdb.connect(config=config)
    first.execute(f"CREATE VIEW t AS FROM '{data}'")
    first.execute("SELECT count(*) FROM range(10) q(i)").fetchall()

    def run(work, out, session=None):
        more = f", PARTITION_BY ({work.partition})" if work.partition else ""
        (session or first).execute(f"COPY ({work.sql}) TO '{out}' (FORMAT parquet{more})")
    return run, first.cursor


def run_polars(data, limit, threads, temp):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    os.environ["POLARS_TEMP_DIR"] = temp
    import polars
    context = polars.SQLContext({"t": polars.scan_parquet(data)})
    polars.LazyFrame({"a": [1]}).collect(engine="streaming")

    def run(work, out, session=None):
        frame = context.execute(work.sql)
        if work.partition:
            frame.sink_parquet(polars.PartitionBy(out, key=work.partition), mkdir=True)
        else:
            frame.sink_parquet(out)
    return run, None


def run_datafusion(data, limit, threads, temp):
    import datafusion
    runtime = datafusion.RuntimeEnvBuilder().with_disk_manager_specified(temp)
    runtime = runtime.with_fair_spill_pool(limit << 20)
    config = datafusion.SessionConfig().with_target_partitions(threads)
    context = datafusion.SessionContext(config, runtime)
    context.register_parquet("t", data)
    context.sql("SELECT 1").collect()
    return (lambda work, out, session=None: context.sql(work.sql).write_parquet(out)), None


def peak_mib():
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024


def child(engine, data, limit, threads, name, out, temp):
    """Runs one piece of work; prints seconds, growth in MiB and the error, if any."""
    run, other = globals()[f"run_{engine}"](data, int(limit), int(threads), temp)
    work, failed = WORK[name], []

    def one(part, path, session=None):
        try:
            run(part, path, session)
        except BaseException as error: # pylint: disable=broad-except
            failed.append(f"{type(error).__name__}: {error}"[:200])

    together = [threading.Thread(target=one, args=(WORK[part], f"{out}.{part}", other()))
                for part in work.together or ()]
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    before, start, cpu = peak_mib(), time.perf_counter(), time.process_time()
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    if not together:
        one(work, out)
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu,
                      "growth": peak_mib() - before, "failed": "; ".join(failed)}))


# ---- digests ----------------------------------------------------------------------------------


def digest(path, work):
    """Rows and a sum of hashes of what is at a path: a file, or a folder of files."""
    import duckdb
    files = glob.glob(f"{path}/**/*.parquet", recursive=True) if os.path.isdir(path) else [path]
    connection = duckdb.connect()
    columns = {row[0]: row[1] for row in connection.execute(
        "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = true)", [files]).fetchall()}
    terms = []
    for column in sorted(columns):
        integer = "INT" in columns[column] and "[]" not in columns[column]
        terms.append(f"CAST({column} AS BIGINT)" if integer else
                     f"CAST({column} AS VARCHAR)" if column == "s" else column)
    if work.ordered:
        terms.append("file_row_number")
    return list(map(str, connection.execute(
        f"SELECT count(*), sum(CAST(hash({', '.join(terms)}) AS HUGEINT)) FROM"
        " read_parquet(?, hive_partitioning = true, file_row_number = true)", [files]).fetchone()))


def expected(size, skew, name):
    """DuckDB's digest without a limit, from build/data or made now."""
    path = f"{DATA}/{size}-{skew}-{name}.json"
    if os.path.exists(path):
        with open(path, encoding="ascii") as file:
            return json.load(file)
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        answer = measure("duckdb", make_data(size, skew), 0, 2, name, folder)
        if answer["failed"]:
            raise RuntimeError(f"DuckDB without a limit: {answer['failed']}")
        found = digest(f"{folder}/out", WORK[name])
    with open(path, "w", encoding="ascii") as file:
        json.dump(found, file)
    return found


def measure(engine, data, limit, threads, name, folder):
    """What child() says, or how it ended."""
    temp = f"{folder}/temp"
    os.makedirs(temp, exist_ok=True)
    command = [sys.executable, os.path.abspath(__file__), "--child", engine, data, str(limit),
               str(threads), name, f"{folder}/out", temp]
    try:
        done = subprocess.run(command, text=True, timeout=SECONDS_MAX, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        return {"seconds": SECONDS_MAX, "cpu": 0, "growth": 0, "failed": f"not done after {SECONDS_MAX} s"}
    if done.returncode:
        return {"seconds": 0, "cpu": 0, "growth": 0,
                "failed": f"exit code {done.returncode}: {done.stderr.strip()[-200:]}"}
    return json.loads(done.stdout.splitlines()[-1])


def bar_of(limit):
    return limit + max(SLACK_MIB, limit / 10)


def attempt(engine, limit, skew, name, threads=2):
    """One run with its verdict: "ok", "refused ...", "wrong rows", "over"."""
    size = size_of(limit)
    data, parts = make_data(size, skew), WORK[name].together or (name,)
    wanted = {part: expected(size, skew, part) for part in parts}
    with tempfile.TemporaryDirectory(dir=DATA) as folder:
        answer = measure(engine, data, limit, threads, name, folder)
        verdict = "failed: " + answer["failed"].splitlines()[0] if answer["failed"] else "ok"
        for part in parts if verdict == "ok" else ():
            path = f"{folder}/out.{part}" if WORK[name].together else f"{folder}/out"
            if digest(path, WORK[part]) != wanted[part]:
                verdict = f"wrong rows ({part})"
        if verdict == "ok" and answer["growth"] > bar_of(limit):
            verdict = "over the limit"
    return dict(answer, verdict=verdict)


def lacks(engine, name):
    return name in {"polars": POLARS_LACKS, "datafusion": DATAFUSION_LACKS}.get(engine, ())


def main():
    parser = argparse.ArgumentParser(description="work larger than a memory limit")
    parser.add_argument("--limits", default=",".join(map(str, LIMITS)))
    parser.add_argument("--skews", default=",".join(SKEWS))
    parser.add_argument("--work", default=",".join(WORK))
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu", action="store_true", help="seconds of processors")
    options = parser.parse_args()
    engines, clock = options.engines.split(","), "cpu" if options.cpu else "seconds"
    print(f"{'MiB':>5} {'skew':5} {'work':13}" + "".join(f" {e:>10} s    MiB" for e in engines))
    good = total = 0
    for limit in map(int, options.limits.split(",")):
        for skew in options.skews.split(","):
            for name in options.work.split(","):
                line, notes = f"{limit:5} {skew:5} {name:13}", []
                for engine in engines:
                    if lacks(engine, name):
                        line += f" {'n/a':>12} {'':6}"
                        continue
                    tries = [attempt(engine, limit, skew, name, options.threads)
                             for _ in range(options.runs)]
                    best = min(tries, key=lambda t: (t["verdict"] != "ok", t[clock]))
                    worst = max(t["growth"] for t in tries)
                    bad = next((t["verdict"] for t in tries if t["verdict"] != "ok"), None)
                    line += f" {best[clock]:12.2f} {worst:6.0f}"
                    if bad:
                        notes.append(f"{engine}: {bad}")
                    if engine == engines[0]:
                        total, good = total + 1, good + (bad is None)
                print(line + ("  " + "; ".join(notes) if notes else ""), flush=True)
    print(f"{engines[0]}: {good} of {total} right and within the limit")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    elif shutil.disk_usage(ROOT).free < 20 << 30:
        sys.exit("bench/ceiling.py needs 20 GB of disk")
    else:
        main()
