"""docs/reference is what the program's tables say today."""
import importlib.util
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("make_reference", ROOT / "tools/make_reference.py")
make_reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_reference)


@pytest.fixture(scope="module")
def pages():
    from conftest import BINARY

    return make_reference.pages(BINARY)


@pytest.mark.parametrize("name", ["indicators.md", "operators.md", "talib.md", "sets.md", "learners.md"])
def test_a_page_is_what_the_program_says(pages, name):
    assert (ROOT / "docs/reference" / name).read_text() == pages[name], "run tools/make_reference.py"


def test_every_function_says_what_a_user_asks(pages):
    assert pages["talib.md"].count("\n### ta.") == 201
    for fact in ("inputs", "parameters", "outputs", "lookback", "window", "missing", "missing with `--compat talib`", "unstable period", "cost"):
        assert pages["talib.md"].count(f"\n- {fact}: ") == 201, fact
    assert pages["operators.md"].count("\n- cost: ") == pages["operators.md"].count("\n## ")
