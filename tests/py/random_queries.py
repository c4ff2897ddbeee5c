"""Random queries over the tables of random_tables.World, every block typed: joins of every kind, subqueries of every form at
several depths, grouping, windows, set operations, DISTINCT (ON), ORDER BY with LIMIT, CTEs that are used twice, VALUES.

Every query has one answer: what picks rows (LIMIT, DISTINCT ON, row_number) goes by an order of all columns, so that ties are
equal rows.
"""
import re

from random_exprs import Expr, Exprs, Node, Scope, kind_of
from random_tables import I128, PALETTE, column_type

AGG_ROWS = 10 ** 7


def rounded_in(value, item):
    """Whether DuckDB may round a value to the type of a subquery's item: DECIMAL(9,2) IN (SELECT DECIMAL(38,1))."""
    scales = [re.search(r"DECIMAL\(\d+, ?(\d+)\)", e.sql) for e in (value, item)]
    if value.kind != "dec" and item.kind != "dec":
        return False
    return value.kind == "dec" and (not all(scales) or int(scales[0][1]) > int(scales[1][1]))


class Queries(Exprs):
    """query() gives a Node and the columns of its result."""

    def __init__(self, rng, world):
        super().__init__(rng, world)
        self.nest, self.ctes, self.equalities, self.named = 3, [], [], []

    # blocks

    def nested(self, make, *args):
        """make with one level less to go down."""
        self.nest -= 1
        try:
            return make(*args)
        finally:
            self.nest += 1

    def table_columns(self, table, alias):
        cols = []
        for name in table.columns:
            sql = column_type(name)
            most, safe = (10 ** 5, True) if name == "id" else PALETTE[name][1:3]
            col = Expr(Node("x", kind_of(sql), [f"{alias}.{name}"]), kind_of(sql), sql, most if safe or kind_of(sql) == "int" else None, unique=name == "id")
            col.name, col.comparable, col.wild = name, kind_of(sql) != "iv", not safe
            cols.append(col)
        return cols

    def renamed(self, alias, cols):
        """Columns of a derived table, called alias.c0, ..."""
        out = []
        for i, c in enumerate(cols):
            col = c.under(f"{alias}.c{i}")
            col.name, col.unique, col.wild = f"c{i}", False, c.wild
            if col.sql == "LITERAL":
                col.sql = "INTEGER"
            out.append(col)
        return out

    def values_source(self, alias):
        kinds = [self.rng.choice(["int", "str", "dec", "date", "dbl"]) for _ in range(self.rng.randint(1, 3))]
        firsts = [self.literal(k) for k in kinds]
        rows = []
        for i in range(self.rng.randint(1, 5)):
            row = [firsts[j] if i == 0 else self.literal(k) if self.chance(0.8) else "NULL" for j, k in enumerate(kinds)]
            rows.append("(" + ", ".join(map(str, row)) + ")")
        cols = []
        for i, k in enumerate(kinds):
            sql = {"int": "INTEGER", "str": "VARCHAR", "dec": "DECIMAL(17,3)", "date": "DATE", "dbl": "DOUBLE"}[k]
            cols.append(Expr(None, k, sql, {"int": 100, "dec": 20, "dbl": 2}.get(k)))
        text = f"(VALUES {', '.join(rows)}) {alias}({', '.join(f'c{i}' for i in range(len(kinds)))})"
        return Node("src", "", [text]), self.renamed(alias, cols)

    def one_source(self, outer):
        """A table, CTE, derived table or VALUES: node and columns."""
        alias, r = self.alias(), self.rng.random()
        if self.ctes and r < 0.3:
            name, cols = self.rng.choice(self.ctes)
            return Node("src", "", [f"{name} {alias}"]), self.renamed(alias, cols)
        if r > 0.85 and self.nest > 0:
            node, cols = self.nested(self.query, [], None)
            names = ", ".join(f"c{i}" for i in range(len(cols)))
            return Node("src", "", ["(", node, f") {alias}({names})"]), self.renamed(alias, cols)
        if r > 0.81:
            return self.values_source(alias)
        table = self.rng.choice(self.world.tables)
        return Node("src", "", [f"{table.name} {alias}"]), self.table_columns(table, alias)

    def key_pair(self, left, right):
        """An equality of one column of each side, or None."""
        kinds = ["int", "int", "int", "str", "str", "dec", "date", "dbl", "ts", "bool"] if not self.world.big else ["int", "int", "str", "dec", "date", "ts"]
        self.rng.shuffle(kinds)
        for kind in kinds:
            others = ("int", "dec") if kind in ("int", "dec") and self.chance(0.3) else (kind,)
            a = [c for c in left if c.kind == kind and c.exact and (c.safe or self.chance(0.2) and kind in others)]
            b = [c for c in right if c.kind in others and c.exact and (c.safe or c.kind == kind and self.chance(0.2))]
            if self.world.big: # columns of few values would multiply the rows
                a, b = ([c for c in x if getattr(c, "name", "") not in ("e", "s", "u", "d", "p", "wt")] for x in (a, b))
            if a and b:
                return self.rng.choice(a), self.rng.choice(b)
        return None

    def comma_join(self):
        """Many tables, their equalities left to WHERE."""
        node, cols = self.one_source([])
        parts, equal = [node], []
        for _ in range(self.rng.randint(1, 4)):
            node, more = self.one_source([])
            pair = self.key_pair(cols, more)
            if pair is None:
                continue
            equal.append(self.make("bool", "BOOLEAN", "(", pair[0], " = ", pair[1], ")"))
            parts += [self.pick(", ", ", ", " CROSS JOIN "), node]
            cols = cols + more
        self.equalities = equal
        return Node("join", "", parts), cols

    def join(self, outer):
        self.equalities = []
        if self.nest > 0 and not self.world.big and self.chance(0.1):
            return self.comma_join()
        left, cols = self.one_source(outer)
        joins = self.rng.choice([0, 0, 1, 1, 1, 2, 3]) if self.nest > 0 else self.rng.choice([0, 0, 0, 1])
        if self.world.big:
            joins = min(joins, 2)
        for _ in range(joins):
            left, cols = self.join_one(left, cols, outer)
        return left, cols

    def join_one(self, left, cols, outer):
        r = self.rng.random()
        if r < 0.12 and self.nest > 0 and not self.world.big:
            return self.lateral(left, cols, outer)
        right, more = self.one_source(outer)
        if r < 0.2 and not self.world.big:
            return Node("join", "", [left, self.pick(", ", " CROSS JOIN ") if not isinstance(left, Node) or left.role == "src" else " CROSS JOIN ", right]), cols + more
        kind = self.pick("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN")
        if r < 0.32 and left.role == "src":
            made = self.join_using(left, cols, right, more, kind)
            if made:
                return made
        pair = self.key_pair(cols, more)
        conds = []
        if pair is not None:
            conds.append(self.make("bool", "BOOLEAN", "(", pair[0], self.pick(" = ", " = ", " = ", " = ", " IS NOT DISTINCT FROM ") if not self.world.big else " = ", pair[1], ")"))
            again = self.key_pair(cols, more) if self.chance(0.2) else None
            if again:
                conds.append(self.make("bool", "BOOLEAN", "(", again[0], " = ", again[1], ")"))
        elif self.world.big:
            return left, cols
        if self.chance(0.35) or not conds:
            nest, self.nest = self.nest, 0 # no subqueries in ON: DuckDB refuses most
            conds.append(self.compare(Scope(cols, []), 1, Scope(more, [])) if self.chance(0.7) or not conds else self.condition(Scope(cols + more, []), 1))
            self.nest = nest
        on = Node("list", "", [c.node for c in conds], " AND ")
        node = Node("join", "", [left, f" {kind} ", right, " ON ", on])
        return node, cols if kind in ("SEMI JOIN", "ANTI JOIN") else cols + more

    def join_using(self, left, cols, right, more, kind):
        names = {c.name: c for c in more}
        both = [c for c in cols if c.name in names and c.exact and names[c.name].exact and c.kind == names[c.name].kind and c.kind not in ("iv",)]
        if not both or self.world.big and kind == "FULL JOIN":
            return None
        keys = self.rng.sample(both, min(len(both), self.pick(1, 1, 2)))
        if self.world.big:
            keys = both
        node = Node("join", "", [left, f" {kind} ", right, f" USING ({', '.join(k.name for k in keys)})"])
        if len(both) == len([c for c in cols if c.name in names]) and self.chance(0.3):
            keys, node = both, Node("join", "", [left, f" NATURAL {kind} ", right])
        taken = [k.name for k in keys]
        merged = []
        for k in keys:
            b = names[k.name]
            sql, most = self.meet(k.kind, [k, b]) or (k.sql, k.most)
            col = Expr(Node("x", k.kind, [k.name]), k.kind, sql, most)
            col.name = k.name
            merged.append(col)
        if kind in ("SEMI JOIN", "ANTI JOIN"):
            return node, cols
        rest = [c for c in cols + more if c.name not in taken]
        return self.wrap(node, merged, rest)

    def wrap(self, node, merged, rest):
        """(SELECT merged and others FROM a join with USING) alias: so that bare names stay unambiguous."""
        alias = self.alias()
        cols = merged + self.rng.sample(rest, min(len(rest), 6))
        items = Node("list", "", [Node("item", "", [c.node]) for c in cols], ", ")
        names = ", ".join(f"c{i}" for i in range(len(cols)))
        text = Node("src", "", ["(SELECT ", items, " FROM ", node, f") {alias}({names})"])
        return text, self.renamed(alias, cols)

    def lateral(self, left, cols, outer):
        alias = self.alias()
        comma = left.role == "src" and self.chance(0.4)
        node, made = self.nested(self.query, cols + outer, None)
        names = ", ".join(f"c{i}" for i in range(len(made)))
        word = ", LATERAL (" if comma else self.pick(" JOIN LATERAL (", " LEFT JOIN LATERAL (", " CROSS JOIN LATERAL (")
        on = " ON true" if word in (" JOIN LATERAL (", " LEFT JOIN LATERAL (") else ""
        return Node("join", "", [left, word, node, f") {alias}({names}){on}"]), cols + self.renamed(alias, made)

    def where(self, scope):
        n, equal = self.pick(0, 0, 0, 0, 1, 1, 1, 2, 3), self.equalities
        self.equalities = []
        if n == 0 and not equal:
            return Node("opt", "", [""])
        conds = equal + [self.condition(scope, self.pick(1, 2, 2)) for _ in range(n)]
        return Node("opt", "", [" WHERE ", Node("list", "", [c.node for c in conds], " AND ")])

    # subqueries in expressions

    def subquery_condition(self, scope, depth):
        outer, r = self.visible(scope), self.rng.random()
        if self.world.big and self.chance(0.7):
            outer = []
        if r < 0.33:
            node, _ = self.nested(self.query, outer, None)
            return self.make("bool", "BOOLEAN", self.pick("EXISTS (", "NOT EXISTS ("), Expr(node, "q", ""), ")")
        if r < 0.4: # DuckDB has no correlated ones
            return self.rows_in(scope, [])
        kind = self.kind(scope)
        left = self.exact(scope, kind, 1)
        node, cols = self.nested(self.query, outer, [kind])
        if not cols[0].exact or rounded_in(left, cols[0]):
            return self.compare(scope, 1)
        sub = Expr(node, "q", "")
        if r < 0.75:
            return self.make("bool", "BOOLEAN", "(", left, self.pick(" IN (", " NOT IN (", " NOT IN ("), sub, "))")
        return self.make("bool", "BOOLEAN", "(", left, self.pick(" = ", " <> ", " < ", " >= "), self.pick("ANY (", "ALL ("), sub, "))")

    def rows_in(self, scope, outer):
        """(a, b) IN (SELECT ...)"""
        kinds = [self.kind(scope), self.kind(scope)]
        left = [self.exact(scope, k, 0) for k in kinds]
        node, cols = self.nested(self.query, outer, kinds)
        if not all(c.exact and not rounded_in(a, c) for a, c in zip(left, cols)):
            return self.compare(scope, 1)
        return self.make("bool", "BOOLEAN", "((", left[0], ", ", left[1], ")", self.pick(" IN (", " NOT IN ("), Expr(node, "q", ""), "))")

    @staticmethod
    def visible(scope):
        """What a subquery may name: above a grouping not the keys that are expressions."""
        return [c for c in scope.cols if scope.inner is None or len(c.node.parts) == 1 and not c.constant] + scope.outer

    def scalar(self, scope, kind):
        """A subquery of one row at most."""
        outer = [] if self.world.big and self.chance(0.7) else self.visible(scope)
        self.nest -= 1
        source, cols = self.join(outer)
        inner = Scope(cols, outer)
        where = self.where(inner)
        if self.chance(0.15) and cols:
            return self.first_of(scope, kind, source, where, Scope(cols, outer))
        item = self.aggregate(Scope(cols, []), kind, True)
        if self.chance(0.2):
            made = self.value(Scope([], [], Scope(cols, [])), kind, 1)
            item = made if made.aggregated else item
        self.nest += 1
        node = Node("q", "", ["SELECT ", item.node, " FROM ", source, where])
        return Expr(Node("x", kind, ["(", node, ")"]), kind, item.sql if item.sql != "LITERAL" else "INTEGER", item.most, item.exact)

    def first_of(self, scope, kind, source, where, inner):
        """A subquery of one row by ORDER BY and LIMIT 1."""
        self.nest = 0 if self.nest < 1 else self.nest
        item = self.exact(inner, kind, 1)
        self.nest += 1
        if item.kind == "iv" or not any(str(c) in str(item) for c in inner.cols):
            item = self.make(kind, item.sql, "min(", item, ")", most=item.most)
            node = Node("q", "", ["SELECT ", item.node, " FROM ", source, where])
        else:
            node = Node("q", "", ["SELECT ", item.node, " FROM ", source, where, " ORDER BY 1", self.pick("", " DESC"), self.pick(" NULLS FIRST", " NULLS LAST", ""),
                                  " LIMIT 1", self.pick("", "", " OFFSET 1")])
        return Expr(Node("x", kind, ["(", node, ")"]), kind, item.sql if item.sql != "LITERAL" else "INTEGER", item.most, item.exact)

    # aggregates and windows

    def aggregate(self, inner, kind, safe=True):
        """An aggregate call of a kind over inner; falls back to min and max."""
        nest, self.nest = self.nest, 0
        made = self.aggregate_call(inner, kind, self.rng.random())
        self.nest = nest
        name, args, sql, most, exact, distinct = made
        word = "DISTINCT " if distinct and self.chance(0.2) else ""
        parts = [name, "(", word] + args + [")"]
        if self.chance(0.12):
            nest, self.nest = self.nest, 0
            parts += [" FILTER (WHERE ", self.condition(inner, 1), ")"]
            self.nest = nest
        if name.startswith("coalesce("):
            parts.append(", 0)")
        made = self.make(kind, sql, *parts, most=most, exact=exact)
        made.aggregated = True
        return made

    def aggregate_call(self, inner, kind, r):
        """(name, arguments, type, bound, exact, DISTINCT allowed)"""
        any_kind = self.rng.choice(["int", "dec", "dbl", "str", "date", "ts", "bool"])
        if kind == "int":
            if r < 0.3:
                return "count", ["*"], "BIGINT", AGG_ROWS, True, False
            if r < 0.5:
                return "count", [self.exact(inner, any_kind, 1)], "BIGINT", AGG_ROWS, True, True
            if r < 0.75:
                e = self.value(inner, "int", 1)
                return "sum", [e], "HUGEINT", min((e.most or 1) * AGG_ROWS, I128), True, True
            if r < 0.8:
                e = self.value(inner, "int", 0)
                return self.pick("bit_and", "bit_or", "bit_xor"), ["CAST(", e, " AS BIGINT)"], "BIGINT", 2 ** 40, True, False
            if r < 0.84:
                return "coalesce(count_if", [self.condition(inner, 1)], "BIGINT", AGG_ROWS, True, False
        if kind == "dec" and r < 0.5:
            e = self.value(inner, "dec", 1)
            n, s = (int(x) for x in e.sql[8:-1].split(","))
            if e.most * AGG_ROWS < 10 ** (37 - s):
                return "sum", [e], f"DECIMAL(38,{s})", e.most * AGG_ROWS, True, True
        if kind == "dbl":
            e = self.value(inner, self.pick("int", "dec", "dbl"), 1)
            if r < 0.25 and e.most is not None:
                return "avg", [e], "DOUBLE", e.most, False, True
            if r < 0.4 and e.kind == "dbl" and e.most is not None:
                return "sum", [e], "DOUBLE", e.most * AGG_ROWS, False, e.exact
            if r < 0.5 and e.most is not None and e.most < 10 ** 6:
                return self.pick("stddev", "var_pop", "stddev_pop", "variance"), [e], "DOUBLE", 10 ** 12, False, False
            if r < 0.6 and e.most is not None and e.most < 10 ** 6:
                e = self.convert(e, "dbl")
                name = self.pick("median", "quantile_cont")
                return name, [e] if name == "median" else [e, self.pick(", 0.25", ", 0.5", ", 0.9")], "DOUBLE", e.most, False, False
        if kind == "str" and r < 0.35:
            e = self.exact(inner, "str", 1)
            e = self.make("str", "VARCHAR", "concat(", e, ")") if e.constant else e
            return "string_agg", [e, ", '", self.pick("-", ", ", ""), "' ORDER BY ", e, self.pick("", " DESC"), self.pick(" NULLS FIRST", " NULLS LAST")], "VARCHAR", None, True, False
        if kind == "bool" and r < 0.6:
            return self.pick("bool_and", "bool_or"), [self.condition(inner, 1)], "BOOLEAN", None, True, False
        if kind == "iv":
            kind = "ts"
        e = self.exact(inner, kind, 1)
        sql = e.sql if e.sql != "LITERAL" else "INTEGER"
        if r > 0.93 and not e.constant:
            return "first", [e, " ORDER BY ", e, self.pick(" NULLS FIRST", " DESC NULLS LAST")], sql, e.most, True, False
        return self.pick("min", "max"), [e], sql, e.most, True, False

    def order_all(self, cols):
        return [Node("item", "", [c.node, self.pick("", " DESC"), self.pick("", "", " NULLS FIRST", " NULLS LAST")]) for c in cols]

    def window(self, scope, kind):
        """A window call of a kind, or None where no order is total."""
        cols = [c for c in scope.cols if c.kind != "iv"]
        if not cols or scope.inner is not None or len(cols) > 24:
            return None
        keys = [c for c in cols if c.exact and getattr(c, "comparable", True)]
        if not keys:
            return None
        total = all(c.exact for c in scope.cols) and not any(c.kind == "iv" for c in scope.cols)
        unique = [c for c in keys if c.unique]
        part = Node("opt", "", ["PARTITION BY ", Node("list", "", [c.node for c in self.rng.sample(keys, min(len(keys), self.pick(1, 1, 2)))], ", "), " "])
        part = part if self.chance(0.7) else ""
        first = self.rng.choice(keys)
        lead = self.order_all([first])
        whole = lead + self.order_all(keys) if total else None
        frame = "" if self.chance(0.5) else self.frame()
        nest, self.nest = self.nest, 0
        plain = Scope(scope.cols, [])
        try:
            return self.window_call(plain, kind, part, first, lead, whole, frame)
        finally:
            self.nest = nest

    def window_call(self, plain, kind, part, first, lead, whole, frame):
        r = self.rng.random()
        over = lambda order, frame: [" OVER (", part, Node("opt", "", ["ORDER BY ", Node("list", "", order, ", ")]) if order else "", frame, ")"]
        if kind == "int" and r < 0.5:
            name = self.pick("rank()", "dense_rank()", "row_number()", "ntile(3)")
            if name in ("row_number()", "ntile(3)") and whole is None:
                name = "rank()"
            return self.make("int", "BIGINT", name, *over(whole if name in ("row_number()", "ntile(3)") else lead, ""), most=10 ** 6)
        if kind == "dbl" and r < 0.3:
            return self.make("dbl", "DOUBLE", self.pick("percent_rank()", "cume_dist()"), *over(lead, ""), most=1, exact=False)
        if whole is not None and r < 0.75 and kind != "bool":
            e = self.exact(plain, kind, 1)
            sql = e.sql if e.sql != "LITERAL" else "INTEGER"
            name = self.pick("lag", "lead", "first_value", "last_value", "nth_value")
            arg = [e, f", {self.rng.randint(1, 3)}"] if name == "nth_value" or name in ("lag", "lead") and self.chance(0.4) else [e]
            rows = "" if name in ("lag", "lead") else frame
            return self.make(kind, sql, name, "(", *arg, ")", *over(whole, rows), most=e.most)
        for _ in range(3):
            e = self.aggregate(plain, kind)
            if not str(e).startswith("coalesce(count_if") and "ORDER BY" not in str(e) and "DISTINCT" not in str(e).split("FILTER")[0]:
                break
        else:
            return None
        if whole is None or r > 0.9:
            if first.kind in ("int", "dec") and first.safe and self.chance(0.5) and first.sql not in ("TINYINT", "HUGEINT"):
                order = Node("item", "", [first.node, self.pick("", " DESC", " NULLS FIRST")])
                frame = f" RANGE BETWEEN {self.pick('UNBOUNDED PRECEDING', '1 PRECEDING', '3 PRECEDING', 'CURRENT ROW')} AND {self.pick('CURRENT ROW', '2 FOLLOWING', 'UNBOUNDED FOLLOWING')}"
                return self.make(kind, e.sql, e, *over([order], frame), most=e.most, exact=e.exact)
            if first.kind == "date" and first.safe and self.chance(0.7):
                frame = f" RANGE BETWEEN INTERVAL {self.pick('3 DAY', '1 MONTH', '0 DAY')} PRECEDING AND {self.pick('CURRENT ROW', 'INTERVAL 1 WEEK FOLLOWING')}"
                return self.make(kind, e.sql, e, *over([Node("item", "", [first.node])], frame), most=e.most, exact=e.exact)
            return self.make(kind, e.sql, e, *over(lead if self.chance(0.7) else [], ""), most=e.most, exact=e.exact)
        return self.make(kind, e.sql, e, *over(whole, frame), most=e.most, exact=e.exact)

    def frame(self):
        start = self.pick("UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "CURRENT ROW", "1 FOLLOWING")
        ends = ["UNBOUNDED FOLLOWING", "3 FOLLOWING"] + ([] if "FOLLOWING" in start else ["CURRENT ROW"]) + (["1 PRECEDING"] if "2 PREC" in start or "UNB" in start else [])
        return f" ROWS BETWEEN {start} AND {self.rng.choice(ends)}"

    # whole queries

    def query(self, outer, kinds, top=False):
        """A query of the kinds (None: any one to five) that may name outer's columns."""
        if kinds is None:
            kinds = [self.pick("int", "int", "int", "str", "str", "dec", "date", "dbl", "ts", "bool") for _ in range(self.rng.choice([1, 2, 3, 4, 5]) if top else self.rng.choice([1, 2, 3]))]
        r = self.rng.random()
        if r < 0.12 and self.nest > 0:
            return self.set_operation(outer, kinds)
        if r < 0.2 and self.nest > 0 and not self.ctes:
            return self.with_cte(outer, kinds)
        source, cols = self.join(outer)
        scope = Scope(cols, outer)
        where = self.where(scope)
        r = self.rng.random()
        if r < 0.28:
            return self.grouped(source, where, scope, kinds)
        if r < 0.36:
            items = [self.value(Scope([], outer if self.chance(0.3) else [], Scope(cols, [])), k, 1) for k in kinds]
            items = [i if i.aggregated else self.aggregate(Scope(cols, []), k) for i, k in zip(items, kinds)]
            return self.block(["SELECT ", self.items(items), " FROM ", source, where], items)
        return self.plain(source, where, scope, kinds, top)

    def items(self, exprs):
        return Node("list", "", [Node("item", "", [e.node]) for e in exprs], ", ")

    def block(self, parts, items):
        out = []
        for e in items:
            out.append(Expr(e.node, e.kind, e.sql if e.sql != "LITERAL" else "INTEGER", e.most, e.exact))
        return Node("q", "", parts), out

    def plain(self, source, where, scope, kinds, top):
        windows = self.chance(0.25)
        items = [self.value(Scope(scope.cols, scope.outer if self.chance(0.2) else [], None, windows), k, self.pick(0, 1, 1, 2), self.chance(0.5)) for k in kinds]
        qualify = Node("opt", "", [""])
        if self.chance(0.06):
            rank = self.window(Scope(scope.cols, []), "int")
            if rank is not None and rank.exact:
                qualify = Node("opt", "", [" QUALIFY ", rank.node, f" <= {self.rng.randint(1, 3)}"])
        exact = all(e.exact for e in items) and not any(e.kind == "iv" for e in items)
        if exact and self.chance(0.12) and not str(qualify):
            if self.chance(0.35) and len(items) > 1:
                self.named = scope.cols
                return self.distinct_on(source, where, items)
            return self.limited(["SELECT DISTINCT ", self.items(items), " FROM ", source, where], items, 0.2)
        return self.limited(["SELECT ", self.items(items), " FROM ", source, where, qualify], items, 0.5 if top else 0.12, exact)

    def distinct_on(self, source, where, items):
        n = self.rng.randint(1, len(items) - 1)
        keys = Node("list", "", [e.node for e in items[:n]], ", ")
        if any(not any(str(c) in str(e) for c in self.named) for e in items):
            return self.block(["SELECT DISTINCT ", self.items(items), " FROM ", source, where], items)
        order = ", ".join(f"{i + 1}{self.pick('', ' DESC')}" for i in range(len(items)))
        return self.block(["SELECT DISTINCT ON (", keys, ") ", self.items(items), " FROM ", source, where, f" ORDER BY {order}"], items)

    def limited(self, parts, items, chance, exact=True):
        """With ORDER BY of all columns and often LIMIT."""
        if not exact or not self.chance(chance):
            return self.block(parts, items)
        order = Node("opt", "", [" ORDER BY " + self.total_order(len(items))])
        limit = Node("opt", "", [f" LIMIT {self.pick(0, 1, 2, 3, 7, 100)}{self.pick('', '', ' OFFSET 1', ' OFFSET 5')}"]) if self.chance(0.7) else ""
        node, cols = self.block(parts + [order, limit], items)
        node.ordered = True
        return node, cols

    def total_order(self, n):
        if self.chance(0.2):
            return "ALL" + self.pick("", " DESC")
        places = list(range(1, n + 1))
        self.rng.shuffle(places)
        return ", ".join(f"{i}{self.pick('', ' DESC')}{self.pick('', '', ' NULLS FIRST', ' NULLS LAST')}" for i in places)

    def grouped(self, source, where, scope, kinds):
        keys = []
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            e = self.exact(Scope(scope.cols, []), self.kind(scope), self.pick(0, 0, 1), self.chance(0.5))
            if not e.constant and "SELECT" not in str(e) and not any(str(k) == str(e) for k in keys):
                keys.append(e)
        if not keys:
            keys = [c for c in scope.cols if c.exact and c.kind != "iv"][:1]
        above = Scope(keys, [], Scope(scope.cols, []))
        items = []
        for k in kinds:
            fitting = [e for e in keys if e.kind == k]
            items.append(self.rng.choice(fitting) if fitting and self.chance(0.6) else self.value(above, k, self.pick(0, 1, 1)))
        if not keys:
            items = [self.aggregate(above.inner, k) for k in kinds]
            return self.block(["SELECT ", self.items(items), " FROM ", source, where], items)
        by = Node("list", "", [e.node for e in keys], ", ")
        having = Node("opt", "", [""])
        if self.chance(0.25):
            having = Node("opt", "", [" HAVING ", self.condition(above, 1).node])
        plain_items = all(any(str(e) == str(k) for k in keys) or not self.mentions(e, keys) for e in items)
        if self.chance(0.1) and plain_items and all(any(str(e) == str(k) for e in items) for k in keys) and not str(having):
            by = "ALL"
        elif self.chance(0.15) and self.pick(1, 1, 0): # by their places in the list
            items = keys + items[len(keys):] if len(items) > len(keys) and [k.kind for k in keys] == [i.kind for i in items[:len(keys)]] else items
            if items[:len(keys)] == keys:
                by = ", ".join(str(i + 1) for i in range(len(keys)))
        exact = all(e.exact for e in items)
        return self.limited(["SELECT ", self.items(items), " FROM ", source, where, " GROUP BY ", by, having], items, 0.15, exact)

    @staticmethod
    def mentions(e, keys):
        return any(str(k) in str(e) for k in keys)

    def set_operation(self, outer, kinds):
        op = self.pick(" UNION ALL ", " UNION ", " INTERSECT ", " EXCEPT ", " INTERSECT ALL ", " EXCEPT ALL ")
        a, left = self.nested(self.query, outer, kinds)
        b, right = self.nested(self.query, outer, kinds)
        met = [self.meet(k, [x, y]) for k, x, y in zip(kinds, left, right)]
        if any(m is None for m in met) or op != " UNION ALL " and not all(e.exact for e in left + right):
            return a, left
        cols = [Expr(None, k, m[0], m[1], x.exact and y.exact) for k, m, x, y in zip(kinds, met, left, right)]
        return Node("q", "", ["(", a, ")", op, "(", b, ")"]), cols

    def with_cte(self, outer, kinds):
        name = f"cte{self.aliases}"
        node, cols = self.nested(self.query, [], None)
        self.ctes.append((name, cols))
        body, made = self.nested(self.query, outer, kinds)
        self.ctes.pop()
        names = ", ".join(f"c{i}" for i in range(len(cols)))
        word = self.pick("", "", "MATERIALIZED ", "NOT MATERIALIZED ")
        return Node("q", "", [f"WITH {name}({names}) AS {word}(", node, ") ", body]), made


def random_query(rng, world):
    """(Node, True if its rows have one order)."""
    gen = Queries(rng, world)
    gen.nest = rng.choice([1, 2, 2, 3]) if not world.big else rng.choice([1, 1, 2])
    node, _ = gen.query([], None, True)
    return node, getattr(node, "ordered", False)
