#!/usr/bin/env python3
"""tools/cov.py -- line coverage of src/ by folder, after `make cov` has built the preset.

Forgets earlier runs, runs the unit tests and the SQL tests in the default configuration, and reads
what gcov says of each object: a line of a file that is compiled several times (kernels, templates)
counts as run when any of them ran it. The files that are covered least come last. Lines, not
promises: a line that ran is not a line that was checked. Standard library only.
"""
import collections
import concurrent.futures
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = f"{ROOT}/build/cov"
JOBS = os.cpu_count() or 1
WORST = 15


def run_tests():
    for path in glob.glob(f"{BUILD}/**/*.gcda", recursive=True):
        os.remove(path)
    failed = subprocess.run(["ctest", "--test-dir", BUILD, "-L", "unit", "-j", str(JOBS), "-Q"],
                            check=False).returncode
    failed |= subprocess.run([f"{BUILD}/slt", "--jobs", str(JOBS), "--config",
                              "tests/configs/default.conf", "tests/slt"], cwd=ROOT, check=False,
                             stdout=subprocess.DEVNULL).returncode
    return failed


def lines_of(path):
    """(file, line, was run) of one object."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", path], cwd=BUILD, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found = []
    for text in done.stdout.splitlines():
        for entry in json.loads(text)["files"]:
            name = os.path.relpath(os.path.join(BUILD, entry["file"]), ROOT)
            if name.startswith("src/"):
                found += [(name, line["line_number"], line["count"] > 0) for line in entry["lines"]]
    return found


def share(ran):
    return f"{100 * sum(ran) / len(ran):5.1f} %  {sum(ran):6} of {len(ran):6}"


def main():
    failed = run_tests()
    ran = collections.defaultdict(bool)
    objects = glob.glob(f"{BUILD}/**/*.gcda", recursive=True)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for lines in pool.map(lines_of, objects):
            for name, line, was_run in lines:
                ran[name, line] |= was_run
    files, folders = collections.defaultdict(list), collections.defaultdict(list)
    for (name, _), was_run in ran.items():
        files[name].append(was_run)
        folders[os.path.dirname(name)].append(was_run)
    if not ran:
        sys.exit("gcov found no lines: is build/cov built?")
    for folder in sorted(folders):
        print(f"{share(folders[folder])}  {folder}")
    print(f"{share(list(ran.values()))}  all\n\nleast:")
    worst = sorted(files, key=lambda name: sum(files[name]) / len(files[name]))
    for name in worst[:WORST]:
        print(f"{share(files[name])}  {name}")
    if failed:
        print("some tests failed: run `make check`")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
