"""Statements of every kind of work over a few files, for campaigns that cancel them and let them run at once; not a test."""
import ctypes
import os
import random
import threading
import time

import pslib

TABLE = ("SELECT i, (i * 7919) % 1000003 AS k, i % 1000 AS g, 'pad ' || CAST(i AS VARCHAR) || ' and some more of it' AS p,"
         " CAST((i * 13) % 2900 AS DOUBLE) / 7 AS f FROM range({0}) r(i)")


class Caller(pslib.Session):
    """A session whose statements are run to their end in plain calls."""

    def drain(self, text):
        """(status, when it ended, message or the sum of what the rows' first column hold)."""
        result, fetch, error = ctypes.c_void_p(), ctypes.c_int(0), pslib.Error()
        array = (ctypes.c_uint64 * 10)() # struct ArrowArray
        data, rows = text.encode(), 0
        code = self.lib.ps_session_sql(self.session, data, ctypes.c_size_t(len(data)), None,
                                       ctypes.byref(result), ctypes.byref(error))
        while code == 0 and fetch.value != 1 and self.lib.ps_result_columns(result):
            code = self.lib.ps_result_next(result, ctypes.c_uint64(2**64 - 1), ctypes.byref(array),
                                           ctypes.byref(fetch), ctypes.byref(error))
            if code == 0 and fetch.value == 0:
                rows += array[0]
                ctypes.CFUNCTYPE(None, ctypes.c_void_p)(array[8])(ctypes.addressof(array))
        ended = time.perf_counter()
        self.lib.ps_result_free(result)
        return self.lib.ps_status_name(code).decode(), ended, error.message.decode() if code else rows

    def another_caller(self):
        other = Caller.__new__(Caller)
        other.lib, other.instance, other.session = self.lib, self.instance, ctypes.c_void_p()
        other.call("ps_session_new", other.instance, ctypes.byref(other.session))
        return other


def relations(n):
    return ", ".join(f"(SELECT i AS a{k}, i AS b{k} FROM range(10) r(i)) t{k}" for k in range(n))


def make_files(caller, folder, rows):
    for path in ("t.parquet", "t.csv"):
        name, _, message = caller.drain(f"COPY ({TABLE.format(rows)}) TO '{folder}/{path}'")
        assert name == "OK", message


def statements(folder, rows, out):
    """Name to text; `out` is a folder to write to, of the caller's own."""
    t, table = f"'{folder}/t.parquet'", TABLE.format(rows)
    chain = " AND ".join(f"a{k} = b{k + 1}" for k in range(79))
    return {
        "planning": f"EXPLAIN SELECT count(*) FROM {relations(80)} WHERE {chain}",
        "parquet": f"SELECT sum(k), max(p), sum(f) FROM {t} WHERE p LIKE '%7%more%'",
        "parquet rows": f"SELECT * FROM {t} WHERE k % 3 = 0",
        "csv": f"SELECT sum(k), max(p) FROM '{folder}/t.csv'",
        "sort": f"SELECT count(*), min(p) FROM (SELECT * FROM {t} ORDER BY p, k LIMIT {rows - 1}) q",
        "sort rows": f"SELECT * FROM ({table}) q ORDER BY k, p",
        "group": f"SELECT count(*), max(n) FROM (SELECT p, count(*) AS n, sum(f) FROM {t} GROUP BY p) q",
        "distinct": f"SELECT count(*) FROM (SELECT DISTINCT k, g FROM {t}) q",
        "join": f"SELECT count(*), sum(a.f) FROM {t} a JOIN (SELECT k, g FROM {t} WHERE g < 50) b ON a.k = b.k",
        "cross": f"SELECT count(*) FROM {t} a, range(3000) r(j) WHERE a.k + j = 17",
        "window": f"SELECT count(*), sum(x) FROM (SELECT sum(i) OVER (PARTITION BY g ORDER BY k) AS x FROM {t}) q",
        "strings": f"SELECT count(*) FROM {t} WHERE regexp_matches(p || p || p, 'a[^z]*(7|8)+b?$')",
        "write parquet": f"COPY (SELECT * FROM {t}) TO '{out}/w.parquet'",
        "write csv": f"COPY (SELECT * FROM {t}) TO '{out}/w.csv'",
        "create": f"CREATE OR REPLACE TEMP TABLE made AS SELECT i, k FROM {t}",
    }


ERRORS = [
    ("SELECT 1 FROM", "PARSE"),
    ("SELECT nothing FROM range(3) r(i)", "BIND"),
    ("SELECT 1 // (i - i) + CAST('x' || i AS BIGINT) FROM range(100000) r(i)", "VALUE"),
    ("SELECT * FROM 'no_such_file.parquet'", "IO"),
    ("SELECT sum(CAST(i || 'e' AS INTEGER)) FROM range(300000) r(i)", "VALUE"),
]


def open_files(caller=None):
    """Descriptors; with a caller, but for the file that its instance keeps for tables that are written out."""
    kept = caller.sql("SELECT payer FROM penstock_spill_files() WHERE operator = 'tables'").num_rows if caller else 0
    return len(os.listdir("/proc/self/fd")) - kept


def status(name):
    with open("/proc/self/status", encoding="ascii") as file:
        return int([line for line in file if line.startswith(name + ":")][0].split()[1])


def threads():
    """Names of the process's threads, but for those that an allocator starts when it likes."""
    names = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/comm", encoding="ascii") as comm:
            names.append(comm.read().strip())
    return sorted(name for name in names if not name.startswith("jemalloc"))


def settled(look, wanted):
    """What look() gives, once it is what is wanted or a second has gone by: a thread that ended is listed a little longer."""
    end = time.monotonic() + 1
    while look() != wanted and time.monotonic() < end:
        time.sleep(0.01)
    return look()


def resident_mib():
    return status("VmRSS") // 1024


def cancelled_after(caller, text, delay):
    """Runs text, asks it to stop after the delay: (status, seconds from asking to the end; None: it had ended)."""
    ends = []
    thread = threading.Thread(target=lambda: ends.append(caller.drain(text)))
    thread.start()
    time.sleep(delay)
    asked = time.perf_counter()
    caller.cancel()
    thread.join(60)
    assert ends, f"still running a minute after it was cancelled: {text}"
    name, ended, message = ends[0]
    return name, ended - asked if ended > asked else None, message


def random_delay(random_source: random.Random, seconds):
    """Mostly somewhere within the statement's time, often near its beginning."""
    return random_source.random() ** 2 * seconds if random_source.random() < 0.5 else random_source.random() * seconds
