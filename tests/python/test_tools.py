"""The tools that watch the tree are watched here: each must find what was planted for it."""
import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_layers  # noqa: E402


def load(path):
    spec = importlib.util.spec_from_file_location("loaded_" + path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def plant(tmp_path):
    """plant("src/learn/x.cc", '#include "..."') -> what check_layers says of a tree that holds only this file."""
    def run(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        return list(check_layers.violations(tmp_path))
    return run


@pytest.mark.parametrize("name, include, why", [
    ("src/table/x.cc", '#include "io/csv.h"', "table may not include io"),                         # upwards
    ("src/learn/x.h", '#include "hayate/expression.h"', "learn may not include features"),         # a neighbour, through a public header
    ("src/exec/x.cc", '#include "io/csv.h"', "exec may not include io"),                           # a neighbour, the wrong way round
    ("include/hayate/table.h", '#include "exec/pool.h"', "table may not include exec"),            # a public header has a layer too
    ("src/kernels/x.cc", '#include "base/hash.h"', "kernels may not include base"),                # kernels stand alone
    ("src/kernels/x.cc", "#include <vector>", "<vector> is not a header for kernels"),
    ("src/eval/x.cc", "#include <arrow/api.h>", "Arrow's headers stay in src/io"),
    ("src/eval/x.cc", '#include "chart.h"', 'write "folder/chart.h"'),
    ("src/helpers/x.cc", "", "helpers is in no layer"),
    ("include/hayate/extra.h", "", "this header is in no layer"),
])
def test_layers_find_the_planted_include(plant, name, include, why):
    found = plant(name, f"#include <cmath>\n{include}\n")
    assert len(found) == 1 and found[0].startswith(f"{name}:") and why in found[0]


@pytest.mark.parametrize("name, include", [
    ("src/io/x.cc", '#include "exec/pool.h"\n#include <arrow/api.h>'),
    ("src/tune/x.cc", '#include "hayate/forest.h"'),
    ("src/pipeline/x.cc", '#include "hayate/features.h"\n#include "learn/x.h"'),
    ("src/kernels/x_test.cc", '#include <vector>\n#include "base/random.h"'),
    ("src/cli/x.cc", '// #include "nothing/of_this.h"\n#include "pipeline/spec.h"'),
])
def test_layers_let_pass_what_is_allowed(plant, name, include):
    assert plant(name, include) == []


def test_a_file_that_no_cmake_lists_is_found(tmp_path, monkeypatch):
    import check
    (tmp_path / "src/base").mkdir(parents=True)
    (tmp_path / "src/base/CMakeLists.txt").write_text("hayate_layer(base SOURCES a.cc gone.cc)  # not b.cc\n")
    for name in ("a.cc", "b.cc"):
        (tmp_path / "src/base" / name).touch()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.setattr(check, "ROOT", tmp_path)
    assert list(check.lists()) == ["src/base/CMakeLists.txt: gone.cc does not exist", "src/base/CMakeLists.txt: b.cc is not listed"]


def test_readmes_with_other_commands_are_found(tmp_path, monkeypatch):
    import check
    monkeypatch.setattr(check, "ROOT", tmp_path)
    (tmp_path / "README.md").write_text("# hayate\n```sh\n./dev run   # all of it\n```\n")
    (tmp_path / "README.ja.md").write_text("# hayate\n```sh\n./dev run   # すべて\n```\n")
    assert list(check.readmes()) == []
    (tmp_path / "README.ja.md").write_text("```sh\n./dev rum\n```\n")
    assert list(check.readmes()) == ["README.md has './dev run', README.ja.md './dev rum'"]


def test_command_pages_are_read_and_compared():
    pages = load(ROOT / "tests/cli/conftest.py")
    first, second = pages.parse("# a page\n$ hayate --version\nhayate ...\n\n$ hayate nope\nstderr> error: ...\nstderr>\nexit 2\n")
    assert (first.line_number, first.text, first.stdout, first.exit) == (2, "hayate --version", ["hayate ..."], 0)
    assert (second.stdout, second.stderr, second.exit) == ([], ["error: ...", ""], 2)
    assert pages.matches(["a ... c", "...", "end."], ["a b c", "x", "y", "end."])
    assert pages.matches(["...", "end"], ["end"])
    assert not pages.matches(["a.c"], ["abc"])           # a dot is a dot
    assert not pages.matches(["a"], ["a", "b"])          # nothing more than was said
    assert not pages.matches([], ["noise"])
    with pytest.raises(ValueError, match="line 1 stands before any command"):
        pages.parse("stray\n$ hayate\n")


def test_pages_fail_when_a_command_says_something_else(tmp_path):
    (tmp_path / "conftest.py").write_bytes((ROOT / "tests/cli/conftest.py").read_bytes())
    (tmp_path / "good.cmd").write_text("$ echo one; echo two >&2; exit 3\none\nstderr> two\nexit 3\n")
    for name, page in {"stdout": "$ echo one\ntwo\n", "stderr": "$ echo one >&2\nstderr> two\n", "exit": "$ true\nexit 1\n", "silent": "$ echo one\n"}.items():
        (tmp_path / f"bad_{name}.cmd").write_text(page)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path], capture_output=True, text=True)
    assert "4 failed, 1 passed" in done.stdout, done.stdout
