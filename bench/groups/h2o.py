"""bench/groups/h2o.py -- the group-by and join questions of the h2o.ai db-benchmark, from memory.

Data of the published distributions: k = 100 keys in the large groups, N / k in the small ones; with
nulls that share of the keys' values and of the measures is null. In joins nine tenths of a column's
keys are on both sides and a tenth on one side only, and the right side has each of its keys about
once. The generator is numpy's PCG64 with a fixed seed, so the data is ours, not R's. Polars' sum of
nothing but nulls is 0 (seen in q10), all others' null.
"""
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from groups import DATA, Group, Query

K = 100
NULLS_PER_CENT = 5


def write(folder, name, columns):
    table = pa.table(columns)
    table = table.cast(pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type)
                                  for f in table.schema]))
    temporary = f"{folder}/{name}.{os.getpid()}" # others may be making the same
    pa.parquet.write_table(table, temporary)
    os.rename(temporary, f"{folder}/{name}.parquet")


def texts(numbers, form, n_max):
    """A string for each number, by a dictionary of all that there may be."""
    values, codes = np.unique(numbers, return_inverse=True) if n_max is None else (
        np.arange(n_max + 1), numbers)
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)),
                                          pa.array([form % v for v in values]))


def with_nulls(rng, columns, per_cent):
    """Nulls in: of keys a share of their values, of measures a share of the rows."""
    for name, column in columns.items() if per_cent else ():
        if name.startswith("v"):
            mask = np.zeros(len(column), bool)
            mask[rng.choice(len(column), len(column) * per_cent // 100, replace=False)] = True
        else:
            codes = column.indices.to_numpy() if isinstance(column, pa.DictionaryArray) else column
            values = np.unique(codes)
            mask = np.isin(codes, rng.choice(values, len(values) * per_cent // 100, replace=False))
        if isinstance(column, pa.DictionaryArray):
            codes = pa.array(column.indices.to_numpy(), mask=mask)
            columns[name] = pa.DictionaryArray.from_arrays(codes, column.dictionary)
        else:
            columns[name] = pa.array(column, mask=mask)
    return columns


def group_tables(n, per_cent):
    folder = f"{DATA}/h2o/G1_{n}_{K}_{per_cent}"
    if not os.path.exists(f"{folder}/x.parquet"):
        print(f"making {folder}", flush=True)
        os.makedirs(folder, exist_ok=True)
        rng = np.random.Generator(np.random.PCG64(108))
        draw = lambda most: rng.integers(1, most + 1, n, dtype=np.int32)
        write(folder, "x", with_nulls(rng, {
            "id1": texts(draw(K), "id%03d", K), "id2": texts(draw(K), "id%03d", K),
            "id3": texts(draw(n // K), "id%010d", n // K),
            "id4": draw(K), "id5": draw(K), "id6": draw(n // K),
            "v1": draw(5), "v2": draw(15), "v3": np.round(rng.random(n) * 100, 6)}, per_cent))
    return {"x": f"{folder}/x.parquet"}


def split_keys(rng, n):
    """(on both sides, on the left only, on the right only) of 1.1 n keys."""
    keys = rng.permutation(np.arange(1, int(n * 1.1) + 1, dtype=np.int32))
    return keys[:int(n * 0.9)], keys[int(n * 0.9):n], keys[n:]


def sample_all(rng, keys, n):
    """n of the keys, each at least once."""
    return rng.permutation(np.concatenate([keys, rng.choice(keys, n - len(keys))]))


def join_tables(n, per_cent):
    folder = f"{DATA}/h2o/J1_{n}_{per_cent}"
    sizes = {"small": n // 10 ** 6, "medium": n // 10 ** 3, "big": n}
    names = ("x", *sizes)
    if not all(os.path.exists(f"{folder}/{name}.parquet") for name in names):
        print(f"making {folder}", flush=True)
        os.makedirs(folder, exist_ok=True)
        rng = np.random.Generator(np.random.PCG64(108))
        keys = [split_keys(rng, max(size, 10)) for size in sizes.values()]

        def side(n_keys, n_rows, only, measure):
            ids = [sample_all(rng, np.concatenate([k[0], k[only]]), n_rows) for k in keys[:n_keys]]
            columns = {f"id{i + 1}": values for i, values in enumerate(ids)}
            columns |= {f"id{i + 4}": texts(v, "id%d", None) for i, v in enumerate(ids)}
            columns[measure] = np.round(rng.random(n_rows) * 100, 6)
            return with_nulls(rng, columns, per_cent)

        for number, (name, size) in enumerate(sizes.items()):
            write(folder, name, side(number + 1, max(size, 10), 2, "v2"))
        write(folder, "x", side(3, n, 1, "v1"))
    return {name: f"{folder}/{name}.parquet" for name in names}


# ---- Polars: the questions through its lazy interface ---------------------------------------


def grouped(keys, *aggregates):
    """GROUP BY of frame x; aggregates are texts of Python over pl, so the parent needs no Polars."""
    def build(frames):
        import polars as pl
        return frames["x"].group_by(*keys).agg(*[eval(text, {"pl": pl}) for text in aggregates])
    return build


def two_largest(frames):
    import polars as pl
    return (frames["x"].drop_nulls("v3").group_by("id6").agg(pl.col("v3").top_k(2).alias("v3"))
            .explode("v3"))


def range_by_id3(frames):
    import polars as pl
    return frames["x"].group_by("id3").agg((pl.col("v1").max() - pl.col("v2").min()).alias("r"))


def joined(right, key, how="inner"):
    def build(frames):
        other = frames[right]
        names = [n for n in other.collect_schema().names() if n != key]
        other = other.rename({n: f"{right}_{n}" for n in names})
        return frames["x"].join(other, on=key, how=how)
    return build


def join_sql(right, key, columns, kind=""):
    given = ", ".join(f"{right}.{column} AS {right}_{column}" for column in columns)
    return f"SELECT x.*, {given} FROM x {kind} JOIN {right} ON x.{key} = {right}.{key}"


BY_ID6 = ("SELECT id6, v3 FROM (SELECT id6, v3, row_number() OVER (PARTITION BY id6 ORDER BY v3 DESC) AS n"
          " FROM x WHERE v3 IS NOT NULL) q WHERE n <= 2")
CORR = "pow(corr(v1, v2), 2)"
GROUPED = {
    "q1 sum v1 by id1": Query(
        "SELECT id1, sum(v1) AS v1 FROM x GROUP BY id1",
        grouped(["id1"], "pl.col('v1').sum()")),
    "q2 sum v1 by id1, id2": Query(
        "SELECT id1, id2, sum(v1) AS v1 FROM x GROUP BY id1, id2",
        grouped(["id1", "id2"], "pl.col('v1').sum()")),
    "q3 sum v1, mean v3 by id3": Query(
        "SELECT id3, sum(v1) AS v1, avg(v3) AS v3 FROM x GROUP BY id3",
        grouped(["id3"], "pl.col('v1').sum()", "pl.col('v3').mean()")),
    "q4 mean v1:v3 by id4": Query(
        "SELECT id4, avg(v1) AS v1, avg(v2) AS v2, avg(v3) AS v3 FROM x GROUP BY id4",
        grouped(["id4"], "pl.col('v1', 'v2', 'v3').mean()")),
    "q5 sum v1:v3 by id6": Query(
        "SELECT id6, sum(v1) AS v1, sum(v2) AS v2, sum(v3) AS v3 FROM x GROUP BY id6",
        grouped(["id6"], "pl.col('v1', 'v2', 'v3').sum()")),
    "q6 median, sd v3 by id4, id5": Query(
        "SELECT id4, id5, median(v3) AS m, stddev(v3) AS s FROM x GROUP BY id4, id5",
        grouped(["id4", "id5"], "pl.col('v3').median().alias('m')", "pl.col('v3').std().alias('s')")),
    "q7 max v1 - min v2 by id3": Query(
        "SELECT id3, max(v1) - min(v2) AS r FROM x GROUP BY id3", range_by_id3),
    "q8 two largest v3 by id6": Query(BY_ID6, two_largest),
    "q9 r2 of v1, v2 by id2, id4": Query(
        f"SELECT id2, id4, {CORR} AS r2 FROM x GROUP BY id2, id4",
        grouped(["id2", "id4"], "(pl.corr('v1', 'v2') ** 2).alias('r2')")),
    "q10 sum v3, count by id1:id6": Query(
        "SELECT id1, id2, id3, id4, id5, id6, sum(v3) AS v3, count(*) AS n FROM x"
        " GROUP BY id1, id2, id3, id4, id5, id6",
        grouped([f"id{i}" for i in range(1, 7)], "pl.col('v3').sum()", "pl.len().alias('n')")),
}
JOINED = {
    "j1 small inner on integer": Query(
        join_sql("small", "id1", ("id4", "v2")), joined("small", "id1")),
    "j2 medium inner on integer": Query(
        join_sql("medium", "id2", ("id1", "id4", "id5", "v2")), joined("medium", "id2")),
    "j3 medium left on integer": Query(
        join_sql("medium", "id2", ("id1", "id4", "id5", "v2"), "LEFT"),
        joined("medium", "id2", "left")),
    "j4 medium inner on string": Query(
        join_sql("medium", "id5", ("id1", "id2", "id4", "v2")), joined("medium", "id5")),
    "j5 big inner on integer": Query(
        join_sql("big", "id3", ("id1", "id2", "id4", "id5", "id6", "v2")), joined("big", "id3")),
}
QUERIES = GROUPED | JOINED
RIVALS = ("duckdb", "polars")
GROUPS = [
    Group(f"h2o {title}, {per_cent} % nulls, {{rows}} rows",
          lambda options, make=make, per_cent=per_cent: make(options.rows, per_cent), "memory",
          queries, RIVALS, bar_ratio=1.0)
    for per_cent in (0, NULLS_PER_CENT)
    for title, make, queries in (("group by", group_tables, GROUPED), ("join", join_tables, JOINED))]
