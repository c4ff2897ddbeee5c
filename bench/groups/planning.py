"""bench/groups/planning.py -- what planning of very large statements costs: time and memory.

EXPLAIN of statements of a quarter, a half and the whole size, each in a process of its own; peers
plan the whole size only. Memory is linear if the whole takes at most 2.4 times the half's growth.
"""
import race
from groups import DATA

BAR_MS, BAR_GROWTH, SMALL_MIB = 200, 2.4, 2.0


def joins(n):
    return "SELECT count(*) FROM t t0 " + " ".join(
        f"JOIN t t{i} ON t{i - 1}.b = t{i}.a" for i in range(1, n + 1))


def columns(n):
    return f"SELECT {', '.join(f'a + {i} AS c{i}' for i in range(n))} FROM t"


def depth(n):
    return "SELECT " + "(" * n + "a" + "".join(f" + {'ab'[i % 2]})" for i in range(n)) + " AS x FROM t"


def in_list(n):
    return f"SELECT count(*) FROM t WHERE a IN ({', '.join(str(7 * i) for i in range(n))})"


CASES = {"chain of 200 joins": (joins, 200), "select list of 5,000": (columns, 5000),
         "expression of depth 1,000": (depth, 1000), "IN of 100,000 values": (in_list, 100_000)}


def table():
    import os
    import pyarrow
    import pyarrow.parquet
    path = f"{DATA}/planning.parquet"
    if not os.path.exists(path):
        numbers = pyarrow.array(range(1000), pyarrow.int64())
        pyarrow.parquet.write_table(pyarrow.table({"a": numbers, "b": numbers}), path)
    return {"t": path}


def plan(name, sql, options, warm):
    """Milliseconds (least of runs) and growth of memory in the first run, in a new process."""
    engine = race.Engine(name, table(), "memory", options.threads)
    explain = (lambda text: {"sql": text, "explain": True, "digest": False}) if name == "polars" else (
        lambda text: {"sql": f"EXPLAIN {text}", "digest": False})
    engine.run(explain(warm))
    answers = [engine.run(explain(sql))]
    while "failed" not in answers[-1] and len(answers) <= options.runs and answers[0]["seconds"] < 5:
        answers.append(engine.run(explain(sql)))
    engine.close()
    if "failed" in answers[-1]:
        return answers[-1]["failed"], 0.0
    return min(a["seconds"] for a in answers) * 1e3, answers[0]["mib"]


def show(figure):
    return f"{figure:9.1f}" if isinstance(figure, float) else "      n/a"


def run(options):
    print(f"\n== planning (EXPLAIN), bars {BAR_MS} ms and memory linear\n{'statement':26}"
          f"{options.ours[:8]:>9} {'quarter':>9} {'half':>9}   MiB: half, whole"
          + "".join(f" {name:>10}" for name in options.engines))
    for title, (make, n) in CASES.items():
        if options.match not in title:
            continue
        quarter, half, whole = (plan(options.ours, make(size), options, make(2))
                                for size in (n // 4, n // 2, n))
        if isinstance(whole[0], str):
            print(f"{title:26} {whole[0]}")
            continue
        linear = whole[1] <= max(BAR_GROWTH * half[1], half[1] + SMALL_MIB)
        theirs = [plan(name, make(n), options, make(2))[0] for name in options.engines]
        print(f"{title:26}{show(whole[0])} {show(quarter[0])} {show(half[0])}    {half[1]:6.1f} "
              f"{whole[1]:6.1f}" + "".join(f"  {show(t)}" for t in theirs)
              + f"  {'held' if whole[0] < BAR_MS and linear else 'not held'}"
              + ("" if linear else ": memory grows faster"), flush=True)
