#!/usr/bin/env python3
"""tools/symbols.py ARCHIVE -- names and state of all objects, as the linker sees them.

Every symbol that other files can see begins with ps_, and nothing but the variables listed in
tools/ratchet.txt (`global NAME reason`) changes after start-up.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What compilers add: sanitizer data, coverage counters, string pools.
NOT_OURS = re.compile(r"^(_|\.L|__|asan\.|llvm|ps_gcov|completed|ubsan)")


def symbols(archive):
    """Name, class and section of each symbol."""
    out = subprocess.run(["nm", "-f", "sysv", archive], check=True, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    for line in out.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == 7 and parts[2] not in ("Class", "U"):
            yield parts[0], parts[2], parts[6]


def allowed_globals():
    with open(os.path.join(ROOT, "tools/ratchet.txt"), encoding="utf-8") as file:
        return {line.split()[1] for line in file if line.startswith("global ")}


def main():
    allowed, seen, bad = allowed_globals(), set(), []
    for name, kind, section in symbols(sys.argv[1]):
        if NOT_OURS.match(name):
            continue
        if kind in "TDBRVC" and not name.startswith("ps_"):
            bad.append(f"{name}: a symbol that others see must begin with ps_")
        if kind in "dDbBC" and ".rel.ro" not in section:
            plain = re.sub(r"\.\d+$", "", name) # a static inside a function has a number
            seen.add(plain)
            if plain not in allowed:
                bad.append(f"{plain}: a variable that changes after start-up ({section})")
    bad += [f"{name}: no longer there; take it out of tools/ratchet.txt"
            for name in sorted(allowed - seen)]
    print("\n".join(sorted(set(bad))) if bad else "names and state as they should be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
