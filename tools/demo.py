#!/usr/bin/env python3
"""tools/demo.py -- what `make demo` shows: real files in, real files out, the 22 TPC-H queries.

Makes TPC-H data at scale 0.1 with tpchgen-cli (once, in build/data), runs examples/etl/revenue.sql
and then examples/tpch/q01.sql ... q22.sql over the Parquet files, each in a fresh shell. Ends with
exit code 1 if anything failed. Standard library only.
"""
import glob
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHELL = "build/release/penstock"
DATA = "build/data/tpch-0.1"
TABLES = ("lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region")
QUERY_SECONDS_MAX = 60


def say(text):
    print(f"\n== {text}", flush=True)


def make_data():
    """The files of the demo; a folder that is complete has all of them."""
    wanted = [f"{DATA}/{table}.parquet" for table in TABLES]
    wanted += [f"{DATA}/customer.csv", f"{DATA}/nation.csv"]
    if all(os.path.exists(os.path.join(ROOT, path)) for path in wanted):
        return
    say(f"making TPC-H data at scale 0.1 in {DATA}")
    generator = ["build/venv/bin/tpchgen-cli"]
    common = ["-s", "0.1", f"--output-dir={DATA}", "--overwrite"]
    subprocess.run(generator + ["parquet"] + common, cwd=ROOT, check=True)
    subprocess.run(generator + ["csv"] + common + ["--tables=customer,nation"], cwd=ROOT, check=True)


def run_etl():
    say("ETL: Parquet and CSV to Parquet (examples/etl/revenue.sql)")
    start = time.time()
    done = subprocess.run([SHELL, "examples/etl/revenue.sql"], cwd=ROOT, check=False)
    out = os.path.join(ROOT, "build/data/revenue.parquet")
    if done.returncode == 0:
        print(f"{os.path.getsize(out)} bytes in build/data/revenue.parquet,"
              f" {time.time() - start:.2f} s in all")
    return done.returncode == 0


def seconds_of(text):
    """The last time that the shell's .timer printed, None if it printed none."""
    times = re.findall(r"^time: ([0-9.]+) (ms|s)$", text, re.M)
    return float(times[-1][0]) / (1000 if times[-1][1] == "ms" else 1) if times else None


def run_query(path, views):
    """Prints the time and rows of one query; its seconds, or None if it failed."""
    name = os.path.basename(path)[:-4]
    try:
        done = subprocess.run([SHELL, "--format", "csv", "-c", views, "-c", ".timer on", path],
                              cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=QUERY_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        print(f"{name}  failed  not done after {QUERY_SECONDS_MAX} s", flush=True)
        return None
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        title = file.readline().split(":", 1)[1].split(";")[0].strip()
    seconds = seconds_of(done.stdout)
    if done.returncode != 0 or seconds is None:
        print(f"{name}  failed  {title}\n{done.stderr.strip()}", flush=True)
        return None
    rows = done.stdout.count("\n") - 2 # the header and the time
    print(f"{name}  {seconds:7.3f} s  {rows:5} rows  {title}", flush=True)
    return seconds


def run_queries():
    say("the 22 TPC-H queries from Parquet, scale 0.1")
    views = "".join(f"CREATE VIEW {table} AS FROM '{DATA}/{table}.parquet';" for table in TABLES)
    paths = sorted(os.path.relpath(path, ROOT) for path in glob.glob(f"{ROOT}/examples/tpch/q*.sql"))
    times = [run_query(path, views) for path in paths]
    good = [seconds for seconds in times if seconds is not None]
    print(f"{len(good)} of {len(paths)} queries ran, {sum(good):.3f} s in all")
    return len(good) == len(paths)


def main():
    if not os.path.exists(os.path.join(ROOT, SHELL)):
        print(f"demo: {SHELL} is missing; run `make release`", file=sys.stderr)
        return 1
    make_data()
    etl = run_etl()
    queries = run_queries()
    print(f"\nTry it: {SHELL} -c \"SELECT count(*) FROM '{DATA}/lineitem.parquet'\"")
    return 0 if etl and queries else 1


if __name__ == "__main__":
    sys.exit(main())
