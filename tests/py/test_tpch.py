"""The 22 queries of TPC-H against the published answers, and the same bytes for every way to run them.

Scale 0.01 with threads {1, 2, 8} x batch rows {1, 7, default}: identical text, in order, equal to
the answers (numbers within 1e-9 relative). Each optimizer rule off in turn: the same rows. Data is
made by tools/tpch_data.py; queries and answers are read from the corpora where they are, else every
test here is skipped. PS_TPCH_SCALE=0.1 or 1 runs another scale with fewer configurations.
"""
import csv
import io
import math
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHELL = os.environ.get("PS_SHELL", os.path.join(ROOT, "build/dev/penstock"))
CORPUS = os.path.join(ROOT, "..", "shared", "corpora", "tpch")
SCALE = os.environ.get("PS_TPCH_SCALE", "0.01")
DATA = os.environ.get("PS_TPCH_DATA", os.path.join(ROOT, "build", "data", f"tpch-{SCALE}"))
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
SEPARATOR = "-- q%02d"

if not os.path.isdir(CORPUS):
    raise unittest.SkipTest("the corpora are not here")


def make_data():
    """Writes the eight tables once."""
    tool = os.path.join(ROOT, "tools", "tpch_data.py")
    done = subprocess.run([sys.executable, tool, SCALE, DATA], check=False, text=True,
                          stderr=subprocess.PIPE)
    if done.returncode:
        raise unittest.SkipTest(f"no TPC-H data: {done.stderr[-300:]}")


def query(number):
    with open(os.path.join(CORPUS, "queries", f"q{number:02d}.sql"), encoding="utf-8") as file:
        return file.read().strip().rstrip(";")


def views():
    return "".join(f"CREATE VIEW {t} AS FROM '{DATA}/{t}.parquet';\n" for t in TABLES)


def run(settings, numbers=range(1, 23)):
    """The csv text of each query, run in one session with these settings."""
    script = views() + "".join(f"SET {k} = '{v}';\n" for k, v in settings.items())
    for n in numbers:
        script += f"SELECT '{SEPARATOR % n}' AS mark;\n{query(n)};\n"
    done = subprocess.run([SHELL, "--format", "csv"], input=script, text=True, timeout=1800, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, f"{settings}: {done.stderr[-2000:]}"
    texts, current = {}, None
    for line in done.stdout.splitlines(keepends=True):
        mark = line.strip()
        if mark.startswith("-- q"):
            current = int(mark[4:])
            texts[current] = ""
        elif mark != "mark" and current is not None:
            texts[current] += line
    return texts


def rows(text, delimiter=","):
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def same(got, want):
    if got == want:
        return True
    try:
        return math.isclose(float(got), float(want), rel_tol=1e-9, abs_tol=1e-12)
    except ValueError:
        return False


def check_answer(number, text):
    with open(os.path.join(CORPUS, "answers", f"sf{SCALE}", f"q{number:02d}.csv"), encoding="utf-8") as file:
        want = rows(file.read(), "|")[1:]
    got = rows(text)[1:]
    assert len(got) == len(want), f"q{number:02d}: {len(got)} rows, the answer has {len(want)}"
    for i, (g, w) in enumerate(zip(got, want)):
        assert len(g) == len(w) and all(map(same, g, w)), f"q{number:02d} row {i}: got {g}, the answer is {w}"


make_data()
BASE = run({"threads": "1"})


def test_answers():
    wrong = []
    for number in range(1, 23):
        try:
            check_answer(number, BASE[number])
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


def check_same(settings):
    other = run(settings)
    for number, text in BASE.items():
        assert other[number] == text, f"q{number:02d} differs with {settings}"


def config_test(settings):
    def test():
        check_same(settings)
    return test


THREADS = ("1", "2", "8") if SCALE == "0.01" else ("1", "2")
BATCHES = {"0.01": ("1", "7", "2048"), "0.1": ("7", "2048")}.get(SCALE, ("2048",))
for threads in THREADS:
    for batch in BATCHES:
        if (threads, batch) != ("1", "2048"):
            globals()[f"test_threads_{threads}_batch_{batch}"] = config_test({"threads": threads, "batch_rows": batch})


def optimizer_rules():
    done = subprocess.run([SHELL, "--format", "csv", "-c", "EXPLAIN RULES SELECT 1"], text=True, check=True,
                          stdout=subprocess.PIPE)
    return [line.strip('"').split()[0] for line in done.stdout.splitlines()[1:]]


def rule_test(rule):
    def test():
        other = run({"disabled_rules": rule})
        for number, text in BASE.items():
            assert sorted(map(tuple, rows(other[number]))) == sorted(map(tuple, rows(text))), \
                f"q{number:02d} has other rows without {rule}"
    return test


if SCALE == "0.01":
    for name in optimizer_rules():
        globals()[f"test_without_{name}"] = rule_test(name)
