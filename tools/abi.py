#!/usr/bin/env python3
"""tools/abi.py LIBRARY [--update] -- compares what the library exports with docs/abi/penstock.syms.

A symbol that leaves is an ABI break, one that appears must be meant: both are errors until the
list says so. Everything exported must also be declared in include/penstock.h.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = os.path.join(ROOT, "docs/abi/penstock.syms")
HEAD = "# What libpenstock.so exports; `tools/abi.py LIBRARY --update` writes it.\n"


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return sorted({line.split()[-1].split("@")[0] for line in out.splitlines()
                   if line.split()[-2] in "TDBRVW"})


def main():
    library = sys.argv[1]
    names = [name for name in exported(library)
             if not re.match(r"(_init|_fini|__asan|__ubsan|__lsan|__odr)", name)]
    if "--update" in sys.argv:
        os.makedirs(os.path.dirname(LIST), exist_ok=True)
        with open(LIST, "w", encoding="utf-8") as file:
            file.write(HEAD + "".join(f"{name}\n" for name in names))
        return 0
    with open(LIST, encoding="utf-8") as file:
        known = {line.strip() for line in file if line.strip() and not line.startswith("#")}
    with open(os.path.join(ROOT, "include/penstock.h"), encoding="utf-8") as file:
        header = file.read()
    bad = [f"exported but not in the list: {name}" for name in names if name not in known]
    bad += [f"in the list but not exported: {name}" for name in sorted(known - set(names))]
    bad += [f"exported but not declared in penstock.h: {name}" for name in names
            if not re.search(rf"\b{name}\b", header)]
    print("\n".join(bad) if bad else f"{len(names)} symbols, as listed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
