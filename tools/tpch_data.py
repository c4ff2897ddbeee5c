#!/usr/bin/env python3
"""tools/tpch_data.py SCALE FOLDER -- TPC-H data as the published answers want it, in Parquet.

tpchgen-cli's addresses and comments differ from those of the generator that the answers were made
with, so tests of answers use DuckDB 1.5.5 with its tpch extension (both from PyPI, kept in
build/duckdb-1.5.5). A half-written folder is never taken for a whole one.
"""
import glob
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIBRARY = os.path.join(ROOT, "build", "duckdb-1.5.5")
PACKAGES = ("duckdb==1.5.5", "duckdb-extension-tpch==1.5.5")
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


def install():
    if os.path.isdir(LIBRARY):
        return
    half = LIBRARY + ".half"
    shutil.rmtree(half, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", half, *PACKAGES],
                   check=True, stdout=subprocess.DEVNULL)
    os.rename(half, LIBRARY)


def generate(scale, folder):
    sys.path.insert(0, LIBRARY)
    import duckdb
    extension, = glob.glob(f"{LIBRARY}/duckdb_extension_tpch/extensions/*/tpch.duckdb_extension")
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"CALL dbgen(sf={scale})")
    for table in TABLES:
        connection.execute(f"COPY {table} TO '{folder}/{table}.parquet' (FORMAT parquet)")


def main():
    scale, folder = sys.argv[1:]
    if os.path.isdir(folder):
        return
    install()
    half = folder + ".half"
    shutil.rmtree(half, ignore_errors=True)
    os.makedirs(half)
    generate(scale, half)
    os.rename(half, folder)


if __name__ == "__main__":
    main()
