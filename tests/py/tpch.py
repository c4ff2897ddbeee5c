"""TPC-H for tests: data, queries and published answers; not a test itself.

Data comes from tools/tpch_data.py and stays in build/data/dbgen-SCALE; queries and answers are read
from the corpora. Whatever is absent skips the test that asks for it.
"""
import csv
import functools
import io
import math
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(ROOT, "..", "shared", "corpora", "tpch")
SHELL = os.environ.get("PS_SHELL", os.path.join(ROOT, "build/dev/penstock"))
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
QUERIES = range(1, 23)


def make(tool, *args):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tools", tool), *args], check=False,
                          text=True, stderr=subprocess.PIPE)
    if done.returncode:
        raise unittest.SkipTest(f"no TPC-H data: {done.stderr[-300:]}")


def data(scale):
    """The folder of the eight tables, made when it isn't there."""
    if not os.path.isdir(CORPUS):
        raise unittest.SkipTest("the corpora are not here")
    folder = os.path.join(ROOT, "build", "data", f"dbgen-{scale}")
    make("tpch_data.py", scale, folder)
    return folder


def query(number):
    with open(os.path.join(CORPUS, "queries", f"q{number:02d}.sql"), encoding="utf-8") as file:
        return file.read().strip().rstrip(";")


def views(folder):
    """Statements that make a view of each table."""
    return [f"CREATE VIEW {t} AS FROM '{folder}/{t}.parquet'" for t in TABLES]


def answer(number, scale):
    """The published rows, as text."""
    path = os.path.join(CORPUS, "answers", f"sf{scale}", f"q{number:02d}.csv")
    with open(path, encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="|"))[1:]


def text(value):
    """A value of an Arrow table as the answers write it; HUGEINT travels as 16 bytes."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return str(int.from_bytes(value, "little", signed=True))
    return str(value)


def same(got, want):
    """Of two values as text; numbers within 1e-9."""
    if got == want:
        return True
    try:
        return math.isclose(float(got), float(want), rel_tol=1e-9, abs_tol=1e-12)
    except ValueError:
        return False


def check_answer(number, got, scale):
    """got: rows of text."""
    want = answer(number, scale)
    assert len(got) == len(want), f"q{number:02d}: {len(got)} rows, the answer has {len(want)}"
    for i, (g, w) in enumerate(zip(got, want)):
        assert len(g) == len(w) and all(map(same, g, w)), \
            f"q{number:02d} row {i}: got {g}, the answer is {w}"


# ---- through the shell ------------------------------------------------------------------------


def rows(output):
    """Rows of the shell's csv, without the header."""
    return list(csv.reader(io.StringIO(output)))[1:]


def run(scale, settings):
    """The csv text of each query by number, run in one session with these settings."""
    script = ";\n".join(views(data(scale)) + [f"SET {k} = '{v}'" for k, v in settings.items()])
    for n in QUERIES:
        script += f";\nSELECT '-- q{n:02d}' AS mark;\n{query(n)}"
    done = subprocess.run([SHELL, "--format", "csv"], input=script + ";\n", text=True, timeout=1200,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, f"{settings}: {done.stderr[-2000:]}"
    parts = done.stdout.split("mark\n-- q")[1:]
    texts = {int(part[:2]): part[3:] for part in parts}
    assert sorted(texts) == list(QUERIES), f"{settings}: answers of {sorted(texts)} only"
    return texts


@functools.cache
def base(scale):
    """What every other run must give: one thread, the default batch."""
    return run(scale, {"threads": "1"})


def tests(scale, threads, batches):
    """Test functions by name: the published answers, and each other way to run the queries."""
    def answers():
        wrong = []
        for number, output in base(scale).items():
            try:
                check_answer(number, rows(output), scale)
            except AssertionError as error:
                wrong.append(str(error))
        assert not wrong, "\n".join(wrong)

    def same_bytes(settings):
        def test():
            other = run(scale, settings)
            differing = [n for n, output in base(scale).items() if other[n] != output]
            assert not differing, f"queries {differing} differ with {settings}"
        return test

    named = {f"test_{scale}_answers": answers}
    for n in threads:
        for batch in batches:
            if (n, batch) != ("1", "2048"):
                named[f"test_{scale}_threads_{n}_batch_{batch}"] = same_bytes(
                    {"threads": n, "batch_rows": batch})
    return named
