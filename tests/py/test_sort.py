"""ORDER BY several keys of every width, nulls and directions mixed, against a stable sort here; in memory
and through files. Text of few bytes, of more than fit beside other keys, and beginnings of each other."""
import os
import random
import sys

import pyarrow

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import pslib  # noqa: E402

LIBRARY = os.environ.get("PS_LIBRARY", "build/dev/libpenstock.so")
TEXTS = ("", "a", "b", "\x01", "ab", "abc", "R", "F", "a" * 11, "a" * 12, "a" * 13, "a" * 14,
         "a" * 20, "a" * 11 + "b", "\u00ff", "\U0001F600", None)
INTS = (0, 1, -1, 2**40, -2**40, None)
FLOATS = (0.5, -0.5, 1e300, 0.0, None)


def literal(value):
    if isinstance(value, str):
        return f"'{value}'"
    return "NULL" if value is None else repr(value)


def bare(value):
    return value.encode() if isinstance(value, str) else value


def sorted_by(rows, column, descending, nulls_first):
    """A stable sort by one column."""
    nulls = [row for row in rows if row[column] is None]
    groups = {}
    for row in rows:
        if row[column] is not None:
            groups.setdefault(bare(row[column]), []).append(row)
    values = [row for key in sorted(groups, reverse=descending) for row in groups[key]]
    return nulls + values if nulls_first else values + nulls


def test_keys():
    session = pslib.Session(LIBRARY)
    choice = random.Random(5)
    for _ in range(40):
        rows = [(i, choice.choice(TEXTS), choice.choice(TEXTS), choice.choice(INTS),
                 choice.choice(FLOATS)) for i in range(choice.choice((3, 50, 400)))]
        values = ", ".join(f"({i}, {literal(a)}::VARCHAR, {literal(b)}::VARCHAR, {literal(c)}::BIGINT,"
                           f" {literal(d)}::DOUBLE)" for i, a, b, c, d in rows)
        keys = [(name, choice.random() < 0.5, choice.random() < 0.5)
                for name in choice.sample("abcd", choice.randint(1, 4))]
        order = ", ".join(f"{name} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
                          for name, down, first in keys)
        wanted = rows
        for name, down, first in reversed(keys):
            wanted = sorted_by(wanted, "iabcd".index(name), down, first)
        for spill in ("true", "false"):
            session.sql(f"SET force_spill = {spill}")
            table = session.sql(f"SELECT i FROM (VALUES {values}) t(i, a, b, c, d) ORDER BY {order}")
            assert table["i"].to_pylist() == [row[0] for row in wanted], f"{order}: {rows}"


def test_zero_bytes():
    """They are text like any other, also in the middle and at the end."""
    session = pslib.Session(LIBRARY)
    texts = ["", "\0", "\0\0", "\0\1", "\1", "a", "a\0", "a\0b", "a\1", "b", "a" * 16 + "\0"]
    hexes = ", ".join(f"({i}, '{text.encode().hex()}')" for i, text in enumerate(texts))
    for direction, wanted in (("ASC", sorted(texts)), ("DESC", sorted(texts, reverse=True))):
        table = session.sql(f"SELECT i FROM (SELECT i, unhex(h) AS b FROM (VALUES {hexes}) t(i, h))"
                            f" ORDER BY b {direction}, i")
        assert isinstance(table, pyarrow.Table)
        assert [texts[i] for i in table["i"].to_pylist()] == wanted
