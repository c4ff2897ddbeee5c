"""`make new-op`, `new-rule` and `new-func` in a copy of the tree: what they write compiles without a
warning in every file that knows their lists, keeps the house rules but for the words that are still
to be written, and its tests are there to fail."""
import concurrent.futures
import glob
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WARNINGS = ("-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla"
            " -Werror").split()
MADE = {
    "src/exec/op_stride.c": ("op", "stride", "tests/slt/op/stride.test"),
    "src/opt/rule_drop_it.c": ("rule", "drop_it", "tests/slt/opt/drop_it.test"),
    "src/func/string_shout.c": ("func", "shout", "tests/slt/func/shout.test"),
}


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, check=False)
    return done.returncode, done.stdout


def copy(folder):
    """The files that git tracks or would."""
    code, out = run(ROOT, "git", "ls-files", "-co", "--exclude-standard")
    assert code == 0, out
    for path in filter(lambda path: os.path.isfile(f"{ROOT}/{path}"), out.splitlines()):
        os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
        shutil.copy(f"{ROOT}/{path}", f"{folder}/{path}")


def compiled(folder, path):
    code, out = run(folder, "cc", "-std=gnu17", "-D_GNU_SOURCE", "-DPS_DEV", "-DPS_BUILD", "-fsyntax-only",
                    "-Iinclude", "-Isrc", "-Igen", "-march=x86-64-v2", *WARNINGS, path)
    return code == 0, f"{path}:\n{out}"


def test_scaffolds():
    with tempfile.TemporaryDirectory(prefix="penstock-scaffold-") as folder:
        copy(folder)
        for path, (kind, name, test) in MADE.items():
            code, out = run(folder, sys.executable, "tools/new.py", kind, name, "string")
            assert code == 0, out
            with open(f"{folder}/{test}", encoding="utf-8") as file:
                assert "----\nWRITE THE" in file.read(), test
            again, out = run(folder, sys.executable, "tools/new.py", kind, name, "string")
            assert again != 0 and ("already" in out), out
            assert os.path.exists(f"{folder}/{path}"), path
        code, out = run(folder, sys.executable, "tools/gen.py", "--check")
        assert code == 0, out
        run(folder, "git", "init", "-q")
        code, out = run(folder, sys.executable, "tools/lint.py", "--all")
        findings = [line for line in out.splitlines() if line.endswith("]")]
        assert findings and all("a scaffold's words" in line for line in findings), out
        sources = sorted(os.path.relpath(path, folder) for part in ("plan", "stat", "opt", "exec")
                         for path in glob.glob(f"{folder}/src/{part}/*.c"))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for good, out in pool.map(lambda path: compiled(folder, path),
                                      sources + ["src/func/string_shout.c"]):
                assert good, out
