"""EXPLAIN as a person and a tool read it: text, JSON, Graphviz; ANALYZE's figures; what a scan left out."""
import json
import os
import re
import subprocess
import sys
import tempfile

SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")
# One join whose build side filters the other scan; statistics leave out segments of facts.
SETUP = """
CREATE TABLE facts AS SELECT i, i % 100 AS k, 'text number ' || i AS t FROM range(1000000) r(i);
CREATE TABLE names AS SELECT i AS k, 'name' || i AS name FROM range(10) r(i);
"""
QUERY = """SELECT name, count(*) AS n, max(t) AS t FROM facts JOIN names ON facts.k = names.k
WHERE i >= 900000 GROUP BY name ORDER BY n, name LIMIT 3"""


def run(sql, *options):
    done = subprocess.run([SHELL, *options, "-c", sql], text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def plan_json(options, query=QUERY, setup=SETUP):
    lines = run(f"{setup} EXPLAIN ({options}) {query}", "--format", "jsonlines").splitlines()
    return json.loads(json.loads(lines[-1])["plan"])


def nodes(plan):
    yield plan
    for child in plan.get("children", []):
        yield from nodes(child)


def named(plan, name):
    return [node for node in nodes(plan) if node["node"] == name]


def test_json_has_no_figures_without_a_run():
    plan = plan_json("FORMAT json")
    assert all("rows" not in node and "rows_estimated" in node for node in nodes(plan)), plan


def test_analyze_json_has_true_figures_of_every_operator():
    plan = plan_json("ANALYZE, FORMAT json")
    assert plan["node"] == "topn" and plan["rows"] == 3, plan
    join = named(plan, "join")[0]
    assert join["rows"] == 10000, join
    assert join["rows_in"] == 10000 + 10, "the other side's scan gave more than may match"
    assert named(plan, "aggregate")[0]["rows"] == 10, plan
    for node in nodes(plan):
        assert node["time_ms"] >= 0 and node["memory_bytes_peak"] > 0, node
        assert node["bytes"] > 0 and node["operators"], node
    # numbers in their narrow forms, a view and the 18 bytes behind it
    scan = [node for node in named(plan, "scan") if node["source"].startswith("facts")][0]
    assert 10000 * (16 + 18) < scan["bytes"] <= 10000 * (8 + 8 + 16 + 18), scan
    assert scan["rows"] == 10000, scan
    query = plan["query"]
    total = sum(node["time_ms"] for node in nodes(plan))
    assert abs(total - query["operators_ms"]) <= 0.05 * query["operators_ms"] + 0.1, (total, query)
    assert query["operators_ms"] <= query["wall_ms"] * query["threads"] * 1.1 + 1, query
    assert query["memory_bytes_peak"] > 0, query


def test_analyze_says_what_the_scan_left_out():
    plan = plan_json("ANALYZE, FORMAT json")
    scan = [node for node in named(plan, "scan") if node["source"].startswith("facts")][0]
    found = re.match(r"(\d+) of 9 segments left out, (\d+) rows unread, filtered by join on k$",
                     scan["detail"])
    assert found and int(found[1]) == 7 and int(found[2]) == 7 * 122880, scan["detail"]
    assert named(plan, "join")[0]["detail"].startswith("builds the right input"), plan


def test_a_join_filters_the_scan_behind_a_renaming():
    """The correlated average reads facts under the name of what it is compared with."""
    setup = ("CREATE TABLE facts AS SELECT i % 1000 AS k, i AS v FROM range(20000) r(i);"
             "CREATE TABLE picked AS SELECT i AS p, i % 200 AS kind FROM range(1000) r(i);")
    query = ("SELECT count(*) FROM facts a, picked WHERE a.k = p AND kind = 7 AND v <"
             " (SELECT avg(v) FROM facts b WHERE b.k{} = p)")
    for more, rows in (("", 100), (" + 0", 20000)): # what is computed is no column of the scan
        plan = plan_json("ANALYZE, FORMAT json", query.format(more), setup)
        scans = [node for node in named(plan, "scan") if node["source"].startswith("facts")]
        assert sorted(scan["rows"] for scan in scans) == [100, rows], scans


def test_analyze_of_parquet_counts_row_groups_and_bytes_read():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/facts.parquet"
        setup = f"COPY (SELECT i, i % 7 AS k FROM range(1000000) r(i)) TO '{path}';"
        query = f"SELECT sum(k) FROM '{path}' WHERE i < 1000"
        scan = named(plan_json("ANALYZE, FORMAT json", query, setup), "scan")[0]
        found = re.match(r"(\d+) of (\d+) row groups left out, (\d+) rows unread", scan["detail"])
        assert found and int(found[1]) == int(found[2]) - 1 > 0, scan["detail"]
        assert 1000 < scan["bytes_read"] < os.path.getsize(path), scan
        assert scan["rows"] == 1000, scan


def test_analyze_text_is_a_tree_with_figures_below_each_node():
    out = run(SETUP + "EXPLAIN ANALYZE " + QUERY)
    assert "┌" not in out and out.startswith("topn  keys:"), out
    lines = out.splitlines()
    assert re.match(r"│    query: [\d.]+ ms, [\d.]+ ms in operators on \d+ threads?, [\d.]+ .iB memory",
                    lines[1]), lines
    assert re.match(r"│    3 rows \(estimated \d+\), [\d.]+ ms \(\d+ %\), \d+ bytes out, .* memory(, .*)?$",
                    lines[2]), lines
    assert "builds the right input, whose keys filter the other one's scan" in out, out
    assert "10000 rows (estimated " in out, out


def test_analyze_tells_what_was_spilled_and_how():
    setup = "SET memory_limit = '6MiB'; SET threads = 1;"
    query = "SELECT count(*) FROM (SELECT i, 'pad ' || CAST(i AS VARCHAR) AS p FROM range(600000) r(i) ORDER BY i % 1013, p LIMIT 599999) q"
    sort = named(plan_json("ANALYZE, FORMAT json", query, setup), "sort") or \
        named(plan_json("ANALYZE, FORMAT json", query, setup), "topn")
    assert sort[0]["spilled_bytes"] > 1 << 20 and sort[0]["partitions"] > 1 and sort[0]["depth"] >= 1, sort
    assert sort[0]["parked_memory_ms"] >= 0 and sort[0]["parked_output_ms"] >= 0, sort
    operators = [o for o in sort[0]["operators"] if o["spilled_bytes"]]
    assert operators and operators[0]["partitions"] == sort[0]["partitions"], sort
    assert operators[0]["memory_bytes_peak"] <= 6 << 20, operators
    out = run(setup + "EXPLAIN ANALYZE " + query)
    assert re.search(r"[\d.]+ MiB spilled in \d+ parts", out), out
    # more runs than can be read at once are merged and written again
    out = run(setup + "EXPLAIN ANALYZE " + query.replace("600000", "1500000").replace("599999", "1499999"))
    assert re.search(r"spilled in \d+ parts, \d+ levels", out), out


# What writes its state out says so, each in its way: pieces it was cut into, and how often a row was written at most
# (partitions that are split again, runs that are merged, a window's partition that is sorted and then stored).
ROWS = "(SELECT i, 'pad ' || i AS s, i % 700 AS k FROM range(60000) r(i))"
SPILLS = [
    ("SELECT s, count(*) FROM {t} t GROUP BY s", "aggregate", 64 + 16, 2),
    ("SELECT DISTINCT s FROM {t} t", "distinct", 64 + 16, 2),
    ("SELECT k, count(DISTINCT s) FROM {t} t GROUP BY k", "aggregate", 64, 1),
    ("SELECT count(DISTINCT s) FROM {t} t", "aggregate", 64, 1),
    ("SELECT k, string_agg(s, ',' ORDER BY i DESC) FROM {t} t GROUP BY k", "aggregate", 64, 1),
    ("SELECT median(i) FROM {t} t", "aggregate", 2, 3),
    ("SELECT count(*) FROM {t} t JOIN {t} u ON t.s = u.s", "join", 8 + 8 * 16, 2),
    ("SELECT t.s FROM {t} t FULL JOIN {t} u ON t.s = u.s", "join", 8 + 8 * 16, 2),
    ("SELECT s FROM {t} t EXCEPT SELECT s FROM {t} u WHERE i > 100", "join", 8 + 8 * 16, 2),
    ("SELECT s FROM {t} t INTERSECT SELECT s FROM {t} u WHERE i > 100", "distinct", 64 + 16, 2),
    ("SELECT s FROM {t} t ORDER BY s", "sort", 2, 2),
    ("SELECT s FROM {t} t ORDER BY s LIMIT 30000", "topn", 2, 2),
    ("SELECT row_number() OVER (PARTITION BY k ORDER BY s) FROM {t} t", "window", 2, 1),
    ("SELECT sum(i) OVER (ORDER BY s) FROM {t} t", "window", 3, 2),
    ("SELECT median(i) OVER () FROM {t} t", "window", 4, 3),
    ("SELECT count(*) FROM (SELECT * FROM {t} t LIMIT 50000) q WHERE i > 6", "limit", 0, 1),
    ("WITH t AS MATERIALIZED (SELECT * FROM {t} t) SELECT count(*) FROM t a, (SELECT max(s) m FROM t) b WHERE a.s > b.m",
     "project", 0, 1),
    ("COPY (SELECT k, s FROM {t} t) TO '{out}' (FORMAT csv, PARTITION_BY (k))", "sort", 2, 1),
]


def test_whatever_spills_says_how():
    with tempfile.TemporaryDirectory() as folder:
        for query, name, parts, depth in SPILLS:
            query = query.format(t=ROWS, out=f"{folder}/out")
            plan = plan_json("ANALYZE, FORMAT json", query, "SET force_spill = true; SET threads = 2;")
            found = [node for node in named(plan, name) if node.get("spilled_bytes")]
            assert found, f"no {name} that spilled: {query}"
            spilled = max(found, key=lambda node: node["partitions"])
            assert spilled["partitions"] >= parts and spilled["depth"] >= depth, (query, spilled)
            assert (spilled["partitions"] > 0) == (parts > 0), (query, spilled)
            assert spilled["memory_bytes_peak"] > 0 and "parked_memory_ms" in spilled, (query, spilled)
            assert all(op["depth"] >= 1 for op in spilled["operators"] if op["spilled_bytes"]), (query, spilled)
            assert not any(op["depth"] for op in spilled["operators"] if not op["spilled_bytes"]), (query, spilled)


def test_bytes_of_several_files_of_one_operator_add_up():
    """Each aggregate that sorts what it collected has a file of its own beside the operator's; texts that don't pack."""
    def spilled(*aggregates):
        query = f"SELECT {', '.join(aggregates)} FROM range(40000) r(i)"
        plan = plan_json("ANALYZE, FORMAT json", query, "SET force_spill = true; SET threads = 1;")
        return named(plan, "aggregate")[0]["spilled_bytes"]
    one = spilled("quantile_disc(md5('a' || i), 0.3)")
    two = spilled("quantile_disc(md5('a' || i), 0.3)", "quantile_disc(md5('b' || i), 0.3)")
    assert one > 2 * 40000 * 32 and two > 1.6 * one, (one, two)


# Texts that don't pack, so that bytes in the file are about those in memory. {0} rows of state.
KEPT = [
    ("SELECT count(*), max(n) FROM (SELECT md5(CAST(i AS VARCHAR)) AS s, count(*) AS n FROM range({0}) r(i) GROUP BY s) q", "aggregate"),
    ("SELECT count(*) FROM (SELECT DISTINCT md5(CAST(i AS VARCHAR)) AS s FROM range({0}) r(i)) q", "distinct"),
    ("SELECT count(*) FROM (SELECT md5(CAST(i AS VARCHAR)) AS s, i FROM range({0}, 3 * {0}) r(i)) a"
     " JOIN (SELECT md5(CAST(i + {0} AS VARCHAR)) AS s, i FROM range({0}) r(i)) b ON a.s = b.s WHERE a.i + b.i > 0", "join"),
]


def test_what_fits_stays_in_memory():
    """From plenty down to where an operator begins to write: little of its state goes, not all."""
    for query, name in KEPT:
        query = query.format(100000)

        def spiller(limit):
            setup = f"SET threads = 1; SET memory_limit = {limit};"
            plan = plan_json("ANALYZE, FORMAT json", query, setup)
            return max(named(plan, name), key=lambda node: node["memory_bytes_peak"])
        plenty = spiller(1 << 30)
        state = plenty["memory_bytes_peak"]
        assert state > 8 << 20 and plenty["spilled_bytes"] == 0, (query, plenty)
        limit = 2 * state
        while not (node := spiller(limit))["spilled_bytes"] and limit > state // 3:
            limit -= state // 8
        assert 0 < node["spilled_bytes"] < state // 3, (query, state, limit, node)
        if name == "join": # once the rows are there, and while they come
            later = spiller(state - state // 8)
            assert node["partitions"] <= 16 // 4 and later["partitions"] <= 13, (query, node, later)


def test_time_that_lanes_waited_is_their_operators():
    """park_always: a lane waits before every batch, as it would for whoever takes its output."""
    query, setup = "SELECT i % 7, count(*) FROM range(4000000) r(i) GROUP BY 1", "SET park_always = true; SET threads = 2;"
    plan = plan_json("ANALYZE, FORMAT json", query, setup)
    assert sum(node["parked_output_ms"] for node in nodes(plan)) > 0, plan
    assert all(node["parked_memory_ms"] == 0 for node in nodes(plan)), plan
    assert re.search(r", \d+\.\d\d ms parked for output", run(f"{setup} EXPLAIN ANALYZE {query}")), query


def test_explain_is_no_table_and_is_not_cut():
    query = "SELECT 1 AS a" + " UNION ALL SELECT 1" * 60
    out = run("EXPLAIN " + query)
    assert "┌" not in out and out.count("values") + out.count("project") >= 61, out
    rules = run("EXPLAIN RULES SELECT 1")
    assert "┌" not in rules and "push_filters" in rules, rules


def test_graphviz_is_a_drawing():
    out = run(SETUP + "EXPLAIN (ANALYZE, FORMAT graphviz) " + QUERY)
    assert out.startswith("digraph plan {\n") and out.rstrip().endswith("}"), out
    assert re.search(r'n1 \[label="topn\\nkeys: .*\\nquery: .*\\n3 rows', out), out
    assert "n2 -> n1;" in out, out


def test_rules_say_which_fired():
    out = run(SETUP + "EXPLAIN RULES " + QUERY)
    fired = {line.split()[0] for line in out.splitlines() if " fired " in line}
    assert {"push_filters", "top_n"} <= fired and "unnest" not in fired, out
    out = run(SETUP + "SET disabled_rules = 'top_n'; EXPLAIN RULES " + QUERY)
    assert re.search(r"^top_n +off ", out, re.M), out


if __name__ == "__main__":
    sys.exit("run me with tools/pytests.py")
