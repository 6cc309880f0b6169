"""Reading within --memory-limit changes no byte of what is learnt."""
import json
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """48 MB as float64, with a text column and a row without a label."""
    draw = np.random.default_rng(4)
    data = pd.DataFrame(draw.normal(size=(150_000, 40)), columns=[f"x{i}" for i in range(40)])
    data["group"] = draw.choice(["one", "two", "three"], len(data))
    data["y"] = data.x0 + data.x1 * data.x2 + draw.normal(size=len(data))
    data.loc[17, "y"] = np.nan
    path = tmp_path_factory.mktemp("memory") / "table.parquet"
    data.to_parquet(path, row_group_size=20_000)
    return path


@pytest.mark.parametrize("extra", [[], ["--key", "group"]])
def test_a_table_that_does_not_fit_is_read_in_chunks_to_the_same_model(hayate, tmp_path, table, extra):
    argv = ["train", "--input", table, "--label", "y", "--learner", "forest", "--params", "num_trees=3,max_depth=4", *extra]
    features = [] if extra else ["--features", ",".join(f"x{i}" for i in range(40))]
    hayate(*argv, *features, "--model", tmp_path / "free.hyt")
    hayate(*argv, *features, "--model", tmp_path / "bound.hyt", "--memory-limit", "180MB")
    assert (tmp_path / "free.hyt").read_bytes() == (tmp_path / "bound.hyt").read_bytes()


@pytest.mark.parametrize("learner", ["forest", "boosting"])
def test_what_does_not_even_fit_as_floats_becomes_codes_as_it_is_read(hayate, tmp_path, table, learner):
    argv = ["train", "--input", table, "--label", "y", "--learner", learner, "--params", "num_trees=3,max_depth=4", "--features", ",".join(f"x{i}" for i in range(40))]
    hayate(*argv, "--model", tmp_path / "free.hyt")
    hayate(*argv, "--model", tmp_path / "bound.hyt", "--memory-limit", "130MB")
    assert (tmp_path / "free.hyt").read_bytes() == (tmp_path / "bound.hyt").read_bytes()


def test_the_limit_that_a_refusal_names_is_enough(hayate, tmp_path, table):
    argv = ["train", "--input", table, "--label", "y", "--features", "x0,x1,x2", "--learner", "forest", "--params", "num_trees=2,max_depth=3", "--model", tmp_path / "m.hyt"]
    refused = hayate(*argv, "--memory-limit", "60MB", exit=4)
    named = re.search(r"--memory-limit (\d+MB) would do", refused.stderr)
    assert named, refused.stderr
    hayate(*argv, "--memory-limit", named.group(1))


def test_many_small_models_fit_what_they_take(hayate, tmp_path):
    """50 keys of 50 rows in 40 MB, of which the process with Arrow's library is 32: trees are taken to have the leaves that their rows can have."""
    draw = np.random.default_rng(0)
    data = pd.DataFrame({"symbol": np.repeat([f"S{i}" for i in range(50)], 50), **{f"f{i}": draw.random(2500) for i in range(4)}, "y": draw.random(2500)})
    data.to_feather(tmp_path / "t.arrow", compression="uncompressed")
    argv = ["train", "--input", tmp_path / "t.arrow", "--label", "y", "--learner", "forest", "--key", "symbol", "--workers", "2", "--model", tmp_path / "m.hyt"]
    for _ in range(8):   # memory of the second worker comes and goes
        hayate(*argv, "--memory-limit", "40MB")
    assert "needs" in hayate(*argv, "--memory-limit", "34MB", exit=4).stderr


def test_a_group_by_without_memory_names_the_limit_that_would_do(hayate, tmp_path):
    rows = 300_000
    pq.write_table(pa.table({"id": pa.array([1] * rows)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": pa.array([0.5] * rows)}), tmp_path / "b.parquet")
    limit = 20
    for _ in range(4):  # more memory is larger chunks, too: the first number may be a little short
        told = hayate("aggregate", "--input", tmp_path, "--agg", "max(id)", "--output", "-", "--format", "csv", "--memory-limit", f"{limit}MB", exit=None)
        if told.returncode == 0:
            break
        more = re.search(r"raise --memory-limit by ([0-9.]+) MB", told.stderr)
        assert more and told.returncode == 4 and "-" not in told.stderr.split("error:")[1].split("\n")[0], told.stderr
        limit += int(float(more[1])) + 1
    assert told.stdout == "max(id)\n1.0\n"


@pytest.mark.parametrize("out", ["t.csv", "t.parquet", "t.arrow", "t.jsonl"])
def test_long_texts_in_one_row_group_are_converted_within_the_limit(hayate, tmp_path, out):
    """240 MB in one row group: batches are cut by bytes, and so are the groups that are written."""
    draw = np.random.default_rng(7)
    book = draw.bytes(500_000).hex()
    texts = [book[at:at + 4000] for at in draw.integers(0, 900_000, 60_000)]
    source = pa.table({"id": range(60_000), "text": texts})
    pq.write_table(source, tmp_path / "long.parquet", use_dictionary=False)
    hayate("convert", tmp_path / "long.parquet", tmp_path / out, "--memory-limit", "150MB", "--timings", tmp_path / "seconds.json")
    assert json.loads((tmp_path / "seconds.json").read_text())["peak_rss_bytes"] < 1.1 * 150e6
    if out == "t.parquet":
        assert pq.read_table(tmp_path / out).to_pydict() == source.to_pydict()
        hayate("convert", tmp_path / "long.parquet", tmp_path / "at_once.parquet", "--workers", "1")
        assert (tmp_path / "at_once.parquet").read_bytes() == (tmp_path / out).read_bytes()


def test_a_dictionary_in_every_row_group_is_read_within_the_limit(hayate, tmp_path):
    """200 row groups, each with the 50,000 names of the whole column."""
    names = pa.array([f"a name of no short length {i}" for i in range(50_000)])
    codes = pa.array(np.arange(20_000) % 50_000, pa.int32())
    pq.write_table(pa.table({"name": pa.DictionaryArray.from_arrays(codes, names)}), tmp_path / "names.parquet", row_group_size=100)
    hayate("convert", tmp_path / "names.parquet", tmp_path / "t.csv", "--memory-limit", "100MB", "--timings", tmp_path / "seconds.json")
    assert json.loads((tmp_path / "seconds.json").read_text())["peak_rss_bytes"] < 1.1 * 100e6
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 20_001
