#!/usr/bin/env python3
"""bench/graceful.py -- time against memory limit: what it costs when less and less of the state fits.

    build/venv/bin/python bench/graceful.py [--work sort,group,...] [--engines penstock,duckdb]
        [--runs 3] [--threads 2] [--svg FILE]

The work and the data of bench/ceiling.py, over 2 million rows (0.33 GB decoded). Without a limit
worth the name (8 GiB) the growth of resident memory is the state; then the limit is a share of it,
from one and a half to a quarter. All limits of an engine run in turn, then again, so that a noisy
neighbour hits all; a figure is the fastest of the runs over the fastest at 8 GiB. The promise is at
most 2.5 at a quarter, and no step where spilling begins.
"""
import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ceiling

WORK = ("sort", "group", "distinct", "join", "row_number", "string_agg")
SHARES = (1.5, 1.1, 1.0, 0.9, 0.75, 0.6, 0.5, 0.35, 0.25)
PLENTY_MIB, LEAST_MIB = 8192, 24
WIDTH, HEIGHT, MARGIN = 640, 360, 48


def one(engine, data, limit, threads, name):
    with tempfile.TemporaryDirectory(dir=ceiling.DATA) as folder:
        return ceiling.measure(engine, data, limit, threads, name, folder)


def curve(engine, data, name, options):
    """(state in MiB, seconds at 8 GiB, [(share, MiB, times or None, failure)])."""
    plenty = [one(engine, data, PLENTY_MIB, options.threads, name) for _ in range(options.runs)]
    state = max(run["growth"] for run in plenty)
    limits = [max(LEAST_MIB, round(state * share)) for share in SHARES]
    tries = {limit: [] for limit in limits}
    for _ in range(options.runs):
        plenty.append(one(engine, data, PLENTY_MIB, options.threads, name))
        for limit in tries:
            tries[limit].append(one(engine, data, limit, options.threads, name))
    base = min(run["seconds"] for run in plenty)
    points = []
    for share, limit in zip(SHARES, limits):
        failed = next((run["failed"] for run in tries[limit] if run["failed"]), "")
        best = min(run["seconds"] for run in tries[limit])
        points.append((share, limit, None if failed else best / base, failed.splitlines()[:1]))
    return state, base, points


def svg(curves):
    """A plot of every curve: shares from much to little, times of the time with plenty."""
    top = max([3.0] + [times for _, points in curves for _, _, times, _ in points if times])
    colours = ("#1b6ca8", "#c8553d", "#2f8f4e", "#8e5aa8", "#b8860b", "#444444")

    def place(share, times):
        across = (SHARES[0] - share) / (SHARES[0] - SHARES[-1])
        return (f"{MARGIN + across * (WIDTH - 2 * MARGIN):.1f},"
                f"{HEIGHT - MARGIN - times / top * (HEIGHT - 2 * MARGIN):.1f}")

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="11">']
    for times in (1, 2.5):
        parts.append(f'<polyline fill="none" stroke="#bbb" points="{place(SHARES[0], times)} '
                     f'{place(SHARES[-1], times)}"/>')
        parts.append(f'<text x="{MARGIN - 28}" y="{place(1, times).split(",")[1]}">{times}</text>')
    for share in SHARES:
        parts.append(f'<text x="{place(share, 0).split(",")[0]}" y="{HEIGHT - MARGIN + 16}">'
                     f'{share}</text>')
    parts.append(f'<text x="{MARGIN}" y="{HEIGHT - 12}">limit, as a share of the state; '
                 'up: time, as a multiple of the time without a limit</text>')
    for i, (label, points) in enumerate(curves):
        line = " ".join(place(share, times) for share, _, times, _ in points if times)
        parts.append(f'<polyline fill="none" stroke-width="2" stroke="{colours[i % len(colours)]}" '
                     f'points="{line}"/>')
        parts.append(f'<text x="{WIDTH - MARGIN - 70}" y="{MARGIN + 14 * i}" '
                     f'fill="{colours[i % len(colours)]}">{label}</text>')
    return "\n".join(parts + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description="time against memory limit")
    parser.add_argument("--work", default=",".join(WORK))
    parser.add_argument("--engines", default="penstock,duckdb")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--svg", default="", help="a plot of the first engine's curves")
    options = parser.parse_args()
    data, engines = ceiling.make_data("medium", "none"), options.engines.split(",")
    print(f"{'work':11} {'engine':9} {'state':>6} {'plenty':>8}" +
          "".join(f" {share:>6}" for share in SHARES))
    curves = []
    for name in options.work.split(","):
        for engine in engines:
            state, base, points = curve(engine, data, name, options)
            print(f"{name:11} {engine:9} {state:5.0f}M {base:7.2f}s" +
                  "".join(f" {times:6.2f}" if times else "   fail" for _, _, times, _ in points) +
                  "".join(f"  {limit} MiB: {why[0]}" for _, limit, _, why in points if why),
                  flush=True)
            if engine == engines[0]:
                curves.append((name, points))
    if options.svg:
        with open(options.svg, "w", encoding="utf-8") as file:
            file.write(svg(curves))


if __name__ == "__main__":
    main()
