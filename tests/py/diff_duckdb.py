"""Random queries over small tables, run by the shell and by DuckDB; the first difference is cut down and printed.

    python tests/py/diff_duckdb.py SHELL [--seed N] [--queries N] [--disabled RULES]

Tables hold nulls and duplicates. Queries: joins of every kind, subqueries of every form, correlated at any depth, set
operations, grouping, distinct, limits. Rows are compared as multisets; a query that DuckDB refuses is left out, one that
the shell refuses as unsupported is counted.
"""
import argparse
import collections
import json
import random
import subprocess
import sys

TABLES = {"t": ["a", "b", "c"], "u": ["a", "b", "d"], "v": ["b", "e"]}
BATCH = 200


def setup(rng):
    out = []
    for name, cols in TABLES.items():
        out.append(f"CREATE TABLE {name} ({', '.join(c + ' BIGINT' for c in cols)})")
        rows = [[rng.choice([None, 0, 1, 1, 2, 3, 4]) for _ in cols] for _ in range(rng.randint(5, 12))]
        values = ", ".join("(" + ", ".join("NULL" if v is None else str(v) for v in row) + ")" for row in rows)
        out.append(f"INSERT INTO {name} VALUES {values}")
    out.append("CREATE TABLE w (a BIGINT, f BIGINT)")
    return out


class Gen:
    def __init__(self, rng):
        self.rng, self.n = rng, 0

    def alias(self):
        self.n += 1
        return f"x{self.n}"

    def pick(self, *options):
        return self.rng.choice(options)

    def value(self, cols, depth):
        r = self.rng.random()
        if cols and r < 0.75:
            return self.rng.choice(cols)
        if r < 0.85 or depth <= 0:
            return str(self.rng.randint(0, 4))
        if r < 0.93:
            return f"({self.value(cols, 0)} + {self.value(cols, 0)})"
        return f"coalesce({self.value(cols, 0)}, {self.rng.randint(0, 3)})"

    def compare(self, cols, outer):
        left = self.value(cols, 1)
        right = self.value(outer if outer and self.rng.random() < 0.6 else cols, 1)
        return f"{left} {self.pick('=', '=', '=', '<>', '<', '>=', 'IS NOT DISTINCT FROM')} {right}"

    def condition(self, cols, outer, depth):
        r = self.rng.random()
        both = cols + outer
        if r < 0.45 or (depth <= 0 and r < 0.8):
            return self.compare(cols, outer)
        if r < 0.52:
            return f"{self.value(cols, 0)} IS {self.pick('', 'NOT ')}NULL"
        if r < 0.6:
            return f"({self.condition(cols, outer, depth - 1)} OR {self.condition(cols, outer, depth - 1)})"
        if r < 0.64:
            return f"NOT ({self.condition(cols, outer, depth - 1)})"
        if depth <= 0:
            return f"{self.value(cols, 0)} IN (0, 1, 3)"
        if r < 0.76:
            return f"{self.pick('', 'NOT ')}EXISTS ({self.query(1, both, depth - 1)})"
        if r < 0.88:
            return f"{self.value(both, 1)} {self.pick('', 'NOT ')}IN ({self.query(1, both, depth - 1)})"
        if r < 0.94:
            return f"{self.value(both, 1)} {self.pick('=', '<>', '<', '>=')} {self.pick('ANY', 'ALL')} ({self.query(1, both, depth - 1)})"
        return f"{self.value(both, 0)} {self.pick('=', '<', '>')} {self.scalar(both, depth - 1)}"

    def scalar(self, outer, depth):
        agg = self.pick("count(*)", "count({})", "sum({})", "min({})", "max({})", "max({}) + 1", "coalesce(sum({}), 7)")
        source, cols = self.source(outer, depth)
        where = self.where(cols, outer, depth)
        return f"(SELECT {agg.format(self.value(cols, 0))} FROM {source}{where})"

    def source(self, outer, depth):
        """FROM text and the columns it gives."""
        r = self.rng.random()
        alias = self.alias()
        if r < 0.12 and depth > 0:
            n = self.rng.randint(1, 2)
            inner = self.query(n, [], depth - 1)
            names = [f"{alias}c{i}" for i in range(n)]
            return f"({inner}) {alias}({', '.join(names)})", [f"{alias}.{x}" for x in names]
        table = self.rng.choice(list(TABLES) + (["w"] if self.rng.random() < 0.1 else []))
        cols = [f"{alias}.{c}" for c in TABLES.get(table, ["a", "f"])]
        text = f"{table} {alias}"
        if r > 0.65 and depth > 0:
            right, right_cols = self.source(outer, depth - 1)
            kind = self.pick("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "SEMI JOIN", "ANTI JOIN")
            if kind == "CROSS JOIN":
                return f"{text} CROSS JOIN {right}", cols + right_cols
            on = f"{self.rng.choice(cols)} = {self.rng.choice(right_cols)}"
            if self.rng.random() < 0.4 and kind != "FULL JOIN":
                on += f" AND {self.compare(cols + right_cols, [])}"
            return f"{text} {kind} {right} ON {on}", cols if kind in ("SEMI JOIN", "ANTI JOIN") else cols + right_cols
        if r > 0.55 and depth > 0:
            right, right_cols = self.source(outer, 0)
            return f"{text}, {right}", cols + right_cols
        if r > 0.5 and depth > 0:
            inner = self.query(1, cols + outer, depth - 1)
            other = self.alias()
            return f"{text}{self.pick(', LATERAL', ' LEFT JOIN LATERAL')} ({inner}) {other}(z)" + "", cols + [f"{other}.z"]
        return text, cols

    def where(self, cols, outer, depth):
        n = self.pick(0, 1, 1, 2, 2, 3)
        if n == 0:
            return ""
        return " WHERE " + " AND ".join(self.condition(cols, outer, depth) for _ in range(n))

    def query(self, n, outer, depth):
        """A query of n columns that may read outer's."""
        r = self.rng.random()
        if r < 0.1 and depth > 0:
            op = self.pick("UNION ALL", "UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL")
            return f"({self.query(n, outer, depth - 1)}) {op} ({self.query(n, outer, depth - 1)})"
        source, cols = self.source(outer, depth)
        if "LEFT JOIN LATERAL" in source and not source.endswith("ON true") and source.rstrip().endswith(")"):
            source += " ON true" if source.count("LEFT JOIN LATERAL") == 1 and source.rindex("LEFT JOIN LATERAL") else ""
        where = self.where(cols, outer, depth)
        if r < 0.3:
            keys = self.rng.sample(cols, min(len(cols), self.rng.randint(1, 2)))
            items = [self.pick(*keys, f"count({self.value(cols, 0)})", f"sum({self.value(cols, 0)})", "count(*)") for _ in range(n)]
            having = f" HAVING count(*) > {self.rng.randint(0, 2)}" if self.rng.random() < 0.3 else ""
            return f"SELECT {', '.join(items)} FROM {source}{where} GROUP BY {', '.join(keys)}{having}"
        if r < 0.36:
            items = [self.pick(f"count({self.value(cols, 0)})", f"max({self.value(cols, 0)})") for _ in range(n)]
            having = f" HAVING count(*) > {self.rng.randint(0, 2)}" if self.rng.random() < 0.3 else ""
            return f"SELECT {', '.join(items)} FROM {source}{where}{having}"
        items = [self.value(cols + outer if self.rng.random() < 0.2 else cols, 1) for _ in range(n)]
        if depth > 0 and self.rng.random() < 0.2:
            items[0] = self.scalar(cols + outer, depth - 1)
        if depth > 0 and self.rng.random() < 0.1:
            items[0] = f"CASE WHEN {self.condition(cols, outer, depth - 1)} THEN 1 ELSE 0 END"
        distinct = "DISTINCT " if self.rng.random() < 0.15 else ""
        text = f"SELECT {distinct}{', '.join(items)} FROM {source}{where}"
        if self.rng.random() < 0.1:  # every column ordered by, so that ties are equal rows
            order = ", ".join(f"{i + 1}{self.pick('', ' DESC')}" for i in range(n))
            text += f" ORDER BY {order} LIMIT {self.rng.randint(0, 3)}{self.pick('', ' OFFSET 1')}"
            text = f"SELECT * FROM ({text}) {self.alias()}"
        return text


def run_shell(shell, statements, queries):
    """Rows of each query, or the error's text."""
    script = ";\n".join(statements) + ";\n"
    for i, query in enumerate(queries):
        script += f"SELECT 'query {i}' AS mark;\n{query};\n"
    done = subprocess.run([shell, "--format", "jsonlines", "-"], input=script, capture_output=True, text=True, timeout=600)
    results = [[] for _ in queries]
    at = None
    for line in done.stdout.splitlines():
        row = json.loads(line)
        if set(row) == {"mark"}:
            at = int(row["mark"].split()[1])
        elif at is not None:
            results[at].append(tuple(row.values()))
    return results, done


def alone(shell, statements, query):
    results, done = run_shell(shell, statements, [query])
    return (done.stderr.strip() or f"exit {done.returncode}") if done.returncode else results[0]


def same(a, b):
    return not isinstance(a, str) and not isinstance(b, str) and collections.Counter(map(str, a)) == collections.Counter(map(str, b))


def oracle(db, query):
    try:
        return [tuple(row) for row in db.execute(query).fetchall()]
    except Exception as e:  # what DuckDB refuses is not compared
        return "duckdb: " + str(e)


def main():
    import duckdb

    args = argparse.ArgumentParser()
    args.add_argument("shell")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--queries", type=int, default=1000)
    args.add_argument("--disabled", default="")
    args = args.parse_args()
    counts = collections.Counter()
    for batch in range((args.queries + BATCH - 1) // BATCH):
        rng = random.Random(args.seed * 1000003 + batch)
        tables = setup(rng)
        db = duckdb.connect()
        for statement in tables:
            db.execute(statement)
        if args.disabled:
            tables.append(f"SET disabled_rules = '{args.disabled}'")
        queries = []
        for _ in range(BATCH):
            width = rng.randint(1, 3)
            query = Gen(rng).query(width, [], 3)
            names = ", ".join(f"c{i}" for i in range(width))
            queries.append(f"SELECT * FROM ({query}) q({names})")
        wanted = [oracle(db, query) for query in queries]
        keep = [i for i in range(len(queries)) if not isinstance(wanted[i], str)]
        counts["refused by DuckDB"] += len(queries) - len(keep)
        results, done = run_shell(args.shell, tables, [queries[i] for i in keep])
        for i, got in zip(keep, results):
            if same(got, wanted[i]):
                counts["same"] += 1
                continue
            got = alone(args.shell, tables, queries[i])
            if same(got, wanted[i]):
                counts["same"] += 1
            elif isinstance(got, str) and ("UNSUPPORTED" in got or "not supported" in got):
                counts["unsupported"] += 1
                counts["  " + got.splitlines()[0][:100]] += 1
            else:
                print(f"seed {args.seed}, batch {batch}, query {i}")
                print(";\n".join(tables) + ";")
                print(queries[i] + ";")
                print("shell: ", got if isinstance(got, str) else sorted(map(str, got)))
                print("duckdb:", sorted(map(str, wanted[i])))
                return 1
    for name, n in counts.most_common():
        print(f"{n:7} {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
