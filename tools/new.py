#!/usr/bin/env python3
"""tools/new.py op|rule|func NAME [FAMILY] -- starts a new operator, optimizer rule or function.

Writes the file with its head, enters it in its list, and adds a test that fails until the work is
done. Says what it touched; CONTRIBUTING.md has the steps that follow. Standard library only.
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
    uint32_t n_cols;
}} {name}_config;

typedef struct {name}_local {{
    ps_arena arena;
}} {name}_local;

static void {name}_close(ps_op *op, void *local)
{{
    {name}_local *l = local;

    (void)op;
    ps_arena_release(&l->arena);
}}

static ps_status {name}_push(ps_ctx *cx, ps_op *op, void *local, const ps_batch *in, ps_batch *out,
                             ps_flow *flow)
{{
    (void)op, (void)local, (void)in, (void)out, (void)flow;
    return ps_fail(cx, PS_UNSUPPORTED, "operator {name} can't run yet");
}}

static const ps_op_class {name}_class = {{
    .name = "{name}",
    .local_size = sizeof({name}_local),
    .push = {name}_push,
    .local_close = {name}_close,
}};

ps_status ps_phys_{name}(ps_phys *p, const ps_node *node, const ps_col_set *needed, ps_stream *out)
{{
    {name}_config *config = PS_ARENA_NEW(p->cx, p->arena, {name}_config);

    if (!config) return PS_MEMORY;
    PS_TRY(ps_phys_build(p, node->inputs[0], needed, out));
    config->n_cols = out->n_cols;
    ps_op *op = ps_phys_op(p, &{name}_class, node, config, out->cols, out->n_cols);
    return op ? ps_phys_transform(p, out, op) : PS_MEMORY;
}}
"""

RULE = """/* opt/rule_{name}.c -- BEFORE  =>  AFTER
 *
 * Why: WHAT IT SAVES. Safe: WHY THE ROWS, THEIR ORDER AND THEIR ERRORS STAY THE SAME; WHEN IT IS
 * REFUSED. WHAT MUST RUN BEFORE IT. Tests: tests/slt/opt/{name}.test */
#include "opt/rule.h"

ps_status ps_rule_{name}(ps_opt *opt, const ps_node *node, const ps_node **out)
{{
    (void)opt;
    *out = node; /* the same pointer: unchanged */
    return PS_OK;
}}
"""

FUNCTION = """
[{key}]
signature = "(value: str) -> str"
doc = "WHAT IT GIVES, IN A SENTENCE."
examples = [["{name}('a')", "WRITE THE RESULT"]]
"""

FAILING = """# {kind} {name}: WHAT IS TESTED

query T
SELECT 'write the first case'
----
of {kind} {name}
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


def new_op(name, _family):
    kind = name.upper()
    nodes, ops = read("src/plan/nodes.def"), read("src/exec/ops.def")
    if re.search(rf"^O\({kind},", ops, re.M):
        sys.exit(f"src/exec/ops.def has {kind} already")
    create(f"src/exec/op_{name}.c", OPERATOR.format(name=name))
    if not re.search(rf"\bN\({kind},", nodes):
        fields = f"#define PS_FIELDS_{kind}(F) F(i64, count, 1, \"WHAT IT SAYS\")\n\n"
        at = nodes.index("#define PS_NODES(N)")
        nodes = nodes[:at].rstrip("\n") + "\n" + fields + nodes[at:]
        last = list(re.finditer(r"^( +N\(\w+, +\w+, +-?\d\))( *\\?)$", nodes, re.M))[-1]
        line = f"    N({kind}, {name}, 1)"
        nodes = nodes[:last.start()] + last.group(1) + " \\\n" + line + nodes[last.end():]
        write("src/plan/nodes.def", nodes)
        print("then: its builder and output columns in src/plan/node.c, its case in verify.c")
    write("src/exec/ops.def", ops.rstrip("\n") + f"\nO({kind}, ps_phys_{name})\n")
    create(f"tests/slt/op/{name}.test", FAILING.format(kind="operator", name=name))


def new_rule(name, _family):
    path = "src/opt/rules.def"
    if not os.path.exists(os.path.join(ROOT, path)):
        sys.exit(f"{path} is not there: nothing lists rules")
    rules = read(path)
    if re.search(rf"\b{name}\b", rules):
        sys.exit(f"{path} has {name} already")
    create(f"src/opt/rule_{name}.c", RULE.format(name=name))
    write(path, rules.rstrip("\n") + f"\nR({name}) /* WHY IT RUNS HERE */\n")
    create(f"tests/slt/opt/{name}.test", FAILING.format(kind="rule", name=name))


def new_func(name, family):
    path = f"src/func/{family}.toml"
    if not family or not os.path.exists(os.path.join(ROOT, path)):
        families = sorted(entry[:-5] for entry in os.listdir(os.path.join(ROOT, "src/func"))
                          if entry.endswith(".toml"))
        sys.exit(f"FAMILY= is one of: {' '.join(families)}")
    text = read(path)
    if re.search(rf"^\[+\"?{re.escape(name)}\"?\]", text, re.M):
        sys.exit(f"{path} has {name} already; another overload is an entry of its own")
    write(path, text.rstrip("\n") + "\n" + FUNCTION.format(key=name, name=name))
    create(f"tests/slt/func/{name}.test", FAILING.format(kind="function", name=name))
    subprocess.run([sys.executable, "tools/gen.py"], cwd=ROOT, check=True)
    print(f"then: its kernel ps_fn_{name} in src/func/{family}.c, and `make gen`")


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
