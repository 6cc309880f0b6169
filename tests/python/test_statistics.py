"""Statistics that `optimize` leaves in a file: used by `aggregate`, and not believed when the file was edited since."""
import json

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest


def table(rows=30_000):
    random = np.random.default_rng(3)
    return pa.table({"k": random.integers(-5, 40, rows), "w": np.array(["a", "bb", "c"])[random.integers(0, 3, rows)], "x": random.standard_normal(rows),
                     "holes": pa.array(random.integers(0, 9, rows), mask=random.random(rows) < 0.1)})


def answer(hayate, path, *more):
    return hayate("aggregate", "--input", path, "--by", "w,k", "--agg", "count(),sum(x),mean(holes),max(k)", "--format", "csv", "--output", "-", "--quiet", *more).stdout


@pytest.mark.parametrize("name, read, write", [("small.parquet", pq.read_table, pq.write_table),
                                               ("small.arrow", pa.feather.read_table, lambda t, p: pa.feather.write_feather(t, str(p), compression="uncompressed"))])
def test_an_edited_file_is_answered_right(hayate, tmp_path, name, read, write):
    pq.write_table(table(), tmp_path / "t.parquet")
    hayate("optimize", "--input", tmp_path / "t.parquet", "--output", tmp_path / name)
    small = read(tmp_path / name)
    kept = json.loads(small.schema.metadata[b"hayate.statistics"])
    assert kept["rows"] == small.num_rows and [c["name"] for c in kept["columns"]] == ["k", "w", "x", "holes"]
    assert {c["name"]: c.get("names") for c in kept["columns"]}["w"] == ["a", "bb", "c"]
    assert answer(hayate, tmp_path / name) == answer(hayate, tmp_path / "t.parquet")
    column = pa.array(np.full(small.num_rows, 99, "i1"))
    for edited in (small.slice(7), small.set_column(0, "k", column), small.filter(pa.compute.not_equal(small["w"].cast("string"), "a")), pa.concat_tables([small, small])):
        edited = edited.replace_schema_metadata(small.schema.metadata)   # as an editor would that keeps what it does not know
        write(edited, tmp_path / name)
        bare = tmp_path / ("bare_" + name)
        write(edited.replace_schema_metadata(None), bare)
        for rows in (0, 1000):
            assert answer(hayate, tmp_path / name, "--chunk-rows", rows) == answer(hayate, bare)
