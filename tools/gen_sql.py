#!/usr/bin/env python3
"""Makes gen/front/sql/ from src/front/sql/{keywords.def,grammar.y,lexer.re}.

Needs lemon and re2c (Debian packages); the output is committed, so a build needs neither.
  tools/gen_sql.py          writes the files
  tools/gen_sql.py --check  fails when they differ from what would be written
"""
import pathlib
import random
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src/front/sql"
OUT = ROOT / "gen/front/sql"
NOTE = "/* Made by tools/gen_sql.py from src/front/sql/%s: do not edit. */\n"


def keywords():
    text = (SRC / "keywords.def").read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.findall(r"K\((\w+), (\w+)\)", text)


def wrap(words, indent="    "):
    lines, line = [], indent
    for word in words:
        if len(line) + len(word) > 96:
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return "\n".join(lines + [line.rstrip()])


def grammar_prelude(words):
    """Token numbers (words first), and which words fall back to a name."""
    kinds = [w for w, c in words if c != "UNIT"]
    names = [w for w, c in words if c == "NAME"] + ["UNIT"]
    every = ["ID", "UNIT"] + kinds
    return "\n".join([
        "%token\n" + wrap(every) + ".",
        "%token WORDS_END.",
        "%fallback ID\n" + wrap(names) + ".",
        "%token_class word\n" + wrap(every) + ".",
    ]) + "\n"


def features(word):
    w, n = word.encode(), len(word)
    return (n, w[0] & 31, w[1] & 31, w[n // 3] & 31, w[n // 2] & 31, w[n - 2] & 31, w[n - 1] & 31)


def words_inc(words):
    """A table of the words and a hash without collisions, found by trying factors."""
    names = [w for w, _ in words]
    assert len(set(map(features, names))) == len(names), "two words look alike to the hash"
    dice = random.Random(1)
    for attempt in range(200000):
        bits = 11 if attempt < 20000 else 12
        factors = [dice.randrange(1, 4096) for _ in range(7)]
        values = {sum(a * b for a, b in zip(factors, features(w))) & ((1 << bits) - 1) for w in names}
        if len(values) == len(names):
            break
    else:
        sys.exit("no perfect hash found: widen the search")
    hash_of = lambda w: sum(a * b for a, b in zip(factors, features(w))) & ((1 << bits) - 1)
    slots = [0] * (1 << bits)
    for i, w in enumerate(names):
        slots[hash_of(w)] = i + 1
    lines = [NOTE % "keywords.def",
             "enum { WORD_RESERVED, WORD_NAME, WORD_CONTEXT, WORD_UNIT };",
             "enum { WORD_BYTES_MIN = %d, WORD_BYTES_MAX = %d };" % (min(map(len, names)), max(map(len, names))),
             "/* w[i] & 31 is the same for both cases of a letter */",
             "#define WORD_HASH(w, n) \\",
             "    (((n) * %du + (w[0] & 31u) * %du + (w[1] & 31u) * %du +"
             " (w[(n) / 3] & 31u) * %du + \\" % tuple(factors[:4]),
             "      (w[(n) / 2] & 31u) * %du + (w[(n) - 2] & 31u) * %du + (w[(n) - 1] & 31u) * %du) & %du)"
             % (*factors[4:], (1 << bits) - 1),
             "typedef struct word_entry { const char *text; uint8_t n, class; uint16_t kind; } word_entry;",
             "static const word_entry word_table[] = {", "    {\"\", 0, 0, 0},"]
    for w, c in words:
        lines.append('    {"%s", %d, WORD_%s, PS_TK_%s},' % (w, len(w), c, "UNIT" if c == "UNIT" else w))
    lines.append("};\nstatic const uint16_t word_slots[%d] = {" % (1 << bits))
    lines.append(wrap(["%d," % s for s in slots]))
    lines.append("};\n")
    return "\n".join(lines)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or done.stderr:
        sys.stderr.write(done.stdout + done.stderr)
        if done.returncode:
            sys.exit(1)
    return done.stdout


def grammar(words, folder):
    source = (SRC / "grammar.y").read_text()
    marker = "/* @keywords */\n"
    assert marker in source
    (folder / "grammar.y").write_text(source.replace(marker, grammar_prelude(words)))
    done = subprocess.run(["lemon", "-l", str(folder / "grammar.y")], capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        report = folder / "grammar.out"
        if report.exists():
            (OUT / "grammar.out").write_text(report.read_text())
        sys.exit("lemon found conflicts: see gen/front/sql/grammar.out, and delete it after")
    sys.stderr.write(done.stdout + done.stderr)
    header = (folder / "grammar.h").read_text()
    guard = "#ifndef PS_FRONT_SQL_GRAMMAR_H\n#define PS_FRONT_SQL_GRAMMAR_H\n"
    code = (folder / "grammar.c").read_text().replace(str(folder) + "/", "")
    return (code, guard + header + "#endif\n")


def outputs():
    words = keywords()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        code, header = grammar(words, folder)
        lexer = folder / "lexer.c"
        run("re2c", "--no-debug-info", "--no-generation-date", "-W", "-o", str(lexer), str(SRC / "lexer.re"))
        return {
            "grammar.c": NOTE % "grammar.y" + code,
            "grammar.h": NOTE % "grammar.y" + header,
            "lexer.c": NOTE % "lexer.re" + lexer.read_text(),
            "words.inc": words_inc(words),
        }


def main():
    stale = []
    for name, text in outputs().items():
        path = OUT / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text() != text:
                stale.append(str(path.relative_to(ROOT)))
        else:
            OUT.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale:
        sys.exit("stale, run tools/gen_sql.py: " + ", ".join(stale))


if __name__ == "__main__":
    main()
