"""The 22 queries of TPC-H against the published answers, and the same bytes for every way to run them.

Scale 0.01 with threads {1, 2, 8} x batch rows {1, 7, default}, scale 0.1 with threads x {7, default}:
identical text, in order, equal to the answers (numbers within 1e-9 relative). At 0.01 each optimizer
rule off in turn: the same rows. Scale 1: tests/all/test_tpch_1.py.
"""
import subprocess

import tpch

DEFAULT_ROWS = "2048"


def rule_test(scale, rule):
    def test():
        other = tpch.run(scale, {"disabled_rules": rule})
        for number, text in tpch.base(scale).items():
            assert sorted(tpch.rows(other[number])) == sorted(tpch.rows(text)), \
                f"q{number:02d} has other rows without {rule}"
    return test


def optimizer_rules():
    done = subprocess.run([tpch.SHELL, "--format", "csv", "-c", "EXPLAIN RULES SELECT 1"], text=True,
                          check=True, stdout=subprocess.PIPE)
    return [line.strip('"').split()[0] for line in done.stdout.splitlines()[1:]]


globals().update(tpch.tests("0.01", ("1", "2", "8"), ("1", "7", DEFAULT_ROWS)))
globals().update(tpch.tests("0.1", ("1", "2", "8"), ("7", DEFAULT_ROWS)))
RULES = optimizer_rules()
assert len(RULES) > 5, RULES
for name in RULES:
    globals()[f"test_without_{name}"] = rule_test("0.01", name)
