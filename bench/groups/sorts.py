"""bench/groups/sorts.py -- sort and top-n of TPC-H lineitem in memory, all columns out.

Keys have ties, so rows are compared in any order, and in order the keys' columns; of a top-n these
alone.
"""
from groups import Group, Query, tpch

KEYS = {
    "one integer": ("l_partkey",),
    "three mixed keys": ("l_shipdate DESC", "l_returnflag", "l_extendedprice"),
    "one string": ("l_comment",),
}


def ordered(keys, limit):
    names = [key.split()[0] for key in keys]
    more = f" LIMIT {limit}" if limit else ""
    return Query(f"SELECT * FROM lineitem ORDER BY {', '.join(keys)}{more}", keys=names,
                 complete=not limit)


QUERIES = {f"{what}, {name}": ordered(keys, limit)
           for what, limit in (("sort", 0), ("top 100", 100), ("top 100,000", 100_000))
           for name, keys in KEYS.items()}
GROUPS = [Group("sort and top-n of lineitem, scale {scale}, in memory",
                lambda options: tpch(options, "lineitem"), "memory", QUERIES, ("duckdb", "polars"),
                bar_ratio=1.5)]
