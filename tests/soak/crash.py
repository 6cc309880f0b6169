#!/usr/bin/env python3
"""A fault at every system call of a small run, then `hayate resume`: the same bytes, or it is a defect.

  crash.py [--hayate BIN] [--jobs N] [--points N] [--seeds N] [--only kill|EIO|ENOSPC|twice] [--replay 'cache off: kill fsync 3']

strace stops the run at the N-th call of a kind and kills it there (SIGKILL), or lets the call fail (EIO, ENOSPC). Afterwards
  - a run that was not killed ended with 0, or with 1 and an error of three lines;
  - every result that can be seen is whole: the bytes of an undisturbed run;
  - `hayate resume DIR` (or the run again, where no folder appeared) ends with 0 and leaves those bytes and no other file;
  - tasks that the manifest held before are not computed again.
The points are all calls that one undisturbed run makes; `twice` puts a second fault into the resume, from a seed.
"""
import argparse
import collections
import json
import os
import pathlib
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = """[universe]
input = "{bars}/*.csv"
[features]
expressions = ["a = $close/Ref($close,1)", "b = Mean($close,5)/$close"]
[split]
method = "walk_forward"
train_days = 60
test_days = 40
[model]
learner = "forest"
params = {{ num_trees = 2, max_depth = 3 }}
"""
RESULTS = ("predictions.parquet", "model.hyt", "metrics.json")
FILES = {"manifest", "failures.json", "report.html", "events.jsonl", *RESULTS}
# What changes a disk, and what can fail on one. The kernel may refuse a close only late (EIO).
CALLS = ("write", "pwrite64", "fsync", "fdatasync", "rename", "renameat2", "unlink", "unlinkat", "close", "ftruncate", "mkdir", "openat")
CANNOT_FAIL = {("ENOSPC", call) for call in ("close", "unlink", "unlinkat")}

Point = collections.namedtuple("Point", "fault call number")


class Job:
    """One way of running the small job in a folder of its own."""

    def __init__(self, hayate, folder, cache):
        self.hayate, self.folder, self.cache = hayate, folder, cache
        self.run_dir, self.cache_dir = folder / "run", folder / "cache"
        bars = folder / "bars"
        bars.mkdir(parents=True)
        for name in ("ONE", "TWO"):
            bars.joinpath(f"{name}.csv").write_text(made_up_bars(name))
        self.spec = folder / "job.toml"
        self.spec.write_text(SPEC.format(bars=bars))
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("HAYATE_", "XDG_"))} | {"HOME": str(folder)}

    def clean(self):
        for path in self.folder.iterdir():
            if path.name not in ("bars", "job.toml"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def argv(self):
        """The run, or its continuation once there is something to go on with."""
        if self.run_dir.exists():
            return ["resume", self.run_dir, "--quiet"]
        return ["run", self.spec, "--run-dir", self.run_dir, "--quiet", "--workers", "1", "--cache", self.cache_dir if self.cache == "on" else "off"]

    def go(self, point=None, log=None):
        argv = [self.hayate, *self.argv()]
        if log:
            argv = ["strace", "-f", "-qq", "-y", "-o", log, "-e", f"trace={','.join(CALLS)}", *argv]
        elif point:
            fault = "signal=SIGKILL" if point.fault == "kill" else f"error={point.fault}"
            # Not with --seccomp-bpf, which would be faster: strace 6.1 then loses injected signals.
            argv = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={point.call}",
                    "-e", f"inject={point.call}:{fault}:when={point.number}", *argv]
        return subprocess.run(list(map(str, argv)), cwd=self.folder, env=self.env, capture_output=True, text=True, errors="replace", timeout=120)

    def points(self):
        """Every call of an undisturbed run: killed at all of them; failing where the call is about a file that the run writes, or its
        output. (Where the loader finds no library, nothing of hayate could say so.)"""
        log = self.folder / "strace.log"
        done = self.go(log=log)
        assert done.returncode == 0, done.stderr
        ours = re.compile(rf'["<]{re.escape(str(self.folder))}/(?!bars)|^1<')
        counts, out = collections.Counter(), []
        for line in log.read_text(errors="replace").splitlines():
            called = re.match(r"(\d+) +(\w+)\((.*)", line)
            if not called or called.group(2) not in CALLS:
                continue
            thread, call, text = called.groups()
            counts[thread, call] += 1
            out.append((call, counts[thread, call], bool(ours.search(text))))
        mine = {(call, number) for call, number, is_mine in out if is_mine}
        every = sorted({(call, number) for call, number, _ in out if call != "openat"} | mine)
        kills = [Point("kill", *at) for at in every]
        errors = [Point(fault, *at) for fault in ("EIO", "ENOSPC") for at in sorted(mine) if (fault, at[0]) not in CANNOT_FAIL]
        return kills + errors


def made_up_bars(name):
    draw, close, lines = random.Random(name), 100.0, ["date,open,high,low,close,volume"]
    for day in range(150):
        close *= 1 + draw.uniform(-0.02, 0.02)
        lines.append(f"{2020 + day // 336}-{day // 28 % 12 + 1:02}-{day % 28 + 1:02},{close:.2f},{close * 1.01:.2f},{close * 0.99:.2f},{close:.2f},1000")
    return "\n".join(lines) + "\n"


def contents(folder):
    return {name: (folder / name).read_bytes() for name in RESULTS if (folder / name).exists()}


def finished_tasks(run_dir):
    """Keys of the tasks that the manifest holds: whole lines alone."""
    manifest = run_dir / "manifest"
    lines = manifest.read_text(errors="replace").split("\n")[:-1] if manifest.exists() else []
    records = []
    for line in lines:
        try:
            records.append(json.loads(line[17:]))
        except ValueError:
            pass
    return {r["key"] for r in records if r.get("record") == "task"}


def check_visible(job, want):
    """What stands in the run folder now is whole."""
    for name, found in contents(job.run_dir).items():
        assert found == want[name], f"{name} can be seen and is not whole ({len(found)} of {len(want[name])} bytes)"
    for name in ("failures.json", "events.jsonl", "report.html"):
        path = job.run_dir / name
        if not path.exists():
            continue
        text = path.read_text()
        if name == "report.html":
            assert text.rstrip().endswith("</html>"), "report.html is cut"
        for document in text.splitlines() if name == "events.jsonl" else [text] if name == "failures.json" else []:
            json.loads(document)


def disturb(job, point, want):
    """The run with one fault. It dies, or says so in three lines, or does not mind."""
    resuming = job.run_dir.exists()  # which makes other calls than the points were taken from
    done = job.go(point)
    if point.fault == "kill":
        assert done.returncode == -signal.SIGKILL or resuming, f"the call did not come: exit {done.returncode}"
    elif done.returncode == 0:
        assert contents(job.run_dir) == want, "exit 0 and other bytes"
    else:
        lines = done.stderr.splitlines()
        three = len(lines) == 3 and lines[0].startswith("error:") and lines[1].strip().startswith("at:") and lines[2].strip().startswith("try:")
        assert done.returncode == 1 and three, f"exit {done.returncode}: {done.stderr}"
    check_visible(job, want)


def recover(job, want):
    kept = finished_tasks(job.run_dir)
    first = job.go()
    assert first.returncode == 0, f"hayate {job.argv()[0]}: exit {first.returncode}: {first.stderr}"
    assert contents(job.run_dir) == want, "the resumed run has other bytes"
    files = {path.name for path in job.run_dir.iterdir()}
    assert files == FILES, f"left behind or missing: {sorted(files ^ FILES)}"
    debris = [path.name for path in job.folder.iterdir() if path.name not in ("bars", "job.toml", "run", "cache")]
    subprocess.run([job.hayate, "cache", "clear", "--cache", job.cache_dir], capture_output=True, check=True)
    debris += [str(path) for path in job.cache_dir.rglob("*") if path.is_file() or path.name.startswith(".")]
    assert not debris, f"left behind: {debris}"
    tasks = subprocess.run([job.hayate, "explain", job.run_dir, "--json"], capture_output=True, text=True, check=True).stdout
    states = {t["key"]: t["state"] for t in json.loads(tasks)["tasks"]}
    if "finished" not in first.stdout:
        assert kept <= {key for key, state in states.items() if state == "reused"}, f"computed again: {kept}, {states}"


def run_case(job, points, want):
    """None, or what is wrong."""
    job.clean()
    try:
        for point in points:
            disturb(job, point, want)
        recover(job, want)
    except (AssertionError, subprocess.SubprocessError, ValueError) as wrong:
        return str(wrong)
    return None


def run_cases(jobs, cases):
    """(name, faults, what is wrong) of every case; each job has a thread of its own."""
    waiting, done = queue.SimpleQueue(), queue.SimpleQueue()
    for case in cases:
        waiting.put(case)

    def work(job):
        try:
            job.clean()
            job.go().check_returncode()
            want = contents(job.run_dir)
            assert len(want) == len(RESULTS)
            while True:
                name, faults = waiting.get_nowait()
                done.put((name, faults, run_case(job, faults, want)))
        except queue.Empty:
            done.put(None)
        except BaseException as failure:  # or whoever reads would wait for ever
            done.put(failure)

    for job in jobs:
        threading.Thread(target=work, args=(job,), daemon=True).start()
    working = len(jobs)
    while working:
        one = done.get()
        if isinstance(one, BaseException):
            raise one
        working -= one is None
        if one is not None:
            yield one


def spread(items, count):
    """`count` of the items at even distances; all when 0."""
    return items if not count or count >= len(items) else [items[i * len(items) // count] for i in range(count)]


def cases_of(cache, points, args):
    for fault in ("kill", "EIO", "ENOSPC"):
        if args.only in ("", fault):
            yield from ((f"cache {cache}: {name_of([p])}", [p]) for p in spread([p for p in points if p.fault == fault], args.points))
    for seed in range(args.seeds if args.only in ("", "twice") else 0):
        draw = random.Random(seed)
        pair = [draw.choice(points), draw.choice(points)]
        yield f"cache {cache}: {name_of(pair)}", pair


def name_of(points):
    return ", ".join(f"{p.fault} {p.call} {p.number}" for p in points)


def main():
    parser = argparse.ArgumentParser(prog="./dev soak crash")
    parser.add_argument("--hayate", default=os.environ.get("HAYATE", ROOT / "build/release/hayate"))
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 1), help="cases at once")
    parser.add_argument("--points", type=int, default=0, help="only so many of each kind")
    parser.add_argument("--seeds", type=int, default=200, help="of second faults")
    parser.add_argument("--only", default="", choices=["", "kill", "EIO", "ENOSPC", "twice"])
    parser.add_argument("--replay", default="", help="one case, as it is named below")
    args = parser.parse_args()
    wrong, total = [], 0
    with tempfile.TemporaryDirectory(prefix="hayate_crash_") as scratch:
        for cache in ("off", "on"):
            jobs = [Job(pathlib.Path(args.hayate).resolve(), pathlib.Path(scratch, f"cache_{cache}_{i}"), cache) for i in range(args.jobs)]
            points = jobs[0].points()
            cases = list(cases_of(cache, points, args))
            if args.replay:
                head, _, tail = args.replay.partition(": ")
                cases = [(args.replay, [Point(f, c, int(n)) for f, c, n in map(str.split, tail.split(", "))])] if head == f"cache {cache}" else []
            tally = collections.Counter()
            for name, faults, said in run_cases(jobs, cases):
                kind = faults[0].fault if len(faults) == 1 else "twice"
                tally[kind, "of"] += 1
                tally[kind, "good"] += said is None
                if said is not None:
                    wrong.append(name)
                    print(f"WRONG {name}\n      {said}", flush=True)
            for kind in ("kill", "EIO", "ENOSPC", "twice"):
                if tally[kind, "of"]:
                    print(f"cache {cache}: {kind}: {tally[kind, 'good']} of {tally[kind, 'of']}", flush=True)
            total += len(cases)
    print(f"{total - len(wrong)} of {total} ended with the same bytes")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
