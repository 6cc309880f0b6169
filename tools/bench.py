#!/usr/bin/env python3
"""Races hayate against its peers on checked answers: `./dev bench NAME`. bench/README.md says how a benchmark is written.

  bench.py               list the problems
  bench.py NAME...       make the data, run every program, compare the answers, time, write bench/results/NAME.md
  bench.py --readme      copy the tables into README.md and README.ja.md, between `<!-- bench NAME -->` and `<!-- end -->`

What is timed as a whole process runs once for its answer, and then in rounds, every program once a round, so that a slow minute of
the machine hits all alike. What times itself inside runs once. Peers live in a virtual environment of their own, build/peers.
"""
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build/bench"
PEERS = ROOT / "build/peers"
PYTHON = PEERS / "bin/python"
HAYATE = ROOT / "build/release/hayate"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "bench")}   # what several problems share lies beside them

# A small interpreter starts the program and waits for it: a child of this process would begin with its peak memory.
LAUNCH = """
import json, os, sys, time
start = time.perf_counter()
child = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
json.dump({"exit": os.waitstatus_to_exitcode(status), "wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * 1024}, open(sys.argv[1], "w"))
"""


def problems():
    return {path.parent.name: tomllib.loads(path.read_text()) for path in sorted(ROOT.glob("bench/*/problem.toml"))}


def install_peers(packages):
    """Adds what is missing to build/peers; asks for all of it at once, so that versions fit together."""
    listed = PEERS / "installed"
    installed = set(listed.read_text().splitlines()) if listed.exists() else set()
    if installed >= set(packages):
        return
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
    wanted = sorted(installed | set(packages))
    print(f"bench: into build/peers: {' '.join(wanted)}", flush=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted], check=True)
    listed.write_text("\n".join(wanted))


def make_data(name, data):
    """Runs data.py unless the folder was made by the same data.py with the same hayate."""
    script = ROOT / "bench" / name / "data.py"
    state = hashlib.sha256(script.read_bytes() + (HAYATE.read_bytes() if HAYATE.exists() else b"")).hexdigest()
    stamp = data.with_suffix(".made")
    if stamp.exists() and stamp.read_text() == state:
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    subprocess.run([PYTHON, script, data], check=True, cwd=ROOT, env=ENVIRONMENT)
    stamp.write_text(state)


def run_program(program, data, answer, threads, repeats):
    """What the launcher measured, and under "said" the JSON object that the program printed; {"failed": why} if it broke."""
    name, *arguments = program["run"].split()
    path = ROOT / name
    if not path.exists():
        return {"failed": f"{name} does not exist"}
    shutil.rmtree(answer, ignore_errors=True)
    answer.mkdir(parents=True)
    figures = answer.with_suffix(".json")
    argv = [*([str(PYTHON)] if path.suffix == ".py" else []), str(path), str(data), str(answer), str(threads), str(repeats), *arguments]
    done = subprocess.run([sys.executable, "-S", "-E", "-c", LAUNCH, figures, *argv], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    measured = json.loads(figures.read_text()) if done.returncode == 0 else {"exit": done.returncode}
    if measured["exit"]:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return {"failed": f"exit {measured['exit']}: {lines[-1]}"}
    return measured | {"said": json.loads(done.stdout.strip().splitlines()[-1])}


def timings(problem, runs):
    """{case: {"wall_s": [...], "cpu_s": [...]}} of one program from all its runs."""
    if problem["timed"] == "inside":
        return runs[0]["said"]["cases"]
    out = {"wall_s": [], "cpu_s": []}
    for one in runs:
        part = one["said"].get("part", {"times": 1, "wall_s": 0, "cpu_s": 0})
        for key, values in out.items():
            values.append(one[key] + (part["times"] - 1) * part[key])
    return {"": out}


def compare(name, data, expected, answer):
    """(same within the tolerance?, what compare.py said)."""
    done = subprocess.run([PYTHON, ROOT / "bench" / name / "compare.py", data, expected, answer], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    return done.returncode == 0, done.stdout.strip() or done.stderr.strip() or "compare.py says nothing"


def words_for(case, said):
    """The line of `said` that begins with the case, else the last."""
    lines = said.splitlines()
    return next((line.removeprefix(f"{case}: ") for line in lines if case and line.startswith(f"{case}: ")), lines[-1])


def seconds(value):
    """Three figures: 1.23 ms, 45.6 s."""
    for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale or unit == "us":
            shown = value / scale
            return f"{shown:.{max(0, 2 - len(str(int(shown))) + 1)}f} {unit}"


def bench(name, problem):
    """The results as {program: {"runs", "same", "said", "failed"}}, compared before any is timed."""
    programs, folder = problem["program"], WORK / name
    install_peers([package for program in programs.values() for package in program.get("packages", [])] + problem.get("packages", []))
    make_data(name, folder / "data")
    threads, repeats, inside = problem["threads"], problem["repeats"], problem["timed"] == "inside"
    results = {}
    for title, program in programs.items():
        print(f"bench: {name}: {title}", flush=True)
        one = run_program(program, folder / "data", folder / title, threads, program.get("repeats", repeats) if inside else 1)
        results[title] = {"runs": [one] if "failed" not in one else [], "failed": one.get("failed")}
    for title, result in results.items():
        if not result["failed"]:
            result["same"], result["said"] = compare(name, folder / "data", folder / problem["reference"], folder / title)
    if not inside:
        for result in results.values():
            result["runs"].clear()   # the first run read everything from a cold disk
        for _ in range(repeats):
            for title, result in results.items():
                if result.get("same"):
                    result["runs"].append(run_program(programs[title], folder / "data", folder / "again", threads, 1))
    return results


def table(problem, results):
    """The lines of the table; who failed or answers differently gets a word and no seconds."""
    times = {title: timings(problem, result["runs"]) for title, result in results.items() if result["runs"] and result.get("same")}
    cases = list(dict.fromkeys(case for cases_of in times.values() for case in cases_of)) or [""]
    lines = [f"| {'case | ' if len(cases) > 1 else ''}program | wall, median (best) | CPU | peak memory | wall against hayate | answers |",
             f"|{'---|' * (6 + (len(cases) > 1))}"]
    for case in cases:
        ours = times.get("hayate", {}).get(case, {}).get("wall_s")
        for title, result in results.items():
            first = f"| {case} " if len(cases) > 1 else ""
            if result["failed"]:
                lines.append(f"{first}| {title} | failed | | | | {result['failed']} |")
            elif not result["same"]:
                lines.append(f"{first}| {title} | WRONG | | | | {words_for(case, result['said'])} |")
            elif case in times[title]:   # a peer need not do everything
                wall, cpu = times[title][case]["wall_s"], times[title][case]["cpu_s"]
                run = result["runs"][0]
                star = "\\*" if "part" in run["said"] else ""
                ratio = f"{statistics.median(wall) / statistics.median(ours):.3g} x" if ours else ""
                lines.append(f"{first}| {title} ({run['said']['version']}) | {seconds(statistics.median(wall))} ({seconds(min(wall))}){star} | {seconds(statistics.median(cpu))} "
                             f"| {max(one['peak_bytes'] for one in result['runs']) / 1e6:.0f} MB | {ratio} | {words_for(case, result['said'])} |")
    parts = {f"{run['said']['part']['times']:g}" for result in results.values() for run in result["runs"] if "part" in run["said"]}
    notes = [f"\\* measured on a part of the work; start-up plus {'/'.join(sorted(parts))} times the part" if parts else "",
             "Peak memory is that of the largest process." if problem["timed"] == "process" else "Peak memory is that of the process, data included."]
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    machine = f"{len(os.sched_getaffinity(0))} cores of {cpu.group(1) if cpu else 'an unnamed processor'}"
    return lines + ["", "; ".join(note.rstrip(".") for note in notes if note) + f". {problem['threads']} thread{'s' * (problem['threads'] > 1)} each on {machine}, "
                    f"{problem['repeats']} repeats, {datetime.date.today()}: `./dev bench {problem['name']}`."]


def write_results(name, problem, lines):
    text = f"# {problem['title']}\n\n{problem['about'].strip()}\n\nAnswers count as the same when: {problem['tolerance']}.\n\n<!-- table -->\n" + "\n".join(lines) + "\n"
    path = ROOT / "bench/results" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    print("\n".join(lines) + f"\n\nwrote {path.relative_to(ROOT)}")


def copy_into_readmes():
    """Puts the tables between their markers; a marker without a result is left as it is."""
    for readme in (ROOT / "README.md", ROOT / "README.ja.md"):
        def fresh(match):
            result = ROOT / "bench/results" / f"{match.group(1)}.md"
            body = result.read_text().partition("<!-- table -->\n")[2] if result.exists() else match.group(2)
            return f"<!-- bench {match.group(1)} -->\n{body}<!-- end -->"
        readme.write_text(re.sub(r"<!-- bench (\w+) -->\n(.*?)<!-- end -->", fresh, readme.read_text(), flags=re.DOTALL))


def main():
    known = problems()
    names = sys.argv[1:]
    if names == ["--readme"]:
        return copy_into_readmes()
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"bench: no problem '{unknown[0]}'; there is: {', '.join(known)}")
    if not names:
        return print("\n".join(f"{name:<14} {problem['title']}" for name, problem in known.items()))
    fine = True
    for name in names:
        problem = known[name] | {"name": name}
        results = bench(name, problem)
        write_results(name, problem, table(problem, results))
        fine &= all(result.get("same") for result in results.values())
    sys.exit(not fine)


if __name__ == "__main__":
    main()
