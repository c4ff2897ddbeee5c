"""CSV against Python's csv module and DuckDB, and the corpora where they are: what is read doesn't
depend on the size of morsels or the number of threads; what is written reads back."""
import csv
import glob
import io
import json
import os
import random
import subprocess
import tempfile

SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")
CORPORA = os.path.join(os.path.dirname(__file__), "../../../shared/corpora/csv")
WORDS = ["", "x", "hello", "a,b", '"', '""', 'q"q', "multi\nline", "cr\rlf\r\nx", "äöü", "日本語 text",
         "  sp ", "1", "-5", "1.5", "2020-01-01", "|", ";", "\t", "'", "longer text than twelve bytes",
         '"quoted"', "x" * 200, "é" * 50, "\n", "\r\n", ',"\n",']


def run(sql):
    done = subprocess.run([SHELL, "-c", sql], text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout, done.stderr


def rows_of(folder, call, threads=2):
    """The rows of a table function by way of JSON lines."""
    out = os.path.join(folder, "out.jsonl")
    code, _, error = run(f"SET threads = {threads}; COPY (SELECT * FROM {call}) TO '{out}'")
    assert code == 0, error
    with open(out, newline="\n", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def made_file(pick):
    """Text of a random file, its delimiter and its rows as they should be read."""
    delim, end = pick.choice(",|;\t"), pick.choice(["\n", "\r\n", "\r"])
    # csv doesn't quote a line feed where lines end otherwise
    words = [w for w in WORDS if end != "\r" or "\n" not in w]
    n_cols = pick.randint(2, 6)
    rows = [[pick.choice(words) for _ in range(n_cols)] for _ in range(pick.choice([0, 1, 3, 50, 400]))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delim, lineterminator=end,
                        quoting=pick.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer.writerow([f"c{i}" for i in range(n_cols)])
    writer.writerows(rows)
    text = text.getvalue()
    if pick.random() < 0.3:
        text = text[: -len(end)]
    if pick.random() < 0.3:
        text = "\ufeff" + text
    return text, delim, [[v or None for v in row] for row in rows]


def test_random_files_in_morsels_of_any_size():
    pick = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "f.csv")
        for _ in range(12):
            text, delim, wanted = made_file(pick)
            with open(path, "wb") as file:
                file.write(text.encode())
            name = "\\t" if delim == "\t" else delim
            for size, threads in [(1, 1), (pick.randint(2, 70), 2), (pick.randint(64, 5000), 8), (1 << 22, 1)]:
                if size < 64 and len(wanted) > 60:
                    continue
                got = rows_of(folder, f"read_csv('{path}', all_varchar := true, delim := '{name}', quote := '\"', "
                                      f"header := true, buffer_size := {size})", threads)
                assert [list(row.values()) for row in got] == wanted, (size, threads, text[:300])


def test_types_as_duckdb_sniffs_them():
    import duckdb
    texts = ["a,b\n\"\",1\n,2\nx,3\n", "a\n1\n\n2\n", "a,b\nx,y\nz,w\n", "a,b\n1,2\n\n3,4\n", "1,2\n3,4\n",
             "a,b\n t ,5.5\n", "a,b\ntrue,2020-01-01\nFALSE,2020-1-2\n", "a\n", "", "a,b\n",
             "a,b\n 1,2020-01-01 10:00:00\n2 ,2020-01-01\n", "a,a,,b\n1,2,3,4\n", "a;b\n'x;y';2\n'z';3\n",
             "a,b\n\"x\\\"y\",2\n\"z\",3\n", "a,b\n1,1e5\n2,inf\n", "a,b\n1,10:00:00\n2,11:00\n",
             "a\n12345678901234567890\n2\n", "a,b\n1,x\"y\n"]
    with tempfile.TemporaryDirectory() as folder:
        path, out = os.path.join(folder, "f.csv"), os.path.join(folder, "o.csv")
        for text in texts:
            with open(path, "w", newline="", encoding="utf-8") as file:
                file.write(text)
            theirs = duckdb.sql(f"SELECT * FROM read_csv('{path}')")
            shown = json.loads(subprocess.run(
                [SHELL, "--format", "json", "-c", f"DESCRIBE SELECT * FROM '{path}'"], text=True, timeout=60,
                check=True, stdout=subprocess.PIPE).stdout)
            assert [(c["column_name"], c["column_type"]) for c in shown] == \
                list(zip(theirs.columns, map(str, theirs.types))), text
            assert run(f"COPY (SELECT * FROM '{path}') TO '{out}'")[0] == 0
            # a table: DuckDB gives a cast of a column that it reads the field's own text
            duckdb.sql(f"CREATE OR REPLACE TEMP TABLE theirs AS SELECT * FROM read_csv('{path}')")
            assert duckdb.sql(f"SELECT * FROM read_csv('{out}', all_varchar = true, header = true)").fetchall() == \
                duckdb.sql("SELECT COLUMNS(*)::VARCHAR FROM theirs").fetchall(), text


def test_errors_tell_the_line():
    cases = [("a,b,c\n1,2,3\n4,\"x\ny\",6\n7,8\n", "3 columns expected, 2 found, at line 5"),
             ("a,b\n1,x\n2,\"y\nz\n", "a quote is never closed, at line 3"),
             ("a,b\r\n1,x\r\n2,\"y\"z\r\n", "text stands after the closing quote, at line 3, column \"b\""),
             (b"a,b\n1,x\n2,\xff\n", "a text is not valid UTF-8, at line 3, column \"b\"")]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "f.csv")
        for text, wanted in cases:
            with open(path, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
            for size in (1, 7, 1 << 20):
                code, _, error = run(f"SELECT * FROM read_csv('{path}', quote := '\"', delim := ',', "
                                     f"header := true, buffer_size := {size})")
                assert code != 0 and wanted in error, (wanted, error)


def test_spectrum():
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(glob.glob(os.path.join(CORPORA, "csv-spectrum/csvs/*.csv"))):
            with open(path.replace("/csvs/", "/json/").replace(".csv", ".json"), encoding="utf-8") as file:
                wanted = json.load(file)
            got = rows_of(folder, f"read_csv('{path}', all_varchar := true, header := true)")
            # newlines_crlf.csv has line feeds where its JSON has CRLF
            wanted = [{k: v.replace("\r\n", "\n") for k, v in row.items()} for row in wanted]
            got = [{k: (v or "").replace("\r\n", "\n") for k, v in row.items()} for row in got]
            assert got == wanted, (path, got, wanted)


def test_corpus_reads_or_says_why():
    for path in sorted(glob.glob(os.path.join(CORPORA, "sineemore-csv-test-data/csv/*.csv"))):
        code, _, error = run(f"SELECT * FROM '{path}'")
        assert code == 0 or " at line " in error, (path, error)
