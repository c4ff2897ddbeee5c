"""A soak: 16 threads run a mix of queries, errors and cancels on one instance with a small limit, for PS_SOAK_SECONDS
(60; an hour is 3600). Answers stay right; memory, descriptors and threads don't drift: what the last third of the run
has may not be above the second's by more than noise. Seeded: PS_SEED."""
import os
import random
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.path.insert(0, os.path.join(ROOT, "tests", "py"))
import mixed_work as work

LIBRARY = os.environ.get("PS_LIBRARY", "build/dev/libpenstock.so")
SECONDS = float(os.environ.get("PS_SOAK_SECONDS", "60"))
SEED = int(os.environ.get("PS_SEED", "1"))
THREADS, LIMIT_MIB, ROWS, NOISE_MIB = 16, 64, 60000, 24


class Worker:
    """One thread with a session; another thread may cancel what it runs."""

    def __init__(self, number, caller, folder, wanted, until):
        self.choose, self.caller, self.until, self.wanted = random.Random(SEED * 1000 + number), caller, until, wanted
        out = os.path.join(folder, f"out{number}")
        os.mkdir(out)
        self.mix = work.statements(folder, ROWS, out)
        for name in ("cross", "planning"):
            self.mix.pop(name)
        self.done, self.wrong, self.ended = {}, [], {}
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while time.monotonic() < self.until and not self.wrong:
                if self.choose.random() < 0.2:
                    text, expected = self.choose.choice(work.ERRORS)
                    self.one("error", text, expected)
                else:
                    name = self.choose.choice(list(self.mix))
                    self.one(name, self.mix[name], "OK")
        except Exception as failed:  # a thread's exception is the test's
            self.wrong.append(repr(failed))

    def one(self, name, text, expected):
        code, _, rows = self.caller.drain(text)
        self.ended[code] = self.ended.get(code, 0) + 1
        if code not in (expected, "CANCELLED"):
            self.wrong.append(f"{name}: {code} {rows}")
        elif code == "OK" and name in self.wanted and rows != self.wanted[name]:
            self.wrong.append(f"{name}: {rows} rows instead of {self.wanted[name]}")


def cancel_now_and_then(workers, until):
    choose = random.Random(SEED)
    while time.monotonic() < until:
        time.sleep(choose.random() * 0.1)
        choose.choice(workers).caller.cancel()


def watch(until):
    """Resident memory, descriptors and threads, twice a second."""
    seen = []
    while time.monotonic() < until:
        time.sleep(0.5)
        seen.append((work.resident_mib(), work.open_files(), len(work.threads())))
    return seen


def test_nothing_drifts():
    with tempfile.TemporaryDirectory() as folder:
        first = work.Caller(LIBRARY, threads=2, memory_bytes_max=LIMIT_MIB << 20)
        work.make_files(first, folder, ROWS)
        wanted = {}
        for name, text in work.statements(folder, ROWS, folder).items():
            if name in ("parquet rows", "sort rows"):
                code, _, wanted[name] = first.drain(text)
                assert code == "OK", wanted[name]
        at_rest = (work.open_files(first), work.threads())
        until = time.monotonic() + SECONDS
        workers = [Worker(n, first.another_caller(), folder, wanted, until) for n in range(THREADS)]
        canceller = threading.Thread(target=cancel_now_and_then, args=(workers, until))
        for worker in workers:
            worker.thread.start()
        canceller.start()
        seen = watch(until)
        for thread in [canceller] + [worker.thread for worker in workers]:
            thread.join(120)
            assert not thread.is_alive(), "a thread doesn't end"
        wrong = [what for worker in workers for what in worker.wrong]
        for worker in workers:
            worker.caller.close_session()
        after = (work.open_files(first), work.settled(work.threads, at_rest[1]))
        held = first.sql("SELECT bytes FROM penstock_memory() WHERE name = 'instance'").to_pylist()[0]["bytes"]
        first.close()
    ended = {}
    for worker in workers:
        for code, n in worker.ended.items():
            ended[code] = ended.get(code, 0) + n
    third = len(seen) // 3
    early, late = seen[third:2 * third], seen[2 * third:]
    print(f"  {sum(ended.values())} statements: {ended}; resident {max(s[0] for s in early)} then"
          f" {max(s[0] for s in late)} MiB, descriptors {max(s[1] for s in early)} then {max(s[1] for s in late)},"
          f" {held} bytes held at rest")
    assert not wrong, wrong[:5]
    assert ended.get("OK", 0) > THREADS and ended.get("CANCELLED", 0) > 0, ended
    assert after == at_rest, f"descriptors, threads: {at_rest} became {after}"
    assert held < 1 << 20, f"{held} bytes are held by nobody"
    assert max(s[0] for s in late) <= max(s[0] for s in early) + NOISE_MIB, "resident memory grows"
    assert max(s[1] for s in late) <= max(s[1] for s in early) + 40, "descriptors grow"
    assert max(s[2] for s in late) <= max(s[2] for s in early), "threads grow"
