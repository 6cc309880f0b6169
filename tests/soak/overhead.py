#!/usr/bin/env python3
"""What scheduling, manifest and stored results cost on the main job, against a plain loop over the same functions.

  overhead.py [--hayate BIN] [--program BIN] [--symbols N] [--rounds N] [--output docs/overhead.md]

The three take turns in one process; of each round the ratio to its plain loop is taken, and of all rounds the median. Fails when the
scheduler costs more than 3 % of CPU seconds, when what manifest and stored results add is more than 3 % of the whole main job (`hayate run`,
files and report included), or a task more than 1 us to schedule.
Beside it: what a second worker gains where one symbol is fifty times as long as all others (its folds, and its rows, are shared out).
"""
import argparse
import datetime
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = """[universe]
input = "{bars}"
[features]
set = "alpha158"
[label]
expression = "Ref($close,-2)/Ref($close,-1)-1"
[split]
method = "walk_forward"
train_days = 500
test_days = 250
purge_days = 2
[model]
learner = "forest"
params = {{ num_trees = 50, max_depth = 8, max_features = "sqrt" }}
seed = 42
"""


ALLOWED = 0.03
GIANT_ROWS, USUAL_ROWS, USUAL_SYMBOLS, GIANT_ROUNDS, GIANT_GAIN = 62_500, 1250, 10, 3, 1.5


def write_giant(path):
    """Daily bars of a random walk: USUAL_SYMBOLS series, and one of 50 times their length."""
    draw, first = random.Random(1), datetime.date(1800, 1, 1)
    with path.open("w") as out:
        out.write("symbol,date,open,high,low,close,volume\n")
        for symbol, rows in [("GIANT", GIANT_ROWS), *((f"S{i}", USUAL_ROWS) for i in range(USUAL_SYMBOLS))]:
            price = 100.0
            for day in range(rows):
                opened, price = price * math.exp(draw.gauss(0, 0.003)), price * math.exp(draw.gauss(0, 0.006))
                out.write(f"{symbol},{first + datetime.timedelta(day)},{opened:.4f},{max(opened, price) * 1.002:.4f},{min(opened, price) * 0.998:.4f},{price:.4f},{draw.randrange(1000, 9999)}\n")


def run_stats(hayate, spec, run_dir, workers):
    """What `hayate stats` says of a whole run that has no cache."""
    subprocess.run([hayate, "run", spec, "--run-dir", run_dir, "--cache", "off", "--workers", str(workers), "--quiet"], check=True, capture_output=True)
    return json.loads(subprocess.run([hayate, "stats", run_dir, "--json"], check=True, capture_output=True).stdout)


def giant(hayate, folder):
    """The gain of a second worker, median of rounds in turns: (line, good enough)."""
    write_giant(folder / "giant.csv")
    (folder / "giant.toml").write_text(SPEC.format(bars=folder / "giant.csv"))
    gains = []
    for _ in range(GIANT_ROUNDS):
        seconds = {}
        for workers in (1, 2):
            seconds[workers] = run_stats(hayate, folder / "giant.toml", folder / f"giant{workers}", workers)["wall_s"]
        gains.append(seconds[1] / seconds[2])
    gain = statistics.median(gains)
    return f"one symbol of {GIANT_ROWS:,} rows beside {USUAL_SYMBOLS} of {USUAL_ROWS:,}: the whole run is {gain:.2f} times as fast on two workers as on one", gain >= GIANT_GAIN


def main():
    parser = argparse.ArgumentParser(prog="./dev soak overhead")
    parser.add_argument("--hayate", default=os.environ.get("HAYATE", ROOT / "build/release/hayate"))
    parser.add_argument("--program", default=ROOT / "build/release/tests/soak/overhead_soak")
    parser.add_argument("--symbols", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--output", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hayate_overhead_") as scratch:
        folder = pathlib.Path(scratch)
        synth = ["synth", "--like", ROOT / "examples/prices/*.csv", "--symbols", args.symbols, "--days", 1250, "--seed", 1, "--output", folder / "bars.parquet"]
        subprocess.run([args.hayate, *map(str, synth)], check=True, capture_output=True)
        (folder / "job.toml").write_text(SPEC.format(bars=folder / "bars.parquet"))
        said_of_giant, shared = giant(args.hayate, folder)
        whole = {workers: run_stats(args.hayate, folder / "job.toml", folder / f"whole{workers}", workers)["cpu_s"] for workers in (1, 2)}
        done = subprocess.run([args.program, folder / "job.toml", folder / "run", str(args.rounds)], stdout=subprocess.PIPE, text=True)
    lines, cheap = [], done.returncode == 0
    for line in done.stdout.splitlines():
        if not line.startswith("added "):
            lines.append(line)
            continue
        workers, added = int(line.split()[1]), float(line.split()[2])
        cheap &= added <= ALLOWED * whole[workers]
        lines.append(f"{workers} worker{'s' * (workers > 1)}: manifest and stored results add {1e6 * added / args.symbols:.0f} us of CPU a task, {added / whole[workers]:.1%} of the whole run's {whole[workers]:.2f} s")
    lines.append(said_of_giant)
    print("\n".join(lines))
    if args.output:
        rows = [line for line in lines if line.startswith("|")]
        said = [f"- {line}" for line in lines if not line.startswith("|")]
        head = ["# What the machinery of a run costs", "",
                f"The tasks of the main job ({args.symbols} symbols x 1,250 days, alpha158, walk-forward, 50 trees) by the scheduler, and with manifest, stored results and",
                f"group commit, over a plain loop of the same functions: medians of {args.rounds} rounds in turns. `./dev soak overhead --output docs/overhead.md` writes this page.", "",
                "| | workers | wall | CPU |", "|---|---|---|---|"]
        args.output.write_text("\n".join(head + rows + [""] + said) + "\n")
    sys.exit(not (cheap and shared))


if __name__ == "__main__":
    main()
