"""Writers that are killed: kill -9 of a shell at random moments of a COPY, and what is there then.

    python3 tests/py/kills.py [KILLS [SEED]]      prints a line for each kind of write

Every write has a version number in each of its rows, so that rows say which write they are of. After a
kill the names hold whole writes only, those that had ended before and perhaps the one that was killed,
readable by pyarrow; names beside them are the killed one's. A write that is let end leaves none.
"""
import collections
import os
import random
import subprocess
import sys
import tempfile
import time

import pyarrow.dataset
import pyarrow.parquet

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHELL = os.environ.get("PS_SHELL", os.path.join(ROOT, "build/dev/penstock"))
ROWS = 150_000
FILE_ROWS = 10_000
PARTS = 7


class Run:
    """A shell that runs one statement."""

    def __init__(self, folder, statement):
        self.process = subprocess.Popen([SHELL], cwd=folder, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.stdin.write(statement + ";\n")
        self.process.stdin.close()
        self.process.stdin = None

    def end(self, refusal=None):
        """Ends well, or in an error that begins with `refusal`."""
        _, error = self.process.communicate(timeout=120)
        if refusal is None or self.process.returncode == 0:
            assert self.process.returncode == 0, error
        else:
            assert error.startswith(refusal), error

    def kill(self):
        """False: it had ended before."""
        self.process.kill()
        _, error = self.process.communicate(timeout=120)
        assert self.process.returncode in (0, -9), f"{self.process.returncode}: {error}"
        return self.process.returncode != 0


def hidden(folder):
    """Hidden names of the folder and of everything below it, without the lists of jobs."""
    return [os.path.join(root, name) for root, dirs, files in os.walk(folder)
            for name in dirs + files if name.startswith(".") and not name.endswith(".job.penstock")]


class Kind:
    """A kind of write to one place, which may be there already."""

    def __init__(self, folder):
        self.folder = folder
        self.ended = [] # versions of writes that ended
        self.version = 0
        self.killed = 0
        self.seconds = 1.0

    def statement(self):
        raise NotImplementedError

    def table(self):
        """What is there, read by pyarrow; None: nothing."""
        raise NotImplementedError

    def rows(self):
        return (f"SELECT i, {self.version} AS v, i % {PARTS} AS p, 'text ' || i AS t"
                f" FROM range({ROWS}) r(i)")

    def allowed(self):
        """Sets of versions that may be there after the kill of the newest."""
        before = self.ended[-1:]
        return [before, [self.version]]

    def check(self):
        """The versions that are there, each whole."""
        table = self.table()
        if table is None:
            return []
        counts = collections.Counter(table["v"].to_pylist())
        sums = table.group_by("v").aggregate([("i", "sum"), ("i", "count_distinct")]).to_pylist()
        for row in sums:
            assert counts[row["v"]] == ROWS == row["i_count_distinct"], \
                f"version {row['v']} has {counts[row['v']]} rows"
            assert row["i_sum"] == ROWS * (ROWS - 1) // 2
        return sorted(counts)

    def moment(self, choice):
        """When to kill: more often near the end, where things are put in place."""
        return self.seconds * 1.05 * choice.random() ** 0.5

    def step(self, choice):
        """One write that is killed, and what is there then."""
        self.version += 1
        run = Run(self.folder, self.statement())
        time.sleep(self.moment(choice))
        self.killed += run.kill()
        there = self.check()
        allowed = self.allowed() if run.process.returncode else self.allowed()[1:]
        assert there in allowed, f"{there} are there, {allowed} may be"
        self.ended = there
        beside = hidden(self.folder)
        names = {os.path.relpath(name, self.folder).split(os.sep)[0] for name in beside}
        assert len(names) <= 2, f"left by earlier ones: {names}" # its own, and the place's lock

    def end(self):
        """A write that is let end; measures how long it takes."""
        self.version += 1
        start = time.time()
        Run(self.folder, self.statement()).end()
        self.seconds = time.time() - start
        there = self.check()
        assert there == self.allowed()[1], f"{there} are there"
        self.ended = there
        left = hidden(self.folder)
        assert not left, f"left behind: {left}"


class Parquet(Kind):
    def statement(self):
        return f"COPY ({self.rows()}) TO 'x.parquet'"

    def table(self):
        path = os.path.join(self.folder, "x.parquet")
        return pyarrow.parquet.read_table(path) if os.path.exists(path) else None


class Csv(Kind):
    def statement(self):
        return f"COPY ({self.rows()}) TO 'x.csv'"

    def table(self):
        path = os.path.join(self.folder, "x.csv")
        if not os.path.exists(path):
            return None
        return pyarrow.dataset.dataset(path, format="csv").to_table()


class Overwrite(Kind):
    """A partitioned directory that is replaced."""

    def statement(self):
        return f"COPY ({self.rows()}) TO 'd' (FORMAT parquet, PARTITION_BY (p), OVERWRITE)"

    def table(self):
        path = os.path.join(self.folder, "d")
        if not os.path.exists(path):
            return None
        return pyarrow.dataset.dataset(path, partitioning="hive").to_table()


class New(Overwrite):
    """Directories of which each is written once."""

    def place(self):
        return os.path.join(self.folder, f"d{self.version}")

    def statement(self):
        return f"COPY ({self.rows()}) TO 'd{self.version}' (FORMAT csv, PARTITION_BY (p))"

    def table(self):
        if not os.path.exists(self.place()):
            return None
        return pyarrow.dataset.dataset(self.place(), format="csv", partitioning="hive").to_table()

    def allowed(self):
        return [[], [self.version]]

    def step(self, choice):
        super().step(choice)
        self.end_again()

    def end_again(self):
        """The next start of a writer to the same place clears up, and writes unless it is there."""
        Run(self.folder, self.statement()).end("EXISTS: ")
        assert self.check() == [self.version]
        left = hidden(self.folder)
        assert not left, f"left behind: {left}"


class Append(Overwrite):
    """A directory that grows; replaced now and then, so that it stays small."""

    def statement(self):
        how = "OVERWRITE" if self.overwrites() else "APPEND"
        return f"COPY ({self.rows()}) TO 'd' (FORMAT parquet, PARTITION_BY (p), {how})"

    def overwrites(self):
        return len(self.ended) >= 4

    def allowed(self):
        return [self.ended, [self.version] if self.overwrites() else self.ended + [self.version]]


class Job(Kind):
    """A directory that is written file by file; killed and started again until it is done."""

    def __init__(self, folder):
        super().__init__(folder)
        Run(folder, f"COPY (SELECT i, i % {PARTS} AS p, 'text ' || i AS t FROM range({ROWS}) r(i))"
                    " TO 'in.parquet'").end()
        self.place = 0
        self.resumed = 0

    options = f"MAX_ROWS_PER_FILE {FILE_ROWS}"

    def statement(self):
        return (f"COPY (SELECT i, p, t FROM 'in.parquet') TO 'd{self.place}'"
                f" (FORMAT parquet, {self.options}, JOB 'j')")

    def present(self):
        """Rows that are there, which are the first ones of the job's."""
        path = os.path.join(self.folder, f"d{self.place}")
        if not any(name.endswith(".parquet") for _, _, names in os.walk(path) for name in names):
            return 0
        table = pyarrow.dataset.dataset(path, partitioning="hive").to_table(columns=["i", "p"])
        values = table["i"].to_pylist()
        assert len(set(values)) == len(values), "rows are there twice"
        wanted = sorted(range(ROWS), key=self.key)[:len(values)]
        assert sorted(values) == sorted(wanted), "not the first rows"
        return len(values)

    @staticmethod
    def key(i):
        return i

    def whole_files(self, n):
        return n == ROWS or n % FILE_ROWS == 0

    def step(self, choice):
        run = Run(self.folder, self.statement())
        time.sleep(self.moment(choice))
        self.killed += run.kill()
        n = self.present()
        assert self.whole_files(n), f"{n} rows: a part of a file"
        if 0 < n < ROWS:
            self.resumed += 1
        if n < ROWS and choice.random() < 0.7: # again, from where it is
            return
        self.end()

    def end(self):
        start = time.time()
        Run(self.folder, self.statement()).end()
        self.seconds = max(self.seconds if self.place else 0, time.time() - start)
        n = self.present()
        assert n == ROWS, f"{n} of {ROWS} rows"
        left = [name for name in hidden(self.folder) if f"/d{self.place}/" in name]
        assert not left, f"left behind: {left}"
        self.place += 1


class PartitionedJob(Job):
    options = f"PARTITION_BY (p), MAX_ROWS_PER_FILE {FILE_ROWS}"

    @staticmethod
    def key(i):
        return (i % PARTS, i)

    def whole_files(self, n):
        part = [sum(1 for i in range(ROWS) if i % PARTS == p) for p in range(PARTS)]
        ends, total = {0}, 0
        for size in part:
            ends |= {total + k for k in range(0, size, FILE_ROWS)}
            total += size
        return n in ends or n == ROWS


KINDS = (Parquet, Csv, Overwrite, New, Append, Job, PartitionedJob)


def campaign(n_kills, seed, kinds=KINDS):
    """n_kills over all kinds; what was seen, a line for each."""
    lines = []
    for number, kind in enumerate(kinds):
        choice = random.Random(seed * 100 + number)
        with tempfile.TemporaryDirectory() as folder:
            place = kind(folder)
            place.end()
            start, steps = time.time(), 0
            while place.killed * len(kinds) < n_kills:
                try:
                    place.step(choice)
                except AssertionError as error:
                    raise AssertionError(f"{kind.__name__}, seed {seed}, step {steps}: {error}"
                                         ) from error
                steps += 1
                assert steps < n_kills * 10 + 20, "too few are killed: they end too soon"
            place.end()
            resumed = f", {place.resumed} times with some files there" if hasattr(
                place, "resumed") else ""
            lines.append(f"{kind.__name__}: {place.killed} killed of {steps} writes of"
                         f" {place.seconds:.2f} s{resumed} ({time.time() - start:.0f} s)")
            print(" ", lines[-1], flush=True)
    return lines


if __name__ == "__main__":
    campaign(int(sys.argv[1]) if len(sys.argv) > 1 else 40,
             int(sys.argv[2]) if len(sys.argv) > 2 else 1)
