#!/usr/bin/env python3
"""bench/run.py -- the 22 TPC-H queries, ours and theirs in turn: time, ratio, peak memory.

    build/venv/bin/python bench/run.py [--scale 1] [--source parquet,memory] [--runs 5]
        [--threads 2] [--queries 1,6] [--engines penstock,duckdb] [--memory MIB] [--cpu] [--limit]

Engines take turns as race.py says; the minimum of the runs counts, ratios are theirs / ours (above
1: we are faster). Answers are compared, too (digest.py). `--memory 1024` gives ours and
DuckDB that limit (and `--runs 0` runs each query once, cold: for scales where once is long enough).
`--cpu` compares processor seconds of all threads instead: of use while neighbours hold the cores.
`--limit` compares Q1 and Q6 from memory with the hand-written program of bench/limit (Gate A).
"""
import argparse
import os
import re
import subprocess
import sys

import digest
from race import ROOT, Engine, geometric, memory_limit, take_turns

TABLES = ("lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region")


# ---- the race ---------------------------------------------------------------------------------


def query_text(number):
    with open(f"{ROOT}/examples/tpch/q{number:02d}.sql", encoding="utf-8") as file:
        return file.read().strip().rstrip(";")


def race(engines, numbers, runs):
    """Prints a line a query; engine -> number -> answer."""
    results = {engine.name: {} for engine in engines}
    others = [e.name for e in engines[1:]]
    print("query   rows  " + engines[0].name + " ms   MiB" +
          "".join(f"  {name:>10} ms   ratio    MiB" for name in others))
    for number in numbers:
        request = {"sql": query_text(number)}
        for name, answer in take_turns(engines, lambda _: request, runs).items():
            results[name][number] = answer
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
        note = digest.difference(mine["digest"], theirs["digest"])
        note = f" {note}!" if note else ""
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


def tables_in(folder):
    return {table: f"{folder}/{table}.parquet" for table in TABLES}


def limit(data, threads, runs):
    """Gate A: Q1 and Q6 of in-memory tables against the hand-written program."""
    folder, program = f"{ROOT}/build/data/columns", f"{ROOT}/build/q1q6"
    if not os.path.isdir(folder):
        subprocess.run([sys.executable, f"{ROOT}/bench/limit/export_columns.py",
                        f"{data}/lineitem.parquet", folder], check=True)
    subprocess.run(["cc", "-std=gnu17", "-O3", "-march=native", "-pthread",
                    f"{ROOT}/bench/limit/q1q6.c", "-o", program], check=True)
    engine = Engine("penstock", tables_in(data), "memory", threads)
    hand, ours = {}, {}
    for _ in range(runs):
        out = subprocess.run([program, folder, str(threads), "5"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
        for number in (1, 6):
            ms = float(re.search(rf"q{number} ([0-9.]+) ms", out)[1])
            hand[number] = min(ms, hand.get(number, ms))
            ms = min(engine.run({"sql": query_text(number)})["seconds"] for _ in range(5)) * 1e3
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
        engines = [Engine(n, tables_in(data), source, options.threads)
                   for n in names.split(",")]
        results = race(engines, [int(n) for n in options.queries.split(",")], options.runs)
        summary(engines[0].name, results)
        for engine in engines:
            engine.close()


if __name__ == "__main__":
    main()
