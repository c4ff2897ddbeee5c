"""The 22 TPC-H queries at scale 1 under memory limits: right, and a ceiling that holds.

Each query runs in a process of its own. Its peak of resident memory, reset after the library was
opened and a tiny query has run, may grow by the limit and 32 MiB.

    python3 tests/all/test_memory_limit.py [LIMIT [THREADS [QUERY...]]]     prints the table
"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "py"))
import tpch

SCALE = os.environ.get("PS_TPCH_SCALE", "1")
LIMITS_MIB = (64, 256, 1024)
THREADS = (1, 2, 8)
SLACK_MIB = 32


def peak_mib():
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024


def child(folder, limit, threads, number):
    """Runs one query; prints outcome, growth of the peak in MiB and the rows as text."""
    sys.path.insert(0, os.path.join(tpch.ROOT, "tools"))
    import pslib
    session = pslib.Session(os.environ.get("PS_LIBRARY"), int(threads))
    for statement in tpch.views(folder):
        session.sql(statement)
    session.sql(f"SET memory_limit = '{limit}MiB'")
    session.sql("SELECT count(*) FROM region")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    before = peak_mib()
    try:
        table, outcome = session.sql(tpch.query(int(number))), "ok"
    except pslib.Failure as failed:
        table, outcome = None, str(failed)
    growth = peak_mib() - before
    rows = [] if table is None else [list(map(tpch.text, row.values())) for row in table.to_pylist()]
    print(json.dumps({"outcome": outcome, "growth": growth, "rows": rows}))


def run(folder, limit, threads, number):
    done = subprocess.run([sys.executable, __file__, "--child", folder, str(limit), str(threads),
                           str(number)], text=True, timeout=600, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, f"q{number:02d}: exit code {done.returncode}, {done.stderr[-500:]}"
    return json.loads(done.stdout)


def verdict(result, limit, number):
    """What is wrong with a result; empty: nothing."""
    wrong = []
    if result["outcome"] == "ok":
        try:
            tpch.check_answer(number, result["rows"], SCALE)
        except AssertionError as error:
            wrong.append(str(error))
    else:
        wrong.append(f"q{number:02d}: {result['outcome'][:200]}")
    if result["growth"] > limit + SLACK_MIB:
        wrong.append(f"q{number:02d}: grew by {result['growth']:.0f} MiB")
    return wrong


def limit_test(limit, threads):
    def test():
        folder, wrong = tpch.data(SCALE), []
        for number in tpch.QUERIES:
            wrong += verdict(run(folder, limit, threads, number), limit, number)
        assert not wrong, "\n".join(wrong)
    return test


for mib in LIMITS_MIB:
    for n in THREADS:
        globals()[f"test_{mib}_mib_threads_{n}"] = limit_test(mib, n)


def table(words):
    limits = [int(words[0])] if words else LIMITS_MIB
    threads = [int(words[1])] if len(words) > 1 else THREADS
    numbers = list(map(int, words[2:])) or tpch.QUERIES
    folder = tpch.data(SCALE)
    for limit in limits:
        for count in threads:
            for number in numbers:
                result = run(folder, limit, count, number)
                wrong = verdict(result, limit, number)
                print(f"{limit:5} MiB {count} threads q{number:02d} {result['growth']:7.1f} MiB "
                      f"{result['outcome'][:90]} {' '.join(wrong) and '<- ' + '; '.join(wrong)}",
                      flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        table(sys.argv[1:])
