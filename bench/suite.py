#!/usr/bin/env python3
"""bench/suite.py -- beyond TPC-H: h2o, scans, strings, sorts, windows, fixed cost, planning.

    build/venv/bin/python bench/suite.py [--only h2o,strings] [--match TEXT] [--runs 5]
        [--statistic median|min] [--threads 2] [--engines penstock,duckdb,polars,datafusion]
        [--rows 10000000] [--scale 1] [--polars streaming|in-memory|auto] [--worst 20]

Groups are the modules of bench/groups. Of a query each engine runs once (that warms up, and its
answer is compared with ours), then each again. The ratio is the fastest rival's time / ours, so
above 1 we are faster; the bar is what we want it to be. cpu is that ratio of processor time, which
neighbours move less, but which doesn't see who uses one thread only. The first engine is "ours".
"""
import argparse
import importlib
import os
import platform

import digest
import race

MODULES = ("h2o", "scans", "strings", "sorts", "windows", "fixed", "planning")


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"{len(models)} x {models[0] if models else platform.machine()}"


def versions(engines):
    from importlib import metadata
    return ", ".join(f"{name} {metadata.version(name)}" for name in engines)


class Outcome:
    """What came of one query: times, the fastest rival, the bar."""

    def __init__(self, name, query, group, answers, ours):
        self.name, self.answers = name, answers
        mine = self.mine = answers[ours]
        theirs = {e: a["seconds"] for e, a in answers.items()
                  if e != ours and "failed" not in a}
        self.rival = min(theirs, key=theirs.get) if theirs else None
        failed = "failed" in mine
        self.ratio = None if failed or not theirs else theirs[self.rival] / mine["seconds"]
        self.cpu = None if failed or not theirs else min(
            answers[e]["cpu"] for e in theirs) / max(mine["cpu"], 1e-6)
        self.bar_ms = query.bar_ms
        self.bar = None if query.bar_ms else query.bar_ratio or group.bar_ratio
        if failed:
            self.part = 0.0
        elif self.bar_ms:
            self.part = self.bar_ms / (mine["seconds"] * 1e3)
        else:
            self.part = self.ratio / self.bar if self.ratio else 1.0
        self.notes = [] if failed else [note for note in (
            self.note(e, a) for e, a in answers.items() if e != ours) if note]

    def note(self, engine, answer):
        """What is to be said of an engine's answer beside ours."""
        if "failed" in answer:
            return f"{engine}: {answer['failed'][:60]}"
        if answer["rows"] != self.mine["rows"]:
            return f"{engine}: rows differ, {self.mine['rows']} and {answer['rows']}!"
        differs = digest.difference(self.mine["digest"], answer["digest"])
        return f"{engine}: {differs}!" if differs else ""

    def bar_text(self):
        bar = f"{self.bar_ms:g} ms" if self.bar_ms else f"{self.bar:g}"
        return f"{bar:>6} {'held' if self.part >= 1 else 'not held'}"

    def line(self, width):
        if "failed" in self.mine:
            return f"{self.name:{width}}  {self.mine['failed']}"
        text = f"{self.name:{width}} {self.mine['rows']:9}"
        for answer in self.answers.values():
            text += "        n/a" if "failed" in answer else f" {answer['seconds'] * 1e3:10.1f}"
        ratio = f"{self.ratio:7.2f} {self.cpu:5.2f}" if self.ratio else "    n/a   n/a"
        return f"{text} {ratio} {self.bar_text()}  {'; '.join(self.notes)}".rstrip()


def run_group(module, group, options):
    """Prints a table; the outcomes."""
    queries = {n: q for n, q in group.queries.items() if options.match in n}
    names = [options.ours, *(e for e in options.engines if e in group.rivals)]
    title = group.title.format(**vars(options))
    if not queries:
        return []
    print(f"\n== {title}", flush=True)
    tables = group.tables(options)
    engines = [race.Engine(name, tables, group.source, options.threads) for name in names]
    width = max(map(len, queries))
    print(f"{'query':{width}}      rows" + "".join(f" {name[:8]:>7} ms" for name in names)
          + "   ratio   cpu    bar", flush=True)
    outcomes = []
    for name, query in queries.items():
        answers = race.take_turns(engines, lambda e, n=name, q=query: q.request(e, module, n),
                                  options.runs, race.STATISTICS[options.statistic])
        outcomes.append(Outcome(name, query, group, answers, options.ours))
        print(outcomes[-1].line(width), flush=True)
    for engine in engines:
        engine.close()
    print(summary(group, outcomes, names[1:], options.ours), flush=True)
    for outcome in outcomes:
        outcome.name = f"{title.split(',')[0]}{', nulls' if ' 5 % nulls' in title else ''}: {outcome.name}"
    return outcomes


def summary(group, outcomes, rivals, ours):
    both = [o for o in outcomes if o.ratio]
    mean = race.geometric([o.ratio for o in both])
    text = f"   geometric mean: {mean:.2f} of the fastest of each"
    if group.bar_geometric:
        text += f" (bar {group.bar_geometric}, {'held' if mean >= group.bar_geometric else 'not held'})"
    for rival in rivals:
        ratios = [o.answers[rival]["seconds"] / o.answers[ours]["seconds"] for o in both
                  if "failed" not in o.answers[rival]]
        text += f", {race.geometric(ratios):.2f} of {rival}"
    held = sum(o.part >= 1 for o in outcomes)
    return f"{text}; {held} of {len(outcomes)} bars held"


def worst(outcomes, n):
    """The queries that are farthest from their bars, those first."""
    below = sorted((o for o in outcomes if o.part < 1), key=lambda o: o.part)
    print(f"\n== farthest from their bars ({len(below)} of {len(outcomes)} not held)")
    for outcome in below[:n]:
        if "failed" in outcome.mine:
            print(f"  n/a {outcome.name}: {outcome.mine['failed']}")
            continue
        rival = (f"{outcome.rival} {outcome.answers[outcome.rival]['seconds'] * 1e3:.1f} ms, ratio "
                 f"{outcome.ratio:.2f} (cpu {outcome.cpu:.2f})") if outcome.rival else "no rival"
        print(f" {outcome.part:4.2f} {outcome.name}: {outcome.mine['seconds'] * 1e3:.1f} ms, {rival},"
              f" bar {outcome.bar_text().strip()}")
    wrong = [o for o in outcomes if any(note.endswith("!") for note in o.notes)]
    for outcome in wrong:
        print(f"answers: {outcome.name}: {'; '.join(outcome.notes)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(MODULES))
    parser.add_argument("--match", default="")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--statistic", choices=race.STATISTICS, default="median")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engines", default="penstock,duckdb,polars,datafusion")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--scale", default="1")
    parser.add_argument("--polars", default="streaming")
    parser.add_argument("--worst", type=int, default=20)
    options = parser.parse_args()
    options.ours, *options.engines = options.engines.split(",")
    os.environ["BENCH_POLARS"] = options.polars
    load = os.getloadavg()[0]
    print(f"{machine()}, load {load:.1f}; {versions(options.engines)} (Polars: {options.polars}), defaults but "
          f"{options.threads} threads; {options.statistic} of {options.runs} runs after one, "
          f"wall time to an Arrow table", flush=True)
    outcomes = []
    for name in options.only.split(","):
        module = importlib.import_module(f"groups.{name}")
        if hasattr(module, "run"):
            module.run(options)
        for group in getattr(module, "GROUPS", ()):
            outcomes += run_group(name, group, options)
    if outcomes:
        worst(outcomes, options.worst)


if __name__ == "__main__":
    main()
