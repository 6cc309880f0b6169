"""Files that were made to hurt: every one ends, with a table or an error of three lines, within the memory that was granted."""
import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet as pq

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


def wide_json(form, columns):
    """One to three rows of so many columns."""
    def make(path):
        value = {"lists": "[1,2,3]", "rows": '{"0":1,"1":2}'}.get(form, "1")
        record = "{" + ",".join(f'"c{i}":{value}' for i in range(columns)) + "}"
        path.write_text({"records": f"[{record},{record}]", "lines": f"{record}\n" * 3}.get(form, record))
    return make


def wide_ever(path):
    """A record a column."""
    path.write_text("".join(f'{{"c{i}":1}}\n' for i in range(300_000)))


def wide_parquet(path):
    pq.write_table(pa.table({f"c{i}": [1, 2, 3] for i in range(60_000)}), path)


def wide_arrow(path):
    feather.write_feather(pa.table({f"c{i}": [1, 2, 3] for i in range(100_000)}), path, compression="uncompressed")


def wide_stream(path):
    table = pa.table({f"c{i}": [1, 2, 3] for i in range(300_000)})
    with pa.ipc.new_stream(path, table.schema) as out:
        out.write_table(table)


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
    "bomb.csv.gz": bomb_gz,
    "bomb.csv.zst": bomb_zst,
    "deep.json": lambda path: path.write_text("[" * 5_000_000),
    "deep.jsonl": lambda path: path.write_text('{"a":' * 3_000_000),
    "line.jsonl": lambda path: path.write_text('{"a": "' + "x" * 300_000_000),
    "shape.npy": lying_shape,
}
WIDE = {
    "wide.csv": wide,
    "records.json": wide_json("records", 300_000),
    "records.jsonl": wide_json("lines", 300_000),
    "lists.json": wide_json("lists", 300_000),
    "rows.json": wide_json("rows", 300_000),
    "million.json": wide_json("records", 1_000_000),
    "million.jsonl": wide_json("lines", 1_000_000),
    "ever.jsonl": wide_ever,
    "wide.parquet": wide_parquet,
    "wide.arrow": wide_arrow,
    "stream.arrow": wide_stream,
    "fits.jsonl": wide_json("lines", 72_000),
    "fits.json": wide_json("lists", 72_000),
}


def end_within_the_limit(binary, folder, command):
    """The exit code and what was said of it."""
    argv = [sys.executable, "-S", "-E", "-c", LAUNCH, str(binary), *command, "--memory-limit", "200MB"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, env={**os.environ, "TMPDIR": str(folder)})
    code, peak = json.loads(done.stdout.strip().splitlines()[-1])
    assert peak <= 1.10 * LIMIT, f"{peak / 1e6:.0f} MB"
    assert code in (0, 1, 4), done.stderr
    if code:
        assert [line.split(":")[0].strip() for line in done.stderr.strip().splitlines()[-3:]] == ["error", "at", "try"], done.stderr
    return code, done.stderr


@pytest.mark.parametrize("name", CASES)
def test_ends_within_the_limit(binary, tmp_path, name):
    CASES[name](tmp_path / name)
    end_within_the_limit(binary, tmp_path, ["convert", str(tmp_path / name), "none"])


@pytest.mark.parametrize("name", WIDE)
def test_more_columns_than_fit_are_refused_by_every_command(binary, tmp_path, name):
    WIDE[name](tmp_path / name)
    for command in (["head"], ["schema"], ["convert", "none"], ["convert", str(tmp_path / "out.csv")]):
        code, said = end_within_the_limit(binary, tmp_path, [command[0], str(tmp_path / name), *command[1:]])
        assert code == (0 if name.startswith("fits") else 4), said
        assert code == 0 or ("columns" in said and "more than the memory limit" in said), said


def test_records_of_which_all_have_other_names_are_few_rows_at_once(binary, tmp_path):
    """Rows times columns is the square of the file: these took 4.2 GB as one table."""
    (tmp_path / "other.json").write_text("[" + ",".join(f'{{"c{i}":1}}' for i in range(20_000)) + "]")
    argv = [sys.executable, "-S", "-E", "-c", LAUNCH, str(binary), "head", str(tmp_path / "other.json"), "--memory-limit", "16GB"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    code, peak = json.loads(done.stdout.strip().splitlines()[-1])
    assert code == 0 and "of 20000 rows" in done.stderr + done.stdout and peak < 1e9, f"{peak / 1e6:.0f} MB"


@pytest.mark.parametrize("out", ["none", "out.parquet", "out.arrow", "out.csv"])
def test_rows_of_many_columns_wait_for_their_group_within_the_limit(binary, tmp_path, out):
    with open(tmp_path / "wide.csv", "w") as file:
        file.write(",".join(f"c{i}" for i in range(1000)) + "\n")
        file.write("".join(",".join(str((i * 7 + row) % 100) for i in range(1000)) + "\n" for row in range(50)) * 700)
    code, said = end_within_the_limit(binary, tmp_path, ["convert", str(tmp_path / "wide.csv"), out if out == "none" else str(tmp_path / out)])
    assert code == 0, said


def test_a_file_that_gives_no_rows_says_so(hayate, tmp_path):
    (tmp_path / "header.csv").write_text("a,b\n")
    for argv in (["convert", "header.csv", "none"], ["aggregate", "--input", "header.csv", "--agg", "count()", "--output", "none"]):
        assert "header.csv is not empty and gives 0 rows" in hayate(*argv, cwd=tmp_path).stderr
