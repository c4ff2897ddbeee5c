"""Random typed queries against DuckDB, few and with a fixed seed: diff_duckdb.py says what is compared.

The 20,000 are in tests/all/test_random_queries.py. PS_RANDOM_SEED and PS_RANDOM_QUERIES change what is run."""
import os
import unittest

import diff_duckdb

SEED = int(os.environ.get("PS_RANDOM_SEED", "1"))
QUERIES = int(os.environ.get("PS_RANDOM_QUERIES", "600"))


def run(seed, queries):
    """Runs them; fails by printing what differs, and when the comparison has become empty."""
    try:
        import duckdb # pylint: disable=unused-import,import-outside-toplevel
        import pyarrow # pylint: disable=unused-import,import-outside-toplevel
    except ImportError as missing:
        raise unittest.SkipTest(str(missing)) from missing
    done = diff_duckdb.Run(os.environ["PS_LIBRARY"], seed, queries, jobs=os.cpu_count() or 1).run()
    for name, n in done.counts.most_common():
        print(f"{n:7} {name}")
    assert not done.bad, f"{len(done.bad)} of {queries} queries differ (seed {seed})"
    same, empty = done.counts["same"], done.counts["same, empty"]
    assert same >= queries // 3, f"only {same} of {queries} queries gave rows"
    assert same + empty >= queries * 95 // 100, f"only {same + empty} of {queries} queries were compared"


def test_random_queries():
    run(SEED, QUERIES)
