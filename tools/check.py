#!/usr/bin/env python3
"""What holds for the whole tree and no compiler sees. One function a check: it yields a line for everything that is wrong.
`./dev check` runs all, `./dev test` those in FAST. check.py [NAME ...] runs some."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import check_layers

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def output(*argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, **options).stdout


def sources(*patterns):
    """Files of the project, committed or new, without what git ignores."""
    return [ROOT / name for name in output("git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns).splitlines() if (ROOT / name).exists()]


def in_parallel(function, items):
    """Results in the order of the items; the work is in child processes, so threads do."""
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(function, items))


def format():
    """every C++ file is as clang-format writes it (./dev format does)"""
    files = list(map(str, sources("*.h", "*.cc")))
    program = pathlib.Path(sys.executable).with_name("clang-format")
    batches = [files[i::8] for i in range(8) if files[i::8]]
    for done in in_parallel(lambda batch: subprocess.run([program, "--dry-run", "--Werror", *batch], capture_output=True, text=True), batches):
        yield from sorted({line.replace(f"{ROOT}/", "") for line in done.stderr.splitlines() if "error:" in line})


def layers():
    """every include goes down (tools/check_layers.py)"""
    yield from check_layers.violations(ROOT)


def lists():
    """every .cc stands in a CMakeLists.txt of its folder, and every file that stands there exists"""
    for cmake in sources("src/*CMakeLists.txt"):
        text = re.sub(r"#.*", "", cmake.read_text())
        listed = {(ROOT if top else cmake.parent) / name for top, name in re.findall(r"(\$\{PROJECT_SOURCE_DIR\}/)?([\w./-]+\.cc)\b", text)}
        present = {path for path in sources("src/*.cc") if path.parent == cmake.parent}
        yield from (f"{cmake.relative_to(ROOT)}: {path.name} does not exist" for path in sorted(listed) if not path.exists())
        yield from (f"{cmake.relative_to(ROOT)}: {path.name} is not listed" for path in sorted(present - listed))


def weak_symbols():
    """no copy of a kernel for avx2 or avx512 defines a symbol that the linker may take for all, or runs before main (src/kernels/isa.h)"""
    for library in sorted(BUILD.glob("src/**/CMakeFiles/*_avx2.dir")) + sorted(BUILD.glob("src/**/CMakeFiles/*_avx512.dir")):
        for item in sorted(library.rglob("*.o")):
            for line in output("nm", "-C", "--defined-only", str(item)).splitlines():
                _, kind, symbol = line.split(maxsplit=2)
                if kind in "WVu":
                    yield f"{item.relative_to(BUILD)}: weak symbol {symbol}"
                if symbol.startswith("_GLOBAL__sub_I"):
                    yield f"{item.relative_to(BUILD)}: a constant that is computed when the program starts, on any processor"


def readmes():
    """README.ja.md shows the same commands as README.md"""
    commands = [re.findall(r"^```(?:sh|toml)\n(.*?)^```", (ROOT / name).read_text(), re.MULTILINE | re.DOTALL) for name in ("README.md", "README.ja.md")]
    commands = [[re.sub(r"\s*#.*", "", line) for block in blocks for line in block.splitlines()] for blocks in commands]
    yield from (f"README.md has '{a}', README.ja.md '{b}'" for a, b in zip(*commands) if a != b)
    if len(commands[0]) != len(commands[1]):
        yield f"README.md has {len(commands[0])} lines of commands, README.ja.md {len(commands[1])}"


def closure(header, seen):
    """The header and every header of ours that it includes, directly or not."""
    if header not in seen and header.exists():
        seen.add(header)
        for name in INCLUDE.findall(header.read_text()):
            for folder in (ROOT / "include", ROOT / "src"):
                closure(folder / name, seen)
    return seen


def compile_flags():
    """{file: the compiler's command line without its input and output}."""
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    return {pathlib.Path(c["file"]): shlex.split(re.sub(r" -o \S+ -c \S+", "", c["command"]).removeprefix(shutil.which("ccache") or "")) for c in commands}


def headers():
    """every header compiles alone, with the flags of a source beside it"""
    flags = compile_flags()
    passed = BUILD / "headers_alone"  # an empty file for each content that compiled: its name is the hash of flags, header and includes
    passed.mkdir(exist_ok=True)

    def one(header):
        command = next((command for path, command in flags.items() if path.parent == header.parent), next(iter(flags.values())))
        text = f'#include "{header}"\n'
        digest = hashlib.sha256(f"{command}{text}".encode())
        for path in sorted(closure(header, set())):
            digest.update(path.read_bytes())
        stamp = passed / digest.hexdigest()
        if stamp.exists():
            return []
        done = subprocess.run([*command, "-fsyntax-only", "-x", "c++", "-"], input=text, capture_output=True, text=True, cwd=BUILD)
        if done.returncode == 0:
            stamp.touch()
        return [line.replace(f"{ROOT}/", "") for line in done.stderr.splitlines() if "error:" in line][:3]

    for errors in in_parallel(one, sources("src/*.h", "include/*.h")):
        yield from errors


def batches():
    """no two sources of a layer use one name for two things (a clean build compiles them twelve in one: cmake/layer.cmake)"""
    folder = ROOT / "build/batches"
    configure = ["cmake", "--preset", "release", "-B", folder, "-DHAYATE_BATCHES=ON", "-DHAYATE_TESTS=OFF", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"]
    for command in (configure, ["cmake", "--build", folder, "--target", "hayate_arrow_stamp"]):  # a source that a batch includes is made
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode:
            yield from (done.stdout + done.stderr).splitlines()
            return
    commands = [c["command"] for c in json.loads((folder / "compile_commands.json").read_text()) if "/unity_" in c["file"]]
    one = lambda command: subprocess.run([*shlex.split(re.sub(r" -o \S+ -c ", " -fsyntax-only -c ", command))], capture_output=True, text=True, cwd=folder)
    for done in in_parallel(one, commands):
        yield from [line.replace(f"{ROOT}/", "") for line in done.stderr.splitlines() if "error:" in line][:3]


def changed_files():
    """.cc files that differ from main, committed or not."""
    base = output("git", "merge-base", "HEAD", "main").strip() or "HEAD"
    names = output("git", "diff", "--name-only", base, "--", "*.cc") + output("git", "ls-files", "--others", "--exclude-standard", "*.cc")
    return [ROOT / name for name in sorted(set(names.split())) if (ROOT / name).exists()]


def tidy():
    """clang-tidy (.clang-tidy) has nothing to say of the changed files; where it isn't installed, nothing is asked"""
    program = shutil.which("clang-tidy-19")
    known = compile_flags()
    files = [path for path in changed_files() if path in known] if program else []
    for done in in_parallel(lambda path: subprocess.run([program, "--quiet", "-p", BUILD, path], capture_output=True, text=True), files):
        yield from (line.replace(f"{ROOT}/", "") for line in done.stdout.splitlines() if re.search(r": (warning|error): ", line))


FAST = (format, layers, lists, weak_symbols, readmes)
ALL = (*FAST, headers, batches, tidy)


def run(checks):
    """Prints a line per check; (passed, failed)."""
    failed = 0
    for function in checks:
        wrong = list(function())
        failed += bool(wrong)
        print("\n".join([f"FAIL  check {function.__name__}: {function.__doc__}", *(f"      {line}" for line in wrong)]) if wrong else f"ok    check {function.__name__}", flush=True)
    return len(checks) - failed, failed


if __name__ == "__main__":
    wanted = sys.argv[1:]
    sys.exit(bool(run([c for c in ALL if not wanted or c.__name__ in wanted])[1]))
