"""kill -9 of writers at random moments: 42 times; tests/all/test_kills.py does it 500 times and more."""
import os

import kills

SEED = int(os.environ.get("PS_SEED", "1"))


def kill_test(kind):
    def test():
        kills.campaign(6, SEED, (kind,))
    return test


for one in kills.KINDS:
    globals()[f"test_{one.__name__.lower()}"] = kill_test(one)
