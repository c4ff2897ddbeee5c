"""How many threads the library starts: what a session sets, never more than an instance was given."""
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))), "tools"))
import pslib

WORK = "SELECT count(*) FROM range(20000000) r(i) WHERE i % 7 = 3 OR i % 11 = 2"


def pool_threads():
    """Threads of the library in this process; they are named after it."""
    names = []
    for path in glob.glob("/proc/self/task/*/comm"):
        with open(path, encoding="ascii") as file:
            names.append(file.read().strip())
    return sum(name == "penstock" for name in names)


def threads_after(given, setting):
    session = pslib.Session(os.environ.get("PS_LIBRARY"), given)
    session.sql(f"SET threads = {setting}")
    session.sql(WORK)
    started = pool_threads()
    session.close()
    assert pool_threads() == 0, "threads outlive their instance"
    return started


def test_a_session_sets_them():
    assert threads_after(0, 6) == 5


def test_one_thread_is_the_caller():
    assert threads_after(0, 1) == 0


def test_an_instance_bounds_them():
    assert threads_after(2, 6) == 1
