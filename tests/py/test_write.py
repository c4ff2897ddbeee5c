"""Directories of files as other programs read them, the same for any number of threads, within a memory
limit; jobs whose calls on files fail; errors that say what to do."""
import ctypes
import hashlib
import os
import re
import stat
import subprocess
import sys
import tempfile

import duckdb
import pyarrow.dataset

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import pslib  # noqa: E402

LIBRARY = os.environ.get("PS_LIBRARY", "build/dev/libpenstock.so")
SLACK_MIB = 32
ALL = os.environ.get("PS_TEST_TIER") == "all"
PARTITIONS = 10000 if ALL else 2000
ROWS = 1_000_000
VALUES = ("a b", "a/b", "50%", "x=y", "ä€😀", "", ".", "..", "'q'", "A+B", "{1}", "tab\t", "#?&:;")


def rows_sql():
    literals = ", ".join("(%d, '%s')" % (i, v.replace("'", "''")) for i, v in enumerate(VALUES))
    return (f"SELECT i, v, CASE WHEN i % 2 = 0 THEN DATE '2020-02-29' END AS d"
            f" FROM (VALUES {literals}, (100, NULL)) t(i, v)")


def test_read_by_others():
    """Names of directories come back as the values that they were made of."""
    session = pslib.Session(LIBRARY)
    with tempfile.TemporaryDirectory() as folder:
        place = os.path.join(folder, "d")
        session.sql(f"COPY ({rows_sql()}) TO '{place}' (FORMAT parquet, PARTITION_BY (v, d))")
        wanted = {(i, v, "2020-02-29" if i % 2 == 0 else None) for i, v in enumerate(VALUES)}
        wanted.add((100, None, "2020-02-29"))
        rows = duckdb.sql(f"SELECT i, v, d::VARCHAR FROM read_parquet('{place}/**/*.parquet',"
                          " hive_partitioning = true, hive_types_autocast = false)").fetchall()
        assert set(rows) == wanted, set(rows) ^ wanted
        table = pyarrow.dataset.dataset(place, partitioning=pyarrow.dataset.partitioning(
            pyarrow.schema([("v", pyarrow.string()), ("d", pyarrow.string())]),
            flavor="hive")).to_table()
        rows = set(zip(*(table[name].to_pylist() for name in ("i", "v", "d"))))
        assert rows == wanted, rows ^ wanted


def digest(folder):
    """Of names, without the id of the write, and bytes."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as file:
                key = re.sub(r"-[0-9a-f]{16}\.", ".", os.path.relpath(path, folder))
                found[key] = hashlib.sha256(file.read()).hexdigest()
    return found


def test_same_bytes():
    """For any number of threads, batches and with spilling."""
    seen = []
    sql = "SELECT i, (i * 7919) % 13 AS p, 'text ' || (i % 1000) AS t FROM range(100000) r(i)"
    for settings in ("threads = 1", "threads = 4", "batch_rows = 77", "force_spill = true"):
        session = pslib.Session(LIBRARY)
        session.sql(f"SET {settings}")
        with tempfile.TemporaryDirectory() as folder:
            for name, options in (("a", "FORMAT parquet, PARTITION_BY (p)"),
                                  ("b", "FORMAT csv, PARTITION_BY (p), FILE_SIZE_BYTES 30000"),
                                  ("c", "FORMAT parquet, MAX_ROWS_PER_FILE 30000"),
                                  ("d", "FORMAT parquet, ROW_GROUP_SIZE 5000, FILE_SIZE_BYTES 90000")):
                session.sql(f"COPY ({sql}) TO '{folder}/{name}' ({options})")
            seen.append(digest(folder))
        assert len(seen[0]) > 30, len(seen[0])
        assert seen[-1] == seen[0], settings


def peak_mib():
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) / 1024


def many_partitions(folder):
    """In a process of its own: prints how much its peak of resident memory grew."""
    session = pslib.Session(LIBRARY, 2)
    session.sql("SET memory_limit = '64MiB'")
    session.sql("SELECT 1")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    before = peak_mib()
    session.sql(f"COPY (SELECT i, (i * 7919) % {PARTITIONS} AS p, 'a text of the row ' || i AS t"
                f" FROM range({ROWS}) r(i)) TO '{folder}/d' (FORMAT parquet, PARTITION_BY (p))")
    print(peak_mib() - before)


def test_many_partitions():
    """Thousands of partitions of rows that come mixed, within 64 MiB: a file each, rows in order."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, __file__, "--many", folder], text=True, check=False,
                              timeout=600, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr[-500:]
        assert float(done.stdout) < 64 + SLACK_MIB, f"grew by {done.stdout} MiB"
        print(f"  grew by {float(done.stdout):.0f} MiB")
        files = [os.path.join(root, name) for root, _, names in os.walk(folder) for name in names]
        assert len(files) == PARTITIONS, len(files)
        table = pyarrow.dataset.dataset(f"{folder}/d", partitioning="hive").to_table()
        assert table.num_rows == ROWS
        values = table["i"].to_numpy()
        assert (values * 7919 % PARTITIONS == table["p"].to_numpy()).all()
        assert values.sum() == ROWS * (ROWS - 1) // 2
        part = pyarrow.dataset.dataset(f"{folder}/d/p=1234").to_table()["i"].to_pylist()
        assert part == sorted(part) and len(part) == ROWS // PARTITIONS


def fault_came(session):
    text, error = ctypes.create_string_buffer(64), pslib.Error()
    assert session.lib.ps_session_get(session.session, b"fail_io", text, ctypes.c_size_t(64),
                                      ctypes.byref(error)) == 0
    return text.value.startswith(b"EIO 0")


def test_job_with_faults():
    """A job whose calls on files fail in turn: started again, it ends with each of its rows once."""
    session = pslib.Session(LIBRARY)
    with tempfile.TemporaryDirectory() as folder:
        session.sql(f"COPY (SELECT i, i % 3 AS p FROM range(100) r(i)) TO '{folder}/in.csv'")
        failed = 0
        for number in range(1, 2000, 1 if ALL else 5):
            place = f"{folder}/d{number}"
            statement = (f"COPY (SELECT i, p FROM read_csv('{folder}/in.csv')) TO '{place}'"
                         " (FORMAT csv, PARTITION_BY (p), MAX_ROWS_PER_FILE 20, JOB 'j')")
            session.sql(f"SET fail_io = 'EIO {number}'")
            try:
                session.sql(statement)
            except pslib.Failure as failure:
                failed += 1
                assert str(failure).startswith("IO: ") and folder in str(failure), failure
            if not fault_came(session):
                break
            session.sql("SET fail_io = ''")
            session.sql(statement)
            names = [os.path.join(root, name) for root, _, names in os.walk(place) for name in names]
            left = [name for name in names if name.endswith(".penstock")]
            assert left == [f"{place}/.j.job.penstock"], left
            rows = []
            for name in names:
                if name.endswith(".csv"):
                    with open(name, encoding="ascii") as file:
                        rows += [int(line) for line in file.read().split()[1:]]
            assert sorted(rows) == list(range(100)), f"fault {number}: {len(rows)} rows"
        assert failed > 15, failed
        print(f"  {failed} failed and were started again")


def test_appends_at_once():
    """Several processes that add to one directory: nothing of anybody's is lost, while a reader sees
    whole appends only."""
    with tempfile.TemporaryDirectory() as folder:
        shell = os.path.abspath(os.environ.get("PS_SHELL", "build/dev/penstock"))
        running = []
        for number in range(5):
            statement = (f"COPY (SELECT i, {number} AS w, i % 3 AS p FROM range(3000) r(i)) TO 'd'"
                         " (FORMAT parquet, PARTITION_BY (p), APPEND);\n")
            running.append(subprocess.Popen([shell], cwd=folder, stdin=subprocess.PIPE, text=True,
                                            stderr=subprocess.PIPE))
            running[-1].stdin.write(statement * 6)
            running[-1].stdin.close()
            running[-1].stdin = None
        session = pslib.Session(LIBRARY)
        n_seen = 0
        while any(process.poll() is None for process in running):
            try:
                table = session.sql(f"SELECT w, count(*) AS n FROM '{folder}/d/*/*.parquet' GROUP BY w")
            except pslib.Failure as failed:
                assert n_seen == 0 and str(failed).startswith("IO: no file matches"), failed
                continue # not there yet
            n_seen += 1
            assert all(row["n"] % 3000 == 0 for row in table.to_pylist()), table
        for process in running:
            _, error = process.communicate(timeout=60)
            assert process.returncode == 0, error
        table = session.sql(f"SELECT w, count(*) AS n FROM '{folder}/d/*/*.parquet' GROUP BY w")
        assert {row["w"]: row["n"] for row in table.to_pylist()} == {w: 18000 for w in range(5)}
        assert os.listdir(folder) == ["d"], os.listdir(folder)
        print(f"  read {n_seen} times while they wrote")


def failure(session, sql):
    try:
        session.sql(sql)
    except pslib.Failure as failed:
        return str(failed)
    raise AssertionError(f"no error: {sql}")


def test_errors():
    """What can't be written says so with the path, and nothing is left."""
    session = pslib.Session(LIBRARY)
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(f"{folder}/pipe")
        assert "is a file, not a directory" in failure(
            session, f"COPY (SELECT 1 AS a, 2 AS b) TO '{folder}/pipe' (FORMAT csv, PARTITION_BY a)")
        if os.geteuid() != 0:
            os.mkdir(f"{folder}/closed")
            os.chmod(f"{folder}/closed", stat.S_IRUSR | stat.S_IXUSR)
            text = failure(session, f"COPY (SELECT 1 AS a) TO '{folder}/closed/d/' (FORMAT csv)")
            assert text.startswith("IO: ") and "Permission denied" in text and "closed/d" in text
        message = failure(session, f"COPY (SELECT 1 AS a) TO '{folder}/{'n' * 300}/' (FORMAT csv)")
        assert message.startswith("IO: "), message
        assert os.listdir(folder) in (["pipe"], ["pipe", "closed"], ["closed", "pipe"])


def test_devices():
    """A pipe is written as it is; a full device is a full disk."""
    session = pslib.Session(LIBRARY)
    with tempfile.TemporaryDirectory() as folder:
        os.mkfifo(f"{folder}/pipe")
        reader = subprocess.Popen(["cat", f"{folder}/pipe"], stdout=subprocess.PIPE, text=True)
        session.sql(f"COPY (SELECT 7 AS a) TO '{folder}/pipe' (FORMAT csv)")
        assert reader.communicate(timeout=10)[0] == "a\n7\n"
        assert stat.S_ISFIFO(os.stat(f"{folder}/pipe").st_mode)
    if os.path.exists("/dev/full"):
        assert failure(session, "COPY (SELECT 7 AS a) TO '/dev/full' (FORMAT csv)").startswith(
            "DISK_FULL: ")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--many"]:
        many_partitions(sys.argv[2])
