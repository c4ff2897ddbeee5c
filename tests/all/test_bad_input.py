"""The long versions of tests/py/test_bad_input.py: 10,000 mutants of each of ten Parquet files under
the address sanitizer, a thousand lying footers of each, the corpus's files damaged too."""
import glob
import importlib.util
import os
import sys
import tempfile
import unittest

PY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../py")
sys.path.insert(0, PY)
import bad_parquet  # pylint: disable=wrong-import-position

# by its path: this file has the same name
SPEC = importlib.util.spec_from_file_location("short", os.path.join(PY, "test_bad_input.py"))
short = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(short)

MUTANTS, LIES, CORPUS_MUTANTS, CORPUS_BYTES_MAX = 10000, 300, 300, 100000


def one_by_one(name):
    """A test a file: each may take what a test may take."""
    def run():
        with tempfile.TemporaryDirectory() as folder:
            paths = [p for p in bad_parquet.files(folder) if os.path.basename(p) == name + ".parquet"]
            assert len(paths) == 1, name
            wrong = short.mutants_run(paths, MUTANTS, 3600)
            assert not wrong, "\n".join(wrong)
    return run


for file_name in bad_parquet.NAMES:
    globals()[f"test_mutants_of_{file_name}"] = one_by_one(file_name)


def test_statistics_that_lie():
    with tempfile.TemporaryDirectory() as folder:
        short.lies_run(bad_parquet.files(folder), LIES)


def test_mutants_of_the_corpus():
    folder = os.path.join(os.environ.get("PS_SHARED", ""), "corpora/parquet")
    paths = [p for p in sorted(glob.glob(f"{folder}/*data/*.parquet"))
             if os.path.getsize(p) < CORPUS_BYTES_MAX]
    if not paths:
        raise unittest.SkipTest(f"no corpus: {folder}")
    wrong = []
    for i in range(0, len(paths), 2):
        wrong += short.mutants_run(paths[i:i + 2], CORPUS_MUTANTS, 1000)
    assert not wrong, "\n".join(wrong)
