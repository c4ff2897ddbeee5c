#!/usr/bin/env python3
"""tools/new.py op|rule|func NAME [FAMILY] -- starts a new operator, optimizer rule or function.

Writes the file with its head, enters it in its list, and adds a test that fails until the work is
done; what is written in CAPITALS waits for words, and lint says so. Everything compiles. Says what
it touched; CONTRIBUTING.md has the steps that follow. Standard library only.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

OPERATOR = """/* exec/op_{name}.c -- WHAT IT DOES TO ITS ROWS, IN A LINE.
 *
 * Order: WHICH POSITIONS ITS OUTPUT HAS. Memory: WHAT IT HOLDS, HOW THAT SHRINKS. Threads: WHAT IS
 * SHARED, WHAT GUARDS IT. Tests: tests/slt/op/{name}.test */
#include "exec/phys.h"

typedef struct {name}_config {{
    int64_t count;
}} {name}_config;

typedef struct {name}_local {{
    int64_t seen;
}} {name}_local;

static ps_status {name}_push(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                             ps_flow *flow)
{{
    {name}_local *l = local;

    (void)cx, (void)op, (void)flow;
    ps_batch_copy_header(in, out);
    l->seen += in->n_live;
    return PS_OK;
}}

static const ps_op_class {name}_class = {{
    .name = "{name}",
    .local_size = sizeof({name}_local),
    .push = {name}_push,
}};

ps_status ps_phys_{name}(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{{
    {name}_config *config = PS_ARENA_NEW(p->cx, p->arena, {name}_config);

    if (!config) return PS_MEMORY;
    config->count = ps_node_as_{name}(node)->count;
    PS_TRY(ps_phys_build(p, node->inputs[0], needed, out));
    ps_op *op = ps_phys_op(p, &{name}_class, node, config, out->cols, out->n_cols);
    return op ? ps_phys_transform(p, out, op) : PS_MEMORY;
}}
"""

NODE = """
const ps_node *ps_node_{name}_new(ps_planner *p, const ps_node *input, int64_t count)
{{
    BEGIN({kind}, {name}, &input, 1);
    self->count = count;
    return ps_node_finish(p, node);
}}
"""

RULE = """/* opt/rule_{name}.c -- BEFORE  =>  AFTER
 *
 * Why: WHAT IT SAVES.
 * Safe: WHY THE ROWS, THEIR ORDER AND THEIR ERRORS STAY THE SAME; WHEN IT IS REFUSED.
 * Order: WHAT MUST RUN BEFORE IT. Tests: tests/slt/opt/{name}.test */
#include "opt/opt.h"

static const ps_node *{name}(ps_opt *opt, const ps_node *node)
{{
    const ps_node_filter *filter = ps_node_as_filter(node);

    (void)opt, (void)filter;
    return node; /* the same pointer: unchanged */
}}

const ps_rule ps_rule_{name} = {{
    .name = "{name}",
    .doc = "BEFORE => AFTER",
    .root = PS_NODE_FILTER,
    .node = {name},
}};
"""

KERNEL = """/* func/{family}_{name}.c -- WHAT IT GIVES, IN A LINE.
 *
 * WHAT NULLS, BOUNDS AND ERRORS DO. Short kernels live in the family's file. Tests:
 * tests/slt/func/{name}.test, the examples in {family}.toml. */
#include "func/rows.h"

static ps_status {name}_row(ps_rows *rows, uint32_t row)
{{
    const ps_str value = ps_rows_str(rows, 0, row);

    ps_rows_put(rows, row, value.at, value.n);
    return PS_OK;
}}
PS_ROW_FN({name}, VIEW);
"""

ENTRY = """
[[{name}]]
signature = "(value: str) -> str"
doc = "WHAT IT GIVES, IN A SENTENCE."
examples = [["{name}('a')", "WRITE THE RESULT"]]
"""

TEST_OP = """# operator {name}: WHAT IS TESTED

query I
SELECT i FROM range(3) r(i)
----
WRITE THE ROWS OF A STATEMENT THAT RUNS IT
"""

TEST_RULE = """# rule {name}: WHAT IS TESTED
config skip no_optimizer

plan optimized
SELECT i FROM range(3) r(i) WHERE i > 1
----
WRITE THE PLAN AFTER THE RULE, THEN ONE THAT IT LEAVES ALONE
"""

TEST_FUNC = """# function {name}: WHAT IS TESTED

query T
SELECT {name}('a')
----
WRITE THE RESULT
"""


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    full = os.path.join(ROOT, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {path}")


def create(path, text):
    if os.path.exists(os.path.join(ROOT, path)):
        sys.exit(f"{path} is there already")
    write(path, text)


def insert(path, before, text):
    """Puts text before the last place where a pattern matches at the start of a line."""
    whole = read(path)
    places = list(re.finditer(before, whole, re.M))
    if not places:
        sys.exit(f"{path}: there is no line like {before!r} any more; mend tools/new.py")
    at = places[-1].start()
    write(path, whole[:at] + text + whole[at:])


def new_node(name):
    """A node kind with one input and one number, whose columns are its input's."""
    kind, nodes = name.upper(), read("src/plan/nodes.def")
    last = list(re.finditer(r"^    N\(\w+, +\w+, +-?\d\)\n", nodes, re.M))[-1]
    line = last.group().rstrip("\n").ljust(37) + "\\\n" + f"    N({kind + ',':<10} {name + ',':<10} 1)\n"
    write("src/plan/nodes.def", nodes[:last.start()] + line + nodes[last.end():])
    insert("src/plan/nodes.def", r"^\n#define PS_NODES\(N\)", f"#define PS_FIELDS_{kind}(F)".ljust(94)
           + "\\\n    F(i64,       count,     1, \"WHAT IT SAYS\")\n")
    insert("src/plan/node.h", r"^/\* The same node over other inputs",
           f"const ps_node *ps_node_{name}_new(ps_planner *p, const ps_node *input, int64_t count);\n")
    insert("src/plan/node.c", r"^    case PS_NODE_COUNT: break;",
           f"    case PS_NODE_{kind}: add_cols(out, n, node->inputs[0], false); return;\n")
    write("src/plan/node.c", read("src/plan/node.c") + NODE.format(name=name, kind=kind))


def new_op(name, _family):
    kind, path = name.upper(), "src/exec/ops.def"
    if re.search(rf"^O\({kind},", read(path), re.M):
        sys.exit(f"{path} has {kind} already")
    create(f"src/exec/op_{name}.c", OPERATOR.format(name=name))
    create(f"tests/slt/op/{name}.test", TEST_OP.format(name=name))
    if not re.search(rf"\bN\({kind},", read("src/plan/nodes.def")):
        new_node(name)
        print("then: what must hold of the node in src/plan/verify.c, and what makes one (a rule, or lowering)")
    write(path, read(path).rstrip("\n") + f"\nO({kind + ',':<10} ps_phys_{name})\n")


def new_rule(name, _family):
    path = "src/opt/rules.def"
    if re.search(rf"^R\({name},", read(path), re.M):
        sys.exit(f"{path} has {name} already")
    create(f"src/opt/rule_{name}.c", RULE.format(name=name))
    create(f"tests/slt/opt/{name}.test", TEST_RULE.format(name=name))
    insert(path, r"^R\(join_order,", f"R({name + ',':<19} 5, false)\n")
    print(f"then: the place of {name} in the order, and its reason in the head of {path}")


def new_func(name, family):
    path = f"src/func/{family}.toml"
    if not family or not os.path.exists(os.path.join(ROOT, path)):
        families = sorted(entry[:-5] for entry in os.listdir(os.path.join(ROOT, "src/func"))
                          if entry.endswith(".toml"))
        sys.exit(f"FAMILY= is one of: {' '.join(families)}")
    if family in ("aggregate", "window"):
        sys.exit(f"only scalar functions have a scaffold; for {family} functions see src/func/README.md")
    if re.search(rf"^\[+\"?{re.escape(name)}\"?\]", read(path), re.M):
        sys.exit(f"{path} has {name} already; another overload is an entry of its own")
    create(f"src/func/{family}_{name}.c", KERNEL.format(name=name, family=family))
    create(f"tests/slt/func/{name}.test", TEST_FUNC.format(name=name))
    write(path, read(path).rstrip("\n") + "\n" + ENTRY.format(name=name))
    subprocess.run([sys.executable, "tools/gen.py"], cwd=ROOT, check=True)
    print("then: its signature, kernel and examples; `make gen` after each change of the TOML file")


def main():
    makers = {"op": new_op, "rule": new_rule, "func": new_func}
    kind, name = (sys.argv[1:3] + ["", ""])[:2]
    family = sys.argv[3] if len(sys.argv) > 3 else ""
    if kind not in makers:
        sys.exit("usage: tools/new.py op|rule|func NAME [FAMILY]")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        sys.exit(f"NAME= must be lower case letters, digits and _: {name!r}")
    makers[kind](name, family)


if __name__ == "__main__":
    main()
