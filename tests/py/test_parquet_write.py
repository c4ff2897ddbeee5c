#!/usr/bin/env python3
# tests/py/test_parquet_write.py -- what our Parquet writer writes, read by pyarrow, DuckDB,
# Polars and ourselves.
#
# usage: test_parquet_write.py [SHELL]
# Writes through the shell; the values expected are DuckDB's, of the same SQL. Pages are read with
# their checksums verified. Ends with the counts, alone on a line.
import decimal, itertools, os, resource, signal, subprocess, sys, tempfile, time, unittest

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

TPCHGEN = os.path.join(os.path.dirname(sys.executable), "tpchgen-cli")
SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")

TYPES = """SELECT i,
  CASE WHEN i % 5 <> 0 THEN i % 2 = 0 END AS bo,
  CASE WHEN i % 7 <> 0 THEN (i % 100)::TINYINT END AS i8,
  (i % 1000)::SMALLINT AS i16, (i * 17)::INTEGER AS i32, i * -1000000007 AS i64,
  (i % 200)::UTINYINT AS u8, (i % 60000)::USMALLINT AS u16, (i + 4000000000)::UINTEGER AS u32,
  (i::UBIGINT + 9000000000000000000::UBIGINT) AS u64, (i / 3)::FLOAT AS f32, (i / 7)::DOUBLE AS f64,
  (i % 50)::DECIMAL(4, 1) AS d4, (i - 500)::DECIMAL(15, 2) AS d15, (i - 500)::DECIMAL(30, 5) AS d30,
  DATE '1969-12-25' + (i % 300)::INTEGER AS da, TIMESTAMP '2001-02-03 04:05:06.123456' AS ts,
  TIMESTAMPTZ '2001-02-03 04:05:06.5+00' AS tz, TIME '23:59:59.999999' AS ti,
  CASE WHEN i % 3 <> 0 THEN 'text ' || (i % 40)::VARCHAR END AS s,
  repeat('long ', 30) || i::VARCHAR AS ls,
  '' AS es, 'ab'::BLOB AS bl, '12345678-1234-1234-9234-123456789abc'::UUID AS uu,
  NULL::INTEGER AS nu
FROM range({n}) t(i)"""

LONG = "COPY (SELECT i, i * 7919 AS b FROM range({n}) t(i)) TO '{path}'"


def nested(n):
    """A table that pyarrow writes, for our COPY to read: SQL has no literals for all of it."""
    pick = lambda i, k, v: None if i % k == 0 else v
    entry = pa.struct([("k", pa.int64()), ("v", pa.list_(pa.string()))])
    return pa.table({
        "i": pa.array(range(n), pa.int64()),
        "l": pa.array([pick(i, 4, [i, None, i + 1][: i % 4]) for i in range(n)],
                      pa.list_(pa.int64())),
        "ll": pa.array([pick(i, 5, [[i], [], None, [None]][: i % 6]) for i in range(n)],
                       pa.list_(pa.list_(pa.int32()))),
        "st": pa.array([pick(i, 3, {"a": pick(i, 2, i), "b": f"x{i}"}) for i in range(n)],
                       pa.struct([("a", pa.int32()), ("b", pa.string())])),
        "ls": pa.array([pick(i, 7, [pick(j, 3, {"k": j, "v": ["y", None][: j % 3]})
                                    for j in range(i % 5)])
                        for i in range(n)], pa.list_(entry)),
        "m": pa.array([pick(i, 6, [(f"k{j}", pick(j, 2, j)) for j in range(i % 4)])
                       for i in range(n)],
                      pa.map_(pa.string(), pa.int64())),
        "sl": pa.array([pick(i, 8, {"p": pick(i, 3, [i] * (i % 3)), "q": {"r": [f"{i}"]}})
                        for i in range(n)],
                       pa.struct([("p", pa.list_(pa.int64())),
                                  ("q", pa.struct([("r", pa.list_(pa.string()))]))])),
    })


def run(sql):
    return subprocess.run([SHELL, "-c", sql], capture_output=True, text=True, timeout=300)


class Write(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "x.parquet")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, sql, options=""):
        done = run(f"COPY ({sql}) TO '{self.path}' (FORMAT parquet{options})")
        self.assertEqual(done.returncode, 0, done.stderr)

    def refused(self, sql, options, piece):
        done = run(f"COPY ({sql}) TO '{self.path}' (FORMAT parquet{options})")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(piece, done.stderr)
        self.assertEqual(os.listdir(self.folder.name), [])

    def same(self, sql):
        """All readers agree with DuckDB's own result."""
        con = duckdb.connect()
        instant = " REPLACE (epoch_us(tz) AS tz)" if " AS tz" in sql else ""

        def rows(source):
            return con.execute(f"SELECT *{instant} FROM {source}").fetchall()

        wanted = rows(f"({sql})")
        self.assertEqual(rows(f"'{self.path}'"), wanted)
        ours = pq.read_table(self.path, page_checksum_verification=True)
        ours.validate(full=True)
        con.register("ours", ours)
        self.assertEqual(rows("ours"), wanted)
        self.assertEqual(pl.read_parquet(self.path).height, len(wanted))
        again = self.path + ".again.parquet"
        done = run(f"COPY (FROM '{self.path}') TO '{again}' (FORMAT parquet)")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(rows(f"'{again}'"), wanted)
        os.remove(again)

    def test_types(self):
        for n in (0, 1, 7, 3000):
            with self.subTest(n=n):
                sql = TYPES.format(n=n)
                self.write(sql)
                self.same(sql)

    def test_options(self):
        sql = TYPES.format(n=2500)
        for codec, dictionary in itertools.product(
                ("uncompressed", "snappy", "zstd", "gzip", "lz4_raw", "brotli"), ("true", "false")):
            with self.subTest(codec=codec, dictionary=dictionary):
                self.write(sql, f", COMPRESSION {codec}, DICTIONARY {dictionary},"
                                " ROW_GROUP_SIZE 999, PAGE_SIZE 1000")
                meta = pq.ParquetFile(self.path).metadata
                self.assertEqual([meta.row_group(g).num_rows for g in range(3)], [999, 999, 502])
                chunk = meta.row_group(0).column(0)
                self.assertEqual(chunk.compression, codec.split("_")[0].upper())
                self.same(sql)

    def test_nested(self):
        for n in (0, 1, 2500):
            table, source = nested(n), os.path.join(self.folder.name, "source.parquet")
            pq.write_table(table, source)
            for options in ("", ", ROW_GROUP_SIZE 700, PAGE_SIZE 500", ", DICTIONARY false"):
                with self.subTest(n=n, options=options):
                    self.write(f"FROM '{source}'", options)
                    ours = pq.read_table(self.path, page_checksum_verification=True)
                    ours.validate(full=True)
                    self.assertEqual(ours.to_pylist(), table.to_pylist())
                    self.same(f"FROM '{source}'")

    def test_rows_of_many_pages(self):
        """Rows whose lists take more than one page, between rows that don't; the texts repeat, so their column has
        a dictionary."""
        n = 1100000
        sql = ("SELECT k, array_agg(i) AS l, array_agg(CASE WHEN i % 7 = 3 THEN NULL ELSE 't' || i % 1000 END) AS s, "
               f"array_agg([i, NULL, k]) AS ll FROM (SELECT i, CASE WHEN i < {n} THEN 1 ELSE i % 5 END AS k FROM "
               f"range({n + 20}) t(i)) q GROUP BY k ORDER BY k")
        self.write(sql)
        rows = [[i for i in range(n + 20) if (1 if i < n else i % 5) == k] for k in range(5)]
        offsets = [sum(map(len, rows[:k])) for k in range(6)]
        flat = pa.array([i for row in rows for i in row])
        texts = pa.array([None if i % 7 == 3 else f"t{i % 1000}" for row in rows for i in row])
        keys = pa.array([k for k, row in enumerate(rows) for _ in row])
        table = pq.read_table(self.path, page_checksum_verification=True)
        self.assertEqual(table.column("k").to_pylist(), list(range(5)))
        for name, want in [("l", flat), ("s", texts)]:
            got = table.column(name).combine_chunks()
            self.assertEqual(got.offsets.to_pylist(), offsets, name)
            self.assertTrue(got.values.equals(want), name)
        inner = table.column("ll").combine_chunks().values
        self.assertEqual(inner.offsets.to_pylist(), list(range(0, len(flat) * 3 + 1, 3)))
        self.assertTrue(inner.values[0::3].equals(flat) and inner.values[2::3].equals(keys))
        self.assertEqual(inner.values[1::3].null_count, len(flat))
        self.assertGreater(len(flat) * 8, 8 << 20, "more than a page")
        self.assertTrue(pl.read_parquet(self.path).equals(pl.from_arrow(table)))
        sums = "k, len(l), list_sum(l), len(s), len(ll) FROM '{0}' ORDER BY k"
        theirs = duckdb.sql("SELECT " + sums.format(self.path)).fetchall()
        self.assertEqual(theirs, [(k, len(row), sum(row), len(row), len(row)) for k, row in enumerate(rows)])
        again = os.path.join(self.folder.name, "again.parquet")
        done = run(f"COPY (FROM '{self.path}') TO '{again}' (FORMAT parquet)")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(pq.read_table(again).equals(table))

    def test_wide(self):
        sql = "SELECT " + ", ".join(f"i + {k} AS c{k}" for k in range(500)) + " FROM range(20) t(i)"
        self.write(sql)
        self.same(sql)

    def test_statistics(self):
        self.write("SELECT i - 5 AS a, (i::DOUBLE - 5) AS b, 'k' || i::VARCHAR AS c,"
                   " (i - 5)::DECIMAL(30, 2) AS d,"
                   " CASE WHEN i < 3 THEN 'nan'::DOUBLE ELSE 1.0::DOUBLE END AS e,"
                   " NULL::INTEGER AS f,"
                   " (i + 4294967280)::UINTEGER AS g FROM range(10) t(i)")
        group = pq.ParquetFile(self.path).metadata.row_group(0)
        stats = [group.column(i).statistics for i in range(7)]
        self.assertEqual([str((s.min, s.max)) for s in stats[:4]],
                         ["(-5, 4)", "(-5.0, 4.0)", "('k0', 'k9')",
                          "(Decimal('-5.00'), Decimal('4.00'))"])
        self.assertFalse(stats[4].has_min_max)
        self.assertEqual((stats[5].has_min_max, stats[5].null_count), (False, 10))
        self.assertEqual((stats[6].min, stats[6].max), (4294967280, 4294967289))

    def test_types_of_columns(self):
        self.write("SELECT sum(i) AS h FROM range(10) t(i)")
        self.assertEqual(pq.read_schema(self.path).field("h").type, pa.decimal128(38, 0))

    def test_types_of_arrow(self):
        """Types that SQL has no literals for, through a file of pyarrow's."""
        source = os.path.join(self.folder.name, "source.parquet")
        columns = {
            "f16": pa.array([1.5, None, -0.0, 65504.0], pa.float16()),
            "fixed": pa.array([b"abc", None, b"\x00\xff\x7f", b"zzz"], pa.binary(3)),
            "ms": pa.array([0, None, -5, 1 << 40], pa.timestamp("ms")),
            "ns": pa.array([0, None, -5, 1 << 60], pa.timestamp("ns", tz="UTC")),
            "t_ms": pa.array([0, None, 5, 86399999], pa.time32("ms")),
            "t_ns": pa.array([0, None, 5, 86399999999999], pa.time64("ns")),
            "null": pa.nulls(4),
            "d38": pa.array([decimal.Decimal("9" * 38), None, decimal.Decimal("-" + "9" * 38), 0],
                            pa.decimal128(38, 0)),
        }
        pq.write_table(pa.table(columns), source)
        self.write(f"FROM '{source}'")
        ours = pq.read_table(self.path, page_checksum_verification=True)
        for name, column in columns.items():
            with self.subTest(name):
                self.assertEqual(ours[name].type, column.type)
                self.assertEqual(ours[name].combine_chunks(), column)

    def test_lineitem(self):
        subprocess.run([TPCHGEN, "parquet", "-s", "0.01", "-T", "lineitem", "-o", self.folder.name],
                       check=True, capture_output=True)
        source = os.path.join(self.folder.name, "lineitem.parquet")
        for options in ("", ", COMPRESSION zstd, ROW_GROUP_SIZE 7000"):
            self.write(f"FROM '{source}'", options)
            ours, theirs = (pq.read_table(f, page_checksum_verification=True)
                            for f in (self.path, source))
            self.assertTrue(ours.equals(theirs.cast(ours.schema)))
            self.assertTrue(pl.read_parquet(self.path).equals(pl.from_arrow(ours)))

    def test_deterministic(self):
        written = set()
        for settings in ("SET threads = 1;", "SET threads = 8;", "SET batch_rows = 7;"):
            done = run(f"{settings} COPY ({TYPES.format(n=5000)}) TO '{self.path}'"
                       " (ROW_GROUP_SIZE 1500)")
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(self.path, "rb") as f:
                written.add(f.read())
        self.assertEqual(len(written), 1)

    def test_values_refused(self):
        self.refused("SELECT 170141183460469231731687303715884105727::HUGEINT AS big", "",
                     "38 digits")
        self.refused("SELECT INTERVAL '-1 day' AS v", "", "column v")

    def test_refused(self):
        self.refused("SELECT 1 AS a", ", COMPRESION zstd", "no option of this name")
        self.refused("SELECT 1 AS a", ", COMPRESSION zst", "codec")
        self.refused("SELECT 1 AS a", ", COMPRESSION_LEVEL 3", "no meaning")
        self.refused("SELECT 1 AS a", ", COMPRESSION zstd, COMPRESSION_LEVEL 99", "between")
        self.refused("SELECT 1 AS a", ", ROW_GROUP_SIZE 0", "between")
        self.refused("SELECT 1 AS a", ", ROW_GROUP_SIZE 'x'", "between")
        self.refused("SELECT 1 AS a", ", DICTIONARY 7", "true or false")

    def test_failed_leaves_old(self):
        self.write("SELECT 1 AS a")
        with open(self.path, "rb") as f:
            before = f.read()
        done = run(f"COPY (SELECT i, CASE WHEN i = 90000 THEN 'x' ELSE '1' END::INTEGER AS b"
                   f" FROM range(100000) t(i)) TO '{self.path}'")
        self.assertNotEqual(done.returncode, 0)
        limited = subprocess.run([SHELL, "-c", LONG.format(n=1000000, path=self.path)],
                                 capture_output=True, text=True, preexec_fn=limit_file)
        self.assertNotEqual(limited.returncode, 0)
        with open(self.path, "rb") as f:
            self.assertEqual(f.read(), before)
        self.assertEqual(os.listdir(self.folder.name), ["x.parquet"])

    def test_interrupted_leaves_nothing(self):
        shell = subprocess.Popen([SHELL, "-c", LONG.format(n=10**9, path=self.path)],
                                 stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 20
        while not os.listdir(self.folder.name) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(len(os.listdir(self.folder.name)), 1)
        shell.send_signal(signal.SIGINT)
        self.assertIn("CANCELLED", shell.communicate(timeout=60)[1])
        self.assertEqual(os.listdir(self.folder.name), [])


def limit_file():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SHELL = sys.argv.pop(1)
    result = unittest.main(exit=False, verbosity=0).result
    failed = len({getattr(t, "test_case", t).id() for t, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed} passed, {failed} failed, {len(result.skipped)} skipped")
    sys.exit(failed != 0)
