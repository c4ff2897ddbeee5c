"""Random typed expressions, as trees that can be cut down.

An expression knows its type, a bound for its absolute value (so that arithmetic never overflows: which of several rows
fails first is not defined, so errors can't be compared), and whether it is exact: floating-point results that depend on
the order of additions or on libm are given out but never compared, grouped, joined or ordered by.
"""
from random_tables import I64, I128

INTS = ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"]
INT_MAX = {"TINYINT": 127, "SMALLINT": 2 ** 15 - 1, "INTEGER": 2 ** 31 - 1, "BIGINT": I64, "HUGEINT": I128}
KINDS = ["int", "int", "int", "dec", "dbl", "str", "str", "date", "ts", "bool"]


class Node:
    """A piece of SQL: parts are texts and nodes. role: "x" an expression of kind, "q" a query, "opt" may be left out,
    "list" (parts are joined by sep; one may be left out)."""

    def __init__(self, role, kind, parts, sep=""):
        self.role, self.kind, self.parts, self.sep = role, kind, parts, sep

    def __str__(self):
        return self.sep.join(map(str, self.parts))


class Expr:
    """text: Node; kind: int, dec, dbl, str, date, ts, bool, iv; sql: its type; most: bound or None."""

    def __init__(self, node, kind, sql, most=None, exact=True, unique=False, constant=False):
        self.node, self.kind, self.sql, self.most = node, kind, sql, most
        self.exact, self.unique, self.constant = exact, unique, constant
        self.aggregated = False # an aggregate call is in it
        self.wild = False # values up to the ends of the type: never in arithmetic

    def __str__(self):
        return str(self.node)

    def under(self, text):
        """The same as a column called text."""
        made = Expr(Node("x", self.kind, [text]), self.kind, self.sql, self.most, self.exact, self.unique)
        made.wild = self.wild
        return made

    @property
    def safe(self):
        return not self.wild and (self.kind not in ("int", "dec", "dbl") or self.most is not None and self.most <= 10 ** 6)


def kind_of(sql):
    if sql in INTS:
        return "int"
    if sql.startswith("DECIMAL"):
        return "dec"
    return {"DOUBLE": "dbl", "FLOAT": "dbl", "VARCHAR": "str", "DATE": "date", "TIMESTAMP": "ts", "BOOLEAN": "bool", "INTERVAL": "iv"}[sql]


def digits(sql):
    """(integer digits, scale) of a decimal."""
    p, s = (int(x) for x in sql[8:-1].split(","))
    return p - s, s


class Scope:
    """What may be named: columns of the block, columns of blocks around it; or, above a grouping, keys and aggregates."""

    def __init__(self, cols, outer, inner=None, windows=False):
        self.cols, self.outer, self.inner, self.windows = cols, outer, inner, windows


class Exprs:
    """Expressions over a scope; queries come from the class that inherits this."""

    def __init__(self, rng, world):
        self.rng, self.world, self.aliases = rng, world, 0

    def alias(self):
        self.aliases += 1
        return f"x{self.aliases}"

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, *options):
        return self.rng.choice(options)

    def make(self, kind, sql, *parts, most=None, exact=True):
        """An expression of parts; inexact if a part is."""
        exact = exact and all(p.exact for p in parts if isinstance(p, Expr))
        nodes = [p.node if isinstance(p, Expr) else p for p in parts]
        made = Expr(Node("x", kind, nodes), kind, sql, most, exact)
        made.aggregated = any(p.aggregated for p in parts if isinstance(p, Expr))
        made.wild = kind in ("int", "dbl", "iv") and any(p.wild and p.kind == kind for p in parts if isinstance(p, Expr))
        return made

    def kind(self, scope):
        """A kind that scope has, mostly."""
        cols = scope.cols if scope.inner is None else scope.cols + scope.inner.cols
        kinds = [c.kind for c in cols if c.exact and c.kind != "iv"]
        return self.rng.choice(kinds) if kinds and self.chance(0.85) else self.rng.choice(KINDS)

    # leaves

    def leaf(self, scope, kind, safe=True):
        cols = scope.cols
        if scope.outer and (not cols or self.chance(0.25)):
            cols = scope.outer
        fitting = [c for c in cols if c.kind == kind and (c.safe or not safe)]
        if scope.inner is not None and self.chance(0.5):
            return self.aggregate(scope.inner, kind, safe)
        if fitting and self.chance(0.9):
            return self.rng.choice(fitting)
        other = [c for c in scope.cols if c.safe and c.exact]
        if other and self.chance(0.5):
            return self.convert(self.rng.choice(other), kind)
        return self.literal(kind)

    def literal(self, kind):
        r = self.rng
        if kind == "int":
            v = r.choice([0, 1, 2, 3, 5, 7, 100, -1])
            return Expr(Node("x", kind, [f"({v})" if v < 0 else str(v)]), kind, "LITERAL", abs(v), constant=True)
        if kind == "dec":
            text, sql, most = r.choice([("1.5", "DECIMAL(2,1)", 2), ("0.05", "DECIMAL(2,2)", 1), ("12.345", "DECIMAL(5,3)", 13), ("(-2.0)", "DECIMAL(2,1)", 2),
                                        ("CAST(3 AS DECIMAL(12,2))", "DECIMAL(12,2)", 3)])
            return Expr(Node("x", kind, [text]), kind, sql, most, constant=True)
        if kind == "dbl":
            text, most = r.choice([("0.5e0", 1), ("2e0", 2), ("(-1.25e0)", 2), ("0e0", 0)])
            return Expr(Node("x", kind, [text]), kind, "DOUBLE", most, constant=True)
        text = {"str": lambda: r.choice(["''", "'a'", "'abc'", "'key 0000002 of many'", "'a text that is long'", "'ä'", "'1'", "'%'"]),
                "date": lambda: r.choice(["DATE '2020-01-01'", "DATE '2020-02-29'", "DATE '2019-12-30'"]),
                "ts": lambda: r.choice(["TIMESTAMP '2020-01-01 00:00:00'", "TIMESTAMP '2020-02-29 12:34:56.789'"]),
                "bool": lambda: r.choice(["true", "false", "CAST(NULL AS BOOLEAN)"]),
                "iv": lambda: r.choice(["INTERVAL 1 DAY", "INTERVAL '2 months'", "INTERVAL '3 hours 4 minutes'", "INTERVAL '-1 year'"])}[kind]()
        sql = {"str": "VARCHAR", "date": "DATE", "ts": "TIMESTAMP", "bool": "BOOLEAN", "iv": "INTERVAL"}[kind]
        return Expr(Node("x", kind, [text]), kind, sql, constant=True)

    def convert(self, e, kind):
        """e as the kind, by a cast or a function that can't fail."""
        if e.kind == kind:
            return e
        if kind == "int":
            if e.kind in ("dec", "dbl", "bool"):
                return self.make(kind, "INTEGER", "CAST(", e, " AS INTEGER)", most=(e.most or 1) + 1)
            if e.kind == "str":
                return self.pick(lambda: self.make(kind, "INTEGER", "length(", e, ")", most=200),
                                 lambda: self.make(kind, "INTEGER", "TRY_CAST(", e, " AS INTEGER)", most=2 ** 31))()
            if e.kind in ("date", "ts"):
                return self.make(kind, "INTEGER", self.pick("day(", "month(", "dayofweek(", "dayofyear(", "quarter("), e, ")", most=366)
        if kind == "dec" and e.kind in ("int", "dbl", "bool"):
            most = 1 if e.most is None else e.most
            return self.make(kind, "DECIMAL(14,2)", "CAST(", e, " AS DECIMAL(14,2))", most=most + 1)
        if kind == "dec" and e.kind == "str":
            return self.make(kind, "DECIMAL(12,2)", "TRY_CAST(", e, " AS DECIMAL(12,2))", most=10 ** 10)
        if kind == "dbl" and e.kind == "int":
            return self.make(kind, "DOUBLE", "CAST(", e, " AS DOUBLE)", most=e.most)
        if kind == "dbl" and e.kind == "dec":
            return self.make(kind, "DOUBLE", "CAST(", e, " AS DOUBLE)", most=e.most, exact=False)
        if kind == "str" and e.kind in ("int", "date", "ts", "bool", "iv"):
            return self.make(kind, "VARCHAR", "CAST(", e, " AS VARCHAR)")
        if kind == "date" and e.kind == "ts":
            return self.make(kind, "DATE", "CAST(", e, " AS DATE)")
        if kind == "date" and e.kind == "str":
            return self.make(kind, "DATE", "TRY_CAST(", e, " AS DATE)")
        if kind == "ts" and e.kind == "date":
            return self.make(kind, "TIMESTAMP", "CAST(", e, " AS TIMESTAMP)")
        if kind == "bool":
            return self.make(kind, "BOOLEAN", "(", e, " IS NOT NULL)")
        return self.literal(kind)

    # values

    def value(self, scope, kind, depth, safe=True):
        """An expression of kind; safe: its values are small."""
        made = self.any_value(scope, kind, depth, safe)
        return self.literal(kind) if safe and made.wild else made

    def any_value(self, scope, kind, depth, safe):
        r = self.rng.random()
        if depth <= 0 or r < 0.35:
            return self.leaf(scope, kind, safe)
        if r < 0.5:
            return self.choice(scope, kind, depth - 1, safe)
        if r < 0.55 and self.nest > 0 and kind not in ("iv",):
            return self.scalar(scope, kind)
        if scope.windows and r < 0.62:
            made = self.window(scope, kind)
            if made is not None:
                return made
        return getattr(self, "value_" + kind)(scope, depth - 1, safe)

    def meet(self, kind, parts):
        """Type of CASE, COALESCE and the like over parts; None if that is not sure to work."""
        most = None if any(p.most is None for p in parts) else max(p.most for p in parts)
        if kind == "int":
            named = [p.sql for p in parts if p.sql != "LITERAL"] or ["INTEGER"]
            sql = max(named, key=INTS.index)
            return sql, most
        if kind == "dec":
            whole = [digits(p.sql) for p in parts]
            n, s = max(x for x, _ in whole), max(y for _, y in whole)
            if n + s > 38:
                return None
            return f"DECIMAL({n + s},{s})", most
        if kind == "dbl":
            return "FLOAT" if all(p.sql == "FLOAT" for p in parts) else "DOUBLE", most
        return parts[0].sql, most

    def choice(self, scope, kind, depth, safe):
        """CASE, COALESCE, NULLIF, greatest, least."""
        a, b = self.value(scope, kind, depth, safe), self.value(scope, kind, depth, safe)
        met = self.meet(kind, [a, b])
        if met is None:
            return a
        sql, most = met
        form = self.rng.randrange(7)
        if kind in ("iv",) or (form > 3 and not (a.exact and b.exact)):
            form = self.rng.choice([0, 1])
        if form == 0:
            cond = self.condition(scope, depth)
            return self.make(kind, sql, "CASE WHEN ", cond, " THEN ", a, " ELSE ", b, " END", most=most)
        if form == 1:
            return self.make(kind, sql, "coalesce(", a, ", ", b, ")", most=most)
        if form == 2:
            cond, more = self.condition(scope, depth - 1), self.condition(scope, depth - 1)
            return self.make(kind, sql, "CASE WHEN ", cond, " THEN ", a, " WHEN ", more, " THEN ", b, " END", most=most)
        if form == 3:
            other = self.pick("int", "str")
            x, v, w = self.exact(scope, other, depth), self.literal(other), self.exact(scope, other, 0)
            return self.make(kind, sql, "CASE ", x, " WHEN ", v, " THEN ", a, " WHEN ", w, " THEN ", b, self.pick("", " ELSE NULL"), " END", most=most)
        if form == 4:
            return self.make(kind, a.sql if a.sql != "LITERAL" else "INTEGER", "nullif(", a, ", ", b, ")", most=a.most)
        if kind == "bool":
            return self.make(kind, sql, "(", a, self.pick(" AND ", " OR "), b, ")")
        return self.make(kind, sql, self.pick("greatest(", "least("), a, ", ", b, ")", most=most)

    def exact(self, scope, kind, depth, safe=False):
        for _ in range(4):
            e = self.value(scope, kind, depth, safe)
            if e.exact:
                return e
        return self.literal(kind)

    def value_int(self, scope, depth, safe):
        form = self.rng.randrange(14)
        if form <= 3:
            a, b = self.value(scope, "int", depth), self.value(scope, "int", depth)
            op = self.pick("+", "-", "*")
            types = [x.sql for x in (a, b) if x.sql != "LITERAL"]
            sql = max(types or ["INTEGER"], key=INTS.index)
            most = a.most * b.most if op == "*" else a.most + b.most
            if most <= INT_MAX[min(types or ["INTEGER"], key=INTS.index)]:
                return self.make("int", sql, "(", a, f" {op} ", b, ")", most=most)
            a, b = (self.make("int", "BIGINT", "CAST(", x, " AS BIGINT)", most=x.most) for x in (a, b))
            return self.make("int", "BIGINT", "(", a, f" {op} ", b, ")", most=most) if most <= I64 else a
        if form == 4:
            a = self.value(scope, "int", depth)
            b = self.pick("2", "3", "(-7)", "nullif(CAST({} AS BIGINT), 0)")
            if "{}" in b:
                b = self.make("int", "BIGINT", "nullif(CAST(", self.value(scope, "int", 0), " AS BIGINT), 0)")
            return self.make("int", "BIGINT" if isinstance(b, Expr) and a.sql != "HUGEINT" else a.sql, "(", a, self.pick(" // ", " % "), b, ")", most=max(a.most, 7))
        if form == 5:
            a = self.value(scope, "int", depth)
            if a.sql == "LITERAL":
                return a
            return self.make("int", a.sql, self.pick("abs(", "(-", "(+"), a, ")", most=a.most)
        if form == 6:
            a, b = self.value(scope, "int", depth), self.value(scope, "int", depth)
            return self.make("int", "BIGINT", "(CAST(", a, " AS BIGINT)", self.pick(" & ", " | "), "CAST(", b, " AS BIGINT))",
                             most=2 * max(a.most, b.most) + 1)
        if form == 7:
            return self.make("int", "TINYINT", self.pick("sign(", "bit_count("), "CAST(", self.value(scope, "int", depth), " AS BIGINT))", most=128)
        if form == 8:
            e = self.value(scope, "str", depth)
            return self.make("int", "BIGINT", self.pick("length(", "strlen(", "ascii(", "unicode(", "bit_length("), e, ")", most=2 ** 21)
        if form == 9:
            return self.make("int", "BIGINT", "strpos(", self.value(scope, "str", depth), ", ", self.value(scope, "str", 0), ")", most=10000)
        if form == 10:
            e = self.value(scope, self.pick("date", "ts"), depth)
            part = self.pick("year", "month", "day", "quarter", "week", "isodow", "dayofyear", "isoyear", "decade", "century", "dow", "yearweek")
            name = f"date_part('{part}', " if self.chance(0.5) else f"extract({part} FROM " if self.chance(0.5) else "date_part('year', "
            return self.make("int", "BIGINT", name, e, ")", most=10 ** 6)
        if form == 11:
            kind = self.pick("date", "ts")
            a, b = self.value(scope, kind, depth), self.value(scope, kind, depth)
            part = self.pick("day", "month", "year", "week", "quarter") if kind == "date" else self.pick("day", "month", "hour", "minute")
            return self.make("int", "BIGINT", self.pick("date_diff(", "date_sub("), f"'{part}', ", a, ", ", b, ")", most=10 ** 10)
        if form == 12:
            e = self.pick("dec", "dbl", "bool")
            return self.convert(self.value(scope, e, depth), "int")
        e = self.value(scope, "int", depth, False)
        to = self.pick("TINYINT", "SMALLINT", "INTEGER")
        return self.make("int", to, "TRY_CAST(", e, f" AS {to})", most=INT_MAX[to])

    def value_dec(self, scope, depth, safe):
        form = self.rng.randrange(8)
        if form <= 2:
            a, b = self.value(scope, "dec", depth), self.value(scope, "dec", depth)
            (n1, s1), (n2, s2) = digits(a.sql), digits(b.sql)
            if form == 2:
                n, s, most = n1 + n2, s1 + s2, a.most * b.most
            else:
                n, s, most = max(n1, n2) + 1, max(s1, s2), a.most + b.most
            op = " * " if form == 2 else self.pick(" + ", " - ")
            room = 18 if n1 + s1 <= 18 and n2 + s2 <= 18 else 38
            if n + s > 38 or most >= 10 ** (room - s) // 10:
                return a
            return self.make("dec", f"DECIMAL({n + s},{s})", "(", a, op, b, ")", most=most)
        if form == 3:
            a = self.value(scope, "dec", depth)
            i = self.convert(self.value(scope, "int", 0), "int")
            n, s = digits(a.sql)
            if i.most > 10 ** 6 or n + s > 14:
                return a
            i = self.make("int", "INTEGER", "CAST(", i, " AS INTEGER)", most=i.most)
            return self.make("dec", f"DECIMAL({max(n, 10) + s + 1},{s})", "(", a, self.pick(" + ", " - "), i, ")", most=a.most + i.most)
        if form == 4:
            a = self.value(scope, "dec", depth)
            return self.make("dec", a.sql, self.pick("abs(", "(-"), a, ")", most=a.most)
        if form == 5:
            a = self.value(scope, "dec", depth)
            n, s = digits(a.sql)
            if n < 2:
                return a
            return self.make("dec", f"DECIMAL({n + s},0)", self.pick("ceil(", "floor(", "round("), a, ")", most=a.most + 1)
        if form == 6:
            a = self.value(scope, "dec", depth)
            n, s = digits(a.sql)
            if n < 2 or s < 1:
                return a
            return self.make("dec", f"DECIMAL({n + s},1)", "round(", a, ", 1)", most=a.most + 1)
        return self.convert(self.value(scope, self.pick("int", "dbl"), depth), "dec")

    def value_dbl(self, scope, depth, safe):
        form = self.rng.randrange(8)
        if form <= 2:
            a, b = self.value(scope, "dbl", depth), self.value(scope, "dbl", depth)
            if a.most is None or b.most is None:
                return a
            op, most = self.rng.choice([(" + ", a.most + b.most), (" - ", a.most + b.most), (" * ", a.most * b.most)])
            exact = most < 2 ** 22 and "FLOAT" not in (a.sql, b.sql) # halves and quarters: a few products stay exact
            return self.make("dbl", "DOUBLE", "(", a, op, b, ")", most=most, exact=exact) if "FLOAT" not in (a.sql, b.sql) else a
        if form == 3:
            return self.make("dbl", "DOUBLE", self.pick("ceil(", "floor(", "round(", "abs("), *self.wide(scope, depth), ")", most=10 ** 6)
        if form == 4:
            a, b = self.value(scope, self.pick("int", "dec", "dbl"), depth), self.value(scope, self.pick("int", "dbl"), depth)
            return self.make("dbl", "DOUBLE", "(", a, " / nullif(", b, ", 0))", exact=False)
        if form == 5:
            a = self.value(scope, "dbl", depth)
            if a.most is None:
                return a
            return self.make("dbl", "DOUBLE", self.pick("sqrt(abs(", "ln(1 + abs(", "sin((", "cos((", "atan((", "cbrt((", "degrees(("), a, "))", exact=False)
        return self.convert(self.value(scope, "int", depth), "dbl")

    def wide(self, scope, depth):
        a = self.value(scope, "dbl", depth)
        return [a] if a.most is not None and a.sql == "DOUBLE" else [self.convert(self.value(scope, "int", 0), "dbl")]

    def value_str(self, scope, depth, safe):
        s = lambda: self.value(scope, "str", depth)
        i = lambda: Expr(Node("x", "int", [str(self.rng.randint(-3, 6))]), "int", "LITERAL", 6)
        form = self.rng.randrange(18)
        if form == 0:
            return self.make("str", "VARCHAR", self.pick("upper(", "lower(", "reverse(", "trim(", "ltrim(", "rtrim("), s(), ")")
        if form == 1:
            return self.make("str", "VARCHAR", self.pick("left(", "right(", "substring(", "repeat("), s(), ", ", i(), ")")
        if form == 2:
            return self.make("str", "VARCHAR", "substring(", s(), ", ", i(), ", ", i(), ")")
        if form == 3:
            return self.make("str", "VARCHAR", self.pick("lpad(", "rpad("), s(), f", {self.rng.randint(0, 20)}, '{self.pick('x', 'äb', ' ')}')")
        if form == 4:
            return self.make("str", "VARCHAR", "replace(", s(), ", ", self.value(scope, "str", 0), ", ", self.literal("str"), ")")
        if form <= 6:
            return self.make("str", "VARCHAR", "(", s(), " || ", s(), ")")
        if form == 7:
            other = self.value(scope, self.pick("int", "date", "bool", "str"), depth)
            return self.make("str", "VARCHAR", self.pick("concat(", "concat_ws('-', "), s(), ", ", other, ")")
        if form == 8:
            return self.make("str", "VARCHAR", "split_part(", s(), f", '{self.pick(' ', 'a', ',')}', {self.pick(1, 2, -1)})")
        if form == 9:
            return self.make("str", "VARCHAR", "translate(", s(), ", 'abä', 'x')")
        if form == 10:
            return self.make("str", "VARCHAR", self.pick("dayname(", "monthname("), self.value(scope, self.pick("date", "ts"), depth), ")")
        if form == 11:
            return self.make("str", "VARCHAR", "strftime(", self.value(scope, self.pick("date", "ts"), depth), f", '{self.pick('%Y-%m-%d', '%d/%m/%y %H:%M:%S', '%j %a %b')}')")
        if form == 12:
            return self.make("str", "VARCHAR", "regexp_replace(", s(), f", '{self.pick('[aeiou]', '(a)(b)?', ' +')}', '{self.pick('_', '', '<>')}'{self.pick('', ', ' + chr(39) + 'g' + chr(39))})")
        if form == 13:
            return self.make("str", "VARCHAR", "regexp_extract(", s(), f", '{self.pick('[a-z]+', '([0-9]+)', '^.')}')")
        if form == 14:
            return self.make("str", "VARCHAR", "hex(abs(CAST(", self.value(scope, "int", depth), " AS BIGINT)))")
        if form == 15:
            return self.make("str", "VARCHAR", "trim(", s(), ", 'a ')")
        return self.convert(self.value(scope, self.pick("int", "date", "ts", "bool"), depth), "str")

    def value_date(self, scope, depth, safe):
        form = self.rng.randrange(5)
        if form == 0:
            i = self.value(scope, "int", depth)
            if i.most <= 10 ** 4:
                days = self.make("int", "INTEGER", "CAST(", i, " AS INTEGER)")
                return self.make("date", "DATE", "(", self.leaf(scope, "date"), self.pick(" + ", " - "), days, ")")
        if form == 1:
            return self.make("date", "DATE", "last_day(", self.value(scope, self.pick("date", "ts"), depth), ")")
        if form == 2:
            e = self.value(scope, "int", 0)
            return self.make("date", "DATE", "make_date(2020, 1 + abs(CAST(", e, " AS BIGINT) % 12), 15)")
        return self.convert(self.value(scope, self.pick("ts", "str"), depth), "date")

    def value_ts(self, scope, depth, safe):
        form = self.rng.randrange(4)
        if form == 0:
            return self.make("ts", "TIMESTAMP", "(", self.leaf(scope, self.pick("date", "ts")), self.pick(" + ", " - "), self.literal("iv"), ")")
        if form == 1:
            part = self.pick("month", "year", "day", "week", "quarter", "hour")
            return self.make("ts", "TIMESTAMP", f"date_trunc('{part}', ", self.value(scope, "ts", depth), ")")
        return self.convert(self.value(scope, "date", depth), "ts")

    def value_iv(self, scope, depth, safe):
        if self.chance(0.5):
            return self.make("iv", "INTERVAL", "(", self.leaf(scope, "ts"), " - ", self.leaf(scope, "ts"), ")")
        return self.make("iv", "INTERVAL", self.pick("to_days(", "to_months("), "CAST(", self.value(scope, "int", 0), " % 1000 AS INTEGER))")

    def value_bool(self, scope, depth, safe):
        return self.condition(scope, depth)

    # conditions

    def pair(self, scope, depth, kind=None):
        """Two expressions that can be compared."""
        kind = kind or self.kind(scope)
        a = self.exact(scope, kind, depth)
        other = kind
        if kind == "int" and self.chance(0.2):
            other = self.pick("dec", "dbl")
        b = self.exact(scope, other, depth)
        if str(a) == str(b) and self.chance(0.8):
            b = self.literal(kind)
        if other == "dec" and kind == "int" and (a.most is None or a.most > 10 ** 9):
            b = self.exact(scope, "int", depth)
        return a, b

    def compare(self, scope, depth, other=None):
        kind = self.kind(scope if other is None or self.chance(0.5) else other)
        a = self.exact(scope, kind, depth)
        if other is not None and self.chance(0.7):
            b = self.exact(other, kind, depth)
        else:
            a, b = self.pair(scope, depth, kind)
        op = self.pick("=", "=", "<>", "<>", "<", "<=", ">", ">=", "IS NOT DISTINCT FROM", "IS DISTINCT FROM")
        return self.make("bool", "BOOLEAN", "(", a, f" {op} ", b, ")")

    def condition(self, scope, depth):
        r = self.rng.random()
        if depth <= 0 or r < 0.3:
            if r < 0.06:
                return self.make("bool", "BOOLEAN", "(", self.leaf(scope, self.kind(scope), False), self.pick(" IS NULL)", " IS NOT NULL)"))
            other = Scope(scope.outer, []) if scope.outer and self.chance(0.5) else None
            return self.compare(scope, min(depth, 1), other)
        if r < 0.42:
            a, b = self.condition(scope, depth - 1), self.condition(scope, depth - 1)
            return self.make("bool", "BOOLEAN", "(", a, self.pick(" OR ", " AND "), b, ")")
        if r < 0.46:
            return self.make("bool", "BOOLEAN", "(NOT ", self.condition(scope, depth - 1), ")")
        if r < 0.53:
            e = self.exact(scope, "str", depth - 1)
            pattern = self.pick("%a%", "a%", "%b", "_", "%ä%", "a_b", "%text%long%", "", "%", "key 000000_ of many", "%!%%")
            escape = " ESCAPE '!'" if "!" in pattern else ""
            return self.make("bool", "BOOLEAN", "(", e, self.pick(" LIKE ", " NOT LIKE ", " ILIKE "), f"'{pattern}'{escape})")
        if r < 0.56:
            e = self.exact(scope, "str", depth - 1)
            return self.make("bool", "BOOLEAN", self.pick("starts_with(", "ends_with(", "contains(", "regexp_matches("), e, f", '{self.pick('a', 'b', 'ä', 'ab')}')")
        if r < 0.62:
            kind = self.kind(scope)
            e = self.exact(scope, kind, depth - 1)
            items = [self.literal(kind) if self.chance(0.7) else self.exact(scope, kind, 0) for _ in range(self.rng.randint(1, 4))]
            if self.chance(0.15):
                items.append("NULL")
            nodes = Node("list", "", [i.node if isinstance(i, Expr) else i for i in items], ", ")
            return self.make("bool", "BOOLEAN", "(", e, self.pick(" IN (", " NOT IN ("), nodes, "))")
        if r < 0.66:
            kind = self.pick("int", "dec", "dbl", "str", "date", "ts")
            a, b, c = (self.exact(scope, kind, 0) for _ in range(3))
            return self.make("bool", "BOOLEAN", "(", a, self.pick(" BETWEEN ", " NOT BETWEEN "), b, " AND ", c, ")")
        if r < 0.69:
            return self.make("bool", "BOOLEAN", "(", self.condition(scope, depth - 1), self.pick(" IS TRUE)", " IS NOT TRUE)", " IS FALSE)", " IS NULL)"))
        if r < 0.72:
            return self.value(scope, "bool", 0)
        if self.nest <= 0:
            return self.compare(scope, depth - 1)
        return self.subquery_condition(scope, depth)
