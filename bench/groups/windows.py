"""bench/groups/windows.py -- window functions over partitions of 10 to 1,000,000 rows, in memory.

o is a permutation of the row numbers, t = o / 4 has ties, v is small, pN names partitions of about
N rows whose rows are scattered over the table.
"""
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from groups import DATA, Group, Query

SIZES = (10, 1_000, 100_000, 1_000_000)
ROWS = 4_000_000


def tables(options):
    path = f"{DATA}/windows/w_{ROWS}.parquet"
    if not os.path.exists(path):
        print(f"making {path}", flush=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        rng = np.random.Generator(np.random.PCG64(7))
        order = rng.permutation(np.arange(ROWS, dtype=np.int64))
        columns = {"o": order, "t": order // 4, "v": rng.integers(0, 1000, ROWS, dtype=np.int32)}
        for size in SIZES:
            columns[f"p{size}"] = rng.integers(0, ROWS // size, ROWS, dtype=np.int32)
        pa.parquet.write_table(pa.table(columns), f"{path}.tmp")
        os.rename(f"{path}.tmp", path)
    return {"w": path}


def windowed(call, size, order, polars_text):
    def build(frames):
        import polars as pl
        window = eval(polars_text, {"pl": pl, "p": f"p{size}"})
        return frames["w"].select("o", window.alias("r"))
    call = call.replace("OVER", f"OVER (PARTITION BY p{size} ORDER BY {order}", 1)
    return Query(f"SELECT o, {call}) AS r FROM w", build)


CALLS = {
    "rank": ("rank() OVER", "t", "pl.col('t').rank('min').over(p)"),
    "running sum": ("sum(v) OVER", "o", "pl.col('v').cum_sum().over(p, order_by='o')"),
    "moving average": (
        "avg(v) OVER ROWS BETWEEN 9 PRECEDING AND CURRENT ROW", "o",
        "pl.col('v').rolling_mean(10, min_samples=1).over(p, order_by='o')"),
    "lag": ("lag(v) OVER", "o", "pl.col('v').shift(1).over(p, order_by='o')"),
}
QUERIES = {f"{name}, partitions of {size:,}": windowed(call, size, order, text)
           for name, (call, order, text) in CALLS.items() for size in SIZES}
GROUPS = [Group(f"windows, {ROWS:,} rows, in memory", tables, "memory", QUERIES,
                ("duckdb", "polars"), bar_ratio=2.0)]
