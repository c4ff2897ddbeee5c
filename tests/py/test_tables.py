"""Tables beyond the memory limit: loaded, read by several sessions at once, dropped and cancelled while they are written out
and read back; what fails with them and what doesn't. PS_LIBRARY is the library to test.

Seeded by nothing: the rows are arithmetic."""
import ctypes
import json
import os
import re
import stat
import sys
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
try:
    import pslib
    import pyarrow # pslib's results are its tables
except ImportError:
    pslib = pyarrow = None

LONG = os.environ.get("PS_TEST_TIER") == "all"
ROWS = int(os.environ.get("PS_TABLE_ROWS", "2000000" if LONG else "400000"))
LIMIT = (64 if LONG else 16) << 20
SELECT = """SELECT i, CASE WHEN i % 13 = 5 THEN NULL ELSE (i * 7919) % 100003 END AS k,
 CASE WHEN i % 17 = 3 THEN NULL ELSE 'text ' || CAST((i * 31) % 977 AS VARCHAR) END AS few,
 'a text of some length, that differs in each row: ' || CAST((i * 7919) % 1000003 AS VARCHAR) AS s,
 CAST((i * 13) % 2900 AS DOUBLE) / 7 AS f, CAST((i * 3) % 1000 AS DECIMAL(9,2)) AS m,
 CASE WHEN i % 5 = 0 THEN NULL ELSE [i, NULL, k] END AS l
 FROM (SELECT i, (i * 3) % 1009 AS k FROM range({0}) r(i)) q"""
LOAD = "CREATE OR REPLACE TABLE {1} AS " + SELECT
QUERIES = [
    "SELECT count(*), sum(i), sum(k), count(few), min(s), max(s), sum(f), avg(f), sum(m), count(l) FROM t",
    "SELECT few, count(*) AS n, sum(f) AS f, min(s) AS s FROM t GROUP BY few ORDER BY few",
    "SELECT i, s, l FROM t WHERE i % 10007 = 3",
    "SELECT i, k, s FROM t WHERE i BETWEEN 123000 AND 123020 OR k = 77",
    "SELECT i, k, s FROM t ORDER BY k DESC NULLS LAST, i LIMIT 50",
    "SELECT count(*) AS n, sum(a.i) AS i FROM t a JOIN t b ON a.i = b.k WHERE b.i % 7 = 1",
    "SELECT count(*) AS n, sum(x) AS x FROM (SELECT sum(f) OVER (PARTITION BY i % 1000 ORDER BY i) AS x FROM t) q",
]


def opened(limit=LIMIT, threads=2, **options):
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    return pslib.Session(os.environ.get("PS_LIBRARY"), threads=threads, memory_bytes_max=limit, **options)


def payer(session, name="tables"):
    rows = session.sql(f"SELECT * FROM penstock_memory() WHERE name = '{name}'").to_pylist()
    assert len(rows) == 1, rows
    return rows[0]


def answers(session):
    return [session.sql(query) for query in QUERIES]


def plain():
    """The answers of an instance that keeps all in memory."""
    session = opened(0)
    session.sql(LOAD.format(ROWS, "t"))
    assert payer(session)["temp_bytes"] == 0
    want = answers(session)
    session.close()
    return want


def resident_peak():
    with open("/proc/self/status", encoding="ascii") as status:
        return int([line for line in status if line.startswith("VmHWM")][0].split()[1]) // 1024


def test_a_table_larger_than_memory():
    """By the instance's limit and by the session's, in one go and by INSERT, with and without threads: the same bytes."""
    want = plain()
    for threads in (1, 2, 4):
        for by_session in (False, True):
            with open("/proc/self/clear_refs", "w", encoding="ascii") as clear:
                clear.write("5")
            before = resident_peak()
            session = opened(0 if by_session else LIMIT, threads)
            session.sql(f"SET memory_limit = {LIMIT if by_session else 0}")
            if threads == 2:
                session.sql(LOAD.format(ROWS, "t") + " WHERE i < 1000")
                for first in range(1000, ROWS, 100000):
                    last = min(first + 100000, ROWS)
                    session.sql("INSERT INTO t " + SELECT.format(ROWS) + f" WHERE i >= {first} AND i < {last}")
            else:
                session.sql(LOAD.format(ROWS, "t"))
            tables = payer(session)
            assert tables["bytes"] <= LIMIT and tables["temp_bytes"] > LIMIT // 4, tables
            rows = session.sql("FROM penstock_spill_files()").to_pylist()
            assert [(row["operator"], row["payer"]) for row in rows] == [("tables", tables["payer"])], rows
            for query, theirs in zip(QUERIES, want):
                assert session.sql(query).equals(theirs), (threads, by_session, query)
            growth = resident_peak() - before
            assert growth <= (LIMIT >> 20) + 32, f"{threads} threads: {growth} MiB"
            session.sql("DROP TABLE t")
            tables = payer(session)
            assert tables["bytes"] < 10000 and tables["temp_bytes"] == 0, tables
            closed = session.sql("SELECT name, bytes FROM penstock_memory() WHERE closed").to_pylist()
            assert closed == [], closed
            session.close()


def unlinked_files():
    """Sizes on the disk of the temporary files that this process has open."""
    sizes = []
    for name in os.listdir("/proc/self/fd"):
        try:
            info = os.fstat(int(name))
        except OSError: # the directory's own
            continue
        if info.st_nlink == 0 and stat.S_ISREG(info.st_mode):
            sizes.append(info.st_blocks * 512)
    return sizes


def test_a_dropped_table_gives_the_disk_back():
    session = opened()
    other = session.another()
    assert unlinked_files() == []
    session.sql("SET force_spill = true")
    session.sql(LOAD.format(60000, "t"))
    first = payer(session)["temp_bytes"]
    session.sql(LOAD.format(60000, "u"))
    reader = session.open("SELECT i, s FROM t")
    both = payer(session)["temp_bytes"] # what is compressed is measured: one may be far larger than the other
    other.sql("DROP TABLE u")
    rest = payer(other)["temp_bytes"]
    assert 0 < rest == first < both, (first, rest, both)
    assert len(unlinked_files()) == 1 and unlinked_files()[0] < rest + rest // 4 < both, (rest, both, unlinked_files())
    other.sql("DROP TABLE t") # is read still
    assert payer(other)["temp_bytes"] == rest and len(unlinked_files()) == 1
    assert sum(batch.num_rows for batch in reader) == 60000
    reader.close()
    del reader
    assert unlinked_files() == [] and payer(session)["temp_bytes"] == 0, unlinked_files()
    assert session.sql("FROM penstock_spill_files()").num_rows == 0
    other.close_session()
    session.close()


def test_explain_tells_what_came_back():
    session = opened()
    session.sql(LOAD.format(ROWS, "t"))
    text = str(session.sql("EXPLAIN ANALYZE SELECT sum(k), max(s) FROM t WHERE i < 300").to_pylist())
    assert "bytes back from temporary files" in text and " 0 of " not in text, text # most were left out unread
    unread = str(session.sql("EXPLAIN ANALYZE SELECT count(s) FROM t WHERE i < 0").to_pylist())
    assert "bytes back" not in unread, unread
    session.close()


def test_a_query_beside_a_large_table_gets_memory():
    """Tables give way: a sort that fits into the limit isn't written out because a table fills it."""
    session = opened(64 << 20)
    session.sql(LOAD.format(300000, "t"))
    sort = "SELECT count(*) AS n, max(s) AS s FROM (SELECT i, repeat('x', 20) || i AS s FROM range(200000) r(i)" \
           " ORDER BY (i * 7919) % 1000003 LIMIT 199999) q"
    want = session.sql(sort)
    while payer(session)["temp_bytes"] == 0:
        session.sql("INSERT INTO t " + SELECT.format(100000))
    text = str(session.sql("EXPLAIN ANALYZE " + sort).to_pylist())
    assert "spilled" not in text, text
    assert session.sql(sort).equals(want)
    session.close()


def test_explain_tells_what_tables_wrote():
    session = opened(64 << 20)
    session.sql(LOAD.format(250000, "t"))
    before = payer(session)["temp_bytes"]
    assert before == 0 and payer(session)["bytes"] > 20 << 20, payer(session)
    sort = "EXPLAIN ({}) SELECT i, repeat('x', 40) || i AS s FROM range(300000) r(i) ORDER BY (i * 7919) % 1000003"
    small = "EXPLAIN ({}) SELECT count(*) FROM range(1000) r(i)"

    def figures(query):
        plan = session.sql(query.format("ANALYZE, FORMAT json")).to_pylist()[0]["plan"]
        return json.loads(plan)["query"]["tables_written_bytes"]
    assert figures(small) == 0 and "of tables written out" not in str(session.sql(small.format("ANALYZE")).to_pylist())
    wrote = figures(sort)
    assert wrote == payer(session)["temp_bytes"] > 1 << 20, (wrote, payer(session))
    session.sql(LOAD.format(250000, "u"))
    text = str(session.sql(sort.format("ANALYZE")).to_pylist())
    assert re.search(r"query: .* memory, [0-9.]+ MiB of tables written out", text), text
    session.close()


def test_tables_come_back_where_there_is_room():
    session = opened(256 << 20)
    session.sql(LOAD.format(200000, "t"))
    resident = payer(session)["bytes"]
    session.sql("SET memory_limit = '8MiB'")
    assert session.sql("SELECT count(*) AS n FROM range(10)").to_pylist() == [{"n": 10}]
    assert payer(session)["bytes"] < resident // 2
    session.sql("RESET memory_limit")
    session.sql("SELECT count(i), count(k), count(few), count(s), count(f), count(m), count(l), sum(f), max(s) FROM t")
    assert payer(session)["bytes"] > resident // 10 * 9, (payer(session), resident)
    text = str(session.sql("EXPLAIN ANALYZE SELECT sum(k), max(s) FROM t").to_pylist())
    assert "bytes back" not in text, text
    session.close()


def test_sessions_at_once():
    """Some read a table while others load theirs, drop and replace; a reader keeps what is dropped."""
    want = plain()
    first = opened(4 * LIMIT)
    first.sql(LOAD.format(ROWS, "t"))
    assert payer(first)["temp_bytes"] > 0, payer(first)
    readers = [first.another() for _ in range(2)]
    writers = [first.another() for _ in range(2)]
    wrong = []
    ended = threading.Event()

    def read(session, turn):
        try:
            for k in range(len(QUERIES)):
                at = (turn * 3 + k) % len(QUERIES)
                if not session.sql(QUERIES[at]).equals(want[at]):
                    wrong.append(QUERIES[at])
        except pslib.Failure as failure:
            wrong.append(str(failure))
        ended.set()

    def write(session, turn):
        try:
            n = 0
            while not ended.is_set():
                n += 1
                session.sql(LOAD.format(60000 + turn, f"w{turn}"))
                got = session.sql(f"SELECT count(*) AS n, max(s || s) AS s FROM w{turn}").to_pylist()
                assert got[0]["n"] == 60000 + turn, got
                if n % 2:
                    session.sql(f"DROP TABLE w{turn}")
        except (pslib.Failure, AssertionError) as failure:
            wrong.append(str(failure))

    threads = [threading.Thread(target=read, args=(s, k)) for k, s in enumerate(readers)]
    threads += [threading.Thread(target=write, args=(s, k)) for k, s in enumerate(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    reader = first.open("SELECT i, s FROM t")
    rows = reader.read_next_batch().num_rows
    readers[0].sql("DROP TABLE t")
    assert pslib.failure_of(first, "SELECT 1 FROM t").name == "BIND"
    rows += sum(batch.num_rows for batch in reader)
    assert rows == ROWS, rows
    reader.close()
    del reader
    for session in readers + writers:
        session.close_session()
    first.sql("DROP TABLE IF EXISTS w0")
    first.sql("DROP TABLE IF EXISTS w1")
    assert payer(first)["bytes"] < 10000 and payer(first)["temp_bytes"] == 0, payer(first)
    first.close()


def begun(work, *arguments):
    """Runs that in a thread; what it gives has `failure` once it ended, None where there was none."""
    def run():
        try:
            work(*arguments)
        except pslib.Failure as failure:
            thread.failure = failure

    thread = threading.Thread(target=run)
    thread.failure = None
    thread.start()
    return thread


def test_names_wait_for_no_rows():
    """While a statement reads a table back to change its keys, for seconds, others look names up, make tables and drop them;
    who wants to change the same table waits, and can be cancelled."""
    session = opened(0)
    session.sql("SET memory_limit = '8MiB'")
    session.sql(LOAD.format(100000, "t")) # 49 segments
    other, clock = session.another(), session.another()
    other.sql("CREATE TABLE small AS SELECT 7 AS i")
    clock.sql("SET fail_io = 'LATE 1 all'") # the process's
    index = begun(session.sql, "CREATE UNIQUE INDEX one ON t (i, f, m)")
    time.sleep(0.2)
    for statement in ("INSERT INTO small VALUES (8)", "CREATE UNIQUE INDEX two ON small (i)", "DROP INDEX two",
                      "CREATE OR REPLACE VIEW v AS SELECT count(*) AS n FROM small", "CREATE TABLE u AS FROM v", "DROP TABLE u"):
        other.sql(statement)
    assert other.sql("FROM v").to_pylist() == [{"n": 2}]
    waits = begun(other.sql, "INSERT INTO t SELECT -1, 1, 'x', 'y', 1.0, 2.0, NULL")
    time.sleep(0.1)
    other.cancel()
    waits.join()
    assert index.is_alive() and waits.failure and waits.failure.name == "CANCELLED", (index.failure, waits.failure)
    drops = begun(other.sql, "DROP INDEX one") # there is none yet
    drops.join()
    assert drops.failure and drops.failure.name == "BIND", drops.failure
    waits = begun(other.sql, "INSERT INTO t SELECT * FROM t WHERE i = 7")
    time.sleep(0.1)
    assert index.is_alive() and waits.is_alive()
    clock.sql("SET fail_io = ''")
    index.join()
    waits.join()
    assert index.failure is None and waits.failure and waits.failure.name == "VALUE", (index.failure, waits.failure)
    clock.sql("SET fail_io = 'LATE 1 all'")
    drops = begun(other.sql, "DROP INDEX one")
    drops.join()
    index = begun(session.sql, "CREATE UNIQUE INDEX one ON t (s)")
    time.sleep(0.2)
    other.sql("DROP TABLE t") # waits for nobody, and who made the index of it is told
    assert index.is_alive() and drops.failure is None
    clock.sql("SET fail_io = ''")
    index.join()
    assert index.failure and index.failure.name == "BIND" and "gone" in str(index.failure), index.failure
    assert payer(session)["bytes"] < 10000, payer(session)
    other.close_session()
    clock.close_session()
    session.close()


def test_a_table_replaced_while_rows_are_added():
    """Rows go to the table that has the name when they are put in place, if it takes such rows."""
    session = opened(0)
    session.sql("SET memory_limit = '8MiB'")
    session.sql("SET force_spill = true")
    other, clock = session.another(), session.another()
    for columns_of, ends in (("i", None), ("CAST(i AS VARCHAR) AS i", "BIND")):
        session.sql("CREATE OR REPLACE TABLE t AS " + wide(60000, 20))
        session.sql("CREATE UNIQUE INDEX one ON t (c0, c1)")
        pslib.failure_of(session, "INSERT INTO t SELECT * FROM t WHERE c0 = 0") # the set goes, the next one reads t for it
        session.sql("CREATE OR REPLACE TABLE x AS SELECT 1 AS a") # all goes to the file
        rest = ", ".join(f"i AS c{c}" for c in range(1, 20))
        clock.sql("SET fail_io = 'LATE 1 all'")
        adds = begun(session.sql, "INSERT INTO t SELECT " + ", ".join("CAST(-1 AS INT)" for c in range(20)))
        time.sleep(0.3)
        other.sql(f"CREATE OR REPLACE TABLE t AS SELECT {columns_of}, {rest} FROM (SELECT CAST(i AS INT) AS i FROM range(2) r(i)) q")
        assert adds.is_alive()
        clock.sql("SET fail_io = ''")
        adds.join()
        assert (adds.failure and adds.failure.name) == ends, adds.failure
        rows = session.sql("SELECT count(*) AS n FROM t").to_pylist()
        assert rows == [{"n": 2 if ends else 3}], rows
    other.close_session()
    clock.close_session()
    session.close()


def test_faults_stay_in_their_statement():
    session = opened()
    session.sql(LOAD.format(ROWS, "t"))
    other = session.another()
    want = session.sql(QUERIES[0])
    session.sql("SET fail_io = 'FLIP 2'")
    failure = pslib.failure_of(session, QUERIES[0])
    assert failure.name == "IO" and tempfile.gettempdir() in str(failure) and "damaged" in str(failure), failure
    session.sql("SET fail_io = ''")
    assert session.sql(QUERIES[0]).equals(want) and other.sql(QUERIES[0]).equals(want)
    other.sql("SET max_temp_directory_size = '1MiB'")
    failure = pslib.failure_of(other, LOAD.format(ROWS, "u"))
    assert failure.name == "DISK_FULL", failure
    for word in (tempfile.gettempdir(), "need", "max_temp_directory_size"):
        assert word in str(failure) or word == "max_temp_directory_size", (word, failure)
    other.sql("RESET max_temp_directory_size")
    other.sql("SET temp_directory = '/there/is/none'")
    failure = pslib.failure_of(other, LOAD.format(ROWS, "u"))
    assert failure.name == "IO" and "/there/is/none" in str(failure), failure
    assert pslib.failure_of(other, "SELECT 1 FROM u").name == "BIND"
    assert session.sql(QUERIES[0]).equals(want)
    other.close_session()
    session.close()


def calls_on_files(session):
    """How many there were since fail_io was set to fail the millionth."""
    room = ctypes.create_string_buffer(64)
    session.call("ps_session_get", session.session, b"fail_io", room, ctypes.c_size_t(64))
    return 1000000 - int(room.value.split()[1])


def test_a_disk_that_refused_is_left_alone():
    """A statement begins without trying again, for two seconds, what the disk refused; what needs no memory works."""
    session = opened(0, threads=1)
    session.sql("CREATE TABLE t AS SELECT md5(CAST(i AS VARCHAR)) AS s FROM range(500000) r(i)")
    other = session.another()
    other.sql("SET temp_directory = '/there/is/none'")
    session.sql("SET fail_io = 'EIO 1000000'")
    start = time.monotonic()
    other.sql("SET memory_limit = '8MiB'")
    other.sql("SELECT 1")
    first = calls_on_files(session)
    for _ in range(10):
        time.sleep(0.01)
        assert other.sql("SELECT 7 AS n").to_pylist() == [{"n": 7}]
    again = calls_on_files(session)
    assert first > 0 and (again == first or time.monotonic() - start > 1.5), (first, again)
    failure = pslib.failure_of(other, "SELECT count(*) FROM (SELECT s, count(*) FROM t GROUP BY s) q")
    assert failure.name in ("MEMORY", "IO"), failure
    session.sql("SET fail_io = ''")
    other.sql("RESET temp_directory")
    assert other.sql("SELECT count(s || s) AS n FROM t").to_pylist() == [{"n": 500000}]
    assert payer(session)["bytes"] < 8 << 20, payer(session)
    other.close_session()
    session.close()


def test_memory_that_tables_keep_is_the_disk_s_fault():
    """Who is refused memory because tables can't be written out hears why: where, what it needs and the cap, or what the
    system said; and what there is to do. Another session, or what has nothing to do with tables, doesn't."""
    query = "SELECT max(length(repeat('x', i))) AS n FROM range(16000000, 16000001) r(i)"
    index = "CREATE UNIQUE INDEX one ON t (i)"
    for setting, value, words, hint in (
            ("temp_directory", "'/there/is/none'", ("/there/is/none", "No such file or directory"), "set temp_directory"),
            ("max_temp_directory_size", "'64KiB'", (tempfile.gettempdir(), "need", "cap", "65536 bytes"), "max_temp_directory_size")):
        session = opened(24 << 20, threads=1)
        session.sql(f"SET {setting} = {value}")
        session.sql("CREATE TABLE t AS SELECT i, md5(CAST(i AS VARCHAR)) AS s FROM range(240000) r(i)")
        assert payer(session)["bytes"] > 9 << 20 and payer(session)["temp_bytes"] <= 65536, payer(session)
        for refused in (query, index):
            failure = pslib.failure_of(session, refused)
            assert failure.name == "MEMORY" and "bytes more" in str(failure), (refused, failure)
            assert "; tables can't be written out to make room: " in str(failure), (refused, failure)
            assert all(word in str(failure) for word in words), (refused, failure)
            assert hint in str(failure) or refused == index, (refused, failure) # a stream's failure has the hint with it
        session.sql(f"RESET {setting}")
        session.sql(index)
        session.close()
    session = opened(24 << 20, threads=1)
    session.sql("SET temp_directory = '/there/is/none'")
    failure = pslib.failure_of(session, query.replace("16000", "24000"))
    assert "tables can't" not in str(failure), failure
    session.close()


def test_a_load_that_fits_needs_no_disk():
    """What is set aside for the segments after this one isn't asked for where temporary files may not grow."""
    session = opened(64 << 20, threads=1)
    session.sql("SET max_temp_directory_size = '64KiB'")
    session.sql("CREATE TABLE t AS SELECT md5(CAST(i AS VARCHAR)) AS s, i * 7919 AS k FROM range(500000) r(i)")
    assert payer(session)["temp_bytes"] <= 65536 and payer(session)["bytes"] > 30000000, payer(session)
    assert session.sql("SELECT count(s || s) AS n FROM t").to_pylist() == [{"n": 500000}]
    session.close()


def test_a_cancelled_load_leaves_nothing():
    session = opened()
    for pause in (0.02, 0.1, 0.3):
        timer = threading.Timer(pause, session.cancel)
        timer.start()
        start = time.monotonic()
        try:
            session.sql(LOAD.format(100000000, "t"))
            raise AssertionError("it ended")
        except pslib.Failure as failure:
            assert failure.name == "CANCELLED", failure
        timer.join()
        assert time.monotonic() - start < pause + 5
        tables = payer(session)
        assert tables["bytes"] < 10000 and tables["temp_bytes"] == 0, tables
    session.sql(LOAD.format(1000, "t"))
    assert session.sql("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 1000}]
    session.close()


def test_keys_of_what_is_written_out():
    session = opened()
    session.sql(LOAD.format(40000, "t"))
    session.sql(LOAD.format(ROWS, "u")) # more than there is memory
    assert payer(session)["temp_bytes"] > 0
    session.sql("CREATE UNIQUE INDEX one ON t (i)")
    failure = pslib.failure_of(session, "INSERT INTO t SELECT 7, 1, 'x', 'y', 1.0, 2.0, NULL")
    assert failure.name == "VALUE" and "duplicate" in str(failure), failure
    session.sql(f"INSERT INTO t SELECT 40000, 1, 'x', 'y', 1.0, 2.0, NULL")
    assert session.sql("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 40001}]
    session.close()


def test_keys_that_find_no_room():
    """Tables can't be written: the statement says what it lacked."""
    session = opened(16 << 20)
    session.sql("CREATE TABLE t AS SELECT i FROM range(1000000) r(i)")
    session.sql("SET temp_directory = '/there/is/none'")
    failure = pslib.failure_of(session, "CREATE UNIQUE INDEX one ON t (i)")
    assert failure.name == "MEMORY" and "bytes more" in str(failure), failure
    assert session.sql("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 1000000}]
    session.close()


def test_encryption():
    """What a session wants encrypted is, also when another one's query has it written out."""
    session = opened()
    try:
        session.sql("SET temp_file_encryption = true")
    except pslib.Failure as failure:
        raise unittest.SkipTest("no libcrypto") from failure
    session.sql("CREATE TABLE t AS " + SELECT.format(60000))
    other = session.another()
    want = session.sql(QUERIES[0])
    other.sql(LOAD.format(ROWS, "u"))
    rows = session.sql("SELECT encrypted, bytes FROM penstock_spill_files() WHERE bytes > 0 ORDER BY ALL").to_pylist()
    assert [row["encrypted"] for row in rows] == [False, True], rows
    assert session.sql(QUERIES[0]).equals(want)
    other.close_session()
    session.close()


def wide(rows, cols=60):
    return "SELECT " + ", ".join(f"CAST((i * {2 * c + 1} * 7919) % 1000003 AS INT) AS c{c}" for c in range(cols)) + f" FROM range({rows}) r(i)"


def test_what_stays_of_a_wide_table():
    """Statistics and places in files stay in memory: little of each segment, and never beyond a limit, be it the session's or
    the instance's. A load that would need more ends in the error that says so."""
    session = opened(0, threads=1)
    session.sql(f"SET memory_limit = {16 << 20}")
    session.sql("CREATE TABLE t AS " + wide(200000))
    assert session.sql("SELECT count(*) AS n, max(c59 % 1000033) < 1000003 AS b FROM t").to_pylist() == [{"n": 200000, "b": True}]
    pslib.failure_of(session, "SELECT error('nothing reads t any more')")
    tables = payer(session)
    assert tables["temp_bytes"] > 10 << 20 and tables["bytes"] < 4 << 20, tables # 6.4 MB with a sketch for each segment
    session.close()
    for by_session in (True, False):
        session = opened(0 if by_session else 16 << 20, threads=1)
        session.sql(f"SET memory_limit = {16 << 20 if by_session else 0}")
        session.sql("CREATE TABLE t AS " + wide(100000))
        failure = pslib.failure_of(session, "CREATE TABLE u AS " + wide(1200000))
        assert failure.name == "MEMORY", failure
        root = payer(session, "instance")
        assert root["bytes_peak"] <= 18 << 20 and payer(session)["bytes"] < 4 << 20, root # a sixteenth may be overdrawn
        assert session.sql("SELECT count(*) AS n, count(DISTINCT c1) AS d FROM t").to_pylist() == [{"n": 100000, "d": 100000}]
        session.close()


def columns(form, cols, rows):
    return "SELECT " + ", ".join(form.format(c=c) for c in range(cols)) + f" FROM range({rows}) r(i)"


def needed(failure):
    found = re.search(r"needs at least ([0-9.]+) MiB", str(failure))
    assert failure.name == "MEMORY" and found, failure
    return float(found.group(1))


def test_wide_rows_in_little_memory():
    """Hundreds of columns: what a lane holds of each is small, however large the memory was that the table was made in; all else
    is written out, and what can't be is in the number of the refusal."""
    session = opened(0)
    session.sql("SET force_spill = true")
    session.sql("SET memory_limit = '400MiB'")
    session.sql("CREATE TABLE t AS " + columns("CAST((i * {c}7919) % 1000003 AS INT) AS c{c}", 300, 20480))
    session.sql("SET memory_limit = '24MiB'")
    session.sql("CREATE TABLE u AS FROM t") # in segments of fewer rows
    for source in ("t", "u"):
        session.sql(f"CREATE OR REPLACE TABLE v AS SELECT * FROM {source} LIMIT 8192 OFFSET 5000")
        want = session.sql("SELECT count(*), sum(i * 2997919 % 1000003), min(i * 77919 % 1000003) FROM range(5000, 13192) r(i)")
        got = session.sql("SELECT count(*), sum(c299), min(c7) FROM v")
        assert list(got.to_pylist()[0].values()) == list(want.to_pylist()[0].values()), (got, want)
    session.sql("RESET memory_limit")
    session.sql("CREATE OR REPLACE TABLE t AS " + columns("CAST(i + {c} AS INT) AS c{c}", 800, 20480))
    for statement in ("CREATE OR REPLACE TABLE v AS FROM t", "CREATE OR REPLACE TABLE v AS SELECT * FROM t LIMIT 8192"):
        session.sql("SET memory_limit = '20MiB'")
        needs = needed(pslib.failure_of(session, statement))
        kept = payer(session)["bytes"]
        session.sql(f"SET memory_limit = {int((needs + 4) * 1048576) + kept * 2}")
        session.sql(statement)
        assert session.sql("SELECT max(c799 % 1000003) > 8000 AS b FROM v").to_pylist() == [{"b": True}]
    session.close()


def test_a_load_needs_what_it_holds():
    """The floor of a statement that writes a table counts segments, not the encoding of files."""
    session = opened(0, threads=1)
    session.sql("SET memory_limit = '16MiB'")
    session.sql("CREATE TABLE t AS " + columns("i * {c} AS c{c}", 150, 40000)) # 17 MiB with a file's
    assert session.sql(f"SELECT sum(c149) = {149 * 39999 * 20000} AS b FROM t").to_pylist() == [{"b": True}]
    session.sql("DROP TABLE t")
    session.sql("SET memory_limit = '1536KiB'")
    needs = needed(pslib.failure_of(session, "CREATE TABLE u AS SELECT i, i AS j, i AS k FROM range(300000) r(i)"))
    session.sql(f"SET memory_limit = {int((needs + 0.25) * 1048576)}")
    session.sql("CREATE TABLE u AS SELECT i, i AS j, i AS k FROM range(300000) r(i)")
    session.close()


def test_keys_starve_no_session():
    """Sets of unique keys can't be written out, so they are no table beside a session with a small limit."""
    session = opened(0, threads=1)
    session.sql("CREATE TABLE u(i BIGINT PRIMARY KEY)")
    session.sql("INSERT INTO u SELECT i FROM range(600000) r(i)")
    assert payer(session, "instance")["bytes"] - payer(session)["bytes"] > 16 << 20
    session.sql(f"SET memory_limit = {16 << 20}")
    rows = session.sql("SELECT count(*) AS n FROM (SELECT i FROM range(600000) r(i) ORDER BY (i * 7919) % 600011 LIMIT 100000 OFFSET 5) q")
    assert rows.to_pylist() == [{"n": 100000}]
    assert pslib.failure_of(session, "INSERT INTO u VALUES (77)").name == "VALUE"
    session.close()
