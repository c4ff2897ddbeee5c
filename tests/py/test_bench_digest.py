"""tests/py/test_bench_digest.py -- bench/digest.py: equal rows of any types agree, others don't."""
import decimal
import os
import random
import sys
import unittest

try:
    import numpy # noqa: F401  what the digests are made with
    import pyarrow as pa
except ImportError:
    raise unittest.SkipTest("pyarrow or numpy is not installed")

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/bench")

import digest # pylint: disable=wrong-import-position

N = 1000


def rows():
    rng = random.Random(5)
    return [(rng.randrange(50), rng.choice([None, "", "ä", "some text", "some texT"]),
             rng.choice([None, round(rng.random(), 2)]), i % 7 == 0) for i in range(N)]


def table(content, number=pa.int64(), text=pa.string(), fraction=pa.float64()):
    whole, texts, parts, flags = zip(*content)
    if pa.types.is_decimal(fraction):
        parts = [None if p is None else decimal.Decimal(str(p)) for p in parts]
    return pa.table({"n": pa.array(whole, number), "s": pa.array(texts, pa.string()).cast(text),
                     "f": pa.array(parts, fraction), "b": pa.array(flags)})


def difference(one, other, **how):
    return digest.difference(digest.of(one, **how), digest.of(other, **how))


def test_types_and_order_of_rows_are_not_seen():
    mixed = rows()
    random.Random(6).shuffle(mixed)
    others = [table(mixed), table(mixed, pa.float64()), table(mixed, pa.int8(), pa.string_view()),
              table(mixed, pa.decimal128(38, 0), pa.large_string(), pa.decimal128(15, 2)),
              table(mixed, text=pa.dictionary(pa.int32(), pa.string())),
              pa.concat_tables([table(mixed[:333]), table(mixed[333:])])]
    for other in others:
        found = difference(table(rows()), other)
        assert found == "", (other.schema, found)


def test_int128_is_a_number():
    values = [5, -7, 2 ** 40]
    wide = pa.array([v.to_bytes(16, "little", signed=True) for v in values], pa.binary(16))
    assert difference(pa.table({"n": wide}), pa.table({"n": pa.array(values)})) == ""
    assert difference(pa.table({"n": wide}), pa.table({"n": pa.array([5, 7, 2 ** 40])})) != ""


def test_every_change_is_seen():
    for column in range(4):
        content = rows()
        other = next(i for i in range(1, N) if content[i][column] != content[0][column])
        swapped = [list(row) for row in content]
        swapped[0][column], swapped[other][column] = content[other][column], content[0][column]
        assert difference(table(content), table(swapped)) != "", column
        changed = [list(row) for row in content]
        changed[0][column] = content[other][column]
        assert difference(table(content), table(changed)) != "", column
    assert "rows differ" in difference(table(rows()), table(rows()[1:]))


def test_keys_count_in_order():
    content = sorted(rows(), key=lambda row: row[0])
    ties = [*content]
    ties[0], ties[1] = ties[1], ties[0]
    assert ties[0][0] == ties[1][0]
    assert difference(table(content), table(ties), keys=["n"]) == ""
    assert "order" in difference(table(content), table(content[::-1]), keys=["n"])
    assert difference(table(content), table(content[::-1])) == ""
    assert digest.of(table(content), complete=False) == {}
