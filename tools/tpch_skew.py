#!/usr/bin/env python3
"""tools/tpch_skew.py DATA FOLDER -- TPC-H tables made unkind, from those in DATA, always the same.

5 % nulls outside keys; prices as double; foreign keys by Zipf's law (the r-th most frequent key has a
share of 1/r), 10 % of them dangling and 2 % null. The same rows in FOLDER/VARIANT for row groups of
three sizes, with and without dictionaries. Needs numpy and pyarrow.
"""
import os
import shutil
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

SEED = 1
NULL_SHARE, DANGLING_SHARE, NULL_KEY_SHARE = 0.05, 0.10, 0.02
GROUP_ROWS = (1500, 40_000, 1_000_000)
VARIANTS = {f"{rows}-{'dict' if dictionary else 'plain'}": (rows, dictionary)
            for rows in GROUP_ROWS for dictionary in (True, False)}
# Keys first: the primary one, then foreign ones with the table whose first key they are.
TABLES = {
    "region": (["r_regionkey"], {}),
    "nation": (["n_nationkey"], {"n_regionkey": "region"}),
    "part": (["p_partkey"], {}),
    "supplier": (["s_suppkey"], {"s_nationkey": "nation"}),
    "customer": (["c_custkey"], {"c_nationkey": "nation"}),
    "partsupp": (["ps_partkey", "ps_suppkey"], {}),
    "orders": (["o_orderkey"], {"o_custkey": "customer"}),
    "lineitem": (["l_linenumber"], {"l_orderkey": "orders"}),
}
PRICES = ("p_retailprice", "ps_supplycost", "o_totalprice", "l_extendedprice")


def zipf(rng, n_keys, n):
    """Positions of keys; which ones are frequent is random."""
    shares = np.cumsum(1 / np.arange(1, n_keys + 1))
    ranks = np.searchsorted(shares, rng.random(n) * shares[-1], side="right")
    return rng.permutation(n_keys)[np.minimum(ranks, n_keys - 1)]


def foreign(rng, keys, n, type_):
    """Values of a foreign key: most are in `keys`, some past all of them, some null."""
    values = keys[zipf(rng, len(keys), n)]
    dangling = rng.random(n) < DANGLING_SHARE
    values = np.where(dangling, keys.max() + rng.integers(1, 1000, n), values)
    return pa.array(values, mask=rng.random(n) < NULL_KEY_SHARE).cast(type_)


def with_nulls(rng, column):
    hide = pa.array(rng.random(len(column)) < NULL_SHARE)
    return pa.compute.if_else(hide, pa.scalar(None, column.type), column)


def unkind(rng, name, table, tables):
    primary, references = TABLES[name]
    columns = {}
    if name == "lineitem": # a pair that partsupp has; either side may then dangle or be null
        offer = zipf(rng, tables["partsupp"].num_rows, len(table))
        for at, key in enumerate(("l_partkey", "l_suppkey")):
            keys = tables["partsupp"].column(at).to_numpy()
            values = np.where(rng.random(len(table)) < DANGLING_SHARE,
                              keys.max() + rng.integers(1, 1000, len(table)), keys[offer])
            columns[key] = pa.array(values, mask=rng.random(len(table)) < NULL_KEY_SHARE)
    for field in table.schema:
        column = table.column(field.name).combine_chunks()
        if field.name in columns or field.name in primary:
            continue
        if field.name in references:
            keys = tables[references[field.name]].column(0).to_numpy()
            columns[field.name] = foreign(rng, keys, len(table), field.type)
            continue
        if field.name in PRICES:
            column = column.cast(pa.float64())
        columns[field.name] = with_nulls(rng, column)
    return pa.table({f.name: columns.get(f.name, table.column(f.name)) for f in table.schema})


def make(data, folder):
    tables = {name: pq.read_table(f"{data}/{name}.parquet") for name in TABLES}
    for at, name in enumerate(TABLES):
        table = unkind(np.random.default_rng([SEED, at]), name, tables[name], tables)
        for variant, (rows, dictionary) in VARIANTS.items():
            os.makedirs(f"{folder}/{variant}", exist_ok=True)
            pq.write_table(table, f"{folder}/{variant}/{name}.parquet", row_group_size=rows,
                           use_dictionary=dictionary)


def main():
    data, folder = sys.argv[1:]
    if os.path.isdir(folder):
        return
    half = folder + ".half"
    shutil.rmtree(half, ignore_errors=True)
    make(data, half)
    os.rename(half, folder)


if __name__ == "__main__":
    main()
