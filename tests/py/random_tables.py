"""Tables for random queries: columns of many types with nulls and duplicates, made from a seed.

A column's name tells its type's kind and its size, so that names meet in USING: see PALETTE. Small values are what
arithmetic may use without overflow; columns with extremes (wide integers, NaN, infinities, long text) are for comparing,
grouping, joining, minimum and maximum.
"""
import datetime
import decimal
import os

import pyarrow as pa
import pyarrow.parquet as pq

SHORT = ["", "a", "b", "A", "ab", "abc", "b a", "%", "a_b", "1", "12", "-3"]
LONG = ["a text that is long", "a text that is longer", "a text that is long ", "twelve bytes", "thirteen byte",
        "äöü", "ÄÖÜ", "日本語テキスト", "日本", "naïve café au lait", "x" * 40, "x" * 41, "emoji 🙂 here", "  padded  ", "1.5", "2020-02-29",
        "tab\there", "it's", "comma,comma", "é", "🙂🙂", "2021-13-01", "99999999999"]
I64, I128 = 2 ** 63 - 1, 2 ** 127 - 1


def quarter(rng, most):
    return rng.randint(-most * 4, most * 4) / 4


def number(rng, most, scale):
    """A decimal with |value| <= most."""
    return decimal.Decimal(rng.randint(-most * 10 ** scale, most * 10 ** scale)).scaleb(-scale)


# name: (SQL type, largest absolute value or None, safe: small and exact, value of (rng, distinct))
PALETTE = {
    "a": ("BIGINT", 1000, True, lambda r, n: r.randint(-1, min(n, 900))),
    "b": ("INTEGER", 1000, True, lambda r, n: r.randint(0, min(n, 900))),
    "c": ("SMALLINT", 1000, True, lambda r, n: r.randint(0, min(n, 900))),
    "e": ("TINYINT", 12, True, lambda r, n: r.randint(-3, 12)),
    "h": ("HUGEINT", 1000, True, lambda r, n: r.randint(-1, min(n, 900))),
    "w": ("BIGINT", I64, False, lambda r, n: r.choice([I64, -I64, -I64 - 1, 0, 1, r.randint(-9, 9), r.randint(-I64, I64)])),
    "wi": ("INTEGER", 2 ** 31, False, lambda r, n: r.choice([2 ** 31 - 1, -2 ** 31, 0, r.randint(-2 ** 31, 2 ** 31 - 1)])),
    "wt": ("TINYINT", 128, False, lambda r, n: r.choice([127, -128, 0, r.randint(-128, 127)])),
    "wh": ("HUGEINT", I128, False, lambda r, n: r.choice([I128, -I128, 0, 7, I64 + 1, -I64 - 2, r.randint(-I128, I128)])),
    "f": ("DOUBLE", 256, True, lambda r, n: quarter(r, min(n, 200))),
    "fx": ("DOUBLE", None, False, lambda r, n: r.choice([float("nan"), float("inf"), -float("inf"), -0.0, 0.0, 1e300, -1e-300, 0.1,
                                                         quarter(r, 3), 1e15, float(2 ** 53)])),
    "g": ("FLOAT", 64, True, lambda r, n: quarter(r, min(n, 60))),
    "d": ("DECIMAL(4,1)", 100, True, lambda r, n: number(r, min(n, 90), 1)),
    "m": ("DECIMAL(9,2)", 1000, True, lambda r, n: number(r, min(n, 900), 2)),
    "n": ("DECIMAL(18,4)", 10000, True, lambda r, n: number(r, min(n, 9000), r.choice([0, 1, 4]))),
    "o": ("DECIMAL(38,6)", 10000, True, lambda r, n: number(r, min(n, 9000), r.choice([0, 2, 6]))),
    "s": ("VARCHAR", None, True, lambda r, n: r.choice(SHORT)),
    "u": ("VARCHAR", None, True, lambda r, n: r.choice(LONG + SHORT[:3])),
    "v": ("VARCHAR", None, True, lambda r, n: f"key {r.randint(0, n):07d} of many"),
    "dt": ("DATE", None, True, lambda r, n: datetime.date(2019, 12, 25) + datetime.timedelta(days=r.randint(0, min(n * 3, 1500)))),
    "dx": ("DATE", None, False, lambda r, n: r.choice([datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.date(1969, 12, 31),
                                                       datetime.date(2000, 2, 29)])),
    "ts": ("TIMESTAMP", None, True, lambda r, n: datetime.datetime(2020, 1, 1) + datetime.timedelta(
        hours=r.randint(-50, min(n * 6, 9999)), microseconds=r.choice([0, 0, 1, 999999, 500000]))),
    "p": ("BOOLEAN", None, True, lambda r, n: r.random() < 0.5),
    "iv": ("INTERVAL", None, False, lambda r, n: (r.choice([0, 1, 14, -3]), r.choice([0, 30, -1]), r.choice([0, 3600000000, -1]))),
}
COMMON = ["a", "b", "a", "b", "s", "f", "m", "dt"]


class Table:
    """Name, columns {name: palette entry}, how it is kept; `id` is unique and never null."""

    def __init__(self, name, columns, rows, kept):
        self.name, self.columns, self.rows, self.kept = name, columns, rows, kept


def arrow_type(sql):
    plain = {"BIGINT": pa.int64(), "INTEGER": pa.int32(), "SMALLINT": pa.int16(), "TINYINT": pa.int8(), "DOUBLE": pa.float64(),
             "FLOAT": pa.float32(), "VARCHAR": pa.string(), "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us"), "BOOLEAN": pa.bool_()}
    if sql.startswith("DECIMAL"):
        return pa.decimal128(*(int(x) for x in sql[8:-1].split(",")))
    return plain[sql]


def literal(value, sql):
    if value is None:
        return "NULL"
    if sql in ("DOUBLE", "FLOAT"):
        return f"CAST('{value!r}' AS {sql})" if value != value or value in (float("inf"), -float("inf")) or str(value) == "-0.0" else f"CAST({value!r}e0 AS {sql})" if "e" not in repr(value) else repr(value)
    if sql == "VARCHAR":
        return "'" + value.replace("'", "''") + "'"
    if sql in ("DATE", "TIMESTAMP"):
        return f"{sql} '{str(value).rjust(10 if sql == 'DATE' else 19, '0')}'"
    if sql == "INTERVAL":
        return f"(INTERVAL '{value[0]} months' + INTERVAL '{value[1]} days' + INTERVAL '{value[2]} microseconds')"
    if sql == "HUGEINT":
        return f"CAST('{value}' AS HUGEINT)"
    if sql == "BIGINT":
        return f"CAST('{value}' AS BIGINT)"
    return str(value)


def make_rows(rng, table, null_share):
    distinct = rng.choice([2, 4, max(4, table.rows // 10), max(4, table.rows)])
    if table.rows > 100:
        distinct = max(distinct, table.rows // 10)
    columns = {"id": list(range(table.rows))}
    rng.shuffle(columns["id"])
    for name in table.columns:
        if name != "id":
            make = PALETTE[name][3]
            columns[name] = [None if rng.random() < null_share else make(rng, distinct) for _ in range(table.rows)]
    return columns


def column_type(name):
    return "BIGINT" if name == "id" else PALETTE[name][0]


class World:
    """Tables of one seed; statements() makes them in either engine."""

    def __init__(self, rng, folder, big):
        self.big, self.tables, self.load, self.files = big, [], [], []
        for i, name in enumerate(["t1", "t2", "t3", "t4"]):
            rows = rng.choice([3000, 8000, 20000, 50000][: 4 - i]) if big else rng.choice([0, 1, 5, 8, 12, 20, 40] if i == 3 and rng.random() < 0.4 else [6, 9, 12, 20, 40])
            wanted = rng.sample(list(PALETTE), rng.randint(4, 7)) + rng.sample(COMMON, 3)
            names = ["id"] + list(dict.fromkeys(wanted))
            rng.shuffle(names)
            kept = rng.choice(["memory", "arrow", "duckdb", "copied"]) if big or rng.random() < 0.4 else "memory"
            if kept != "memory":
                names = [n for n in names if n not in ("h", "wh", "iv")]
            if big and kept == "memory":
                kept = "copied"
                names = [n for n in names if n not in ("h", "wh", "iv")]
            table = Table(name, names, rows, kept)
            self.tables.append(table)
            self.fill(rng, table, folder)

    def fill(self, rng, table, folder):
        data = make_rows(rng, table, rng.choice([0, 0.05, 0.2, 0.5]))
        if table.kept == "memory":
            spec = ", ".join(f"{n} {column_type(n)}" for n in table.columns)
            self.load.append(("both", f"CREATE TABLE {table.name} ({spec})"))
            rows = list(zip(*(data[n] for n in table.columns)))
            if rows:
                text = ", ".join("(" + ", ".join(literal(v, column_type(n)) for v, n in zip(row, table.columns)) + ")" for row in rows)
                self.load.append(("both", f"INSERT INTO {table.name} VALUES {text}"))
            return
        arrow = pa.table({n: pa.array(data[n], arrow_type(column_type(n))) for n in table.columns})
        path = os.path.join(folder, f"{table.name}.parquet")
        size = rng.choice([1000, 5000, 20000]) if self.big else rng.choice([3, 100])
        pq.write_table(arrow, path, row_group_size=size, use_dictionary=rng.random() < 0.5, compression=rng.choice(["snappy", "zstd", "none"]),
                       data_page_version=rng.choice(["1.0", "2.0"]), data_page_size=rng.choice([256, 1 << 20]))
        if table.kept == "duckdb": # written again by DuckDB
            again = os.path.join(folder, f"{table.name}_2.parquet")
            self.load.append(("duckdb", f"COPY (FROM '{path}') TO '{again}' (FORMAT parquet, ROW_GROUP_SIZE {max(size, 2048)})"))
            path = again
        kind = "TABLE" if table.kept == "copied" else "VIEW"
        self.load.append(("duckdb", f"CREATE TABLE {table.name} AS FROM '{path}'"))
        self.load.append(("penstock", f"CREATE {kind} {table.name} AS SELECT * FROM '{path}'"))

    def statements(self, engine):
        return [sql for who, sql in self.load if who in ("both", engine)]
