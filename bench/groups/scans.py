"""bench/groups/scans.py -- scans of TPC-H lineitem: CSV, and Parquet as tpchgen-cli writes it."""
import os
import subprocess
import sys

from groups import DATA, Group, Query, tpch

RIVALS = ("duckdb", "polars", "datafusion")


def csv(options):
    folder = f"{DATA}/csv-{options.scale}"
    if not os.path.exists(f"{folder}/lineitem.csv"):
        print(f"making {folder}", flush=True)
        subprocess.run([os.path.join(os.path.dirname(sys.executable), "tpchgen-cli"), "csv", "-s",
                        options.scale, f"--output-dir={folder}", "--tables=lineitem"], check=True)
    return {"lineitem": f"{folder}/lineitem.csv"}


CSV = {
    "CSV whole": Query("SELECT * FROM lineitem"),
    "CSV three columns": Query("SELECT l_orderkey, l_extendedprice, l_shipdate FROM lineitem"),
}
EXTREMES = ("SELECT min(l_orderkey) AS a, max(l_orderkey) AS b, min(l_shipdate) AS c,"
            " max(l_shipdate) AS d, min(l_extendedprice) AS e, max(l_extendedprice) AS f"
            " FROM lineitem")
PARQUET = {
    "Parquet whole": Query("SELECT * FROM lineitem", bar_ratio=1.5),
    "filter of 1 %, 16 columns": Query("SELECT * FROM lineitem WHERE l_partkey <= 2000",
                                       bar_ratio=2.0),
    "count(*)": Query("SELECT count(*) AS n FROM lineitem", bar_ms=2.0),
    "min, max of three columns": Query(EXTREMES, bar_ms=2.0),
    "limit 10": Query("SELECT * FROM lineitem LIMIT 10", complete=False, bar_ms=5.0),
    "point lookup": Query("SELECT * FROM lineitem WHERE l_orderkey = 3000000", bar_ms=5.0),
}
QUERIES = CSV | PARQUET
GROUPS = [
    Group("scans of CSV, scale {scale}", csv, "csv", CSV, RIVALS, bar_ratio=2.0),
    Group("scans of Parquet, scale {scale}", lambda options: tpch(options, "lineitem"), "parquet",
          PARQUET, RIVALS),
]
