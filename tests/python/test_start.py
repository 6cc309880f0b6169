"""How the command starts: Arrow's libraries, 6 ms to load, are there when a file needs them and not before."""
import os
import shutil
import subprocess

import pytest


def loaded(binary, folder, output):
    """The libraries that the loader brought in for CSV bars to `output`."""
    bars = folder / "bars.csv"
    bars.write_text("symbol,date,close\n" + "".join(f"A,2024-01-{day:02},{100 + day}\n" for day in range(1, 20)))
    job = [binary, "features", "--input", bars, "--expr", "m=Mean($close,3)", "--output", folder / output]
    done = subprocess.run(job, env={**os.environ, "HOME": str(folder), "LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(folder / "loader")}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return "".join(path.read_text() for path in folder.glob("loader.*"))


@pytest.mark.parametrize("output, needs_arrow", [("m.csv", False), ("m.jsonl", False), ("m.parquet", True), ("m.csv.gz", True)])
def test_arrow_is_loaded_when_a_file_needs_it(binary, tmp_path, output, needs_arrow):
    libraries = loaded(binary, tmp_path, output)
    assert "libstdc++" in libraries
    assert ("libarrow.so" in libraries) == needs_arrow


def test_a_damaged_library_is_an_error_that_names_it(binary, tmp_path):
    """The library beside the program is the one that is taken."""
    program = shutil.copy(binary, tmp_path / "hayate")
    (tmp_path / "libhayate_arrow.so").write_text("no library")
    bars = tmp_path / "bars.csv"
    bars.write_text("symbol,date,close\nA,2024-01-01,100\n")
    job = [program, "features", "--input", bars, "--expr", "m=$close*2", "--output"]
    plain = subprocess.run([*job, tmp_path / "m.csv"], env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert plain.returncode == 0, plain.stderr
    failed = subprocess.run([*job, tmp_path / "m.parquet"], env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert failed.returncode == 1 and "libhayate_arrow.so" in failed.stderr and "m.parquet" in failed.stderr
    assert not (tmp_path / "m.parquet").exists()
