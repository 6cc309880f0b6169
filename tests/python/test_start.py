"""How the command starts: Arrow's libraries, 6 ms to load, are there when a file needs them and not before."""
import os
import re
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


def test_a_library_of_another_build_is_an_error_that_says_so(binary, tmp_path):
    """Called nevertheless, it ended the process: its tables are laid out in another way."""
    program = shutil.copy(binary, tmp_path / "hayate")
    library = (binary.parent / "libhayate_arrow.so").read_bytes()
    stamps = set(re.findall(rb"hayate \d+\.\d+\.\d+ [0-9a-f]{16}(?=\0)", library))
    assert len(stamps) == 1
    stamp = stamps.pop()
    other = stamp[:-16] + b"0123456789abcdef"
    (tmp_path / "libhayate_arrow.so").write_bytes(library.replace(stamp, other))
    bars = tmp_path / "bars.csv"
    bars.write_text("symbol,date,close\nA,2024-01-01,100\n")

    def convert(output):
        return subprocess.run([program, "convert", bars, tmp_path / output], env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True)

    for output in ["bars.parquet", "bars.csv.gz", "bars.arrow"]:
        failed = convert(output)
        assert failed.returncode == 1 and not (tmp_path / output).exists()
        assert f"of another build: {other.decode()}, and the program is {stamp.decode()}" in failed.stderr
        assert str(tmp_path / "libhayate_arrow.so") in failed.stderr and "try: install" in failed.stderr
    assert convert("bars.jsonl").returncode == 0
    shutil.copy(binary.parent / "libhayate_arrow.so", tmp_path / "libhayate_arrow.so")
    assert convert("bars.parquet").returncode == 0
