"""Temporary files as an operating system sees them: encrypted or not, listed, on a full disk, under a shared cap.

PS_LIBRARY is the library to test. A small tmpfs is mounted where that is permitted."""
import contextlib
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
try:
    import pslib
    import pyarrow  # pslib's results are its tables
except ImportError:
    pslib = pyarrow = None

SORT = "SELECT i, 'secret text of row ' || i AS s FROM range({0}) r(i) ORDER BY (i * 7919) % 1000003"


def session(**options):
    if pslib is None:
        raise unittest.SkipTest("needs pyarrow")
    return pslib.Session(os.environ.get("PS_LIBRARY"), threads=2, **options)


def files(owner):
    rows = owner.sql("FROM penstock_spill_files()").to_pylist()
    return [row for row in rows if row["bytes"] > 0]


def on_disk():
    """The bytes of all files without a name that this process has open."""
    found = b""
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{fd}").endswith("(deleted)"):
                size = os.fstat(int(fd)).st_size
                found += os.pread(int(fd), size, 0)
    return found


def test_encryption():
    answers = []
    for encrypted in (False, True):
        one = session()
        two = one.another()
        try:
            one.sql(f"SET temp_file_encryption = {str(encrypted).lower()}")
        except pslib.Failure as failure:
            assert failure.name == "UNSUPPORTED" and "libcrypto" in str(failure), failure
            raise unittest.SkipTest("no libcrypto") from failure
        one.sql("SET force_spill = true")
        reader = one.open(SORT.format(30000))
        first = reader.read_next_batch()
        listed, bytes_there = files(two), on_disk()
        assert [row["operator"] for row in listed] == ["sort"], listed
        row = listed[0]
        assert row["encrypted"] == encrypted and row["directory"] == tempfile.gettempdir(), row
        assert len(bytes_there) >= row["bytes_written"] >= row["bytes"] > 100000, (len(bytes_there), row)
        assert row["bytes_unpacked"] > row["bytes_written"] and row["blocks"] > 1, row
        payers = {payer["payer"]: payer for payer in two.sql("FROM penstock_memory()").to_pylist()}
        assert payers[row["payer"]]["name"] == "sort" and payers[row["query"]]["name"] == "query", payers
        assert payers[row["query"]]["temp_bytes"] == row["bytes"], (payers, row)
        assert (b"secret text" in bytes_there) == (not encrypted)
        answers.append(pyarrow.Table.from_batches([first, *reader]))
        reader.close()
        del reader
        assert not files(two)
        two.close_session()
        one.close()
    assert answers[0].equals(answers[1]) and answers[0].num_rows == 30000


@contextlib.contextmanager
def small_disk(mib):
    """A folder on a disk of so many MiB."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "penstock", folder], check=False,
                              capture_output=True, text=True)
        if done.returncode:
            raise unittest.SkipTest(f"no tmpfs can be mounted: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def free_bytes(folder):
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def test_a_full_disk():
    with small_disk(4) as folder:
        before = free_bytes(folder)
        one = session(memory_bytes_max=16 << 20)
        one.sql(f"SET temp_directory = '{folder}'")
        for aggregate in ("count(DISTINCT s || i)", "count(s)"):
            inner = SORT.format(900000) + " LIMIT 890000"
            for _ in range(2):
                failure = pslib.failure_of(one, f"SELECT {aggregate} FROM ({inner}) q")
                assert failure.name == "DISK_FULL", failure
                for word in (folder, "No space left", "need", "cap (max_temp_directory_size) is none"):
                    assert word in str(failure), (word, failure)
                assert free_bytes(folder) == before, (free_bytes(folder), before)
        got = one.sql(f"SELECT count(*) AS n, max(s) AS s FROM ({SORT.format(1000)} LIMIT 999) q").to_pylist()
        assert got == [{"n": 999, "s": "secret text of row 999"}], got
        one.sql("SET force_spill = true")
        got = one.sql(f"SELECT count(*) AS n FROM ({SORT.format(5000)} LIMIT 4999) q").to_pylist()
        assert got == [{"n": 4999}], got
        one.close()
        assert free_bytes(folder) == before


def test_a_shared_cap():
    """What one query gives up another one gets."""
    one = session(temp_bytes_max=1 << 20)
    two = one.another()
    for owner in (one, two):
        owner.sql("SET force_spill = true")
    query = f"SELECT count(*) AS n FROM ({SORT.format(40000)} LIMIT 39999) q"
    want = [{"n": 39999}]
    assert two.sql(query).to_pylist() == want
    reader = one.open(SORT.format(20000))
    reader.read_next_batch()
    failure = pslib.failure_of(two, query)
    assert failure.name == "DISK_FULL", failure
    for word in (tempfile.gettempdir(), "need", "cap, which all queries of the instance share, is 1048576 bytes"):
        assert word in str(failure), (word, failure)
    reader.close()
    del reader
    assert two.sql(query).to_pylist() == want
    two.close_session()
    one.close()
