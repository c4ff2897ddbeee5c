"""Cancelling: every kind of work stops soon after it is asked to, and the session goes on.

The latency is from the request, made on another thread, to the failed call's return. The bound here is
generous (a loaded machine, a build without optimisation); the target is 100 ms, and each test prints
what it saw.
"""
import ctypes
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import pslib  # noqa: E402

LIBRARY = os.environ.get("PS_LIBRARY", "build/dev/libpenstock.so")
BOUND_S = 0.5
ROWS = 40_000_000
SETUP = """
CREATE TABLE mb AS SELECT repeat('ab', 500000) || i AS t FROM range(4) r(i);
CREATE TABLE k AS SELECT i, i % 7 AS g FROM range(2000000) r(i)
"""


class Caller(pslib.Session):
    """A session that runs a statement to its end in plain calls, and says how it ended."""

    def drain(self, text, by_result=None):
        result, fetch, error = ctypes.c_void_p(), ctypes.c_int(0), pslib.Error()
        array = (ctypes.c_uint64 * 10)() # struct ArrowArray
        data = text.encode()
        code = self.lib.ps_session_sql(self.session, data, ctypes.c_size_t(len(data)), None,
                                       ctypes.byref(result), ctypes.byref(error))
        if by_result is not None:
            by_result.append(result)
        while code == 0 and fetch.value != 1 and self.lib.ps_result_columns(result):
            code = self.lib.ps_result_next(result, ctypes.c_uint64(2**64 - 1), ctypes.byref(array),
                                           ctypes.byref(fetch), ctypes.byref(error))
            if code == 0 and fetch.value == 0:
                ctypes.CFUNCTYPE(None, ctypes.c_void_p)(array[8])(ctypes.addressof(array))
        ended = time.perf_counter()
        self.lib.ps_result_free(result)
        name = self.lib.ps_status_name(code).decode()
        return name, ended, error.message.decode()


def stop_at(caller, sql, delays, cancel=None, before=()):
    """Runs sql once for each delay and cancels it then; the worst latency in seconds."""
    worst = 0.0
    for delay in delays:
        for statement in before:
            caller.drain(statement)
        ends, results = [], []
        thread = threading.Thread(target=lambda: ends.append(caller.drain(sql, results)))
        thread.start()
        time.sleep(delay)
        asked = time.perf_counter()
        (cancel or (lambda _: caller.cancel()))(results)
        thread.join(60)
        assert ends, f"still running a minute after it was cancelled: {sql}"
        name, ended, message = ends[0]
        if name == "OK" and ended <= asked and delay > 0.002: # a fast machine: sooner, then
            worst = max(worst, stop_at(caller, sql, (delay / 3,), cancel, before))
            continue
        assert name == "CANCELLED", f"{name} {message}: {sql}"
        worst = max(worst, ended - asked)
    print(f"  {worst * 1000:.0f} ms at most of {len(delays)}: {sql[:70]}")
    assert worst < BOUND_S, f"{worst * 1000:.0f} ms: {sql}"
    assert caller.drain("SELECT 1")[0] == "OK", "the session does not go on"
    return worst


def caller_with_tables():
    caller = Caller(LIBRARY)
    for statement in SETUP.split(";"):
        name, _, message = caller.drain(statement)
        assert name == "OK", message
    return caller


def stop_each(*statements, delays=(0.05, 0.3, 0.8), **how):
    caller = caller_with_tables()
    for sql in statements:
        stop_at(caller, sql, delays, **how)
    caller.close()


def test_cross_and_nested_loop_joins():
    pairs = "range(100000) a(i), range(100000) b(j)"
    stop_each(f"SELECT count(*) FROM {pairs} WHERE (a.i * 7 + b.j) % 1000003 = 5",
              f"SELECT count(*) FROM {pairs} WHERE a.i < b.j AND a.i % 77 > b.j % 1000")


def test_sort_of_fifty_million_rows():
    stop_each("SELECT * FROM range(50000000) r(i) ORDER BY (i * 7919) % 50000017",
              delays=(0.05, 0.5, 1.5, 2.5))


def test_expressions_over_long_texts():
    stop_each("SELECT count(*) FROM mb, range(1000) r(j) WHERE regexp_matches(t || j, 'a[^z]*b$')",
              "SELECT count(regexp_replace(t, 'a+b', 'x', 'g')) FROM mb, range(1000) r(j)",
              "SELECT count(*) FROM mb, range(10000) r(j) WHERE t || j LIKE '%b_b%c%'",
              "SELECT sum(length(upper(replace(t, 'ab', j::VARCHAR)))) FROM mb, range(10000) r(j)",
              "SELECT max(concat(t, j, t)) FROM mb, range(10000) r(j)",
              delays=(0.05, 0.3))


def relations(n):
    return ", ".join(f"(SELECT i AS a{k}, i AS b{k} FROM range(10) r(i)) t{k}" for k in range(n))


def test_planning_of_two_hundred_relations():
    chain = " AND ".join(f"a{k} = b{k + 1}" for k in range(199))
    star = " AND ".join(f"a0 = b{k + 1}" for k in range(199))
    caller = caller_with_tables()
    for condition in (chain, star):
        sql = f"SELECT count(*) FROM {relations(200)} WHERE {condition}"
        started = time.perf_counter()
        name, ended, message = caller.drain("EXPLAIN " + sql)
        assert name == "OK", message
        print(f"  planned in {(ended - started) * 1000:.0f} ms")
        assert ended - started < 10, "planning takes for ever"
        delays = [(ended - started) * part for part in (0.1, 0.4, 0.7)]
        stop_at(caller, sql, delays)
    caller.close()


def test_hash_join_builds_and_probes():
    stop_each(f"SELECT count(*) FROM range(10) p(x) JOIN range({ROWS}) b(i) ON p.x = b.i % 9999991"
              " AND p.x < b.i + p.x",
              "SELECT count(*) FROM k a JOIN k b ON a.g = b.g AND a.i + b.i = 3",
              f"SELECT i FROM range({ROWS}) r(i) EXCEPT SELECT i + 7 FROM range({ROWS}) r(i)")


def test_aggregates():
    stop_each(f"SELECT g, count(*) FROM (SELECT (i * 7919) % 30000001 AS g FROM range({ROWS}) r(i))"
              " GROUP BY g",
              f"SELECT count(DISTINCT (i * 7919) % 30000001) FROM range({ROWS}) r(i)",
              f"SELECT string_agg(i::VARCHAR, ',') FROM range({ROWS}) r(i)",
              f"SELECT median(i) FROM range({ROWS}) r(i)")


def test_windows_over_one_partition():
    stop_each("SELECT max(s) FROM (SELECT sum(i) OVER (ORDER BY i ROWS BETWEEN 1000 PRECEDING AND"
              " CURRENT ROW) AS s FROM k, range(10))",
              "SELECT max(s) FROM (SELECT rank() OVER (ORDER BY g) AS s FROM k, range(10))",
              "SELECT max(s) FROM (SELECT max(i) OVER (ORDER BY g RANGE BETWEEN 1 PRECEDING AND 1"
              " FOLLOWING) AS s FROM k, range(10))")


def test_parquet_scan_and_copies():
    with tempfile.TemporaryDirectory() as folder:
        rows = "SELECT i, (i * 7919) % 1000003 AS k, 'text ' || i AS t FROM range(100000000) r(i)"
        caller = caller_with_tables()
        path = f"{folder}/scan.parquet"
        name, _, message = caller.drain(
            f"COPY (SELECT i, 'text ' || i AS t FROM range(1000000) r(i)) TO '{path}'")
        assert name == "OK", message
        files = ", ".join([f"'{path}'"] * 100)
        stop_at(caller, f"SELECT count(*) FROM read_parquet([{files}]) WHERE t LIKE '%9_9_9_x'",
                (0.02, 0.2))
        for kind in ("parquet", "csv"):
            stop_at(caller, f"COPY ({rows}) TO '{folder}/out.{kind}'", (0.02, 0.3, 1.0))
        assert os.listdir(folder) == ["scan.parquet"], os.listdir(folder)
        stop_at(caller, f"CREATE TABLE made AS {rows}", (0.02, 0.3, 1.0))
        assert "made" in caller.drain("SELECT * FROM made")[2]
        caller.close()


def test_cancelling_the_result():
    caller = Caller(LIBRARY)
    stop_at(caller, "SELECT count(*) FROM range(100000) a(i), range(100000) b(j) WHERE a.i < b.j - 9",
            (0.1, 0.5), cancel=lambda results: caller.lib.ps_result_cancel(results[0]))
    caller.close()


def test_time_limits():
    caller = caller_with_tables()
    for sql in ("SELECT count(*) FROM range(100000) a(i), range(100000) b(j) WHERE a.i < b.j - 9",
                "SELECT count(*) FROM mb, range(10000) r(j) WHERE t || j LIKE '%b_b%c%'",
                "SELECT * FROM range(50000000) r(i) ORDER BY (i * 7919) % 50000017"):
        caller.drain("SET max_execution_time = 300")
        started = time.perf_counter()
        name, ended, message = caller.drain(sql)
        late = ended - started - 0.3
        print(f"  {late * 1000:.0f} ms late: {sql[:70]}")
        assert name == "TIMEOUT", message
        assert 0 <= late < BOUND_S, f"{late * 1000:.0f} ms late: {sql}"
        caller.drain("SET max_execution_time = 0")
        assert caller.drain("SELECT 1")[0] == "OK"
    caller.close()


if __name__ == "__main__":
    sys.exit("run me with tools/pytests.py")
