"""bench/groups/strings.py -- strings of TPC-H part, orders and customer, in memory."""
from groups import Group, Query, tpch


def count(table, condition):
    return Query(f"SELECT count(*) AS n FROM {table} WHERE {condition}")


def length_of(table, expression, **others):
    """The lengths' sum: the strings are made, and don't leave the engine."""
    return Query(f"SELECT sum(length({expression})) AS n FROM {table}", **others)


def by(table, key, more="count(*) AS n"):
    return Query(f"SELECT {key} AS k, {more} FROM {table} GROUP BY {key}")


def regexp(table, column, pattern):
    # each engine's own name for "some part of it matches"
    return Query(f"SELECT count(*) AS n FROM {table} WHERE regexp_matches({column}, '{pattern}')",
                 polars=lambda frames: regexp_frame(frames[table], column, pattern),
                 datafusion=f"SELECT count(*) AS n FROM {table} WHERE {column} ~ '{pattern}'")


def regexp_frame(frame, column, pattern):
    import polars as pl
    return frame.filter(pl.col(column).str.contains(pattern)).select(pl.len().alias("n"))


def replaced(frames):
    import polars as pl
    text = pl.col("o_comment").str.replace_all("[aeiou]+", "-")
    return frames["orders"].select(text.str.len_chars().sum().alias("n"))


IN_LOW = "'1-URGENT', '3-MEDIUM', '9-NONE'"
IN_HIGH = ", ".join(f"'Clerk#{number:09}'" for number in range(1, 1000, 37))
IN_NAMES = ", ".join(f"'Customer#{number:09}'" for number in range(1, 150000, 1499))
REPLACE = "SELECT sum(length(regexp_replace(o_comment, '[aeiou]+', '-', 'g'))) AS n FROM orders"
QUERIES = {
    "LIKE prefix, part name": count("part", "p_name LIKE 'forest%'"),
    "LIKE prefix, order comment": count("orders", "o_comment LIKE 'furiously%'"),
    "LIKE suffix, part type": count("part", "p_type LIKE '%BRASS'"),
    "LIKE suffix, order comment": count("orders", "o_comment LIKE '%deposits'"),
    "LIKE infix, part name": count("part", "p_name LIKE '%green%'"),
    "LIKE infix, order comment": count("orders", "o_comment LIKE '%special%'"),
    "LIKE infix, customer comment": count("customer", "c_comment LIKE '%pending%'"),
    "LIKE two wildcards, orders": count("orders", "o_comment LIKE '%special%requests%'"),
    "NOT LIKE two wildcards, customer": count("customer", "c_comment NOT LIKE '%final%accounts%'"),
    "= low cardinality": count("orders", "o_orderpriority = '1-URGENT'"),
    "= middling cardinality": count("orders", "o_clerk = 'Clerk#000000951'"),
    "= high cardinality": count("customer", "c_name = 'Customer#000075000'"),
    "IN low cardinality": count("orders", f"o_orderpriority IN ({IN_LOW})"),
    "IN middling cardinality": count("orders", f"o_clerk IN ({IN_HIGH})"),
    "IN high cardinality": count("customer", f"c_name IN ({IN_NAMES})"),
    "< on strings": count("orders", "o_comment < 'express'"),
    "upper": length_of("orders", "upper(o_comment)"),
    "substring": Query("SELECT substring(o_comment, 3, 8) AS s FROM orders"),
    "concat": Query("SELECT c_name || ' ' || c_phone AS s FROM customer"),
    "length": length_of("orders", "o_comment"),
    "regexp, alternatives": regexp("orders", "o_comment", "(special|pending).*(requests|deposits)"),
    "regexp, classes": regexp("part", "p_name", "^[a-m][a-z]+ b[a-z]*e "),
    "regexp replace": Query(REPLACE, polars=replaced),
    "distinct low cardinality": Query("SELECT DISTINCT p_type FROM part"),
    "distinct high cardinality": Query("SELECT DISTINCT o_comment FROM orders"),
    "group by low cardinality": by("orders", "o_orderpriority"),
    "group by middling cardinality": by("orders", "o_clerk"),
    "group by high cardinality": by("part", "p_name", "count(*) AS n, max(p_comment) AS m"),
    "sort on strings": Query("SELECT o_comment FROM orders ORDER BY o_comment", keys=["o_comment"]),
}
GROUPS = [Group("strings, scale {scale}, in memory",
                lambda options: tpch(options, "part", "orders", "customer"), "memory", QUERIES,
                ("duckdb", "polars", "datafusion"), bar_ratio=1.0, bar_geometric=1.3)]
