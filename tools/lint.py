#!/usr/bin/env python3
"""tools/lint.py [--all] [--counts FILE] -- the house rules that a program can check.

Each check is one case. Findings are printed as path:line: text. Exceptions are in
tools/ratchet.txt and may only shrink; who may include whom is in tools/layers.txt.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE_STOP, FILE_WARN, FUNCTION_STOP, COLUMNS = 1000, 700, 70, 100
COLUMNS_PYTHON = 120
BANNED = {
    "strcpy": "ps_str functions or memcpy", "strcat": "ps_str functions",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "nothing",
    "atoi": "a checked parser", "atol": "a checked parser", "atof": "a checked parser",
    "strtok": "a loop over the text", "gmtime": "our own calendar",
    "localtime": "our own calendar", "rand": "a generator with a seed", "srand": "a seed passed on",
    "alloca": "an arena", "longjmp": "a status",
}
BANNED_ABOVE_BASE = {
    "malloc": "ps_alloc", "calloc": "ps_alloc_zero", "realloc": "ps_realloc", "free": "ps_free",
    "strdup": "an arena", "pthread_create": "base/thread.h", "setlocale": "nothing: the host's",
}
SYSTEM_CALLS = "src/fs/sys.c" # the one file of src/ that makes the calls below: tests let them fail
BANNED_OUTSIDE_SYS = {name: "fs/sys.h" for name in (
    "open openat creat close read pread preadv readv write pwrite pwritev writev fsync fdatasync "
    "rename renameat renameat2 unlink unlinkat remove mkdir mkdirat rmdir stat lstat fstat fstatat "
    "statvfs fstatvfs access posix_fadvise fallocate posix_fallocate ftruncate truncate opendir fdopendir readdir "
    "closedir scandir nftw ftw glob getrandom getentropy mkstemp mkostemp mkdtemp tmpfile link linkat "
    "symlink readlink realpath chmod fchmod syncfs sync_file_range flock lockf fopen fdopen freopen "
    "fread fwrite fclose").split()}
C_FOLDERS = ("src/", "include/", "cli/", "tests/", "fuzz/", "bench/", "examples/")


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                         text=True, stdout=subprocess.PIPE).stdout
    return [path for path in out.splitlines() if os.path.isfile(os.path.join(ROOT, path))]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def strip(text):
    """The text with comments and literals blanked; lines keep their numbers."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: m.group()[0] + re.sub(r"[^\n]", " ", m.group()[1:-1])
                  + m.group()[-1] if m.group()[0] in "\"'" else re.sub(r"[^\n]", " ", m.group()),
                  text, flags=re.S)


class Tree:
    """The files to check, read once, and the ratchet."""

    def __init__(self):
        paths = [p for p in tracked() if not p.startswith(("gen/", "third_party/"))]
        self.c = {p: read(p) for p in paths
                  if p.endswith((".c", ".h", ".def", ".re", ".y")) and p.startswith(C_FOLDERS)}
        self.code = {p: strip(t) for p, t in self.c.items() if p.endswith((".c", ".h"))}
        self.other = {p: read(p) for p in paths
                      if p.endswith((".py", ".cmake", ".sh", ".test", ".toml", ".conf"))
                      or os.path.basename(p) in ("CMakeLists.txt", "Makefile")}
        self.paths = paths
        self.known = set(tracked())
        self.ratchet, self.used = {}, set()
        for line in read("tools/ratchet.txt").splitlines():
            words = line.split("#")[0].split()
            if words and words[0] != "global":
                self.ratchet[tuple(words[:-1])] = int(words[-1])

    def allowed(self, *key):
        self.used.add(key)
        return self.ratchet.get(key, 0)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def layer_table():
    lines = [line.split("#")[0].strip() for line in read("tools/layers.txt").splitlines()]
    return {name: at for at, name in enumerate(filter(None, lines))}


def layer_of(path, table):
    """Folder and level of a path below src/; siblings share a level."""
    parts = path.split("/")
    if len(parts) > 2 and f"{parts[0]}/*" in table:
        return "/".join(parts[:2]), table[f"{parts[0]}/*"]
    return parts[0], table.get(parts[0])


def check_layers(tree):
    table = layer_table()
    for path, text in tree.c.items():
        for found in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', text, re.M):
            target, where = found.group(1), f"{path}:{line_of(text, found.start())}"
            if target == "penstock.h":
                continue
            if not path.startswith("src/"):
                if path.startswith(("cli/", "examples/", "tests/runner/")) and "/" in target:
                    yield f"{where}: only penstock.h may be included here, not {target}"
                continue
            if "/" not in target:
                yield f"{where}: include by folder: \"{target}\""
                continue
            own, own_level = layer_of(path[4:], table)
            other, level = layer_of(target, table)
            if level is None or own_level is None:
                yield f"{where}: {target} is in no folder of tools/layers.txt"
            elif level > own_level:
                yield f"{where}: {own} lies below {other}"
            elif level == own_level and own != other:
                yield f"{where}: {own} and {other} are siblings"


def functions(code):
    """Name, first line, lines of each function, by its braces in the first column."""
    for found in re.finditer(r"^\{\n(.*?)^\}", code, re.M | re.S):
        head = code[:found.start()].rstrip("\n").split("\n\n")[-1]
        name = re.findall(r"([A-Za-z_]\w*)[ \t]*\(", head.split("\n(")[0])
        body = found.group()
        yield name[0] if name else "?", line_of(code, found.start()), body


def is_switch_table(body):
    """At least two thirds of the lines belong to cases: a table in the form of a switch."""
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    cases = sum(line.startswith(("case ", "default:", "return ", "break;")) for line in lines)
    return cases * 3 >= len(lines) * 2


def check_files(tree):
    for path, text in tree.c.items():
        lines = text.count("\n")
        limit = max(FILE_STOP, tree.allowed("file", path))
        if lines > limit:
            yield f"{path}:1: {lines} lines, the limit is {limit}"
        elif lines > FILE_WARN:
            print(f"note: {path} has {lines} lines; {FILE_STOP} is the limit")


def check_functions(tree):
    for path, code in tree.code.items():
        for name, line, body in functions(code):
            size = body.count("\n") + 1
            if size <= FUNCTION_STOP or is_switch_table(body):
                continue
            limit = max(FUNCTION_STOP, tree.allowed("function", path, name))
            if size > limit:
                yield f"{path}:{line}: {name} has {size} lines, the limit is {limit}"


def check_banned(tree):
    for path, code in tree.code.items():
        if path == "src/base/banned.h":
            continue
        words = dict(BANNED)
        if path.startswith("src/") and not path.startswith("src/base/"):
            words.update(BANNED_ABOVE_BASE)
        if path.startswith("src/") and path != SYSTEM_CALLS:
            words.update(BANNED_OUTSIDE_SYS)
        pattern = rf"(?<![\w.>])({'|'.join(words)})\s*\("
        for found in re.finditer(pattern, code):
            yield (f"{path}:{line_of(code, found.start())}: {found.group(1)} is banned, use "
                   f"{words[found.group(1)]}")


def check_words(tree):
    rules = ((r"\bgoto\s+(?!done\b)\w+", "goto only to `done`"),
             (r"\b(_Thread_local|__thread|thread_local)\b", "no thread-local state"),
             (r"\b(mtx_t|thrd_t|cnd_t)\b", "pthreads, not C11 threads"))
    for path, code in tree.code.items():
        for pattern, why in rules:
            for found in re.finditer(pattern, code):
                yield f"{path}:{line_of(code, found.start())}: {why}"
    promise = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    for path, text in tree.c.items():
        for found in promise.finditer(text):
            yield f"{path}:{line_of(text, found.start())}: a promise in a comment; do it or file it"
    scaffold = re.compile(r"\b(WHAT (?:IT|NULLS|IS TESTED)|WHY THE|WRITE THE|BEFORE +=> +AFTER)\b")
    for path, text in {**tree.c, **tree.other}.items():
        for found in scaffold.finditer("" if path.endswith(".py") else text):
            yield f"{path}:{line_of(text, found.start())}: a scaffold's words: write your own"


def check_lines(tree):
    everything = {**tree.c, **tree.other}
    for path, text in everything.items():
        # tables and grammars; the Python tests are tables of cases for the most part
        if path.endswith((".test", ".def", ".y", ".re", ".toml")) or path.startswith("tests/py/"):
            continue
        limit = COLUMNS_PYTHON if path.endswith(".py") else COLUMNS
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > limit:
                yield f"{path}:{number}: {len(line)} columns, the limit is {limit}"
            if line != line.rstrip() and not path.endswith(".test"):
                yield f"{path}:{number}: blanks at the end of the line"
            if "\t" in line and not path.endswith("Makefile"):
                yield f"{path}:{number}: a tab"
        if text and not text.endswith("\n"):
            yield f"{path}:1: no newline at the end of the file"


def check_heads(tree):
    for path, text in {**tree.c, **tree.other}.items():
        name = os.path.basename(path)
        lines = [line for line in text.split("\n")[:3] if "SPDX" not in line]
        head = lines[0] if lines else ""
        if path.endswith((".c", ".h", ".def", ".re", ".y")):
            good = head.startswith("/*") and (name in head) and ("--" in head or "@file" in head)
            if not good:
                yield f"{path}:1: the first line must be /* folder/{name} -- what it is"
        elif path.endswith((".test", ".conf")) and not head.startswith("# "):
            yield f"{path}:1: the first line must be a comment that says what is tested"


def check_readmes(tree):
    folders = {os.path.dirname(path) for path in tree.c if path.startswith("src/")}
    parents = {os.path.dirname(folder) for folder in folders}
    for folder in sorted(folders | parents | {"cli", "tests", "examples", "bench", "fuzz", "tools", "docs"}):
        if f"{folder}/README.md" not in tree.paths:
            yield f"{folder}:1: no README.md"


def check_paths(tree):
    """A file of ours that a comment or a README names is there."""
    named = re.compile(r"\b((?:src|tests|docs|tools|bench|fuzz|examples)/[\w/.-]*\w\.(?:c|h|def|py|test"
                       r"|md|sql|sh|txt|conf|toml))\b")
    texts = {**tree.c, **{p: read(p) for p in tree.paths if p.endswith(".md")}}
    for path, text in texts.items():
        for found in named.finditer(text):
            before, folder = text[max(found.start() - 3, 0):found.start()], os.path.dirname(path)
            known = (found.group(1), os.path.join(folder, found.group(1)))
            if "NAME" not in found.group(1) and "FAMILY" not in found.group(1) \
                    and not before.endswith("/") and not any(k in tree.known for k in known):
                yield f"{path}:{line_of(text, found.start())}: {found.group(1)} is not there"
    for path in (path for path in texts if path.endswith(".md")):
        for found in re.finditer(r"\]\((?!https?:)([^)#]+)", texts[path]):
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(path), found.group(1))):
                yield f"{path}:{line_of(texts[path], found.start())}: {found.group(1)} is not there"


def check_conditions(tree):
    """#if only in base/, templates, kernels and cpu files: every condition is another program."""
    guard = re.compile(r"^#[ ]*(?:ifndef PS_\w+_H\b|ifdef __cplusplus|if(?:n?def)? .*PS_DEV\b.*)$",
                       re.M)
    for path, code in tree.code.items():
        name = os.path.basename(path)
        if not path.startswith("src/") or path.startswith("src/base/") or "cpu" in name \
                or name.endswith((".tmpl.h", ".inc.h", ".kern.c", ".kern.h")):
            continue
        found = len(re.findall(r"^#[ ]*if", code, re.M)) - len(guard.findall(code))
        limit = tree.allowed("if", path)
        if found > limit:
            yield f"{path}:1: {found} preprocessor conditions, {limit} allowed"


def check_ratchet(tree):
    """An exception that nothing needs any more must leave the list."""
    for key in sorted(set(tree.ratchet) - tree.used):
        yield f"tools/ratchet.txt:1: {' '.join(key)} is no longer needed"


CHECKS = (("include order", check_layers), ("file sizes", check_files),
          ("function sizes", check_functions), ("banned calls", check_banned),
          ("banned words", check_words), ("lines", check_lines), ("file heads", check_heads),
          ("readmes", check_readmes), ("paths in text", check_paths),
          ("preprocessor conditions", check_conditions), ("ratchet", check_ratchet))


def main():
    tree = Tree()
    failed = 0
    for name, check in CHECKS:
        findings = list(check(tree))
        failed += bool(findings)
        for finding in findings if "--all" in sys.argv else findings[:20]:
            print(f"{finding}  [{name}]")
        if len(findings) > 20 and "--all" not in sys.argv:
            print(f"... and {len(findings) - 20} more (tools/lint.py --all)  [{name}]")
    if "--counts" in sys.argv:
        with open(sys.argv[sys.argv.index("--counts") + 1], "w", encoding="utf-8") as file:
            file.write(f"{len(CHECKS) - failed} {failed} 0\n")
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} lint checks hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
