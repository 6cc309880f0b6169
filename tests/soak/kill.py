#!/usr/bin/env python3
"""Kills at random moments, and what is left: hayate against three pools of Python.

  kill.py [--hayate BIN] [--kills N] [--seed N] [--peers] [--output docs/lost_work.md]

hayate   a run of 500 symbols is killed (SIGKILL to the whole process group) at a random moment of its length and resumed, each
         resume killed again with a chance of a half; at the end the results must be the bytes of an undisturbed run, and no task
         that the manifest held before may be computed again
hdf5     500 files that worker processes read, every fifth of which is killed at a random moment of its life: the table must be the bytes
         of an undisturbed one
peers    500 tasks of 10 ms in ProcessPoolExecutor, multiprocessing.Pool and joblib, 2 workers; one worker is killed when 300
         tasks have begun; results that the caller has after 30 seconds are counted (--peers; needs joblib)
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = """[universe]
input = "{bars}"
[features]
set = "alpha158"
[split]
method = "walk_forward"
train_days = 150
test_days = 80
[model]
learner = "forest"
params = {{ num_trees = 5, max_depth = 5 }}
"""
RESULTS = ("predictions.parquet", "model.hyt", "metrics.json")
SYMBOLS = 500

# A program per peer; it prints how many results its caller got. Every task appends a byte to a file, so that "begun" can be seen.
WORK = """
import os, signal, sys, time
def task(i):
    with open(sys.argv[1], "ab") as f: f.write(b"x")
    if i == 300 and not os.path.exists(sys.argv[1] + ".killed"):
        open(sys.argv[1] + ".killed", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.01)
    return i
"""
PEERS = {
    "concurrent.futures.ProcessPoolExecutor": """
        import concurrent.futures
        if __name__ == "__main__":
            got = 0
            with concurrent.futures.ProcessPoolExecutor(2) as pool:
                for future in [pool.submit(task, i) for i in range(500)]:
                    try: future.result(); got += 1
                    except concurrent.futures.process.BrokenProcessPool: pass
            print(got)
        """,
    "multiprocessing.Pool.map": """
        import multiprocessing
        if __name__ == "__main__":
            with multiprocessing.Pool(2) as pool: print(len(pool.map(task, range(500), chunksize=1)))
        """,
    "multiprocessing.Pool.imap_unordered": """
        import multiprocessing
        if __name__ == "__main__":
            got = 0
            with multiprocessing.Pool(2) as pool:
                for _ in pool.imap_unordered(task, range(500)):
                    got += 1
                    print(got, flush=True)
        """,
    "joblib.Parallel": """
        import joblib
        if __name__ == "__main__":
            try: print(len(joblib.Parallel(n_jobs=2)(joblib.delayed(task)(i) for i in range(500))))
            except BaseException as failure: print(type(failure).__name__, file=sys.stderr); print(0)
        """,
}

Row = collections.namedtuple("Row", "name results twice ending")


def run_peer(name, folder, seconds=30):
    program, begun = folder / "peer.py", folder / "begun"
    for path in (begun, folder / "begun.killed"):
        path.unlink(missing_ok=True)
    program.write_text(WORK + textwrap.dedent(PEERS[name]))
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, program, begun], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said, _ = process.communicate(timeout=seconds)
        ending = f"ends after {time.monotonic() - started:.1f} s, exit {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        ending = "waits for ever"
    results = int(said.split()[-1]) if said.split() else 0
    return Row(name, results, max(0, begun.stat().st_size - 501), ending)


class Runs:
    def __init__(self, hayate, folder):
        self.hayate, self.folder = hayate, folder
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("HAYATE_", "XDG_"))} | {"HOME": str(folder)}
        bars, self.spec = folder / "bars.parquet", folder / "job.toml"
        self.command("synth", "--like", ROOT / "examples/prices/*.csv", "--symbols", SYMBOLS, "--days", 400, "--seed", 1, "--output", bars)
        self.spec.write_text(SPEC.format(bars=bars))
        started = time.monotonic()
        self.command(*self.first(folder / "want"), allowed=(0, 3))
        self.seconds = time.monotonic() - started
        self.want = self.results(folder / "want")

    def command(self, *argv, allowed=(0,)):
        done = subprocess.run([self.hayate, *map(str, argv)], env=self.env, capture_output=True, text=True)
        assert done.returncode in allowed, done.stderr
        return done.stdout

    def first(self, run_dir):
        return ["run", self.spec, "--run-dir", run_dir, "--cache", "off", "--quiet"]

    def results(self, run_dir):
        return {name: (run_dir / name).read_bytes() for name in RESULTS}

    def next_command(self, run_dir):
        return ["resume", run_dir, "--quiet"] if run_dir.exists() else self.first(run_dir)

    def recorded(self, run_dir):
        manifest = run_dir / "manifest"
        lines = manifest.read_text(errors="replace").split("\n")[:-1] if manifest.exists() else []
        return {json.loads(line[17:])["key"] for line in lines if '"record":"task"' in line and line.endswith("}")}

    def killed(self, draw):
        """Kills of one run until it is let finish: (kills, tasks kept, tasks computed twice)."""
        run_dir, kills = self.folder / "killed", 0
        shutil.rmtree(run_dir, ignore_errors=True)
        while kills == 0 or draw.random() < 0.5:
            process = subprocess.Popen([self.hayate, *map(str, self.next_command(run_dir))], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            time.sleep(draw.uniform(0, self.seconds))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        kept = self.recorded(run_dir)
        finished = '"record":"end"' in (run_dir / "manifest").read_text(errors="replace") if (run_dir / "manifest").exists() else False
        self.command(*self.next_command(run_dir), allowed=(0, 3))
        assert self.results(run_dir) == self.want, "other bytes"
        tasks = {t["key"]: t["state"] for t in json.loads(self.command("explain", run_dir, "--json"))["tasks"]}
        again = 0 if finished else sum(tasks[key] == "run" for key in kept)
        return kills, len(kept), again


def hayate_row(runs, kills, seed):
    draw, done, kept, again = random.Random(seed), 0, 0, 0
    while done < kills:
        more, held, twice = runs.killed(draw)
        done, kept, again = done + more, kept + held, again + twice
    print(f"hayate: {done} kills, every run ended with the same bytes; {kept} finished tasks kept, {again} computed again", flush=True)
    assert again == 0
    return Row("`hayate run`, then `hayate resume`", SYMBOLS, again, f"{done} kills of the whole process at random moments: the same bytes each time")


class Killer(threading.Thread):
    """Kills children of a process, each with a chance of a fifth, within the first 20 ms of its life."""

    def __init__(self, process, seed):
        super().__init__(daemon=True)
        self.process, self.draw, self.seen, self.kills = process, random.Random(seed), set(), 0

    def run(self):
        while self.process.poll() is None:
            for pid in self.children() - self.seen:
                self.seen.add(pid)
                if self.draw.random() < 0.2:
                    threading.Timer(self.draw.uniform(0, 0.02), self.kill, (pid,)).start()
            time.sleep(0.001)

    def children(self):
        found = set()
        for path in pathlib.Path("/proc", str(self.process.pid), "task").glob("*/children"):
            try:
                found |= set(map(int, path.read_text().split()))
            except OSError:
                pass
        return found

    def kill(self, pid):
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return
        try:
            if pid in self.children():  # and no other process that has its number by now
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                self.kills += 1
        except OSError:
            pass
        finally:
            os.close(handle)


def hdf5_row(hayate, folder, seed):
    run = lambda *argv: subprocess.run([hayate, *map(str, argv), "--quiet"], check=True, capture_output=True, text=True)
    files = folder / "hdf5"
    files.mkdir()
    run("synth", "--like", ROOT / "examples/prices/*.csv", "--symbols", 1, "--days", 300, "--seed", 1, "--output", folder / "one.csv")
    run("convert", folder / "one.csv", "--columns", "date,open,high,low,close,volume", files / "S000.h5")
    for number in range(1, SYMBOLS):
        shutil.copyfile(files / "S000.h5", files / f"S{number:03}.h5")
    argv = lambda output: ["features", "--input", files, "--expr", "a=$close/Ref($close,1)", "--output", output]
    run(*argv(folder / "undisturbed.csv"))
    process = subprocess.Popen([hayate, *map(str, argv(folder / "disturbed.csv")), "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    killer = Killer(process, seed)
    killer.start()
    said = process.communicate()[1]
    assert process.returncode == 0, said
    killer.join()
    disturbed = (folder / "disturbed.csv").read_text()
    assert disturbed == (folder / "undisturbed.csv").read_text(), "other bytes"
    keys = [line.rsplit(",", 1)[0] for line in disturbed.splitlines()[1:]]
    symbols = len({key.split(",")[0] for key in keys})
    print(f"hdf5: {killer.kills} of {len(killer.seen)} worker processes killed: {symbols} of {SYMBOLS} files in the table, {len(keys) - len(set(keys))} rows twice", flush=True)
    assert symbols == SYMBOLS and killer.kills > 0
    return Row("`hayate features` over 500 HDF5 files", symbols, len(keys) - len(set(keys)), f"{killer.kills} of the processes that read them killed at random moments: the same bytes")


def page(rows):
    lines = ["# Work lost when a process is killed", "", "500 tasks on 2 workers, one of them killed (SIGKILL) when 300 tasks have begun; for hayate, the whole process instead, and the processes that read HDF5 files for it.",
             "`./dev soak kill --peers --output docs/lost_work.md` writes this page.", "", "| | results of 500 | done twice | |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {row.name} | {row.results} | {row.twice} | {row.ending} |" for row in rows]) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="./dev soak kill")
    parser.add_argument("--hayate", default=os.environ.get("HAYATE", ROOT / "build/release/hayate"))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--output", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hayate_kill_") as scratch:
        folder = pathlib.Path(scratch)
        rows = [hayate_row(Runs(pathlib.Path(args.hayate).resolve(), folder), args.kills, args.seed)]
        rows.append(hdf5_row(pathlib.Path(args.hayate).resolve(), folder, args.seed))
        for name in PEERS if args.peers else ():
            rows.append(run_peer(name, folder))
            print(f"{rows[-1].name}: {rows[-1].results} of 500, {rows[-1].ending}", flush=True)
    if args.output:
        args.output.write_text(page(rows))


if __name__ == "__main__":
    main()
