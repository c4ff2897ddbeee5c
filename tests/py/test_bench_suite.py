"""tests/py/test_bench_suite.py -- the questions of bench/suite.py on little data: our answers are DuckDB's.

Not Polars', whose sum of nothing but nulls is 0.

PS_LIBRARY is the library to test."""
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROWS = 50_000
QUESTIONS = 30 # of h2o: 10 group-bys and 5 joins, without nulls and with them

try:
    import duckdb, numpy, pyarrow # noqa: F401,E401  what the suite needs
except ImportError:
    raise unittest.SkipTest("a peer of the suite is not installed")


def test_h2o():
    done = subprocess.run(
        [sys.executable, f"{ROOT}/bench/suite.py", "--only", "h2o", "--rows", str(ROWS), "--runs", "0",
         "--engines", "penstock,duckdb"], cwd=ROOT, text=True, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if re.match(r"[qj]\d+ ", line)]
    assert len(lines) == QUESTIONS, done.stdout
    for line in lines:
        assert "differ" not in line and "n/a" not in line and " held" in line, line
