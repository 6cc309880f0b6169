#!/usr/bin/env python3
"""A folder of stored results under damage and under a crowd: never a wrong value.

  cache.py [--program BIN] [--seconds N] [--seed N]

damage  every bit of a 64 KB entry flipped, the entry cut to every length: no answer, whatever was hit
crowd   8 processes put, get and evict in one folder; one of them is killed and replaced some ten times a second
rate    gets a second from memory and from the folder
"""
import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROCESSES = 8


def crowd(program, folder, seconds, draw):
    """(gets, hits, damaged, kills, wrong lines)"""
    start = lambda: subprocess.Popen([program, "crowd", folder, str(draw.randrange(2**32))], stdout=subprocess.PIPE, text=True)
    processes, said, kills = [start() for _ in range(PROCESSES)], [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(draw.uniform(0.0, 0.2))
        at = draw.randrange(PROCESSES)
        processes[at].kill()
        kills += 1
        said += processes[at].communicate()[0].splitlines()
        processes[at] = start()
    for process in processes:
        process.kill()
        said += process.communicate()[0].splitlines()
    wrong = [line for line in said if line.startswith("WRONG")]
    counts = [tuple(map(int, line.split())) for line in said if not line.startswith("WRONG") and len(line.split()) == 3]
    return (*map(sum, zip(*counts)), kills, wrong) if counts else (0, 0, 0, kills, wrong)


def main():
    parser = argparse.ArgumentParser(prog="./dev soak cache")
    parser.add_argument("--program", default=ROOT / "build/release/tests/soak/cache_soak")
    parser.add_argument("--seconds", type=float, default=60, help="of the crowd")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="hayate_cache_") as scratch:
        for mode in ("damage", "rate"):
            failed |= subprocess.run([args.program, mode, f"{scratch}/{mode}"]).returncode != 0
        gets, hits, damaged, kills, wrong = crowd(args.program, f"{scratch}/crowd", args.seconds, random.Random(args.seed))
        size = sum(path.stat().st_size for path in pathlib.Path(scratch, "crowd").rglob("*.result"))
    print(f"crowd: {PROCESSES} processes, {kills} kills: {gets} gets, {hits} answers, {len(wrong)} wrong, {damaged} damaged entries, {size / 1e6:.1f} MB of at most 2")
    print("\n".join(wrong[:10]))
    sys.exit(failed or bool(wrong) or gets == 0 or size > 2e6 * (1 + PROCESSES / 64) + 20_000 * PROCESSES)


if __name__ == "__main__":
    main()
