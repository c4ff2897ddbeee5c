#!/usr/bin/env python3
"""bench/run.py -- the 22 TPC-H queries, ours and theirs in turn: time, ratio, peak memory.

    build/venv/bin/python bench/run.py [--scale 1] [--source parquet,memory] [--runs 5]
        [--threads 2] [--queries 1,6] [--engines penstock,duckdb] [--memory MIB] [--cpu] [--limit]

One process an engine, all alive at once; of a query each engine runs once, then each again, so that
a noisy neighbour hits all. Times are wall seconds from SQL text to an Arrow table, the minimum of
the runs; ratios are theirs / ours (above 1: we are faster). Peak memory is the resident growth
during the query, reset before it (/proc/self/clear_refs), so in-memory tables don't count.
Answers are compared, too: sorted rows with floats to nine digits. `--memory 1024` gives ours and
DuckDB that limit (and `--runs 0` runs each query once, cold: for scales where once is long enough).
`--cpu` compares processor seconds of all threads instead: of use while neighbours hold the cores.
`--limit` compares Q1 and Q6 from memory with the hand-written program of bench/limit (Gate A).
"""
import argparse
import decimal
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLES = ("lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region")


# ---- workers: one engine each, commands and answers as lines of JSON --------------------------


def memory_limit():
    """MiB, or 0: each engine's own."""
    return int(os.environ.get("BENCH_MEMORY", "0"))


def open_penstock(data, source, threads):
    sys.path.insert(0, f"{ROOT}/tools")
    import pslib
    session = pslib.Session(os.environ.get("PS_LIBRARY"), threads, memory_limit() << 20)
    for table in TABLES:
        what = "VIEW" if source == "parquet" else "TABLE"
        session.sql(f"CREATE {what} {table} AS FROM '{data}/{table}.parquet'")
    return session.sql


def open_duckdb(data, source, threads):
    import duckdb
    config = {"threads": threads}
    if memory_limit():
        config["memory_limit"] = f"{memory_limit()}MiB"
    connection = duckdb.connect(config=config)
    for table in TABLES:
        what = "VIEW" if source == "parquet" else "TABLE"
        connection.execute(f"CREATE {what} {table} AS FROM '{data}/{table}.parquet'")

    return lambda sql: connection.sql(sql).to_arrow_table()


def open_polars(data, source, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars
    frames = {t: polars.scan_parquet(f"{data}/{t}.parquet") for t in TABLES}
    if source == "memory":
        frames = {t: f.collect().lazy() for t, f in frames.items()}
    context = polars.SQLContext(frames)
    return lambda sql: context.execute(sql).collect(engine="streaming").to_arrow()


def open_datafusion(data, source, threads):
    import datafusion
    import pyarrow.parquet
    config = datafusion.SessionConfig().with_target_partitions(threads)
    context = datafusion.SessionContext(config)
    for table in TABLES:
        if source == "parquet":
            context.register_parquet(table, f"{data}/{table}.parquet")
        else:
            read = pyarrow.parquet.read_table(f"{data}/{table}.parquet")
            context.register_record_batches(table, [read.to_batches()])
    return lambda sql: context.sql(sql).to_arrow_table()


def peak_mib():
    with open("/proc/self/status", encoding="ascii") as file:
        text = file.read()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024


def reset_peak():
    """Resets the peak of resident memory to what is resident now; that, in MiB."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass
    return peak_mib()


def digest_of(table):
    """The same for equal rows in any order, whatever types the engine gives numbers."""
    def plain(value):
        if isinstance(value, bytes) and len(value) == 16:  # our INT128
            value = int.from_bytes(value, "little", signed=True)
        number = isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool)
        return f"{float(value):.9g}" if number else str(value).rstrip()

    columns = [column.to_pylist() for column in table.columns]
    rows = sorted(repr([plain(value) for value in row]) for row in zip(*columns))
    return hashlib.md5("\n".join(rows).encode()).hexdigest()


def worker(engine, data, source, threads):
    run = globals()[f"open_{engine}"](data, source, int(threads))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        before = reset_peak()
        clock = time.process_time if os.environ.get("BENCH_CPU") else time.perf_counter
        start = clock()
        try:
            table = run(json.loads(line))
            seconds = clock() - start
            answer = {"seconds": seconds, "rows": table.num_rows, "mib": peak_mib() - before,
                      "digest": digest_of(table)}
            table = None
        except Exception as failed:  # pylint: disable=broad-except
            answer = {"failed": f"{type(failed).__name__}: {failed}"[:300]}
        print(json.dumps(answer), flush=True)


class Engine:
    def __init__(self, name, data, source, threads):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", name, data, source, str(threads)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} died")
        return json.loads(line)

    def run(self, sql):
        self.process.stdin.write(json.dumps(sql) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ---- the race ---------------------------------------------------------------------------------


def query_text(number):
    with open(f"{ROOT}/examples/tpch/q{number:02d}.sql", encoding="utf-8") as file:
        return file.read().strip().rstrip(";")


def best(answers):
    """The fastest run, with the highest peak; the failure when there was one."""
    for answer in answers:
        if "failed" in answer:
            return answer
    fastest = dict(min(answers, key=lambda a: a["seconds"]))
    fastest["mib"] = max(a["mib"] for a in answers)
    return fastest


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")


def race(engines, numbers, runs):
    """Prints a line a query; engine -> number -> best."""
    results = {engine.name: {} for engine in engines}
    others = [e.name for e in engines[1:]]
    print("query   rows  " + engines[0].name + " ms   MiB" +
          "".join(f"  {name:>10} ms   ratio    MiB" for name in others))
    for number in numbers:
        answers = {engine.name: [] for engine in engines}
        for _ in range(runs + 1):
            for engine in engines:
                if not answers[engine.name] or "failed" not in answers[engine.name][-1]:
                    answers[engine.name].append(engine.run(query_text(number)))
        for name, got in answers.items(): # the first run warms up
            results[name][number] = best(got[1:] or got)
        print(line_of(number, engines[0].name, others, results), flush=True)
    return results


def line_of(number, ours, others, results):
    mine = results[ours][number]
    if "failed" in mine:
        return f"q{number:02d}  {mine['failed']}"
    text = (f"q{number:02d} {mine['rows']:8} {mine['seconds'] * 1e3:10.1f} {mine['mib']:7.0f}")
    for name in others:
        theirs = results[name][number]
        if "failed" in theirs:
            text += f"  {'n/a: ' + theirs['failed'][:20]:>30}"
            continue
        note = ("" if theirs["digest"] == mine["digest"] else
                " answers differ!" if theirs["rows"] == mine["rows"] else " rows differ!")
        text += (f"  {theirs['seconds'] * 1e3:13.1f} {theirs['seconds'] / mine['seconds']:7.2f}"
                 f" {theirs['mib']:6.0f}{note}")
    return text


def summary(ours, results):
    mine = {n: a for n, a in results[ours].items() if "failed" not in a}
    print(f"   {ours}: {len(mine)} of {len(results[ours])} queries, {sum(a['seconds'] for a in mine.values()):.3f} s, "
          f"highest peak {max((a['mib'] for a in mine.values()), default=0):.0f} MiB")
    for name, answers in results.items():
        both = [n for n in mine if name != ours and "failed" not in answers[n]]
        if not both:
            continue
        ratios = {n: answers[n]["seconds"] / mine[n]["seconds"] for n in both}
        worst = min(ratios, key=ratios.get)
        print(f"   {name} / {ours}: geometric mean {geometric(list(ratios.values())):.2f} over "
              f"{len(both)} queries, {sum(answers[n]['seconds'] for n in both):.3f} s against "
              f"{sum(mine[n]['seconds'] for n in both):.3f} s, worst q{worst:02d} {ratios[worst]:.2f}, "
              f"highest peak {max(answers[n]['mib'] for n in both):.0f} MiB")


def make_data(scale):
    folder = f"{ROOT}/build/data/tpch-{scale}"
    if not all(os.path.exists(f"{folder}/{table}.parquet") for table in TABLES):
        print(f"making TPC-H data at scale {scale} in {folder}", flush=True)
        subprocess.run([os.path.join(os.path.dirname(sys.executable), "tpchgen-cli"), "parquet",
                        "-s", scale, f"--output-dir={folder}", "--overwrite"], check=True)
    return folder


def limit(data, threads, runs):
    """Gate A: Q1 and Q6 of in-memory tables against the hand-written program."""
    folder, program = f"{ROOT}/build/data/columns", f"{ROOT}/build/q1q6"
    if not os.path.isdir(folder):
        subprocess.run([sys.executable, f"{ROOT}/bench/limit/export_columns.py",
                        f"{data}/lineitem.parquet", folder], check=True)
    subprocess.run(["cc", "-std=gnu17", "-O3", "-march=native", "-pthread",
                    f"{ROOT}/bench/limit/q1q6.c", "-o", program], check=True)
    engine = Engine("penstock", data, "memory", threads)
    hand, ours = {}, {}
    for _ in range(runs):
        out = subprocess.run([program, folder, str(threads), "5"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        for number in (1, 6):
            ms = float(re.search(rf"q{number} ([0-9.]+) ms", out)[1])
            hand[number] = min(ms, hand.get(number, ms))
            ms = min(engine.run(query_text(number))["seconds"] for _ in range(5)) * 1e3
            ours[number] = min(ms, ours.get(number, ms))
    engine.close()
    for number, gate in ((1, 4), (6, 2)):
        print(f"q{number}: by hand {hand[number]:.2f} ms, ours {ours[number]:.2f} ms, "
              f"{ours[number] / hand[number]:.2f} times (gate A: at most {gate})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", default="1")
    parser.add_argument("--source", default="parquet,memory")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--queries", default=",".join(map(str, range(1, 23))))
    parser.add_argument("--engines", default="")
    parser.add_argument("--memory", default="0")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--limit", action="store_true")
    options = parser.parse_args()
    if options.cpu:
        os.environ["BENCH_CPU"] = "1"
    os.environ["BENCH_MEMORY"] = options.memory
    data = make_data(options.scale)
    if options.limit:
        limit(data, options.threads, options.runs)
        return
    for source in options.source.split(","):
        names = options.engines or ("penstock,duckdb,polars,datafusion" if source == "parquet" else
                                    "penstock,duckdb")
        print(f"\n== from {source}, scale {options.scale}, {options.threads} threads, "
              f"best of {options.runs}" + (f", {options.memory} MiB" if memory_limit() else ""),
              flush=True)
        engines = [Engine(n, data, source, options.threads) for n in names.split(",")]
        results = race(engines, [int(n) for n in options.queries.split(",")], options.runs)
        summary(engines[0].name, results)
        for engine in engines:
            engine.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
