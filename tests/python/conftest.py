"""What the tests of whole runs share: the binary, the bundled prices, a folder of tests/data."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("HAYATE", ROOT / "build/release/hayate"))


@pytest.fixture
def binary():
    return BINARY


@pytest.fixture
def hayate(tmp_path):
    """hayate("features", "--input", path, ...) runs the command with an empty home; it must end with `exit` (None: any)."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HAYATE_", "XDG_"))}

    def call(*argv, exit=0, timeout=120, **options):
        done = subprocess.run([BINARY, *map(str, argv)], capture_output=True, text=True, timeout=timeout, env={**kept, "HOME": str(tmp_path)}, **options)
        assert exit is None or done.returncode == exit, f"hayate {' '.join(map(str, argv))}: exit {done.returncode}, expected {exit}\n{done.stderr}"
        return done

    return call


@pytest.fixture
def prices():
    """The folder of the four bundled series."""
    return ROOT / "examples/prices"


@pytest.fixture
def data():
    """tests/data: reference values, each folder with a note of where they come from."""
    return ROOT / "tests/data"
