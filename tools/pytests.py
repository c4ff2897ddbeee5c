#!/usr/bin/env python3
"""tools/pytests.py FILE [--only NAME] [--counts FILE] -- runs the test_* functions of one file.

A test passes by returning, is skipped by raising unittest.SkipTest, fails by any other exception.
unittest.TestCase classes run too. Environment: PS_LIBRARY, PS_SHELL, PS_SHARED, PS_TEST_TIER
(check or all), PS_TEST_SECONDS (what one test may take: 1200).
"""
import argparse
import importlib.util
import os
import signal
import sys
import time
import traceback
import unittest


TEST_SECONDS_MAX = int(os.environ.get("PS_TEST_SECONDS", "1200")) # more for an hour's soak


def too_late(_signal, _frame):
    raise TimeoutError(f"took more than {TEST_SECONDS_MAX} s")


def load(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_function(name, function):
    """One of "passed", "failed", "skipped"."""
    start = time.time()
    signal.alarm(TEST_SECONDS_MAX)
    try:
        function()
        verdict, why = "passed", ""
    except unittest.SkipTest as skip:
        verdict, why = "skipped", str(skip)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        verdict, why = "failed", ""
    finally:
        signal.alarm(0)
    print(f"{verdict:8}{name} ({time.time() - start:.2f} s) {why}", flush=True)
    return verdict


def run_class(name, cls):
    """Counts of a TestCase class, by verdict."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(result)
    for test, text in result.failures + result.errors:
        print(f"failed  {test}\n{text}", flush=True)
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"{name}: {result.testsRun} tests", flush=True)
    return {"passed": max(result.testsRun - failed - skipped, 0), "failed": failed,
            "skipped": skipped}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--only", default="")
    parser.add_argument("--counts")
    options = parser.parse_args()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    signal.signal(signal.SIGALRM, too_late)
    try:
        module = load(options.file)
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and issubclass(value, unittest.TestCase):
                for verdict, n in run_class(name, value).items():
                    counts[verdict] += n
            elif name.startswith("test_") and callable(value) and options.only in name:
                counts[run_function(name, value)] += 1
    except unittest.SkipTest as skip: # a whole file without what it needs
        print(f"skipped {options.file}: {skip}")
        counts["skipped"] += 1
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        counts["failed"] += 1
    if options.counts:
        with open(options.counts, "w", encoding="utf-8") as file:
            file.write(f"{counts['passed']} {counts['failed']} {counts['skipped']}\n")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
