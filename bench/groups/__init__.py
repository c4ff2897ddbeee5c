"""bench/groups -- the groups of bench/suite.py: a module each, with QUERIES and GROUPS, or run()."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = f"{ROOT}/build/data"


class Query:
    """A question: SQL text that every engine runs, or others' ways to put it.

    polars(frames) gives a lazy frame; duckdb, datafusion are texts where their SQL has another
    spelling. keys: these columns are compared in order, too. complete=False: which rows there are is
    any engine's choice, so only the keys, or without any the number of rows, are compared.
    bar_ratio, bar_ms: of this query instead of the group's.
    """

    def __init__(self, sql, polars=None, keys=None, complete=True, bar_ratio=None, bar_ms=None,
                 **texts):
        self.sql, self.polars, self.texts = sql, polars, texts
        self.keys, self.complete = keys, complete
        self.bar_ratio, self.bar_ms = bar_ratio, bar_ms

    def request(self, engine, module, name):
        if engine == "polars" and self.polars:
            request = {"call": [module, name]}
        else:
            request = {"sql": self.texts.get(engine, self.sql)}
        return {**request, "keys": self.keys, "complete": self.complete}


class Group:
    """Queries over the same tables.

    tables(options) makes what is missing and gives {name: path}. The bars: how many times faster
    than the fastest rival each query has to be, and all of them in the geometric mean.
    """

    def __init__(self, title, tables, source, queries, rivals, bar_ratio=None, bar_geometric=None):
        self.title, self.tables, self.source, self.queries = title, tables, source, queries
        self.rivals = rivals
        self.bar_ratio, self.bar_geometric = bar_ratio, bar_geometric


def tpch(options, *tables):
    """Parquet files of these tables of TPC-H at the scale of --scale."""
    import run
    folder = run.make_data(options.scale)
    return {table: f"{folder}/{table}.parquet" for table in tables}
