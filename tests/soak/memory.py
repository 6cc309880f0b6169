#!/usr/bin/env python3
"""--memory-limit is kept, or refused with the number that would do: peak of the whole process tree and slowdown, per job and limit.

  memory.py [--hayate BIN] [--symbols N] [--days N] [--output docs/memory.md]

Jobs: `features --set alpha158`, `train --learner forest`, `aggregate`, and a whole `run`, on a universe made by `synth`. The peak is
that of the control group's or process tree's resident sets, sampled every 5 ms and joined with the kernel's own figure per process.
"""
import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMITS = {"256 MB": 256_000_000, "512 MB": 512_000_000, "1 GB": 1_000_000_000, "unlimited": 0}
ALLOWED = 1.10
SPEC = """[universe]
input = "{bars}"
[features]
set = "alpha158"
[split]
train_days = 500
test_days = 250
[model]
params = {{ num_trees = 20, max_depth = 8 }}
"""

Cell = collections.namedtuple("Cell", "exit seconds peak said")


def tree_bytes(root):
    """Resident bytes of a process and all below it."""
    parents, sizes = {}, {}
    for path in pathlib.Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            parents[int(path.name)] = int(path.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
            sizes[int(path.name)] = int(path.joinpath("statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            pass
    mine = {root}
    for _ in range(4):
        mine |= {pid for pid, parent in parents.items() if parent in mine}
    return sum(sizes.get(pid, 0) for pid in mine)


def measure(argv, env):
    started, peak = time.monotonic(), 0
    process = subprocess.Popen(list(map(str, argv)), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = []
    reader = threading.Thread(target=lambda: said.append(process.stderr.read()))
    reader.start()
    while process.poll() is None:
        peak = max(peak, tree_bytes(process.pid))
        time.sleep(0.005)
    reader.join()
    seconds = time.monotonic() - started
    # The kernel's figure of the largest process sees what fell between two samples.
    own = re.search(r"peak_rss_bytes\": (\d+)", pathlib.Path(env["TIMINGS"]).read_text()) if os.path.exists(env["TIMINGS"]) else None
    return Cell(process.returncode, seconds, max(peak, int(own.group(1)) if own else 0), said[0])


def jobs(folder):
    bars, table = folder / "bars.parquet", folder / "table.parquet"
    return {
        "features": ["features", "--input", bars, "--set", "alpha158", "--output", folder / "out.parquet"],
        "train": ["train", "--input", table, "--label", "L", "--learner", "forest", "--params", "num_trees=20,max_depth=8", "--model", folder / "out.hyt"],
        "aggregate": ["aggregate", "--input", table, "--by", "symbol", "--agg", "mean(L),count()", "--output", folder / "groups.csv"],
        "run": ["run", folder / "job.toml", "--run-dir", folder / "run", "--cache", "off"],
    }


def would_do(cell):
    """The limit that a refusal names, in MB; None without one."""
    found = re.search(r"--memory-limit (\d+)MB would do", cell.said)
    return int(found.group(1)) if found else None


def row_of(name, cells, named):
    free, parts = cells["unlimited"], []
    for label, limit in LIMITS.items():
        cell = cells[label]
        if cell.exit == 4:
            then = named[label]
            limit_named = would_do(cell) or float("nan")
            parts.append(f"refused: {limit_named} MB would do ({then.peak / 1e6 / limit_named:.2f} of it, {then.seconds / free.seconds:.2f} x the time)")
        elif limit:
            parts.append(f"{cell.peak / limit:.2f} of it, {cell.seconds / free.seconds:.2f} x the time")
        else:
            parts.append(f"{cell.peak / 1e6:.0f} MB, {cell.seconds:.1f} s")
    return f"| `{name}` | " + " | ".join(parts) + " |"


def main():
    parser = argparse.ArgumentParser(prog="./dev soak memory")
    parser.add_argument("--hayate", default=os.environ.get("HAYATE", ROOT / "build/release/hayate"))
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--days", type=int, default=1250)
    parser.add_argument("--output", type=pathlib.Path)
    args = parser.parse_args()
    hayate = pathlib.Path(args.hayate).resolve()
    broken, rows = [], []
    with tempfile.TemporaryDirectory(prefix="hayate_memory_") as scratch:
        folder = pathlib.Path(scratch)
        env = {key: value for key, value in os.environ.items() if not key.startswith(("HAYATE_", "XDG_"))} | {"HOME": scratch, "TIMINGS": f"{scratch}/timings.json"}
        make = lambda *argv: subprocess.run([hayate, *map(str, argv)], env=env, check=True, capture_output=True)
        make("synth", "--like", ROOT / "examples/prices/*.csv", "--symbols", args.symbols, "--days", args.days, "--output", folder / "bars.parquet")
        make("features", "--input", folder / "bars.parquet", "--set", "alpha158", "--label", "L=Ref($close,-2)/Ref($close,-1)-1", "--output", folder / "table.parquet")
        (folder / "job.toml").write_text(SPEC.format(bars=folder / "bars.parquet"))
        for name, argv in jobs(folder).items():
            cells, named = {}, {}

            def go(limit, exits):
                pathlib.Path(env["TIMINGS"]).unlink(missing_ok=True)
                cell = measure([hayate, *argv, "--quiet", "--timings", env["TIMINGS"], *(["--memory-limit", str(limit)] if limit else [])], env)
                if cell.exit not in exits or (limit and cell.peak > ALLOWED * limit):
                    broken.append(f"{name} at {limit / 1e6:.0f} MB: exit {cell.exit}, peak {cell.peak / 1e6:.0f} MB: {cell.said[-200:]}")
                return cell

            for label, limit in LIMITS.items():
                cells[label] = cell = go(limit, (0, 3, 4))
                if cell.exit == 4 and would_do(cell):
                    named[label] = go(would_do(cell) * 1_000_000, (0, 3))
                elif cell.exit == 4:
                    broken.append(f"{name} at {label}: refused without a limit that would do: {cell.said[-200:]}")
                    named[label] = cell
            rows.append(row_of(name, cells, named))
            print(rows[-1], flush=True)
    head = ["# Memory", "", f"Peak resident set of the whole process tree against `--memory-limit`, {args.symbols} symbols of up to {args.days} days. A limit that cannot be kept is refused before work begins,",
            "with the one that would do, which is tried too. `./dev soak memory --output docs/memory.md` writes this page.", "", "| | " + " | ".join(LIMITS) + " |", "|---" * (1 + len(LIMITS)) + "|"]
    if args.output:
        args.output.write_text("\n".join(head + rows) + "\n")
    print("\n".join(f"WRONG {line}" for line in broken) or "every limit was kept or refused")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
