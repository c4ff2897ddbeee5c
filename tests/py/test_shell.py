"""The shell as a person and a script use it: formats, exit codes, errors, the editor, Ctrl-C."""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")

CROSS = ("SELECT count(*) FROM range(100000) a(i), range(100000) b(j) "
         "WHERE (a.i * 7 + b.j) % 1000003 = 5")


def run(*arguments, stdin=None):
    done = subprocess.run([SHELL, *arguments], input=stdin, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL if stdin is None else None,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr


def expect(got, wanted):
    assert got == wanted, f"got {got!r}, wanted {wanted!r}"


def test_csv_quotes_and_nulls():
    sql = "SELECT 1 AS i, 'a,\"b\"' AS t, NULL AS n, '' AS e"
    expect(run("--format", "csv", "-c", sql)[:2], (0, 'i,t,n,e\n1,"a,""b""",,""\n'))


def test_json_is_json():
    sql = "SELECT 1 AS i, 1.50 AS d, 'x\"\\y' AS t, true AS b, NULL AS n"
    code, out, _ = run("--format", "json", "-c", sql)
    expect(code, 0)
    expect(json.loads(out), [{"i": 1, "d": 1.5, "t": 'x"\\y', "b": True, "n": None}])


def test_json_without_rows():
    expect(json.loads(run("--format", "json", "-c", "SELECT 1 AS i WHERE false")[1]), [])


def test_jsonlines():
    out = run("--format", "jsonlines", "-c", "SELECT * FROM (VALUES (1), (2)) t(i)")[1]
    expect([json.loads(line) for line in out.splitlines()], [{"i": 1}, {"i": 2}])


def test_markdown():
    out = run("--format", "markdown", "-c", "SELECT 1 AS i, 'a|b' AS t")[1]
    expect(out.splitlines()[0], "|   i | t    |")
    expect(out.splitlines()[2], "|   1 | a\\|b |")


def test_box():
    out = run("-c", "SELECT 12 AS n, 'ab' AS t")[1].splitlines()
    expect(out[0][0] + out[0][-1], "┌┐")
    assert "n" in out[1] and "VARCHAR" in out[2], out
    assert out[4].endswith(" ab      │"), out
    expect(out[-1], "(1 row)")


def test_wide_characters_align():
    out = run("-c", "SELECT '日本' AS t UNION ALL SELECT 'abcd'")[1].splitlines()
    assert "│ 日本    │" in out and "│ abcd    │" in out, out


def test_several_statements_and_commands():
    code, out, _ = run("--format", "csv", "-c", "CREATE TABLE t AS SELECT 1 AS i; SELECT i FROM t;",
                       "-c", "SELECT i + 1 AS j FROM t")
    expect((code, out), (0, "i\n1\nj\n2\n"))


def test_semicolons_inside():
    sql = "SELECT ';' AS a /* ; /* ; */ */, \"x;y\" AS b -- ;\nFROM (VALUES (1)) v(\"x;y\"); SELECT 2 AS c"
    expect(run("--format", "csv", "-c", sql)[:2], (0, "a,b\n;,1\nc\n2\n"))


def test_stdin_and_file():
    expect(run("--format", "csv", stdin="SELECT 1 AS i;\n.mode jsonlines\nSELECT 2 AS j")[:2],
           (0, 'i\n1\n{"j":2}\n'))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write("SELECT 3 AS k")
        file.flush()
        expect(run("--format", "csv", file.name)[:2], (0, "k\n3\n"))


def test_errors_stop_scripts():
    code, out, err = run("--format", "csv", "-c", "SELECT 1 AS i; SELECT nope; SELECT 2 AS j")
    expect((code, out), (1, "i\n1\n"))
    assert err.startswith("BIND: ") and "^" in err and "SELECT nope" in err, err


def test_wrong_calls():
    expect(run("--wat")[0], 2)
    expect(run("--format", "xml")[0], 2)
    expect(run("/nonexistent/file.sql")[0], 1)
    expect(run("-c", ".wat")[0], 1)
    expect(run("--help")[0], 0)


def test_dot_commands():
    code, out, _ = run("--format", "csv", "-c", "CREATE TABLE t1(a INTEGER)", "-c", ".tables",
                       "-c", ".schema t1", "-c", ".timer on", "-c", "SELECT 1 AS i")
    expect(code, 0)
    assert "t1" in out and "INTEGER" in out and "time: " in out, out


def test_a_bug_is_reported_and_the_session_goes_on():
    query = "SELECT sum(i), 'a text' FROM range(100000) r(i) WHERE i % 3 = 1 GROUP BY i % 7"
    for at in (1, 2, 7):
        code, out, err = run(stdin=f"SET threads = 2;\nSET fail_bug = {at};\n{query};\n")
        expect((code, out), (1, ""))
        assert err.startswith("INTERNAL: the setting fail_bug asked for it ("), err
        report = err.split("-" * 40 + "\n")
        assert len(report) == 3, err
        for part in ("penstock 0.", "error: the setting fail_bug asked for it (", "lane.c:", "statement:\n" + query,
                     f"  fail_bug = {at}\n", "  threads = 2\n", "in force: 2 threads", "plan:\n", "aggregate", "range"):
            assert part in report[1], (part, report[1])


def test_errors_of_files_name_file_and_line():
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write("\ufeffSELECT 1;\n\n-- a comment; with a semicolon\nSELECT\n  nope;\nSELECT 2")
        file.flush()
        code, out, err = run("--format", "csv", file.name)
        expect((code, out), (1, "1\n1\n"))
        assert f"{file.name}, line 5, column 3:\n  nope;\n  ^\n" in err, err
        expect(run("-c", f".read {file.name}")[2], err)


def test_output_that_cannot_be_written():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([SHELL, "-c", "SELECT 1"], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
    expect(done.returncode, 1)
    assert "No space left" in done.stderr, done.stderr


def test_a_pipe_that_is_closed_early():
    done = subprocess.run(f"{SHELL} --format csv -c 'SELECT * FROM range(3000000)' | head -2",
                          shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)
    expect((done.stdout, done.stderr), ("range\n0\n", ""))


def test_control_characters_are_shown_as_escapes():
    sql = "SELECT chr(27) || '[31m' AS esc, chr(155) AS c1, chr(8238) AS rtl, chr(233) AS e"
    row = run("-c", sql)[1].splitlines()[4]
    expect([cell.strip() for cell in row.strip("│").split("│")],
           ["\\x1b[31m", "\\x9b", "\\u202e", "é"])


def test_schema_of_all_tables():
    sql = "CREATE TABLE t(a INTEGER, b VARCHAR); CREATE VIEW v AS SELECT a + 1 AS x FROM t"
    expect(run("-c", sql, "-c", ".schema")[:2], (0, "t(a INTEGER, b VARCHAR)\nv(x INTEGER)\n"))
    expect(run("-c", 'CREATE TABLE "My T"("x y" DOUBLE, z DATE)', "-c", ".schema")[1],
           '"My T"("x y" DOUBLE, z DATE)\n')


def test_a_cancelled_statement_says_so_and_has_no_partial_rows():
    child = subprocess.Popen([SHELL, "-c", CROSS], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.7)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    expect((out, err.decode()), (b"", "CANCELLED: the statement was stopped by request\n"))


class Terminal:
    """A shell on a terminal of its own, 60 columns wide."""

    def __init__(self):
        self.history = tempfile.mktemp()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PENSTOCK_HISTORY=self.history, TERM="xterm", LC_ALL="C.UTF-8")
            os.execv(SHELL, [SHELL])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        self.out = ""
        self.wait_for("penstock> ")

    def wait_for(self, text, seconds=20.0):
        """What came up to and with text, which must come in time."""
        end = time.time() + seconds
        while text not in self.out:
            assert time.time() < end, f"no {text!r} in {self.out!r}"
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.out += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
        assert text in self.out, f"no {text!r} in {self.out!r}"
        at = self.out.index(text) + len(text)
        came, self.out = self.out[:at], self.out[at:]
        return came

    def drop(self):
        """Forgets what came until now."""
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 65536)
        self.out = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        """Ctrl-D until the shell ends: one that comes while the line editor switches the terminal
        to raw mode is turned into a NUL by the kernel, as a person's would be, who presses again."""
        end = time.time() + 20
        press = 0.0
        while time.time() < end:
            if time.time() >= press:
                try:
                    self.type("\x04")
                except OSError:
                    pass
                press = time.time() + 0.3
            if select.select([self.fd], [], [], 0.02)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("the shell does not end")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def test_editor_many_lines_and_history():
    with Terminal() as terminal:
        terminal.type("SELECT 40\n")
        terminal.wait_for("...> ")
        terminal.type("+ 2 AS answer;\n")
        assert "42" in terminal.wait_for("(1 row)")
        terminal.wait_for("penstock> ")
        terminal.type("SELECT nope;\n")
        terminal.wait_for("^")
        terminal.wait_for("penstock> ")
        terminal.type("SELECT 1 AS still_here;\n")
        terminal.wait_for("(1 row)")
        expect(terminal.close(), 0)
        with open(terminal.history, encoding="utf-8") as file:
            assert "answer" in file.read()
        os.unlink(terminal.history)


def test_history_keeps_lines_of_a_statement():
    """A comment in the middle must not swallow what follows, a text keeps its line break."""
    with Terminal() as terminal:
        terminal.type("SELECT 'a\nb' AS t, -- one; two\n  7 AS n;\n")
        terminal.wait_for("(1 row)")
        terminal.wait_for("penstock> ")
        terminal.type("\x10\n") # Ctrl-P
        assert "a\\nb" in terminal.wait_for("(1 row)")
        terminal.wait_for("penstock> ")
        terminal.type("quit\n")
        expect(terminal.close(), 0)


def test_plans_are_broken_to_the_terminal():
    with Terminal() as terminal:
        terminal.type("CREATE TABLE wide AS SELECT i AS a, 'text' || i AS b FROM range(9) r(i);\n")
        terminal.wait_for("9 rows")
        terminal.wait_for("penstock> ")
        terminal.type("EXPLAIN SELECT * FROM wide, wide w WHERE wide.a = w.a AND wide.b LIKE 'long "
                      "text' AND wide.b <> 'another long text';\n.mode\n")
        came = terminal.wait_for("mode: box")
        assert "join  join: inner" in came, came
        plan = came[came.index("join  join: inner"):]
        lines = plan.replace("\r", "").splitlines()
        assert all(len(line) <= 60 for line in lines), lines
        assert any(line.startswith("│      ") and "long" in line for line in lines), lines
        terminal.wait_for("penstock> ")
        expect(terminal.close(), 0)


def test_progress_of_statements_with_and_without_rows():
    """A bar with a percentage comes, and is gone before the answer."""
    for sql in ("CREATE TABLE made AS SELECT i, i * 2 AS j FROM range(80000000) r(i);\n",
                "SELECT count(*) FROM range(400000) a(i), range(60000) b(j) "
                "WHERE (a.i * 7 + b.j) % 1000003 = 5;\n"):
        with Terminal() as terminal:
            terminal.type(sql)
            terminal.wait_for("%")
            terminal.wait_for("█")
            terminal.type("\x03")
            came = terminal.wait_for("CANCELLED")
            assert came.endswith("\r\x1b[KCANCELLED"), came
            terminal.wait_for("penstock> ")
            expect(terminal.close(), 0)


def test_no_progress_in_pipes():
    expect(run("-c", "CREATE TABLE made AS SELECT i, i * 2 AS j FROM range(20000000) r(i)")[2], "")


def test_the_prompt_comes_back_soon():
    """From Ctrl-C to the next prompt, also where gigabytes are given back."""
    statements = (CROSS, "SELECT * FROM range(50000000) r(i) ORDER BY (i * 7919) % 50000017",
                  "SELECT median(i * 7919 % 120000007) FROM range(120000000) r(i)")
    worst = 0.0
    with Terminal() as terminal:
        for sql in statements:
            for delay in (0.2, 1.6):
                terminal.type(f"{sql};\n")
                time.sleep(delay)
                terminal.drop()
                pressed = time.time()
                terminal.type("\x03")
                terminal.wait_for("CANCELLED")
                terminal.wait_for("penstock> ")
                worst = max(worst, time.time() - pressed)
        print(f"  {worst * 1000:.0f} ms at most")
        assert worst < 0.5, f"{worst * 1000:.0f} ms"
        expect(terminal.close(), 0)


def test_box_fits_the_terminal():
    with Terminal() as terminal:
        terminal.type("SELECT repeat('x', 200) AS a, 7 AS b;\n")
        lines = terminal.wait_for("(1 row)").splitlines()
        assert all(len(line) <= 60 for line in lines if "│" in line), lines
        assert any("…" in line for line in lines), lines
        terminal.wait_for("penstock> ")
        expect(terminal.close(), 0)


def test_interrupt_drops_the_line():
    with Terminal() as terminal:
        terminal.type("SELECT 'open\n")
        terminal.wait_for("...> ")
        terminal.type("\x03")
        terminal.wait_for("penstock> ")
        terminal.type("SELECT 5 AS five;\n")
        terminal.wait_for("(1 row)")
        terminal.wait_for("penstock> ")
        expect(terminal.close(), 0)


def test_interrupt_cancels_and_the_session_goes_on():
    with Terminal() as terminal:
        terminal.type(f"CREATE TABLE kept AS SELECT 1 AS i; {CROSS};\n")
        time.sleep(1.5)
        pressed = time.time()
        terminal.type("\x03")
        terminal.wait_for("CANCELLED")
        took = time.time() - pressed
        assert took < 1.0, f"cancelled after {took:.3f} s"
        terminal.wait_for("penstock> ")
        terminal.type("SELECT i + 41 AS j FROM kept;\n")
        assert "42" in terminal.wait_for("(1 row)")
        terminal.wait_for("penstock> ")
        expect(terminal.close(), 0)


def test_interrupt_ends_a_script():
    child = subprocess.Popen([SHELL, "-c", CROSS], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    expect((child.returncode, err[:9]), (130, b"CANCELLED"))


def test_the_demo_reads_what_the_timer_prints():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools")
    sys.path.insert(0, folder)
    import demo # pylint: disable=import-outside-toplevel
    printed = run("-c", ".timer on", "-c", "SELECT 1")[1]
    for text in (printed, "time: 1.25 s\n"):
        assert demo.seconds_of(text) is not None, text
    expect(demo.seconds_of("time: 1250.0 ms\n"), demo.seconds_of("time: 1.25 s\n"))


if __name__ == "__main__":
    sys.exit("run me with tools/pytests.py")
