"""Errors as a person meets them: what, where (line and caret), and what to do."""
import os
import subprocess
import sys

SHELL = os.environ.get("PS_SHELL", "build/dev/penstock")
SETUP = """CREATE TABLE customers AS SELECT 1 AS id, 'a' AS name, DATE '2000-01-01' AS born;
CREATE TABLE orders AS SELECT 1 AS id, 1 AS customer"""

# statement, code, part of the message, the text that the caret points at, part of the hint
ERRORS = [
    # names
    ("SELECT * FROM customer", "BIND", 'no table or view has the name "customer"', "customer",
     'did you mean "customers"?'),
    ("SELECT nmae FROM customers", "BIND", 'no column has the name "nmae"', "nmae",
     'did you mean "name"?'),
    ("SELECT id FROM customers, orders", "BIND", "ambiguous: customers.id or orders.id", "id", ""),
    ("SELECT lenght(name) FROM customers", "BIND", "no function named lenght", "lenght",
     "did you mean length?"),
    ("SELECT name::INTGER FROM customers", "BIND", 'no type has the name "INTGER"', "INTGER",
     'did you mean "integer"?'),
    ("SET thread = 4", "BIND", "no setting of this name: thread", "thread", "did you mean threads?"),
    ("DROP TABLE customer", "BIND", "no table of this name: customer", "customer",
     'did you mean "customers"?'),
    ("SELECT * FROM read_parqet('x')", "BIND", "no table function", "read_parqet",
     'did you mean "read_parquet"?'),
    ("SELECT * FROM 'nofile.parquet'", "IO", "no such file: nofile.parquet", "'nofile", ""),
    # arguments
    ("SELECT substring(name) FROM customers", "BIND", "no function fits substring(VARCHAR)",
     "substring", "none of them takes 1 argument"),
    ("SELECT length(id) FROM customers", "BIND", "no function fits length(INTEGER)", "length",
     "cast the arguments"),
    ("SELECT * FROM customers WHERE name", "BIND", "a condition must be BOOLEAN", "name", ""),
    # groups
    ("SELECT name, count(*) FROM customers", "BIND", "must be in GROUP BY", "name", ""),
    ("SELECT id FROM customers WHERE count(*) > 1", "BIND", "aggregates can't stand in WHERE",
     "count", ""),
    # values
    ("SELECT id,\n  name::INTEGER FROM customers", "VALUE", "can't cast 'a' to INTEGER", "name", ""),
    ("SELECT * FROM customers\nWHERE id = 'abc'", "VALUE", "can't cast 'abc' to INTEGER", "'abc'",
     ""),
    ("INSERT INTO orders VALUES (1, 2),\n (3, 'x')", "VALUE", "can't cast 'x' to INTEGER", "'x'",
     ""),
    ("SELECT 9223372036854775807 + id FROM customers", "VALUE",
     "overflow in 9223372036854775807 + 1 (BIGINT)", "+", ""),
    ("SELECT 1 AS a,\n\tid % 0 FROM customers", "VALUE", "division by zero in 1 % 0", "%", ""),
    ("SELECT 300::TINYINT", "VALUE", "can't cast 300 to TINYINT", "300", ""),
    ("PREPARE p AS SELECT 10 // $1 AS q; EXECUTE p(0)", "VALUE", "division by zero in 10 // 0", "//",
     ""),
    # syntax
    ("SELEC 1", "PARSE", 'syntax error at "SELEC"', "SELEC", "did you mean SELECT?"),
    ("SELECT * FORM customers", "PARSE", 'syntax error at "FORM"', "FORM", "did you mean FROM?"),
    ("SELECT (1 + 2", "PARSE", "syntax error at the end", "", "the ( at line 1, column 8 is not closed"),
    ("SELECT [1, (2 + 3)", "PARSE", "syntax error at the end", "", "the [ at line 1, column 8 is not"),
    ("SELECT 1 FROM customers WHERE", "PARSE", "syntax error at the end", "", ""),
    ("SELECT 'abc", "PARSE", "no closing quote", "'abc", ""),
    ("SET x", "PARSE", "syntax error at the end", "", "expected = or TO"),
]


def check(sql, code, message, at, hint):
    done = subprocess.run([SHELL, "--format", "csv", "-c", SETUP, "-c", sql], text=True, timeout=60,
                          check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    lines = done.stderr.splitlines()
    where = f"{sql!r} gave {done.stderr!r}"
    assert done.returncode == 1, where
    assert lines[0].startswith(code + ": ") and message in lines[0], where
    assert lines[1].startswith("line "), where
    assert lines[3].strip() == "^", where
    assert lines[2][len(lines[3]) - 1:].startswith(at), where
    assert at or len(lines[3]) - 1 >= len(lines[2]), where
    assert (hint in lines[4] and lines[4].startswith("hint: ")) if hint else len(lines) == 4, where


def test_errors_say_what_where_and_what_to_do():
    wrong = []
    for case in ERRORS:
        try:
            check(*case)
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


if __name__ == "__main__":
    sys.exit("run me with tools/pytests.py")
