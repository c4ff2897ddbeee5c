#!/usr/bin/env python3
"""tools/check.py [fast|check|all] -- runs every part of the test suite and sums their cases.

A part prints what it does, adds "passed failed skipped" to the totals, and counts as one failure
if it crashes, times out or reports nothing. The last line is `N passed, N failed, N skipped`;
the exit code is 1 when something failed. Standard library only: it runs before anything is there.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = os.path.join(ROOT, "build/venv/bin/python")
SHARED = os.path.join(ROOT, "../shared")
JOBS = str(os.cpu_count() or 1)
SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


class Totals:
    """Cases of all parts, and the parts that failed, for the summary."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, part, passed, failed, skipped, seconds):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        if failed:
            self.failures.append(part)
        print(f"   {part}: {passed} passed, {failed} failed, {skipped} skipped"
              f" ({seconds:.1f} s)", flush=True)


TOTALS = Totals()


def run(command, timeout, env=None, quiet=True):
    """Exit code (None: timeout) and output of a command started in the root."""
    full = dict(os.environ, **(env or {}))
    try:
        done = subprocess.run(command, cwd=ROOT, env=full, timeout=timeout, text=True,
                              errors="replace", stdout=subprocess.PIPE if quiet else None,
                              stderr=subprocess.STDOUT if quiet else None)
        return done.returncode, done.stdout or ""
    except OSError as missing:
        return 127, str(missing)
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
        return None, text if isinstance(text, str) else text.decode(errors="replace")


def tail(text, lines=40):
    print("\n".join("     | " + line for line in text.splitlines()[-lines:]), flush=True)


def case(part, command, timeout, env=None):
    """A command that is one case: passes with exit code 0. True if it passed."""
    start = time.time()
    code, out = run(command, timeout, env)
    if code != 0:
        print(f"   {part}: {'timeout' if code is None else f'exit code {code}'}")
        tail(out)
    TOTALS.add(part, int(code == 0), int(code != 0), 0, time.time() - start)
    return code == 0


def say(text):
    print(f"== {text}", flush=True)


def build(preset, targets=("all", "unit_tests")):
    say(f"building {preset}")
    folder = f"build/{preset}"
    if not os.path.exists(f"{ROOT}/{folder}/build.ninja"):
        if not case(f"{preset}: configure", ["cmake", "--preset", preset], 300):
            return False
    return case(f"{preset}: build",
                ["cmake", "--build", folder, "-j", JOBS, "--target", *targets,
                 "--", "-k", "0"], 3600)


def unit(preset):
    """Every cmocka executable; its own cases are counted."""
    say(f"unit tests, {preset}")
    start = time.time()
    passed = failed = skipped = 0
    for source in sorted(glob.glob(f"{ROOT}/tests/unit/test_*.c")):
        name = os.path.basename(source)[:-2]
        code, out = run([f"build/{preset}/{name}"], 300, SANITIZERS)
        good = len(re.findall(r"^\[       OK \]", out, re.M))
        bad = len(re.findall(r"^\[  FAILED  \] .*(?<!test\(s\), listed below:)$", out, re.M)) // 2
        omitted = len(re.findall(r"^\[  SKIPPED \] (?!\d+ test)", out, re.M)) // 2
        if code != 0:
            bad = max(bad, 1)
            print(f"   {name}: {'timeout' if code is None else f'exit code {code}'}")
            tail(out)
        passed, failed, skipped = passed + good, failed + bad, skipped + omitted
    TOTALS.add(f"{preset}: unit", passed, failed, skipped, time.time() - start)


def examples(preset):
    """The programs of examples/, which ctest knows by their label."""
    say("examples")
    start = time.time()
    if not case(f"{preset}: examples build",
                ["cmake", "--build", f"build/{preset}", "-j", JOBS, "--target", "examples"], 600):
        return
    code, out = run(["ctest", "--test-dir", f"build/{preset}", "-L", "example",
                     "--output-on-failure"], 600)
    found = re.search(r"(\d+) tests failed out of (\d+)", out)
    failed, total = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if code != 0:
        tail(out)
        failed = max(failed, 1)
    TOTALS.add(f"{preset}: examples", max(total - failed, 0), failed, 0, time.time() - start)


def counted(part, command, timeout, env=None):
    """A command that writes its own counts to the file named by its --counts argument."""
    start = time.time()
    counts = f"{ROOT}/build/check/{re.sub('[^a-z0-9]+', '-', part)}.counts"
    if os.path.exists(counts):
        os.remove(counts)
    code, out = run(command + ["--counts", counts], timeout, env)
    numbers = []
    if os.path.exists(counts):
        with open(counts, encoding="utf-8") as file:
            numbers = [int(word) for word in file.read().split()]
    if len(numbers) != 3 or code is None or (code != 0 and numbers[1] == 0):
        numbers = (numbers + [0, 0, 0])[:3]
        numbers[1] += 1
        print(f"   {part}: {'timeout' if code is None else f'exit code {code}'}")
    if numbers[1]:
        tail(out, 120)
    TOTALS.add(part, *numbers, time.time() - start)


def slt(preset, tiers):
    say(f"sql tests, {preset}: configurations {', '.join(tiers)}")
    runner = f"build/{preset}/slt"
    if not os.path.exists(f"{ROOT}/{runner}"):
        print("   the runner was not built")
        TOTALS.add(f"{preset}: slt", 0, 1, 0, 0)
        return
    for conf in sorted(glob.glob(f"{ROOT}/tests/configs/*.conf")):
        with open(conf, encoding="utf-8") as file:
            tier = re.search(r"^# tier: (\w+)", file.read(), re.M)
        if not tier or tier.group(1) not in tiers:
            continue
        name = os.path.basename(conf)[:-5]
        counted(f"{preset}: slt {name}", [runner, "--jobs", JOBS, "--config", conf, "tests/slt"],
                3600, SANITIZERS)


def python_tests(tier):
    say("python checks")
    for path in sorted(glob.glob(f"{ROOT}/tests/py/test_*.py")):
        name = os.path.basename(path)
        counted(f"py {name}", [PYTHON, "tools/pytests.py", path], 3600,
                {"PS_TEST_TIER": tier, "PS_LIBRARY": f"{ROOT}/build/dev/libpenstock.so",
                 "PS_SHELL": f"{ROOT}/build/dev/penstock", "PS_SHARED": SHARED,
                 "PYTHONDONTWRITEBYTECODE": "1"})


def corpora(preset):
    """Other projects' scripts, where the machine has them."""
    say("shared corpora")
    folder = f"{SHARED}/corpora/sqlite/test"
    if not os.path.isdir(folder):
        print(f"   {folder} is absent")
        TOTALS.add("corpus sqlite", 0, 0, 1, 0)
        return
    counted("corpus sqlite", [f"build/{preset}/slt", "--sqlite", "--jobs", JOBS,
                              "--config", "tests/configs/sqlite.conf",
                              "--timeout", "120", "--pass-percent", "95", folder], 3600)


def lints():
    say("lints")
    counted("lint", [sys.executable, "tools/lint.py"], 60)
    strict = ["-Wpedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x"]
    case("header is C11", ["cc", "-std=c11", *strict, "c", "include/penstock.h"], 60)
    case("header is C++", ["c++", "-std=c++11", *strict, "c++", "include/penstock.h"], 60)
    if os.path.exists(f"{ROOT}/tools/gen.py"):
        case("generated files are current", [sys.executable, "tools/gen.py", "--check"], 60)


def abi():
    """What the library exports is what docs/abi/penstock.syms says."""
    case("abi", [sys.executable, "tools/abi.py", "build/dev/libpenstock.so"], 60)
    case("symbols", [sys.executable, "tools/symbols.py", "build/dev/libpenstock_all.a"], 60)


def main(tier):
    start = time.time()
    os.makedirs(f"{ROOT}/build/check", exist_ok=True)
    lints()
    if build("dev"):
        abi()
    unit("dev")
    slt("dev", {"fast": ["base"], "check": ["base", "small"],
                "all": ["base", "small", "threads", "full"]}[tier])
    if tier != "fast":
        examples("dev")
        build("asan")
        unit("asan")
        slt("asan", ["base"] if tier == "check" else ["base", "small"])
        corpora("dev")
        python_tests(tier)
    if tier == "all":
        build("tsan")
        unit("tsan")
        slt("tsan", ["base", "threads"])
        if shutil.which("clang-19"):
            build("clang")
            unit("clang")
        build("release")
        for script in sorted(glob.glob(f"{ROOT}/tests/all/*.py")):
            counted(f"all {os.path.basename(script)}", [PYTHON, "tools/pytests.py", script], 14400)
    print(f"took {time.time() - start:.0f} s")
    if TOTALS.failures:
        print("failed: " + "; ".join(TOTALS.failures))
    print(f"{TOTALS.passed} passed, {TOTALS.failed} failed, {TOTALS.skipped} skipped")
    return 1 if TOTALS.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
