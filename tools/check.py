#!/usr/bin/env python3
"""tools/check.py [fast|check|all] [PART...] -- runs every part of the test suite and sums their cases.

PARTS, near the end, is the list of them: a new part is a function and a line there. With words
behind the tier only parts whose names begin with one of them run ("asan", "py").

A part prints what it does, adds "passed failed skipped" to the totals, and counts as one failure
if it crashes, times out or reports nothing. The last line is `N passed, N failed, N skipped`;
the exit code is 1 when something failed. Standard library only: it runs before anything is there.
"""
import collections
import concurrent.futures
import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = os.path.join(ROOT, "build/venv/bin/python")
SHARED = os.path.join(ROOT, "../shared")
JOBS = str(os.cpu_count() or 1)
# Seconds on 2 cores that nothing else uses; more is said at the end, not counted as a failure.
BUDGET = {"fast": 240, "check": 900, "all": 4 * 3600}
FUZZ_SECONDS = 300 # for each target
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
        self.told = [] # what the parts that failed said last: the only part of a long log that some readers keep

    def add(self, part, passed, failed, skipped, seconds):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        if failed:
            self.failures.append(part)
        print(f"   {part}: {passed} passed, {failed} failed, {skipped} skipped"
              f" ({seconds:.1f} s)", flush=True)


TOTALS = Totals()


def run(command, timeout, env=None, folder=ROOT):
    """Exit code (None: timeout) and output of a command started in a folder."""
    full = dict(os.environ, **(env or {}))
    try:
        done = subprocess.run(command, cwd=folder, env=full, timeout=timeout, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout or ""
    except OSError as missing:
        return 127, str(missing)
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
        return None, text if isinstance(text, str) else text.decode(errors="replace")


def tail(text, lines=40):
    print("\n".join("     | " + line for line in text.splitlines()[-lines:]), flush=True)
    told = [line[:300] for line in text.splitlines() if not re.match("passed|skipped", line)]
    TOTALS.told += told[-6:]


def case(part, command, timeout, env=None, banned=None):
    """A command that is one case: passes with exit code 0 and without a banned text in what it
    says. True if it passed."""
    start = time.time()
    code, out = run(command, timeout, env)
    good = code == 0 and not (banned and banned in out)
    if not good:
        print(f"   {part}: {'timeout' if code is None else f'exit code {code}'}")
        tail("\n".join(line for line in out.splitlines() if not banned or banned in line
                       or "error:" in line) if code == 0 else out)
    TOTALS.add(part, int(good), int(not good), 0, time.time() - start)
    return good


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
                 "--", "-k", "0"], 3600, banned="warning:")


def unit_program(preset, name):
    """Counts of one cmocka executable; what is wrong with it is printed."""
    code, out = run([f"build/{preset}/{name}"], 1200, SANITIZERS)
    good = len(re.findall(r"^\[       OK \]", out, re.M))
    bad = len(re.findall(r"^\[  FAILED  \] .*(?<!test\(s\), listed below:)$", out, re.M)) // 2
    omitted = len(re.findall(r"^\[  SKIPPED \] (?!\d+ test)", out, re.M)) // 2
    if code != 0 or good + bad + omitted == 0:
        bad = max(bad, 1)
        print(f"   {name}: {'timeout' if code is None else f'exit code {code}'}")
        tail(out)
    return good, bad, omitted


def unit(preset):
    """Every cmocka executable; its own cases are counted."""
    say(f"unit tests, {preset}")
    start = time.time()
    names = sorted(os.path.basename(path)[:-2] for path in glob.glob(f"{ROOT}/tests/unit/test_*.c"))
    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        counts = list(pool.map(lambda name: unit_program(preset, name), names))
    TOTALS.add(f"{preset}: unit", *(sum(column) for column in zip(*counts)), time.time() - start)


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


def python_tests(folder, tier, timeout, preset="dev"):
    """Every test_*.py of a folder of tests/ against a build, each with its own counts."""
    say(f"python tests of tests/{folder}")
    for path in sorted(glob.glob(f"{ROOT}/tests/{folder}/test_*.py")):
        counted(f"{folder} {os.path.basename(path)}", [PYTHON, "tools/pytests.py", path], timeout,
                {"PS_TEST_TIER": tier, "PS_LIBRARY": f"{ROOT}/build/{preset}/libpenstock.so",
                 "PS_SHELL": f"{ROOT}/build/{preset}/penstock", "PS_SHARED": SHARED,
                 "PYTHONDONTWRITEBYTECODE": "1"})


def torture(how):
    """One allocation after the other fails, in every statement of tests/torture."""
    say(f"allocation-failure sweep: {how}")
    spill = ["tests/torture_io/spill.test"] if how == "some" else [] # hours, if nothing is left out
    counted("asan: torture", ["build/asan/slt", "--torture", how, "--jobs", JOBS,
                              "--timeout", "300" if how == "some" else "3600",
                              "--config", "tests/configs/default.conf", "tests/torture", *spill],
            2 * 3600, SANITIZERS)
    say(f"sweep of failing calls on files and damaged temporary files: {how}")
    large = f"{ROOT}/tests/torture_io/spill.test" # the same: in check-all as in check, in steps
    others = [path for path in sorted(glob.glob(f"{ROOT}/tests/torture_io/*.test")) if path != large]
    for name, steps, files in (("asan: torture_io", how, others), ("asan: torture_io spill", "some", [large])):
        counted(name, ["build/asan/slt", "--torture", steps, "--faults", "--jobs", JOBS,
                       "--timeout", "300" if steps == "some" else "3600",
                       "--config", "tests/configs/default.conf", *files], 2 * 3600, SANITIZERS)


def fuzz():
    """Every target of fuzz/ for a while, from its seeds and what earlier runs found."""
    names = sorted(os.path.basename(path)[:-2] for path in glob.glob(f"{ROOT}/fuzz/*.c"))
    if not build("fuzz", [f"fuzz_{name}" for name in names]):
        return
    say(f"fuzzing, {FUZZ_SECONDS} s for each of {len(names)} targets")
    for name in names:
        found, seeds = f"build/fuzz/corpus/{name}", f"fuzz/corpus/{name}"
        os.makedirs(f"{ROOT}/{found}", exist_ok=True)
        case(f"fuzz {name}", [f"build/fuzz/fuzz_{name}", f"-max_total_time={FUZZ_SECONDS}",
                              "-timeout=60", "-rss_limit_mb=3072", "-print_final_stats=1",
                              f"-artifact_prefix=build/fuzz/{name}-", found]
             + ([seeds] if os.path.isdir(f"{ROOT}/{seeds}") else []), FUZZ_SECONDS + 600, SANITIZERS)


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


def parsed(entry):
    """What the compiler says of one entry of compile_commands.json when it only reads the file."""
    words = shlex.split(entry["command"])
    words[words.index("-o") + 1] = "/dev/null"
    if "ccache" in words[0]:
        del words[0]
    return run([words[0], "-fsyntax-only", *words[1:]], 120, folder=entry["directory"])


def clang_warnings():
    """Every source in clang's eyes, without building: cheap enough for each change."""
    say("warnings of clang 19")
    if not shutil.which("clang-19"):
        print("   clang-19 is not installed: make check-all installs it")
        TOTALS.add("clang: warnings", 0, 0, 1, 0)
        return
    start = time.time()
    if not case("clang: configure", ["cmake", "--preset", "clang"], 300):
        return
    with open(f"{ROOT}/build/clang/compile_commands.json", encoding="utf-8") as file:
        entries = {entry["file"]: entry for entry in json.load(file) if "/gen/" not in entry["file"]}
    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        results = list(pool.map(parsed, entries.values()))
    bad = [out for code, out in results if code != 0 or "warning:" in out]
    for out in bad:
        tail(out)
    TOTALS.add("clang: warnings", int(not bad), int(bool(bad)), 0, time.time() - start)


def abi():
    """What the library exports is what docs/abi/penstock.syms says."""
    case("abi", [sys.executable, "tools/abi.py", "build/dev/libpenstock.so"], 60)
    case("symbols", [sys.executable, "tools/symbols.py", "build/dev/libpenstock_all.a"], 60)


# ---- the list --------------------------------------------------------------------------------
# In the order of running. `tier` is the first one that has the part: fast < check < all. A part is
# called with the tier that runs. Later parts need the builds of earlier ones.

TIERS = ("fast", "check", "all")
SLT = {"dev": {"fast": ["base"], "check": ["base", "small"],
               "all": ["base", "small", "threads", "full"]},
       "asan": {"check": ["base"], "all": ["base", "small"]},
       "tsan": {"all": ["base", "threads"]}}
Part = collections.namedtuple("Part", "name tier run")
PARTS = (
    Part("lints", "fast", lambda tier: lints()),
    Part("clang: warnings", "check", lambda tier: clang_warnings()),
    Part("dev: build", "fast", lambda tier: build("dev") and abi()),
    Part("dev: unit", "fast", lambda tier: unit("dev")),
    Part("dev: sql", "fast", lambda tier: slt("dev", SLT["dev"][tier])),
    Part("dev: examples", "check", lambda tier: examples("dev")),
    Part("dev: corpora", "check", lambda tier: corpora("dev")),
    Part("asan: build", "check", lambda tier: build("asan", ["all", "unit_tests", "fuzz_targets"])),
    Part("py", "check", lambda tier: python_tests("py", tier, 3600)),
    Part("asan: unit", "check", lambda tier: unit("asan")),
    Part("asan: sql", "check", lambda tier: slt("asan", SLT["asan"][tier])),
    Part("asan: torture", "check", lambda tier: torture("all" if tier == "all" else "some")),
    Part("tsan: build", "all", lambda tier: build("tsan")),
    Part("tsan: unit", "all", lambda tier: unit("tsan")),
    Part("tsan: sql", "all", lambda tier: slt("tsan", SLT["tsan"][tier])),
    Part("clang: build", "all", lambda tier: build("clang", ["all", "unit_tests", "examples"])),
    Part("clang: unit", "all", lambda tier: unit("clang")),
    Part("release: build", "all", lambda tier: build("release")),
    Part("bench: build", "all", lambda tier: build("bench")),
    Part("cov: build", "all", lambda tier: build("cov")),
    Part("fuzz", "all", lambda tier: fuzz()),
    Part("all", "all", lambda tier: python_tests("all", tier, 4 * 3600, "release")),
)


def run_part(part, tier):
    """Runs a part; its seconds. A part that raises or counts nothing has failed."""
    before, start = TOTALS.passed + TOTALS.failed + TOTALS.skipped, time.time()
    try:
        part.run(tier)
    except Exception: # pylint: disable=broad-except
        traceback.print_exc()
        TOTALS.add(f"{part.name} (crashed)", 0, 1, 0, time.time() - start)
    if TOTALS.passed + TOTALS.failed + TOTALS.skipped == before:
        TOTALS.add(f"{part.name} (reported nothing)", 0, 1, 0, time.time() - start)
    return time.time() - start


def main(tier="check", *words):
    if tier not in TIERS:
        sys.exit(f"usage: tools/check.py [{'|'.join(TIERS)}] [PART...]")
    os.makedirs(f"{ROOT}/build/check", exist_ok=True)
    parts = [part for part in PARTS if TIERS.index(part.tier) <= TIERS.index(tier)
             and (not words or part.name.startswith(words))]
    seconds = {part.name: run_part(part, tier) for part in parts}
    took = sum(seconds.values())
    print("seconds: " + ", ".join(f"{name} {spent:.0f}" for name, spent in seconds.items()))
    over = f", more than the {BUDGET[tier]} s it should" if took > BUDGET[tier] else ""
    print(f"took {took:.0f} s{over}")
    if TOTALS.failures:
        print("\n".join(TOTALS.told[-60:]))
        print("failed: " + "; ".join(TOTALS.failures))
    if not parts:
        print(f"no part of {tier} has a name like {' or '.join(words)}")
    print(f"{TOTALS.passed} passed, {TOTALS.failed} failed, {TOTALS.skipped} skipped")
    return 1 if TOTALS.failed or not parts else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
