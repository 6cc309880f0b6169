#!/usr/bin/env python3
"""Runs the tests and ends with one line that counts them all: `N passed, M failed`.

  test.py [NAME]   the unit tests that CMake registered, tests/cli/*.cmd and tests/python (pytest), and the fast checks of check.py;
                   with NAME: programs whose name holds it, else the cases in them whose names do, and pytest -k NAME
  --unit           the unit tests alone (./dev soak)
  --build DIR      where they were built
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

import check

COUNTS = re.compile(r"test cases:\s+\d+ \|\s+(\d+) passed \|\s+(\d+) failed \|\s+(\d+) skipped")


def unit_programs(build):
    """{name: (argv, folder to run in)} as CMake registered them; argv is empty for one that was not built."""
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, text=True, check=True)
    properties = lambda test: {p["name"]: p["value"] for p in test.get("properties", [])}
    return {test["name"]: (test.get("command", []), properties(test).get("WORKING_DIRECTORY", ".")) for test in json.loads(listing.stdout)["tests"]}


def run_unit(name, argv, folder, wanted):
    """(passed, failed) of one doctest program. One that dies before it counts is one failure more."""
    if not argv:
        print(f"FAIL  {name}: not built", flush=True)
        return 0, 1
    if wanted not in name:
        argv = [*argv, f"--test-case=*{wanted}*"]
    start = time.monotonic()
    done = subprocess.run(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    counted = COUNTS.search(done.stdout)
    passed, failed = map(int, counted.group(1, 2)) if counted else (0, 0)
    if done.returncode and not failed:
        failed = 1
    if failed:
        print(f"FAIL  {name}: {' '.join(argv)} ended with {done.returncode}\n{done.stdout}", flush=True)
    elif passed:
        print(f"ok    {name}: {passed} cases, {time.monotonic() - start:.1f} s", flush=True)
    return passed, failed


def run_units(build, wanted):
    programs = unit_programs(build)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda item: run_unit(item[0], *item[1], wanted), programs.items()))


def run_pytest(build, wanted):
    report = pathlib.Path(build, "pytest.xml")
    report.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *(["-k", wanted] if wanted else []), "tests"]
    status = subprocess.run(argv).returncode
    if not report.exists():
        return 0, 1
    suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    tests, skipped, failed = (int(suite.get(key)) for key in ("tests", "skipped", "failures"))
    failed += int(suite.get("errors"))
    return tests - skipped - failed, failed or (status not in (0, 5))  # 5: NAME is no test of pytest's


def main():
    parser = argparse.ArgumentParser(prog="./dev test")
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--unit", action="store_true")
    parser.add_argument("--build", default="build/release")
    args = parser.parse_args()
    counts = run_units(args.build, args.name)
    if not args.unit:
        counts.append(run_pytest(args.build, args.name))
        if not args.name:
            counts.append(check.run(check.FAST))
    passed, failed = map(sum, zip(*counts))
    if passed + failed == 0:
        print(f"no test has '{args.name}' in its name")
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed) or passed == 0)


if __name__ == "__main__":
    main()
