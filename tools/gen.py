#!/usr/bin/env python3
"""tools/gen.py -- the function catalog, its documentation and its tests from src/func/*.toml.

One TOML file is one family. An entry is a table named by the function ("starts_with", "+"), or an
array of tables when its overloads differ in more than their signature. Keys:

  signature  "(text: str, prefix: str) -> bool", or a list of them (overloads with one kernel)
  kernel     C symbol ps_fn_<kernel> (aggregates: ps_aggfn_<kernel>); the entry's name when left out
  kind       "scalar" (default), "aggregate", "window"
  window     number of a window function: PS_WINDOW_<...> of func/func.h
  resolve    ps_resolve_<resolve> of func/coerce.h: types that a signature can't say
  nulls      "propagate" (default), "accept", "ignore"
  errors     "never" (default), "may"
  purity     "immutable" (default), "per_query", "volatile"
  order      true: an aggregate that depends on row positions
  since, doc, examples (required)
  names      per dialect or engine {sql, postgres, spark, polars, duckdb, substrait}; sql and postgres
             names resolve here and hold the entry's own name unless it is an operator

Signature: name: type; "name?: type" may be left out; "name!: type" must be a constant; a last
"name: type..." repeats. Types: see TYPES; type variables T, U; class variables numeric, integer,
decimal, temporal, bytes (one variable each); any; list<T>.

A kernel that no source in src/func defines (spelled `ps_fn_name =` or `PS_FN(name`) gives an entry
without a class: calling it is PS_UNSUPPORTED. Run this again after adding a kernel.

  python3 tools/gen.py           writes gen/func/catalog.c, docs/functions.md, tests/slt/func/examples_*.test
  python3 tools/gen.py --check   fails when one of them is stale
Standard library only (tomllib: Python 3.11)."""
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEYS = {"signature", "kernel", "kind", "window", "resolve", "nulls", "errors", "purity", "order",
        "since", "doc", "names", "examples"}
DIALECTS = ("sql", "postgres", "spark", "polars", "duckdb", "substrait")
NULLS = {"propagate", "accept", "ignore"}
PURITY = {"immutable", "per_query", "volatile"}
TYPES = {
    "bool": "BOOL", "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64",
    "int128": "INT128", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32",
    "uint64": "UINT64", "float": "FLOAT32", "double": "FLOAT64", "date": "DATE", "time": "TIME",
    "timetz": "TIME_TZ", "timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP_TZ",
    "interval": "INTERVAL", "str": "STRING", "blob": "BINARY", "uuid": "UUID",
}
IN_MICROSECONDS = {"time", "timestamp", "timestamptz"}
CLASSES = {"numeric": "NUMERIC", "integer": "INTEGER", "decimal": "DECIMAL",
           "temporal": "TEMPORAL", "bytes": "BYTES"}


class Bad(Exception):
    pass


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


class Signature:
    """A parsed signature: params of (name, kind, var, type, optional, constant), result, variadic."""

    def __init__(self, text):
        self.text, self.vars = text, {}
        match = re.fullmatch(r"\((.*)\)\s*->\s*(\S+)", text)
        if not match:
            raise Bad(f"signature {text!r} is not (name: type, ...) -> type")
        self.params, self.variadic = [], False
        for part in filter(None, (p.strip() for p in match[1].split(","))):
            self.add(part)
        self.result = self.type_of(match[2])
        required = [not p["optional"] for p in self.params]
        if required != sorted(required, reverse=True):
            raise Bad(f"signature {text!r}: a required parameter follows an optional one")
        self.n_required = sum(required) - self.variadic

    def add(self, part):
        match = re.fullmatch(r"(\w+)([?!]*):\s*([\w<>]+)(\.\.\.)?", part)
        if not match or self.variadic:
            raise Bad(f"signature {self.text!r}: bad parameter {part!r}")
        self.variadic = bool(match[4])
        self.params.append({"name": match[1], "type": self.type_of(match[3]),
                            "optional": "?" in match[2], "constant": "!" in match[2]})

    def var(self, name):
        return self.vars.setdefault(name, len(self.vars) + 1)

    def type_of(self, name):
        """(param kind, variable number, C type or None)"""
        if name in TYPES:
            unit = ", .unit = PS_UNIT_US" if name in IN_MICROSECONDS else ""
            return "TYPE", 0, f"{{.id = PS_TYPE_{TYPES[name]}{unit}}}"
        if name in CLASSES:
            return CLASSES[name], self.var(name), None
        if name == "any":
            return "ANY", 0, None
        if name in ("T", "U"):
            return "VAR", self.var(name), None
        if match := re.fullmatch(r"list<([TU])>", name):
            return "LIST_VAR", self.var(match[1]), None
        raise Bad(f"signature {self.text!r}: unknown type {name!r}")


class Entry:
    """One overload with one signature."""

    def __init__(self, family, name, table, signature):
        self.family, self.name, self.signature = family, name, Signature(signature)
        self.kind = table.get("kind", "scalar")
        is_operator = not re.fullmatch(r"\w+", name)
        self.kernel = table.get("kernel", None if is_operator else name)
        if self.kernel is None:
            raise Bad("an operator needs a kernel")
        self.nulls = table.get("nulls", "propagate")
        self.fallible = table.get("errors", "never")
        self.purity = table.get("purity", "immutable")
        self.window, self.resolve = table.get("window"), table.get("resolve")
        self.order = table.get("order", False)
        self.since, self.doc = table.get("since", "0.1"), table.get("doc", "").strip()
        self.examples, self.names = table.get("examples", []), table.get("names", {})
        self.check(table)

    def check(self, table):
        if unknown := set(table) - KEYS:
            raise Bad(f"unknown keys {sorted(unknown)}")
        if unknown := set(self.names) - set(DIALECTS):
            raise Bad(f"unknown dialects {sorted(unknown)} in names")
        if self.kind not in ("scalar", "aggregate", "window"):
            raise Bad(f"kind is {self.kind!r}")
        if self.nulls not in NULLS or self.purity not in PURITY or self.fallible not in ("never", "may"):
            raise Bad("nulls, purity or errors has an unknown value")
        if not self.doc:
            raise Bad("doc is missing")
        if not self.examples:
            raise Bad("examples are missing")
        if any(len(e) != 2 or not all(isinstance(x, str) for x in e) for e in self.examples):
            raise Bad("an example is [expression, result as text]")
        if (self.kind == "window") != (self.window is not None):
            raise Bad("window functions, and only they, have a window number")

    def all_names(self):
        """What resolves to this entry: its own name first, then sql and postgres aliases."""
        names = [self.name]
        for dialect in ("sql", "postgres"):
            value = self.names.get(dialect, [])
            names += [value] if isinstance(value, str) else value
        return list(dict.fromkeys(names))

    def symbol(self):
        return ("ps_aggfn_" if self.kind == "aggregate" else "ps_fn_") + self.kernel


def load():
    entries, seen = [], set()
    for path in sorted((ROOT / "src/func").glob("*.toml")):
        with open(path, "rb") as file:
            data = tomllib.load(file)
        for name, tables in data.items():
            for table in tables if isinstance(tables, list) else [tables]:
                try:
                    signatures = table.get("signature") or []
                    if not signatures:
                        raise Bad("signature is missing")
                    for text in [signatures] if isinstance(signatures, str) else signatures:
                        entry = Entry(path.stem, name, table, text)
                        key = (entry.kind, name, re.sub(r"\w+[?!]*:\s*", "", text))
                        if key in seen:
                            raise Bad(f"{name}{text} is there twice")
                        seen.add(key)
                        entries.append(entry)
                except Bad as error:
                    raise Bad(f"{path.relative_to(ROOT)}: [{name}]: {error}") from None
    return entries


def defined_symbols():
    """Kernels that exist: `ps_fn_x =`, `ps_aggfn_x =`, PS_FN(x, PS_ROW_FN(x, PS_AGGFN(x in any source of src/func."""
    found = set()
    for path in sorted((ROOT / "src/func").rglob("*.[ch]")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        found |= {m[1] for m in re.finditer(r"\b(ps_(?:agg)?fn_\w+)\s*=", text)}
        found |= {"ps_fn_" + m[1] for m in re.finditer(r"\bPS_(?:ROW_)?FN\(\s*(\w+)", text)}
        found |= {"ps_aggfn_" + m[1] for m in re.finditer(r"\bPS_AGGFN\(\s*(\w+)", text)}
    return found


def c_param(kind, var, c_type, name=None, constant=False):
    fields = [f".kind = PS_PARAM_{kind}"]
    fields += [f".var = {var}"] if var else []
    fields += [".constant = true"] if constant else []
    fields += [f".type = {c_type}"] if c_type else []
    fields += [f".name = {c_string(name)}"] if name else []
    return "{" + ", ".join(fields) + "}"


def c_entry(i, e, defined):
    s, lines = e.signature, []
    if s.params:
        lines.append(f"static const ps_param params_{i}[] = {{")
        lines += [f"    {c_param(*p['type'], p['name'], p['constant'])}," for p in s.params]
        lines.append("};")
    names = ", ".join(c_string(n) for n in e.all_names())
    lines.append(f"static const char *const names_{i}[] = {{{names}, NULL}};")
    fields = [f".name = {c_string(e.name)}, .kind = PS_FUNC_{e.kind.upper()}, "
              f".nulls = PS_NULLS_{e.nulls.upper()}, .purity = PS_PURITY_{e.purity.upper()}"]
    flags = [f".{flag} = true" for flag, on in (("fallible", e.fallible == "may"),
             ("variadic", s.variadic), ("order_sensitive", e.order)) if on]
    fields += [", ".join(flags)] if flags else []
    fields.append(f".n_params = {len(s.params)}, .n_required = {s.n_required}"
                  + (f", .params = params_{i}" if s.params else ""))
    fields.append(f".result = {c_param(*s.result)}")
    if e.resolve:
        fields.append(f".resolve = ps_resolve_{e.resolve}")
    if e.kind != "window" and e.symbol() in defined:
        fields.append(f".{'aggregate' if e.kind == 'aggregate' else 'scalar'} = &{e.symbol()}")
    if e.window:
        fields.append(f".window_id = PS_WINDOW_{e.window.upper()}")
    fields.append(f".doc = {c_string(e.doc)}")
    fields.append(f".signature = {c_string(s.text)}, .since = {c_string(e.since)}")
    fields.append(f".example = {c_string(e.examples[0][0])}, .names = names_{i}")
    lines.append(f"static const ps_func func_{i} = {{")
    lines += [f"    {field}," for field in fields]
    lines.append("};")
    return lines


def catalog_c(entries):
    defined = defined_symbols()
    out = ["/* gen/func/catalog.c -- the function catalog. Generated by tools/gen.py from the TOML files"
           " of src/func: do not edit. */",
           '#include "func/agg.h"', '#include "func/coerce.h"', ""]
    symbols = sorted({(e.kind, e.symbol()) for e in entries if e.kind != "window" and e.symbol() in defined})
    out += [f"extern const {'ps_agg_class' if kind == 'aggregate' else 'ps_func_class'} {symbol};"
            for kind, symbol in symbols]
    out.append("")
    for i, e in enumerate(entries):
        if "*" not in e.name and "/" not in e.name:
            out.append(f"/* {e.family}: {e.name}{e.signature.text} */".replace("*/*", "* / *"))
        out += c_entry(i, e, defined)
    out.append("")
    out.append("const ps_func *const ps_catalog[] = {")
    out += [f"    &func_{i}," for i in range(len(entries))]
    out += ["};", "const size_t ps_catalog_count = sizeof(ps_catalog) / sizeof(ps_catalog[0]);", ""]
    index = sorted((name.lower(), i) for i, e in enumerate(entries) for name in e.all_names())
    out.append("/* Sorted by name, then by place in the catalog. */")
    out.append("const ps_func_name ps_func_names[] = {")
    out += [f"    {{{c_string(name)}, &func_{i}}}," for name, i in index]
    out += ["};", "const size_t ps_func_names_count = sizeof(ps_func_names) / sizeof(ps_func_names[0]);", ""]
    return "\n".join(out)


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def functions_md(entries):
    out = ["# Functions", "", "Generated by `tools/gen.py` from `src/func/*.toml`: do not edit. "
           "Examples are run by the tests.", ""]
    for family in dict.fromkeys(e.family for e in entries):
        out += [f"## {family}", "", "| function | signatures | what it gives | examples | elsewhere |",
                "|---|---|---|---|---|"]
        rows = {}
        for e in (e for e in entries if e.family == family):
            rows.setdefault((e.name, e.doc), []).append(e)
        for (name, doc), group in rows.items():
            first = group[0]
            aliases = [n for n in first.all_names() if n != name]
            title = f"`{cell(name)}`" + (" (" + ", ".join(f"`{cell(a)}`" for a in aliases) + ")" if aliases else "")
            signatures = "<br>".join(f"`{cell(e.signature.text)}`" for e in group)
            examples = "<br>".join(f"`{cell(a)}` = `{cell(b)}`" for a, b in first.examples)
            others = ", ".join(f"{d}: `{cell(str(first.names[d]))}`" for d in DIALECTS[2:] if d in first.names)
            out.append(f"| {title} | {signatures} | {cell(doc)} | {examples} | {others} |")
        out.append("")
    return "\n".join(out)


def examples_test(family, entries):
    out = [f"# Examples of the {family} functions. Generated by tools/gen.py from"
           f" src/func/{family}.toml: do not edit", ""]
    done = set()
    for e in entries:
        for expression, result in e.examples:
            if (expression, result) in done:
                continue
            done.add((expression, result))
            if result.startswith("ERROR "):
                out += ["statement error", f"SELECT {expression}", "----", result[6:], ""]
            else:
                out += ["query T", f"SELECT {expression}", "----", result if result else "(empty)", ""]
    return "\n".join(out)


def outputs():
    entries = load()
    files = {"gen/func/catalog.c": catalog_c(entries), "docs/functions.md": functions_md(entries)}
    for family in dict.fromkeys(e.family for e in entries):
        files[f"tests/slt/func/examples_{family}.test"] = examples_test(
            family, [e for e in entries if e.family == family])
    return files


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: tools/gen.py [--check]")
    try:
        files = outputs()
    except (Bad, tomllib.TOMLDecodeError) as error:
        sys.exit(f"gen.py: {error}")
    stale = []
    for name, text in files.items():
        path = ROOT / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if check and stale:
        sys.exit("gen.py: stale, run python3 tools/gen.py: " + ", ".join(stale))


if __name__ == "__main__":
    main()
