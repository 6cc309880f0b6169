"""Runs the pages tests/cli/*.cmd. A page is what a user types and sees:

    # An unknown command names the nearest one.
    $ hayate featurs
    stderr> error: unknown command 'featurs'
    ...
    exit 2

- `# ...` at the start of a line is a comment. `$ ` starts a command (bash runs it, so pipes and redirections work); the commands of a page
  share one empty folder, in which data/ is a copy of tests/data and examples/ one of examples/.
- The lines below are its stdout, in full. `stderr> ` lines are its stderr; without any, stderr is not looked at. `exit N` is its exit code, 0 if
  not given.
- A line `...` stands for any lines or none, `...` inside a line for any text. `{dir}` is the page's folder.
"""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY_FOLDER = pathlib.Path(os.environ.get("HAYATE", ROOT / "build/release/hayate")).parent


class Command:
    """One `$` line of a page with what it must say."""

    def __init__(self, line_number, text):
        self.line_number, self.text = line_number, text
        self.stdout, self.stderr, self.exit = [], [], 0


def parse(page):
    commands = []
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("$ "):
            commands.append(Command(number, line[2:]))
        elif line.startswith("#") or not commands:
            if line.strip() and not line.startswith("#"):
                raise ValueError(f"line {number} stands before any command: {line}")
        elif line.startswith("stderr> ") or line == "stderr>":
            commands[-1].stderr.append(line[8:])
        elif match := re.fullmatch(r"exit (\d+)", line):
            commands[-1].exit = int(match.group(1))
        else:
            commands[-1].stdout.append(line)
    for command in commands:  # blank lines between commands are layout
        while command.stdout and not command.stdout[-1]:
            command.stdout.pop()
    return commands


def matches(expected, actual):
    """Whether the lines of `actual` are those of `expected`, in which `...` is a wildcard."""
    pattern = "".join(r"(?:.*\n)*" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n" for line in expected)
    return re.fullmatch(pattern, "".join(line + "\n" for line in actual)) is not None


def environment(folder):
    """A user with no settings and an empty home; hayate comes first on the path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HAYATE_", "XDG_"))}
    return {**kept, "HOME": str(folder), "PATH": f"{BINARY_FOLDER}{os.pathsep}{kept['PATH']}", "LC_ALL": "C.UTF-8", "TERM": "dumb", "COLUMNS": "120"}


class Page(pytest.File):
    def collect(self):
        yield Run.from_parent(self, name=self.path.stem)


class Run(pytest.Item):
    def runtest(self):
        folder = pathlib.Path(self.config._tmp_path_factory.mktemp(self.name))
        for source, name in ((ROOT / "tests/data", "data"), (ROOT / "examples", "examples")):
            if source.exists():
                shutil.copytree(source, folder / name)
        for command in parse(self.path.read_text()):
            done = subprocess.run(["bash", "-o", "pipefail", "-c", command.text], cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=120,
                                  stdin=subprocess.DEVNULL)
            self.compare(command, done, folder)

    def compare(self, command, done, folder):
        streams = [("stdout", command.stdout, done.stdout), *([("stderr", command.stderr, done.stderr)] if command.stderr else [])]
        wrong = [name for name, expected, actual in streams if not matches([line.replace("{dir}", str(folder)) for line in expected], actual.splitlines())]
        if done.returncode != command.exit:
            wrong.append(f"exit code {done.returncode}, expected {command.exit}")
        if wrong:
            expected = "".join(f"\n{name} expected:\n" + "\n".join(lines) for name, lines, _ in streams if name in wrong)
            raise Wrong(f"{self.path.relative_to(ROOT)}:{command.line_number}: $ {command.text}\nwrong: {', '.join(wrong)}{expected}\n"
                        f"stdout was:\n{done.stdout}\nstderr was:\n{done.stderr}")

    def repr_failure(self, excinfo):
        return str(excinfo.value) if isinstance(excinfo.value, Wrong) else super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, f"tests/cli/{self.name}.cmd"


class Wrong(AssertionError):
    pass


def pytest_collect_file(parent, file_path):
    return Page.from_parent(parent, path=file_path) if file_path.suffix == ".cmd" else None
