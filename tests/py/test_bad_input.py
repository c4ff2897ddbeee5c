"""Bad input gets a typed error that says what and where, and nothing is lost: files that are no
files, damaged and lying Parquet, broken CSV, SQL that is nested or wide beyond reason, names and
values that are wrong, devices that are full. After each error the session still answers.

Everything runs in this process, so a crash fails the whole file. The long versions are in
tests/all/bad_input.py."""
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../tools"))
import pslib  # pylint: disable=wrong-import-position
import bad_parquet  # pylint: disable=wrong-import-position

LIBRARY = os.environ.get("PS_LIBRARY", os.path.join(pslib.ROOT, "build/dev/libpenstock.so"))
MUTANTS, LIES = 200, 25
SANITIZER = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:"
                             "quarantine_size_mb=16"} # growth is ours then, not freed memory


def session(**options):
    return pslib.Session(LIBRARY, threads=2, **options)


def failure(s, sql):
    """The error of a statement, which must have one, with a session that goes on."""
    try:
        s.sql(sql)
    except pslib.Failure as failed:
        assert failed.name != "INTERNAL", (sql[:200], str(failed))
        assert s.sql("SELECT 41 + 1 AS x").to_pylist() == [{"x": 42}], sql[:200]
        return failed
    raise AssertionError(f"no error: {sql[:200]}")


def expect(s, sql, name, *pieces):
    failed = failure(s, sql)
    assert failed.name == name, (sql[:200], str(failed))
    for piece in pieces:
        assert piece in str(failed), (sql[:200], piece, str(failed))


@contextlib.contextmanager
def folder_with(**files):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            with open(os.path.join(folder, name.replace("_", ".")), "wb") as file:
                file.write(data)
        yield folder


# ---- files ----


def test_files_that_are_none():
    with folder_with(empty_parquet=b"", empty_csv=b"", text_parquet=b"hello, world\n" * 9) as folder:
        s = session()
        os.mkdir(f"{folder}/sub.csv"), os.mkdir(f"{folder}/sub.parquet")
        os.mkfifo(f"{folder}/pipe.csv")
        for kind in "csv", "parquet":
            path = f"{folder}/sub.{kind}"
            expect(s, f"FROM '{folder}/nothing.{kind}'", "IO", "no such file", f"nothing.{kind}")
            expect(s, f"FROM '{folder}/no/x.{kind}'", "IO", "no such file", f"{folder}/no/x.{kind}")
            expect(s, f"FROM '{path}'", "IO", f"is a directory, not a file: {path}")
            expect(s, f"FROM '{folder}/*no*.{kind}'", "IO", f"no file matches {folder}/*no*.{kind}")
            expect(s, f"FROM read_{kind}('')", "IO", "empty")
            expect(s, f"FROM read_{kind}([])", "BIND", "empty")
            expect(s, f"FROM read_{kind}('/dev/null')", "IO", "not a regular file: /dev/null")
            expect(s, f"FROM read_{kind}('{'x' * 5000}.{kind}')", "IO")
        expect(s, f"FROM '{folder}/pipe.csv'", "IO", "not a regular file")
        expect(s, f"FROM '{folder}/empty.parquet'", "DATA", "it has 0 bytes", "empty.parquet")
        expect(s, f"FROM '{folder}/text.parquet'", "DATA", "not a Parquet file", "text.parquet")
        expect(s, f"FROM '{folder}/empty.odd'", "BIND", "empty.odd")
        assert s.sql(f"FROM '{folder}/empty.csv'").num_rows == 0
        s.close()


# ---- Parquet ----


def mutants_run(paths, n, seconds):
    """Every path's mutants under the address sanitizer; what is printed when a promise breaks."""
    program = next((p for p in (os.path.join(pslib.ROOT, f"build/{preset}/fuzz_parquet")
                                for preset in ("asan", "dev")) if os.path.exists(p)), None)
    if not program:
        raise unittest.SkipTest("not built: fuzz_parquet")
    running = [subprocess.Popen([program, "-mutate", str(n), path], text=True, errors="replace",
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env={**os.environ, **SANITIZER}) for path in paths]
    wrong = []
    for path, process in zip(paths, running):
        try:
            out = process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            out = process.communicate()[0] + "\ntimeout"
        if process.returncode != 0 or "FAIL" in out:
            wrong.append(f"{os.path.basename(path)} ({process.returncode}): {out[-3000:]}")
    return wrong


def test_parquet_mutants():
    with tempfile.TemporaryDirectory() as folder:
        paths = bad_parquet.files(folder)
        assert len(paths) == 10
        wrong = []
        for i in range(0, len(paths), 2):
            wrong += mutants_run(paths[i:i + 2], MUTANTS, 1000)
    assert not wrong, "\n".join(wrong)


def numbers_of(table):
    import pyarrow.types as t
    return [f.name for f in table.schema if t.is_integer(f.type) or t.is_floating(f.type)]


def lying_queries(path, names):
    """Without filters statistics may not change a row. Arithmetic whose bounds came from them
    would wrap around."""
    all_of = f"FROM read_parquet('{path}')"
    yield f"SELECT * {all_of}"
    for name in names:
        yield f'SELECT "{name}" + "{name}", "{name}" * 3, - "{name}", sum("{name}") OVER () {all_of}'
        yield f'SELECT sum("{name}"), min("{name}"), max("{name}"), count("{name}"), count(*) {all_of}'
        yield f'SELECT "{name}", count(*) {all_of} GROUP BY ALL ORDER BY ALL'


def outcome(s, sql):
    try:
        return str(s.sql(sql).to_pydict()) # as text: NaN is equal to NaN
    except pslib.Failure as failed:
        assert failed.name in ("VALUE", "UNSUPPORTED"), (sql, str(failed))
        return failed.name


def lies_run(paths, n):
    """Statistics that lie change no result without a filter; with one they leave out rows at most.
    Counts and sizes that lie give an error with the path, or rows."""
    s = session()
    for path in paths:
        with open(path, "rb") as file:
            data = file.read()
        names = numbers_of(s.sql(f"SELECT * FROM '{path}'"))[:6]
        lying = os.path.join(os.path.dirname(path), "lying.parquet")
        honest = [outcome(s, sql) for sql in lying_queries(path, names)]
        for seed in range(n):
            with open(lying, "wb") as file:
                file.write(bad_parquet.lie(data, seed, True))
            for sql, wanted in zip(lying_queries(lying, names), honest):
                got = outcome(s, sql)
                assert got == wanted, (path, seed, sql, got[:300], wanted[:300])
            for name in names: # a filter, and a join, which filters by what the other side has
                s.sql(f'SELECT count(*) FROM \'{lying}\' JOIN \'{path}\' USING ("{name}")')
                rows = s.sql(f'SELECT "{name}" FROM \'{lying}\' WHERE "{name}" > 3 AND "{name}" < 90')
                assert all(3 < row[name] < 90 for row in rows.to_pylist()), (path, seed, name)
            with open(lying, "wb") as file:
                file.write(bad_parquet.lie(data, seed, False))
            for sql in list(lying_queries(lying, names))[:4]:
                try:
                    s.sql(sql)
                except pslib.Failure as failed:
                    assert failed.name in ("DATA", "VALUE", "UNSUPPORTED", "MEMORY"), str(failed)
                    assert failed.name != "DATA" or lying in str(failed), str(failed)
    s.close()


def test_parquet_statistics_that_lie():
    with tempfile.TemporaryDirectory() as folder:
        lies_run(bad_parquet.files(folder), LIES)


def test_parquet_corpus_of_bad_files():
    folder = os.path.join(os.environ.get("PS_SHARED", ""), "corpora/parquet/bad_data")
    if not os.path.isdir(folder):
        raise unittest.SkipTest(f"no corpus: {folder}")
    s = session()
    for name in sorted(os.listdir(folder)):
        if name.endswith(".parquet"):
            path = os.path.join(folder, name)
            try:
                s.sql(f"SELECT * FROM '{path}'")
            except pslib.Failure as failed:
                assert failed.name in ("DATA", "UNSUPPORTED") and path in str(failed), str(failed)
    s.close()


# ---- CSV ----

ROW = b"1,2\n" * 30000 # more than the sniffer's sample
CSV_ERRORS = {
    "short": (b"a,b,c\n1,2,3\n4,5\n", "3 columns expected, 2 found, at line 3"),
    "long": (b"a,b\n1,2\n3,4,5\n", "2 columns expected, 3 found, at line 3"),
    "late ragged": (b"a,b\n" + ROW + b"3\n", "2 columns expected, 1 found, at line 30002"),
    "late type": (b"a,b\n" + ROW + b"3,x\n", "no BIGINT: 'x', at line 30002, column \"b\""),
    "late overflow": (b"a,b\n" + ROW + b"3," + b"9" * 20 + b"\n", "at line 30002, column \"b\""),
    "late date": (b"a,b\n" + b"1,2020-01-01\n" * 30000 + b"1,2020-13-01\n",
                  "no DATE: '2020-13-01', at line 30002, column \"b\""),
    "open quote": (b"a,b\n1,\"x\n2,y\n", "a quote is never closed, at line 2"),
    "late open quote": (b"a,b\n" + b"1,x\n" * 30000 + b"1,\"x\n", "never closed, at line 30002"),
    "text after quote": (b"a,b\n1,\"x\"y\n2,z\n", "text stands after the closing quote, at line 2"),
    "not UTF-8": (b"a,b\n1,x\xffy\n", "not valid UTF-8, at line 2, column \"b\""),
    "late not UTF-8": (b"a,b\n" + b"1,x\n" * 30000 + b"1,\xc3\n", "at line 30002, column \"b\""),
    "surrogate": (b"a,b\n1,\xed\xa0\x80\n", "not valid UTF-8, at line 2, column \"b\""),
    "name not UTF-8": (b"a\xff,b\n1,2\n", "the name of column 1 is not valid UTF-8"),
    "huge record": (b"a,b\n1," + b"x" * 3000000 + b"\n", "max_line_size, 2097152 bytes, at line 2"),
}
CSV_SAME = [b"\xef\xbb\xbfa,b\n1,2\n", b"\xef\xbb\xbf", b"a,b\r1,2\r3,4\r", b"a,b\r\n1,2\r\n",
            b"a,b\n1,x\0y\n2,z\n", b"a\n1\n2\n", b"a\nx\n\ny\n", b"a,b,c\n", b"a,b,c", b"", b"1",
            b"a,b\n1,2\n3,4", b"a,b\n1,\"x\"", b"a,b\n1,x\"y\n2,z\n", b"a,a,a\n1,2,3\n",
            b"a,b,\n1,2,\n3,4,\n", b"a, b\n1, 2\n", b" a ,\" b \",  \n1,2,3\n", b"a,b\n" + ROW + b"3,\n",
            b"a,b\n1,\"" + b"x\n" * 600000 + b"\"\n2,y\n",
            b",".join(b"c%d" % i for i in range(5000)) + b"\n" +
            b",".join(b"%d" % i for i in range(5000)) + b"\n"]
CSV_ROWS = [(b"a,b\n1,2\r\n3,4\n", [(1, 2), (3, 4)]), (b"a,b\r\n1,2\n3,4\r\n", [(1, 2), (3, 4)]),
            (b"a,b\r1,2\n3,4\r\n", [(1, 2), (3, 4)])]


def rows_of(table):
    return list(zip(*(column.to_pylist() for column in table.columns)))


def test_csv_errors_say_file_line_and_column():
    with tempfile.TemporaryDirectory() as folder:
        s, path = session(), os.path.join(folder, "x.csv")
        for what, (data, wanted) in CSV_ERRORS.items():
            with open(path, "wb") as file:
                file.write(data)
            failed = failure(s, f"SELECT * FROM '{path}'")
            assert failed.name == "DATA" and wanted in str(failed), (what, str(failed))
            assert path in str(failed), (what, str(failed))
        with open(path, "wb") as file:
            file.write("a,b\n1,2\n".encode("utf-16"))
        expect(s, f"SELECT * FROM '{path}'", "UNSUPPORTED", "UTF-16", path)
        s.close()


def test_csv_odd_files_read_as_duckdb_reads_them():
    import duckdb
    with tempfile.TemporaryDirectory() as folder:
        s, path = session(), os.path.join(folder, "x.csv")
        for data in CSV_SAME:
            with open(path, "wb") as file:
                file.write(data)
            theirs = duckdb.sql(f"SELECT * FROM '{path}'")
            ours = s.sql(f"SELECT * FROM '{path}'")
            assert ours.column_names == theirs.columns, (data[:60], ours.column_names[:5])
            assert rows_of(ours) == theirs.fetchall(), data[:60]
        for data, wanted in CSV_ROWS: # mixed line ends, which DuckDB refuses
            with open(path, "wb") as file:
                file.write(data)
            assert rows_of(s.sql(f"SELECT * FROM '{path}'")) == wanted, data
        s.close()


# ---- SQL beyond reason ----

N = 10000


def around(before, middle, after, n=N):
    return before * n + middle + after * n


def deep_statements():
    yield "SELECT " + around("(", "1", ")")
    yield "SELECT " + around("CASE WHEN true THEN ", "1", " END")
    yield "SELECT " + around("CASE WHEN false THEN 0 ELSE ", "1", " END")
    yield "SELECT " + around("abs(", "1", ")")
    yield "SELECT * FROM " + around("(SELECT * FROM ", "range(3)", ")")
    yield "SELECT " + around("(SELECT ", "1", ")")
    yield "SELECT " + around("EXISTS (SELECT ", "1", ")")
    yield "SELECT " + "NOT " * N + "true"
    yield "SELECT " + "- " * N + "1"
    yield "SELECT " + around("CAST(", "1", " AS BIGINT)")
    yield "SELECT 1" + "::BIGINT::INT" * N
    yield "SELECT " + around("[", "1", "]")
    yield "SELECT NULL::INT" + "[]" * N
    yield "SELECT NULL::" + around("STRUCT(a ", "INT", ")")
    yield "SELECT x" + "[1]" * N
    yield "SELECT " + "+".join(["1"] * N)
    yield "SELECT " + "||".join(["'a'"] * N)
    yield "SELECT 1" + " IS NULL" * N
    yield "SELECT 1 WHERE " + "(true AND (false OR " * N + "true" + "))" * N
    yield around("(", "SELECT 1", " UNION SELECT 2)")
    yield " EXCEPT ".join(f"SELECT {i}" for i in range(N))
    yield "SELECT 1 FROM range(1) t0(x) " + " ".join(
        f"JOIN range(1) t{i}(x) ON t0.x = t{i}.x" for i in range(1, N))
    yield "SELECT 1 FROM " + ", ".join(f"(VALUES (1)) t{i}" for i in range(N))
    yield "WITH c0 AS (SELECT 1 AS x)" + "".join(
        f", c{i} AS (SELECT x + 1 AS x FROM c{i - 1})" for i in range(1, N)) + f" FROM c{N - 1}"
    yield "EXPLAIN " * N + "SELECT 1"
    yield "SELECT greatest(" + ",".join(["1"] * N) + ")"
    yield "SELECT count(*) FROM range(9) t(i) GROUP BY " + ",".join(f"i + {i}" for i in range(5000))


def wide_statements():
    """With the rows that they give."""
    some = "FROM range(10) t(i) WHERE "
    yield f"SELECT count(*) {some}" + " AND ".join(f"i <> {i + 100}" for i in range(2000)), 1
    yield f"SELECT count(*) {some}" + " OR ".join(f"i = {i}" for i in range(N)), 1
    yield "SELECT count(*) FROM range(200000) t(i) WHERE i IN (" + ",".join(
        map(str, range(100000))) + ")", 1
    yield "SELECT count(*) FROM range(9) t(i) WHERE i::VARCHAR NOT IN (" + ",".join(
        f"'{i}'" for i in range(100000)) + ")", 1
    yield "SELECT " + ",".join(f"i + {i} AS c{i}" for i in range(5000)) + " FROM range(10) t(i)", 10
    yield "SELECT count(*) FROM (VALUES " + ",".join(f"({i})" for i in range(100000)) + ")", 1
    yield "SELECT count(*) FROM (" + " UNION ALL ".join(f"SELECT {i}" for i in range(500)) + ")", 1
    yield "SELECT length('" + "x" * 10000000 + "')", 1
    yield "SELECT 1 AS \"" + "x" * 1000000 + "\"", 1
    yield "SELECT 1 " + "/*" * N + "*/" * N, 1
    # each level twice: nothing may walk the 2^200 paths
    yield "WITH c0 AS (SELECT 1 AS x)" + "".join(
        f", c{i} AS (SELECT a.x FROM c{i - 1} a, c{i - 1} b)" for i in range(1, 100)
    ) + " SELECT * FROM c99", 1
    yield f"SELECT count(*) {some}" + "(i = 1 AND (i = 2 OR " * 200 + "i = 3" + "))" * 200, 1
    yield "SELECT " + around("abs(", "i", ")", 900) + " FROM range(3) t(i)", 3
    yield "SELECT " + around("CASE WHEN i > 0 THEN ", "1", " END", 300) + " FROM range(3) t(i)", 3


def run_beyond_reason():
    s = session(memory_bytes_max=2 << 30)
    for sql in deep_statements():
        start = time.time()
        failed = failure(s, sql)
        assert failed.name in ("PARSE", "BIND", "UNSUPPORTED"), (sql[:80], str(failed)[:300])
        assert time.time() - start < 30, sql[:80]
    for sql, n_rows in wide_statements():
        start = time.time()
        assert s.sql(sql).num_rows == n_rows, sql[:80]
        assert time.time() - start < 60, sql[:80]
    s.close()


def test_sql_nested_and_wide_beyond_reason():
    run_beyond_reason()


def test_sql_nested_on_a_small_stack():
    """A host's thread may have 1 MiB: what is refused must be refused before the stack ends."""
    wrong = []

    def body():
        try:
            s = session()
            for sql in deep_statements():
                failure(s, sql)
            s.close()
        except Exception as why:  # pylint: disable=broad-except
            wrong.append(why)

    old = threading.stack_size(1 << 20)
    try:
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(old)
    assert not wrong, wrong


def test_text_that_is_no_sql():
    s = session()
    for raw, name in [(b"SELECT '\xff'", "PARSE"), (b"SELECT 1 AS \xc3", "PARSE"),
                      (b"SELECT 1\0, 2", "PARSE"), (b"\0", "PARSE"), (b"SELECT '\0'", None),
                      (b"SELECT '\xed\xa0\x80'", "PARSE"), (b"SELECT 'abc", "PARSE"),
                      (b"SELECT \"abc", "PARSE"), (b"SELECT /* abc", "PARSE"), (b"SELECT $a$ abc", "PARSE"),
                      (b"SELECT x'abc'", "PARSE"), (b"SELEC 1", "PARSE"), (b"SELECT (1", "PARSE"),
                      (b"SELECT " + b"9" * 100000 + b" + 1", "VALUE"),
                      (b"SELECT " + b"x" * 1000000, "BIND")]:
        try:
            s.sql(raw)
            assert name is None, raw[:40]
        except pslib.Failure as failed:
            assert name is None or failed.name == name, (raw[:40], str(failed)[:300])
    s.close()


# ---- names and values ----


def test_names_that_are_unknown_or_ambiguous():
    s = session()
    s.sql("CREATE TABLE orders AS SELECT 1 AS id, 'x' AS customer")
    s.sql("CREATE TABLE items AS SELECT 1 AS id, 2.5 AS price")
    expect(s, "SELECT custmer FROM orders", "BIND", '"custmer"', "^", "SELECT custmer")
    expect(s, "SELECT * FROM ordrs", "BIND", '"ordrs"', "^")
    expect(s, "SELECT id FROM orders, items", "BIND", '"id"', "ambiguous", "^")
    expect(s, "SELECT o.nam FROM orders o", "BIND", '"nam"', "^")
    expect(s, "SELECT z.id FROM orders o", "BIND", '"z"', "^")
    expect(s, "SELECT sums(id) FROM orders", "BIND", "sums", "^")
    expect(s, "SELECT id::INTEGR FROM orders", "BIND", "INTEGR", "^")
    expect(s, "SELECT * FROM orders JOIN items USING (customer)", "BIND", '"customer"', "^")
    expect(s, "SELECT id, count(*) FROM orders", "BIND", "^")
    expect(s, "SELECT 1 UNION SELECT 1, 2", "BIND", "^")
    expect(s, "SET thread = 3", "BIND", "thread")
    expect(s, "SELECT length(1, 2, 3)", "BIND", "length", "^")
    s.close()


VALUE_ERRORS = ["9223372036854775807 + i", "-9223372036854775807 - 2 * i", "i * 9223372036854775807 * 2",
                "(127 * i)::TINYINT + 1::TINYINT", "abs((-128 * i)::TINYINT)", "(300 * i)::TINYINT",
                "(-1 * i)::UTINYINT", "i // 0", "i % 0", "'x'::INTEGER", "'1.5x'::DOUBLE",
                "('2020-13-01' || i::VARCHAR)::DATE", "'maybe'::BOOLEAN", "'zz'::UUID",
                "(1e300 * i)::FLOAT", "(1e20 * i)::BIGINT", "(99999 * i)::DECIMAL(5, 2)",
                "DATE '5881580-07-10' + (100 * i)::INTEGER", "repeat('x', 1000000000 * i)",
                "regexp_matches('x', '(' || i::VARCHAR)"]


def test_values_that_can_not_be():
    """Each by a column and by a constant; TRY gives null where CAST fails."""
    s = session()
    for value in VALUE_ERRORS:
        for sql in (f"SELECT {value} FROM range(1, 2) t(i)",
                    "SELECT " + value.replace("i::VARCHAR", "'1'").replace("* i", "* 1").replace(
                        "+ i", "+ 1").replace("-i", "-1").replace("i //", "1 //").replace(
                            "i %", "1 %").replace("i * ", "1 * ")):
            try:
                rows = s.sql(sql)
                raise AssertionError(f"no error: {sql}: {rows.to_pylist()}")
            except pslib.Failure as failed:
                assert failed.name == "VALUE", (sql, str(failed))
    assert s.sql("SELECT TRY_CAST('x' AS INTEGER) AS a, TRY_CAST(300 AS TINYINT) AS b").to_pylist() \
        == [{"a": None, "b": None}]
    s.close()


# ---- writing ----

FORMATS = {"parquet": "", "csv": "", "jsonl": ""}
LARGE = "SELECT i, i * 7919 % 1000003 AS b, 'some text ' || i::VARCHAR AS t FROM range({n}) r(i)"


@contextlib.contextmanager
def small_device():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root: a small tmpfs")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest(f"no tmpfs: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", folder], check=False)


def test_write_to_a_full_device():
    """At the end of the data, and early; the old file stays, no temporary one does."""
    with small_device() as folder:
        s = session()
        for kind in FORMATS:
            path = f"{folder}/x.{kind}"
            s.sql(f"COPY (SELECT 1 AS old) TO '{path}'")
            with open(path, "rb") as file:
                before = file.read()
            for n in 100000, 1000000:
                expect(s, f"COPY ({LARGE.format(n=n)}) TO '{path}'", "DISK_FULL", path)
                with open(path, "rb") as file:
                    assert file.read() == before, kind
                assert os.listdir(folder) == [f"x.{kind}"], os.listdir(folder)
            s.sql(f"COPY ({LARGE.format(n=500)}) TO '{path}'")
            os.remove(path)
        s.close()


def test_spill_to_a_device_that_is_full_or_missing():
    count = "SELECT count(*) AS n FROM (SELECT i, count(*) FROM range(2000000) r(i) GROUP BY i)"
    with small_device() as folder:
        s = session(memory_bytes_max=40 << 20)
        s.sql(f"SET temp_directory = '{folder}'")
        expect(s, count, "DISK_FULL", folder)
        assert os.listdir(folder) == []
        for place in f"{folder}/none", f"{folder}/file":
            with open(f"{folder}/file", "w", encoding="utf-8"):
                s.sql(f"SET temp_directory = '{place}'")
            expect(s, count, "IO", place)
        s.sql("RESET temp_directory")
        s.sql("SET max_temp_directory_size = '1MB'")
        expect(s, count, "DISK_FULL", "1000000")
        s.sql("RESET max_temp_directory_size")
        assert s.sql(count).to_pylist() == [{"n": 2000000}]
        s.close()


def test_write_where_nothing_can_be():
    with tempfile.TemporaryDirectory() as folder:
        s = session()
        os.mkdir(f"{folder}/dir.csv")
        for kind in FORMATS:
            expect(s, f"COPY (SELECT 1) TO '{folder}/none/x.{kind}'", "IO", f"{folder}/none")
            expect(s, f"COPY (SELECT 1) TO '{folder}/'", "BIND")
            s.sql(f"COPY (SELECT i FROM range(9) t(i)) TO '{folder}/x.{kind}'")
            with open(f"{folder}/x.{kind}", "rb") as file:
                before = file.read()
            expect(s, f"COPY (SELECT 9 // (5 - i) FROM range(9) t(i)) TO '{folder}/x.{kind}'", "VALUE")
            expect(s, f"COPY (SELECT nothing) TO '{folder}/x.{kind}'", "BIND")
            with open(f"{folder}/x.{kind}", "rb") as file:
                assert file.read() == before
        expect(s, f"COPY (SELECT 1) TO '{folder}/dir.csv'", "IO", "is a directory")
        expect(s, f"COPY (SELECT 1) TO '{folder}/x.unknown'", "BIND", "x.unknown")
        assert sorted(os.listdir(folder)) == ["dir.csv"] + sorted(f"x.{kind}" for kind in FORMATS)
        s.close()


def test_write_to_what_is_read():
    """The new file takes the name only when every row of the old one was read."""
    with tempfile.TemporaryDirectory() as folder:
        s = session()
        for kind in "parquet", "csv":
            path = f"{folder}/x.{kind}"
            s.sql(f"COPY (SELECT i FROM range(50000) t(i)) TO '{path}'")
            s.sql(f"COPY (SELECT i + 1 AS i FROM '{path}') TO '{path}'")
            assert s.sql(f"SELECT sum(i)::BIGINT AS s, count(*) AS n FROM '{path}'").to_pylist() == \
                [{"s": 50000 * 50001 // 2, "n": 50000}]
        s.close()


def test_write_that_is_interrupted():
    with tempfile.TemporaryDirectory() as folder:
        s, pick = session(), random.Random(3)
        for kind in FORMATS:
            path = f"{folder}/x.{kind}"
            s.sql(f"COPY (SELECT 1 AS old) TO '{path}'")
            with open(path, "rb") as file:
                before = file.read()
            timer = threading.Timer(0.05 + pick.random() / 5, s.cancel)
            timer.start()
            expect(s, f"COPY ({LARGE.format(n=300000000)}) TO '{path}'", "CANCELLED")
            timer.join()
            with open(path, "rb") as file:
                assert file.read() == before
            assert not [name for name in os.listdir(folder) if name.startswith(".")]
        s.close()


def test_folder_that_is_read_only():
    if os.geteuid() == 0:
        raise unittest.SkipTest("root may write everywhere")
    with tempfile.TemporaryDirectory() as folder:
        s = session()
        os.chmod(folder, 0o500)
        expect(s, f"COPY (SELECT 1) TO '{folder}/x.csv'", "IO", folder, "Permission denied")
        os.chmod(folder, 0o700)
        s.close()
