"""Files that were made to hurt: every one ends, with a table or an error of three lines, within the memory that was granted."""
import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

LIMIT = 200_000_000
LAUNCH = ("import json, os, sys; p = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]); _, s, u = os.wait4(p, 0);"
          "print(json.dumps([os.waitstatus_to_exitcode(s), u.ru_maxrss * 1024]))")
LARGE = 400_000_000


def open_quote(path):
    with open(path, "wb") as out:
        out.write(b'a,b\n1,"')
        for _ in range(LARGE // 1_000_000):
            out.write(b"x,y\n" * 250_000)


def wide(path):
    """A million columns, four lines."""
    path.write_text((",".join(f"c{i}" for i in range(1_000_000)) + "\n") + (",".join(["1"] * 1_000_000) + "\n") * 3)


def one_field(write):
    """A record of 400 MB, in a file of a few KB or MB."""
    write(b'a,b\n1,"')
    for _ in range(LARGE // 1_000_000):
        write(b"x" * 1_000_000)
    write(b'"\n')


def bomb_gz(path):
    with gzip.open(path, "wb", compresslevel=1) as out:
        one_field(out.write)


def bomb_zst(path):
    with pa.output_stream(path, compression=None) as file, pa.CompressedOutputStream(file, "zstd") as out:
        one_field(out.write)


def lying_shape(path):
    np.save(path, np.zeros(4))
    path.write_bytes(path.read_bytes().replace(b"(4,), }", b"(9" + b"9" * 14 + b",), }")[:2000])


CASES = {
    "quote.csv": open_quote,
    "wide.csv": wide,
    "bomb.csv.gz": bomb_gz,
    "bomb.csv.zst": bomb_zst,
    "deep.json": lambda path: path.write_text("[" * 5_000_000),
    "deep.jsonl": lambda path: path.write_text('{"a":' * 3_000_000),
    "line.jsonl": lambda path: path.write_text('{"a": "' + "x" * 300_000_000),
    "shape.npy": lying_shape,
}


@pytest.mark.parametrize("name", CASES)
def test_ends_within_the_limit(binary, tmp_path, name):
    CASES[name](tmp_path / name)
    argv = [sys.executable, "-S", "-E", "-c", LAUNCH, str(binary), "convert", str(tmp_path / name), "none", "--memory-limit", "200MB"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, env={**os.environ, "TMPDIR": str(tmp_path)})
    code, peak = json.loads(done.stdout.strip().splitlines()[-1])
    assert peak <= 1.10 * LIMIT, f"{peak / 1e6:.0f} MB"
    assert code in (0, 1, 4), done.stderr
    if code:
        assert [line.split(":")[0].strip() for line in done.stderr.strip().splitlines()[-3:]] == ["error", "at", "try"], done.stderr


def test_a_file_that_gives_no_rows_says_so(hayate, tmp_path):
    (tmp_path / "header.csv").write_text("a,b\n")
    for argv in (["convert", "header.csv", "none"], ["aggregate", "--input", "header.csv", "--agg", "count()", "--output", "none"]):
        assert "header.csv is not empty and gives 0 rows" in hayate(*argv, cwd=tmp_path).stderr
