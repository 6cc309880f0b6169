#!/usr/bin/env python3
"""What scheduling, manifest and stored results cost on the main job, against a plain loop over the same functions.

  overhead.py [--hayate BIN] [--program BIN] [--symbols N] [--rounds N] [--output docs/overhead.md]

The three take turns in one process; of each round the ratio to its plain loop is taken, and of all rounds the median. Fails when the
scheduler costs more than 3 % of CPU seconds, manifest and stored results more than 3 % on top, or a task more than 1 us to schedule.
"""
import argparse
import os
import pathlib
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


def main():
    parser = argparse.ArgumentParser(prog="./dev soak overhead")
    parser.add_argument("--hayate", default=os.environ.get("HAYATE", ROOT / "build/release/hayate"))
    parser.add_argument("--program", default=ROOT / "build/release/tests/soak/overhead_soak")
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hayate_overhead_") as scratch:
        folder = pathlib.Path(scratch)
        synth = ["synth", "--like", ROOT / "examples/prices/*.csv", "--symbols", args.symbols, "--days", 1250, "--seed", 1, "--output", folder / "bars.parquet"]
        subprocess.run([args.hayate, *map(str, synth)], check=True, capture_output=True)
        (folder / "job.toml").write_text(SPEC.format(bars=folder / "bars.parquet"))
        done = subprocess.run([args.program, folder / "job.toml", folder / "run", str(args.rounds)], stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    if args.output:
        lines = done.stdout.splitlines()
        rows = [line for line in lines if line.startswith("|")]
        said = [f"- {line}" for line in lines if not line.startswith("|")]
        head = ["# What the machinery of a run costs", "",
                f"The tasks of the main job ({args.symbols} symbols x 1,250 days, alpha158, walk-forward, 50 trees) by the scheduler, and with manifest, stored results and",
                f"group commit, over a plain loop of the same functions: medians of {args.rounds} rounds in turns. `./dev soak overhead --output docs/overhead.md` writes this page.", "",
                "| | workers | wall | CPU |", "|---|---|---|---|"]
        args.output.write_text("\n".join(head + rows + [""] + said) + "\n")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
