"""bench/race.py -- what the races have in common: engines in processes of their own, and turns.

An engine is a process that holds its tables and takes requests, lines of JSON: {"sql": text}, or for
Polars {"call": [module, query]}, whose lazy frame it builds. Times are wall seconds from the request
to an Arrow table (with BENCH_CPU those of the processors), cpu is what all threads took of the
processors; peak memory is the resident growth during the query, reset before it
(/proc/self/clear_refs), so tables in memory don't count. Digests of answers are in digest.py.
"""
import importlib
import json
import math
import os
import re
import select
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SECONDS_MAX = 300 # for one request; an engine that takes longer is ended and begins anew


# ---- the engines: each opens tables {name: path} from a source, and gives what runs a request ---


def memory_limit():
    """MiB, or 0: each engine's own."""
    return int(os.environ.get("BENCH_MEMORY", "0"))


def open_penstock(tables, source, threads):
    sys.path.insert(0, f"{ROOT}/tools")
    import pslib
    session = pslib.Session(os.environ.get("PS_LIBRARY"), threads, memory_limit() << 20)
    for table, path in tables.items():
        what = "TABLE" if source == "memory" else "VIEW"
        session.sql(f"CREATE {what} {table} AS FROM '{path}'")
    return lambda request: session.sql(request["sql"])


def open_duckdb(tables, source, threads):
    import duckdb
    config = {"threads": threads}
    if memory_limit():
        config["memory_limit"] = f"{memory_limit()}MiB"
    connection = duckdb.connect(config=config)
    for table, path in tables.items():
        what = "TABLE" if source == "memory" else "VIEW"
        connection.execute(f"CREATE {what} {table} AS FROM '{path}'")
    return lambda request: connection.sql(request["sql"]).to_arrow_table()


def open_polars(tables, source, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars
    engine = os.environ.get("BENCH_POLARS", "streaming")
    scan = polars.scan_parquet if source != "csv" else (
        lambda path: polars.scan_csv(path, try_parse_dates=True)) # as all others read dates
    frames = {table: scan(path) for table, path in tables.items()}
    if source == "memory":
        frames = {table: frame.collect().lazy() for table, frame in frames.items()}
    context = polars.SQLContext(frames)
    newest = polars.CompatLevel.newest() # strings leave as they are, without a copy

    def run(request):
        if "call" in request:
            module, name = request["call"]
            frame = importlib.import_module(f"groups.{module}").QUERIES[name].polars(frames)
        else:
            frame = context.execute(request["sql"])
        if request.get("explain"):
            import pyarrow
            return pyarrow.table({"plan": [frame.explain()]})
        return frame.collect(engine=engine).to_arrow(compat_level=newest)
    return run


def open_datafusion(tables, source, threads):
    import datafusion
    config = datafusion.SessionConfig().with_target_partitions(threads)
    context = datafusion.SessionContext(config)
    for table, path in tables.items():
        name = f"{table}_file" if source == "memory" else table
        register = context.register_csv if source == "csv" else context.register_parquet
        register(name, path)
        if source == "memory":
            context.sql(f"CREATE TABLE {table} AS SELECT * FROM {name}").collect()
    return lambda request: context.sql(request["sql"]).to_arrow_table()


# ---- the process of an engine -----------------------------------------------------------------


def peak_mib():
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024


def reset_peak():
    """Resets the peak of resident memory to what is resident now; that, in MiB."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass
    return peak_mib()


def answer_of(run, request):
    import digest
    before = reset_peak()
    start, start_cpu = time.perf_counter(), time.process_time()
    try:
        table = run(request)
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        answer = {"seconds": cpu if os.environ.get("BENCH_CPU") else seconds, "cpu": cpu,
                  "rows": table.num_rows, "mib": peak_mib() - before}
        if request.get("digest", True):
            answer["digest"] = digest.of(table, request.get("keys"), request.get("complete", True))
        return answer
    except BaseException as failed: # pylint: disable=broad-except
        return {"failed": f"{type(failed).__name__}: {failed}"[:300]}


def worker(engine, tables, source, threads):
    run = globals()[f"open_{engine}"](json.loads(tables), source, int(threads))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer_of(run, json.loads(line))), flush=True)


class Engine:
    """The parent's side of it."""

    def __init__(self, name, tables, source, threads):
        self.name = name
        self.command = [sys.executable, f"{HERE}/race.py", name, json.dumps(tables), source,
                        str(threads)]
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        started = self.read(10 * SECONDS_MAX)
        if "failed" in started:
            raise RuntimeError(f"{self.name} {started['failed']}: {self.command}")

    def read(self, seconds):
        ready = select.select([self.process.stdout], [], [], seconds)[0]
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        self.process.kill()
        self.process.wait()
        return {"failed": "died" if ready else f"took over {seconds} s"}

    def run(self, request):
        if self.process.poll() is not None:
            self.start()
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.read(SECONDS_MAX)

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait()


# ---- turns and figures ------------------------------------------------------------------------


def take_turns(engines, request_of, runs, statistic=min):
    """Each engine once, then each again, so that a noisy neighbour hits all; name -> answer.

    The first round warms up and gives the digest. An engine that failed is not asked again.
    """
    answers = {engine.name: [] for engine in engines}
    for turn in range(runs + 1):
        for engine in engines:
            got = answers[engine.name]
            if not got or "failed" not in got[-1]:
                got.append(engine.run({**request_of(engine.name), "digest": turn == 0}))
    return {name: summed_up(got, statistic) for name, got in answers.items()}


def summed_up(answers, statistic):
    """One answer of those of all runs: highest peak, digest of the first; a failure if there was."""
    for answer in answers:
        if "failed" in answer:
            return answer
    timed = answers[1:] or answers
    return {**answers[0], "seconds": statistic(a["seconds"] for a in timed),
            "cpu": statistic(a["cpu"] for a in timed), "mib": max(a["mib"] for a in timed)}


STATISTICS = {"min": min, "median": statistics.median}


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")


if __name__ == "__main__":
    worker(*sys.argv[1:])
