"""What counts against the limit; floors: a query begins when what it can't do without is free, waits for others until then,
and is refused when that can never be. PS_LIBRARY is the library to test."""
import ctypes
import gc
import json
import os
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

BIG = "SELECT count(*), min(p) FROM (SELECT i, 'pad ' || CAST(i AS VARCHAR) AS p, row_number() OVER (ORDER BY i % 1000003 * 7919 % 1000003) n" \
      " FROM range({0}) r(i)) q WHERE n > 0"
SMALL = "SELECT CAST(sum(n) AS BIGINT) AS n FROM (SELECT row_number() OVER (ORDER BY i DESC) n FROM range(10) r(i)) q"


def opened(limit_mib, threads=2):
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    return pslib.Session(os.environ.get("PS_LIBRARY"), threads=threads, memory_bytes_max=limit_mib << 20)


def failure(call):
    """The failure of a call and the milliseconds until it came; None if there was none."""
    start = time.monotonic()
    try:
        call()
    except pslib.Failure as failed:
        return failed, (time.monotonic() - start) * 1000
    return None, (time.monotonic() - start) * 1000


def reserved(session, name):
    """Bytes that the payers of this name have set aside."""
    rows = session.sql(f"SELECT bytes_reserved AS n FROM penstock_memory() WHERE name = '{name}'").to_pylist()
    return sum(row["n"] for row in rows)


def statistics(session):
    """What the session is running, from another thread."""
    text, error = ctypes.c_void_p(), pslib.Error()
    code = session.lib.ps_session_statistics(session.session, ctypes.byref(text), ctypes.byref(error))
    assert code == 0, error.message
    try:
        return json.loads(ctypes.string_at(text.value))
    finally:
        session.lib.ps_string_free(text)


class Running:
    """A query that runs in a thread until it is cancelled; inside, it has begun."""

    def __init__(self, session, watcher):
        self.session, self.thread = session, threading.Thread(target=self.run)
        self.failed = None
        self.thread.start()
        end = time.monotonic() + 30
        while reserved(watcher, "query") < 4 << 20:
            assert time.monotonic() < end, "it didn't begin"
            time.sleep(0.01)

    def run(self):
        self.failed, _ = failure(lambda: self.session.sql(BIG.format(100000000)))

    def stop(self):
        self.session.cancel()
        self.thread.join()
        assert self.failed and self.failed.name == "CANCELLED", self.failed


def test_a_query_waits_for_its_floor_and_can_be_stopped():
    first = opened(12)
    second, watcher = first.another(), first.another()
    assert statistics(first) == {}
    running = Running(first, watcher)
    try:
        end = time.monotonic() + 20
        seen = statistics(first)
        while not any(op["partitions"] for op in seen["operators"]) and time.monotonic() < end: # told after the bytes
            time.sleep(0.01)
            seen = statistics(first)
        window = [op for op in seen["operators"] if op["name"] == "window"][0]
        assert window["spilled_bytes"] and window["partitions"] and window["depth"] == 1, seen
        assert 0 < window["memory_bytes"] <= window["memory_bytes_peak"] <= 12 << 20, seen
        assert seen["temp_bytes"] > 0 and 0 <= seen["progress"] < 1 and seen["waited_ms"] == 0, seen
        second.sql("SET max_execution_time = 150")
        failed, took = failure(lambda: second.sql(SMALL))
        assert failed and failed.name == "TIMEOUT", failed
        assert 140 <= took < 400, took
        second.sql("SET max_execution_time = 0")
        timer = threading.Timer(0.15, second.cancel)
        timer.start()
        failed, took = failure(lambda: second.sql(SMALL))
        assert failed and failed.name == "CANCELLED", failed
        assert 100 <= took < 400, took
        results = []
        waiter = threading.Thread(target=lambda: results.append(second.sql(SMALL).to_pylist()))
        waiter.start()
        waiter.join(0.2)
        assert waiter.is_alive(), "it should wait"
    finally:
        running.stop()
    waiter.join(30)
    assert results == [[{"n": 55}]], results
    assert reserved(watcher, "query") <= 2 << 20, "what was set aside is given back" # its own
    for session in (watcher, second):
        session.close_session()
    first.close()


def test_who_waits_below_one_limit_is_in_nobodys_way_below_another():
    """A session's second query waits for the room that its first has; queries of other sessions, with limits of their own and
    without, begin at once meanwhile, and end before it does."""
    starved = opened(64)
    others = [starved.another() for _ in range(3)]
    starved.sql("SET memory_limit = '12MiB'")
    others[0].sql("SET memory_limit = '12MiB'")
    others[1].sql("SET memory_limit = '24MiB'")
    starved.sql("SET max_execution_time = 4000")
    rows = starved.open(BIG.format(100000000))
    failed = []
    first = threading.Thread(target=lambda: failed.append(arrow_failure(rows.read_next_batch)))
    first.start()
    starved.sql("SET max_execution_time = 0")
    end = time.monotonic() + 5
    while reserved(others[2], "query") < 4 << 20 and time.monotonic() < end:
        time.sleep(0.01)
    results = []
    second = threading.Thread(target=lambda: results.append(starved.sql(SMALL).to_pylist()))
    second.start()
    second.join(0.2)
    for other in others:
        for _ in range(3):
            assert other.sql(SMALL).to_pylist() == [{"n": 55}]
        assert other.sql(BIG.format(2000)).num_rows == 1
    assert first.is_alive() and second.is_alive(), (failed, results)
    first.join(60)
    second.join(60)
    assert "TIMEOUT" in failed[0] and results == [[{"n": 55}]], (failed, results)
    del rows
    for other in others:
        other.close_session()
    starved.close()


def arrow_failure(call):
    try:
        call()
    except (pyarrow.ArrowException, OSError) as failed:
        return str(failed)
    return ""


def test_rows_that_nobody_fetches_stop_no_other_query():
    first = opened(12)
    second = first.another()
    rows = first.open("SELECT i FROM range(3000000) r(i) ORDER BY i DESC")
    assert rows.read_next_batch().num_rows > 0
    start = time.monotonic()
    assert second.sql(SMALL).to_pylist() == [{"n": 55}]
    assert time.monotonic() - start < 5
    assert sum(batch.num_rows for batch in rows) > 0 # it goes on
    del rows
    second.close_session()
    first.close()


def test_a_query_that_never_fits_is_refused_with_its_need():
    session = opened(2)
    failed, took = failure(lambda: session.sql(SMALL))
    assert failed and failed.name == "MEMORY", failed
    assert "the query needs at least" in str(failed) and "memory limit is 2.0 MiB" in str(failed), failed
    assert took < 1000, took
    assert session.sql("SELECT 1 AS one").to_pylist() == [{"one": 1}]
    need = float(str(failed).split("at least ")[1].split(" MiB")[0])
    session.close()
    session = opened(int(need) + 1, threads=8)  # fewer lanes rather than a refusal
    assert session.sql(SMALL).to_pylist() == [{"n": 55}]
    assert session.sql(BIG.format(300000)).to_pylist() is not None
    session.close()


# ---- what counts ----

def payers(session):
    """Bytes by name of payer, from another session."""
    out = {}
    for row in session.sql("SELECT name, bytes FROM penstock_memory()").to_pylist():
        out[row["name"]] = out.get(row["name"], 0) + row["bytes"]
    return out


def peaks(session, query):
    """Peak bytes by name of operator."""
    plan = json.loads(session.sql(f"EXPLAIN (ANALYZE, FORMAT json) {query}").to_pylist()[0]["plan"])
    found, open_nodes = {}, [plan]
    while open_nodes:
        node = open_nodes.pop()
        open_nodes += [child for value in node.values() if isinstance(value, list) for child in value
                       if isinstance(child, dict) and "node" in child]
        for operator in node.get("operators", []):
            found[operator["name"]] = max(found.get(operator["name"], 0), operator["memory_bytes_peak"])
    return found


def test_tables_and_rows_in_the_callers_hands_count():
    first = opened(256)
    second = first.another()
    rest = payers(second)["instance"]
    first.sql("CREATE TABLE t AS SELECT i, 'a text of some thirty bytes, ' || CAST(i AS VARCHAR) AS s FROM range(500000) r(i)")
    table = payers(second)["instance"] - rest
    assert 500000 * (4 + 30) < table < 500000 * 80, table
    rows = first.sql("SELECT * FROM t WHERE i % 2 = 0")
    held = payers(second)["instance"] - rest - table
    assert held >= rows.nbytes // 2, (held, rows.nbytes)
    assert held <= rows.nbytes * 2 + (8 << 20), (held, rows.nbytes)
    del rows
    first.sql("DROP TABLE t")
    gc.collect()
    left = payers(second)["instance"] - rest
    assert left < 1 << 20, left
    second.close_session()
    first.close()


def test_reading_decoding_and_queues_count():
    session = opened(256)
    with tempfile.TemporaryDirectory() as folder:
        source = "SELECT i, 'a text of some thirty bytes, ' || CAST(i * 7919 % 1000003 AS VARCHAR) AS s FROM range(600000) r(i)"
        for path in ("t.parquet", "t.csv"):
            session.sql(f"COPY ({source}) TO '{folder}/{path}'")
            scan = peaks(session, f"SELECT max(s), sum(i) FROM '{folder}/{path}'")["scan"]
            # windows of the file, pages as they are stored and as they are decoded; a piece of text
            assert 100 << 10 < scan < 64 << 20, (path, scan)
        rows = session.open(f"SELECT * FROM '{folder}/t.parquet'")
        batch = rows.read_next_batch()
        other = session.another()
        end, queue = time.monotonic() + 10, 0
        while queue < 1 << 20 and time.monotonic() < end: # its threads fill it while nobody fetches
            queue = payers(other).get("result", 0)
            time.sleep(0.01)
        assert 1 << 20 <= queue <= 64 << 20, queue
        assert batch.num_rows > 0
        other.close_session()
        del rows, batch
    session.close()
