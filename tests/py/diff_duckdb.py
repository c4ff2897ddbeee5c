"""Random typed queries, run by the library in several configurations and by DuckDB; differences are cut down and printed.

    python tests/py/diff_duckdb.py [--library SO] [--seed N] [--queries N] [--jobs N] [--first N] [--big] [--show]

A world (tables, `random_tables.py`) is made for every PER_WORLD queries (`random_queries.py`). Each query runs with the
default settings and with settings drawn at random: those must give the same bytes in the same order, or with optimizer rules
off the same rows. The rows must be DuckDB's, as a multiset, floating-point numbers within 1e-9; in the same order where the
query orders them totally. Each world runs in a process of its own, so that a crash is one failure.

Where we differ from DuckDB on purpose, or neither is wrong, and what is done about it:
- Which row fails first is not defined (pushdown, short circuits): arithmetic that could overflow is not generated, casts of
  text are TRY_CAST, divisors are never zero. An error of one engine alone is a difference, unless DuckDB gives it too when its
  optimizer is off (it doesn't compute a join whose result is not needed).
- Types of decimal arithmetic and of integer literals next to decimals (docs/types.md): values are compared, not types.
- x IN (SELECT y), = ANY, <> ALL of decimals for which 38 digits are too few: DuckDB casts x to y's type, which rounds; its
  own joins don't, nor do we. Not generated.
- The order of additions: sums, averages, deviations of floats are compared with a tolerance and nothing is derived from them.
- 0.0 and -0.0 are equal: either may stand for their group.
- Intervals of equal length (30 days, 1 month) are equal: they are given out, but are not keys.
"""
import argparse
import collections
import datetime
import decimal
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.dirname(os.path.abspath(__file__))]

from random_queries import random_query  # pylint: disable=wrong-import-position
from random_tables import World  # pylint: disable=wrong-import-position

PER_WORLD = 50
BIG_EVERY = 6
ROWS_MAX = 200000
with open(f"{ROOT}/src/opt/rules.def", encoding="utf-8") as rules: # those that may be switched off
    RULES = re.findall(r"^R\((\w+), *\d+, false\)", rules.read(), re.M)
SETTINGS = ["threads", "batch_rows", "disabled_rules", "force_spill", "relocate_pages", "park_always", "verify", "one_hash"]


# rows

def plain(value):
    """A value that compares and hashes like another engine's equal one."""
    if isinstance(value, bytes): # HUGEINT travels as 16 bytes
        return int.from_bytes(value, "little", signed=True)
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize(decimal.Context(prec=60))
    if isinstance(value, float):
        return "nan" if value != value else float(value)
    if isinstance(value, (datetime.datetime, datetime.date, str, bool)) or value is None:
        return value if not isinstance(value, datetime.datetime) else value.replace(tzinfo=None)
    return tuple(value) if isinstance(value, tuple) else value


def rows_of(table):
    """Rows of a pyarrow table as plain values."""
    import pyarrow as pa
    columns = []
    for column in table.columns:
        if isinstance(column.type, pa.BaseExtensionType) or "extension" in str(column.type):
            column = pa.chunked_array([c.storage for c in column.chunks], column.type.storage_type)
        columns.append([plain(v) for v in column.to_pylist()])
    return list(zip(*columns)) if columns else [()] * table.num_rows


def close(a, b):
    if a == b:
        return True
    if isinstance(a, float) and isinstance(b, (float, int)) or isinstance(b, float) and isinstance(a, int):
        if math.isinf(a) or math.isinf(b):
            return False
        return abs(a - b) <= 1e-9 * max(abs(a), abs(b)) + 1e-9
    return False


def rows_close(a, b):
    return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b))


def without_floats(row):
    return tuple("float" if isinstance(v, float) else v for v in row)


def floats(row):
    return tuple(v for v in row if isinstance(v, float))


def same_rows(ours, theirs):
    if len(ours) != len(theirs):
        return False
    if collections.Counter(ours) == collections.Counter(theirs):
        return True
    groups = collections.defaultdict(lambda: ([], []))
    for side, rows in enumerate((ours, theirs)):
        for row in rows:
            groups[without_floats(row)][side].append(floats(row))
    for a, b in groups.values():
        if len(a) != len(b):
            return False
        a.sort()
        b.sort()
        if all(rows_close(x, y) for x, y in zip(a, b)):
            continue
        if len(a) > 300:
            return False
        for x in a: # neighbours that differ in the last digit may sort otherwise
            found = next((i for i, y in enumerate(b) if rows_close(x, y)), None)
            if found is None:
                return False
            b.pop(found)
    return True


def same_bytes(a, b):
    """Equal tables to the bit, in order."""
    import pyarrow as pa
    if a.num_rows != b.num_rows or a.schema != b.schema:
        return False
    for x, y in zip(a.columns, b.columns):
        x, y = (c.combine_chunks() for c in (x, y))
        x, y = (c.chunk(0) if isinstance(c, pa.ChunkedArray) and c.num_chunks == 1 else c for c in (x, y))
        if pa.types.is_floating(x.type):
            bits = pa.int64() if x.type == pa.float64() else pa.int32()
            x, y = x.view(bits), y.view(bits)
        if not x.equals(y):
            return False
    return True


# running

class Engines:
    """Both engines with the tables of one world."""

    def __init__(self, world, library):
        import duckdb
        import pslib
        self.failure = pslib.Failure
        self.duck = duckdb.connect()
        self.duck.execute("SET threads = 2; SET arrow_lossless_conversion = true; SET TimeZone = 'UTC'")
        self.ours = pslib.Session(library, threads=8)
        self.ours.sql("SET max_execution_time = '20s'")
        for sql in world.statements("duckdb"):
            self.duck.execute(sql)
        for sql in world.statements("penstock"):
            self.ours.sql(sql)

    def theirs(self, sql):
        """Rows, or None when DuckDB refuses; "slow" beyond a few seconds or too many rows."""
        watch = threading.Timer(5, self.duck.interrupt)
        watch.start()
        try:
            reader = self.duck.sql(sql).to_arrow_reader(50000)
            batches, rows = [], 0
            for batch in reader:
                batches.append(batch)
                rows += batch.num_rows
                if rows > ROWS_MAX:
                    return "slow"
            import pyarrow as pa
            return rows_of(pa.Table.from_batches(batches, reader.schema))
        except Exception as error:  # pylint: disable=broad-except
            return "slow" if "INTERRUPT" in str(error) else "duckdb: " + str(error)
        finally:
            watch.cancel()

    def fails_unoptimised(self, sql):
        """Whether DuckDB refuses the query too when it computes what it is asked for."""
        self.duck.execute("PRAGMA disable_optimizer")
        try:
            answer = self.theirs(sql)
            return is_text(answer) and answer != "slow"
        finally:
            self.duck.execute("PRAGMA enable_optimizer")

    def our_table(self, sql, settings):
        """A table, or the error's text."""
        for name in SETTINGS:
            self.ours.sql(f"SET {name} = {settings[name]}" if name in settings else f"RESET {name}")
        try:
            return self.ours.sql(sql)
        except (self.failure, OSError, ValueError) as error: # pyarrow says ArrowInvalid, a ValueError
            return str(error)


def configurations(rng, big):
    """Settings besides the default: (settings, rules are off)."""
    out = []
    for _ in range(2):
        one = {"threads": rng.choice([1, 2, 8]), "batch_rows": rng.choice([7, 2048, 333] if big else [1, 7, 2048])}
        if rng.random() < 0.4:
            one[rng.choice(["force_spill", "relocate_pages", "park_always"])] = "true"
        if rng.random() < 0.1 and not big:
            one["one_hash"] = "true"
        if rng.random() < 0.1:
            one["verify"] = "true"
        if big and len(one) > 2: # slow with tiny batches
            one["batch_rows"] = 2048
        out.append((one, "one_hash" in one))
    if rng.random() < 0.5:
        rules = "all" if rng.random() < 0.4 and not big else rng.choice(RULES)
        out.append(({"threads": rng.choice([1, 2]), "disabled_rules": f"'{rules}'"}, True))
    return out


def is_text(x):
    return isinstance(x, str)


def verdict(engines, sql, theirs, ordered, configs):
    """(kind, detail): same, refused, slow, unsupported, or what is wrong."""
    if theirs == "slow":
        return "slow in DuckDB", ""
    base = engines.our_table(sql, {})
    if is_text(theirs):
        if is_text(base) and base.startswith("INTERNAL"):
            return "INTERNAL", base
        return ("both refuse" if is_text(base) else "refused by DuckDB alone"), theirs
    if is_text(base):
        name = base.removeprefix("ArrowInvalid: ").split(":")[0]
        if name == "VALUE" and engines.fails_unoptimised(sql):
            return "both refuse", "DuckDB without its optimizer: " + base
        return {"UNSUPPORTED": "unsupported", "INTERNAL": "INTERNAL", "TIMEOUT": "slow here"}.get(name, f"our error {name}"), base
    ours = rows_of(base)
    if not same_rows(ours, theirs):
        return "WRONG", describe(ours, theirs)
    if ordered and not all(rows_close(a, b) for a, b in zip(ours, theirs)):
        return "WRONG ORDER", describe(ours, theirs)
    for settings, loose in configs:
        other = engines.our_table(sql, settings)
        if is_text(other) and "TIMEOUT" in other:
            return "slow here", f"{settings}"
        if is_text(other):
            return "our error alone", f"{settings}: {other}"
        if loose and not same_rows(rows_of(other), theirs):
            return "WRONG", f"{settings}: {describe(rows_of(other), theirs)}"
        if not loose and not same_bytes(base, other):
            return "NOT DETERMINISTIC", f"{settings}: {describe(rows_of(other), ours)}"
    return ("same" if theirs else "same, empty"), ""


def bad(kind):
    return kind in ("WRONG", "WRONG ORDER", "NOT DETERMINISTIC", "INTERNAL", "CRASH") or kind.startswith("our error")


def describe(ours, theirs):
    a, b = collections.Counter(map(repr, ours)), collections.Counter(map(repr, theirs))
    more, less = list((a - b).elements()), list((b - a).elements())
    return f"{len(ours)} rows, {len(theirs)} wanted; too many: {more[:4]}; missing: {less[:4]}"


# cutting down

def every(node, kind):
    out = [node]
    for part in node.parts:
        if isinstance(part, kind):
            out += every(part, kind)
    return out


def smaller(root, kind):
    """One simpler query after another, by changing a node in place; the caller keeps or undoes."""
    for node in every(root, kind):
        if node.role == "opt" and str(node):
            yield node, [""]
        if node.role == "list":
            for i in range(len(node.parts)):
                if len(node.parts) > 1:
                    yield node, node.parts[:i] + node.parts[i + 1:]
        if node.role == "join":
            yield node, [node.parts[0]]
        if node.role == "q" and len(node.parts) > 2 and node.parts[1:2] and isinstance(node.parts[-1], kind):
            for inner in every(node, kind)[1:]:
                if inner.role == "q":
                    yield node, [inner]
        if node.role == "x":
            inner = [n for n in every(node, kind)[1:] if n.role == "x" and n.kind == node.kind]
            for n in inner:
                yield node, [n]
            if inner or len(str(node)) > 12:
                for text in {"int": ["1"], "dec": ["1.5"], "dbl": ["2e0"], "str": ["'a'"], "bool": ["true", "false"], "date": ["DATE '2020-01-01'"],
                             "ts": ["TIMESTAMP '2020-01-01 00:00:00'"]}.get(node.kind, []):
                    yield node, [text]


def shrink(root, still, seconds):
    """root cut down in place while still(sql)."""
    kind, end = type(root), time.time() + seconds
    changed = True
    while changed and time.time() < end:
        changed = False
        for node, parts in smaller(root, kind):
            old = node.parts
            if len("".join(map(str, parts))) >= len("".join(map(str, old))):
                continue
            node.parts = parts
            if time.time() < end and still(str(root)):
                changed = True
                break
            node.parts = old
    return str(root)


# one world in a process of its own

def query_of(seed, number, world, engines):
    """The first of three drawn queries that gives rows in DuckDB, else the last: (Node, ordered, DuckDB's answer)."""
    for attempt in range(3):
        root, ordered = random_query(random.Random(f"{seed} {number} {attempt}"), world)
        theirs = engines.theirs(str(root))
        if is_text(theirs) or theirs:
            break
    return root, ordered, theirs


def run_world(options):
    """Runs queries of one world; a line of JSON for each."""
    number = options.first
    world_number = number // PER_WORLD
    with tempfile.TemporaryDirectory(prefix="penstock-random-") as folder:
        rng = random.Random(options.seed * 1000003 + world_number)
        world = World(rng, folder, options.big or world_number % BIG_EVERY == BIG_EVERY - 1)
        engines = Engines(world, options.library)
        for n in range(number, number + options.queries):
            root, ordered, theirs = query_of(options.seed, n, world, engines)
            sql = str(root)
            say({"start": n, "sql": sql})
            configs = configurations(random.Random(options.seed + n), world.big)
            begin = time.time()
            kind, detail = verdict(engines, sql, theirs, ordered, configs)
            if bad(kind) and options.shrink:
                def still(text, want=kind, start=detail[:30], configs=configs):
                    say({"start": n, "sql": text})
                    got = verdict(engines, text, engines.theirs(text), False, configs)
                    return got[0] == want and ("error" not in want or got[1][:30] == start)
                if still(sql):
                    sql = shrink(root, still, options.shrink)
                    detail = verdict(engines, sql, engines.theirs(sql), False, configs)[1]
            say({"done": n, "kind": kind, "detail": detail[:2000], "sql": sql, "seconds": time.time() - begin,
                 "tables": world.statements("penstock") if bad(kind) else []})


def say(line):
    print(json.dumps(line), flush=True)


class Run:
    """Worlds of one seed in child processes, up to `jobs` at a time."""

    def __init__(self, library, seed, queries, first=0, jobs=2, cut=20, big=False, preload=""):
        self.library, self.seed, self.jobs, self.cut, self.big, self.preload = library, seed, jobs, cut, big, preload
        self.counts, self.bad, self.lock = collections.Counter(), [], threading.Lock()
        self.todo = collections.deque(range(first // PER_WORLD, (first + queries + PER_WORLD - 1) // PER_WORLD))
        self.first, self.last, self.show = first, first + queries, False

    def run(self):
        threads = [threading.Thread(target=self.worker) for _ in range(self.jobs)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return self

    def worker(self):
        while True:
            with self.lock:
                if not self.todo:
                    return
                world = self.todo.popleft()
            at = max(world * PER_WORLD, self.first)
            end = min((world + 1) * PER_WORLD, self.last)
            while at < end:
                at = self.child(at, end - at)

    def child(self, first, queries):
        """Runs queries from first on; where to go on."""
        command = [sys.executable, os.path.abspath(__file__), "--world", "--library", self.library, "--seed", str(self.seed),
                   "--first", str(first), "--queries", str(queries), "--shrink", str(self.cut)] + (["--big"] if self.big else [])
        env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        if self.preload:
            env.update(LD_PRELOAD=self.preload, ASAN_OPTIONS="detect_leaks=0:detect_stack_use_after_return=0")
        with tempfile.TemporaryFile("w+") as errors:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env)
            last = None
            for line in child.stdout:
                event = json.loads(line)
                last = event
                if "done" in event:
                    self.take(event)
            child.wait()
            errors.seek(0)
            text = errors.read()
        if last and "done" in last and last["done"] == first + queries - 1 and child.returncode == 0:
            return first + queries
        at = first if last is None else last.get("start", last.get("done"))
        self.take({"done": at, "kind": "CRASH", "detail": f"exit {child.returncode}: {text[-3000:]}", "sql": (last or {}).get("sql", "no query yet"), "tables": []})
        return at + 1 if last is not None else first + queries

    def take(self, event):
        with self.lock:
            self.counts[event["kind"]] += 1
            if event.get("seconds", 0) > 20:
                print(f"query {event['done']} took {event['seconds']:.0f} s ({event['kind']}): {event['sql'][:3000]}", flush=True)
            if self.show:
                print(f"{event['sql']}; -- {event['done']}: {event['kind']}\n" + "".join(f"{t};\n" for t in event["tables"]), flush=True)
            if event["kind"] in ("both refuse", "refused by DuckDB alone", "unsupported"):
                self.counts[f"  {event['kind']}: {event['detail'].splitlines()[0][:100]}"] += 1
            if bad(event["kind"]):
                self.bad.append(event)
                print(f"--- seed {self.seed}, query {event['done']}: {event['kind']}\n{event['sql']};\n{event['detail']}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", default=f"{ROOT}/build/dev/libpenstock.so")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--shrink", type=float, default=20, help="seconds to cut a difference down")
    parser.add_argument("--big", action="store_true", help="every world has large tables")
    parser.add_argument("--show", action="store_true", help="print every query and the tables of those that differ")
    parser.add_argument("--preload", default="", help="libraries to preload: libasan and libstdc++ for a build with the address sanitizer")
    parser.add_argument("--world", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.world:
        run_world(options)
        return 0
    begin = time.time()
    run = Run(options.library, options.seed, options.queries, options.first, options.jobs, options.shrink, options.big, options.preload)
    run.show = options.show
    run.run()
    for name, n in run.counts.most_common():
        print(f"{n:7} {name}")
    print(f"{time.time() - begin:.0f} s")
    return 1 if run.bad else 0


if __name__ == "__main__":
    sys.exit(main())
