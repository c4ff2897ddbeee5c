"""20,000 random typed queries against DuckDB, in 20 fixed seeds: tests/py/diff_duckdb.py says what is compared."""
import functools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "py"))
import test_random

for seed in range(101, 121):
    globals()[f"test_seed_{seed}"] = functools.partial(test_random.run, seed, 1000)
