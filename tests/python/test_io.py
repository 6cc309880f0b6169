"""Tables written by pandas and pyarrow, through hayate, and read by them again: nothing may change."""
import csv
import decimal
import json
import os
import pathlib
import resource
import signal
import subprocess

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("HAYATE_IO_ROUNDTRIP", ROOT / "build/release/src/io/io_roundtrip"))
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="io_roundtrip is not built")


def through(out, *inputs):
    done = subprocess.run([PROGRAM, out, *inputs], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def refused(out, *inputs):
    done = subprocess.run([PROGRAM, out, *inputs], capture_output=True, text=True)
    assert done.returncode == 1 and not pathlib.Path(out).exists()
    return done.stderr


def frame(rows=3000):
    rng = np.random.default_rng(1)
    out = pd.DataFrame({
        "whole": rng.integers(-(2**62), 2**62, rows), "small": rng.integers(0, 200, rows).astype("uint8"), "real": rng.normal(size=rows) * 1e6,
        "round": np.arange(rows, dtype=float), "single": rng.normal(size=rows).astype("float32"), "flag": rng.random(rows) < 0.5,
        "text": [f'é日本 "{i}",\nline' for i in range(rows)], "day": pd.date_range("1995-01-01", periods=rows).date,
        "when": pd.date_range("2024-01-01", periods=rows, freq="37s", tz="UTC").as_unit("us")})
    out.loc[::7, "real"] = np.nan
    out["few"] = pd.Categorical.from_codes(rng.integers(0, 3, rows), ["low", "mid", "high"])
    return out


def same(a, b, typed=True):
    assert list(a.columns) == list(b.columns)
    for name in a.columns:
        x, y = a[name], b[name]
        if typed:
            assert str(x.dtype) == str(y.dtype), name
        if x.dtype.kind == "f":
            assert np.array_equal(x.to_numpy(), y.to_numpy().astype(x.dtype), equal_nan=True), name
        elif x.dtype.kind in "iub":
            assert (x.to_numpy() == y.to_numpy()).all(), name
        elif name in ("day", "when"):
            assert (pd.to_datetime(x, utc=True) == pd.to_datetime(y, utc=True)).all(), name
        else:
            assert list(x.astype(str)) == list(y.astype(str)), name


def to_zst(f, path):
    with pa.output_stream(path, compression="zstd") as out:
        out.write(f.to_csv(index=False).encode())


READERS = {"parquet": pd.read_parquet, "feather": pd.read_feather, "arrow": pd.read_feather, "csv": pd.read_csv, "csv.gz": pd.read_csv, "csv.zst": lambda p: pd.read_csv(pa.input_stream(str(p), compression="zstd")),
           "json": lambda p: pd.read_json(p, dtype=False, precise_float=True), "jsonl": lambda p: pd.read_json(p, lines=True, dtype=False, precise_float=True)}


@pytest.mark.parametrize("ext", READERS)
def test_pandas_reads_what_hayate_wrote(tmp_path, ext):
    frame().to_parquet(tmp_path / "in.parquet")
    same(frame(), READERS[ext](through(tmp_path / f"out.{ext}", tmp_path / "in.parquet")), typed=ext in ("parquet", "feather", "arrow"))


@pytest.mark.parametrize("ext", READERS)
def test_hayate_reads_its_own(tmp_path, ext):
    frame().to_parquet(tmp_path / "in.parquet")
    path = through(tmp_path / f"mid.{ext}", tmp_path / "in.parquet")
    same(frame(), pd.read_parquet(through(tmp_path / "out.parquet", path)), typed=ext in ("parquet", "feather", "arrow"))


@pytest.mark.parametrize("write", [
    lambda f, p: f.to_csv(p + ".csv", index=False), lambda f, p: f.to_csv(p + ".csv.gz", index=False), lambda f, p: to_zst(f, p + ".csv.zst"),
    lambda f, p: f.to_csv(p + ".csv", index=False, sep=";", decimal=","), lambda f, p: f.to_csv(p + ".csv", index=False, sep="\t", lineterminator="\r\n"),
    lambda f, p: f.to_feather(p + ".feather"), lambda f, p: f.to_parquet(p + ".parquet", compression="zstd", row_group_size=100),
    lambda f, p: f.drop(columns="few").to_json(p + ".json", date_format="iso", date_unit="us", double_precision=15), lambda f, p: f.to_json(p + ".json", orient="records", date_format="iso", date_unit="us", double_precision=15),
    lambda f, p: f.to_json(p + ".jsonl", orient="records", lines=True, date_format="iso", date_unit="us", double_precision=15)])
def test_hayate_reads_what_pandas_wrote(tmp_path, write):
    want = frame()
    write(want, str(tmp_path / "in"))
    (path,) = tmp_path.glob("in.*")
    got = pd.read_parquet(through(tmp_path / "out.parquet", path))
    if "few" not in got:
        want = want.drop(columns="few")
    if "json" in path.name:  # pandas writes 15 digits at most
        for name in ("real", "single"):
            assert np.allclose(want[name], got[name].astype(float), rtol=1e-6 if name == "single" else 1e-14, equal_nan=True)
            want, got = want.drop(columns=name), got.drop(columns=name)
        got["day"] = pd.to_datetime(got["day"])
    same(want, got, typed=False)


def test_every_arrow_type(tmp_path):
    text = ["a", None, "日本", "", "a"]
    columns = {
        "string": pa.array(text), "large": pa.array(text, pa.large_string()), "view": pa.array(text, pa.string_view()),
        "dict8": pa.array(text).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())),
        "dict64": pa.array(text).dictionary_encode().cast(pa.dictionary(pa.int64(), pa.string())),
        "dictint": pa.array([5, None, 7, 7, 5]).dictionary_encode(), "half": pa.array(np.array([0, 1.5, -2, np.inf, 65504], "float16")),
        "date64": pa.array([0, None, 86_400_000 * 20000, -86_400_000, 86_400_000], pa.date64()), "ns": pa.array([1001, None, -1, 0, 5], pa.timestamp("ns")),
        "s": pa.array([1, None, -1, 0, 5], pa.timestamp("s", "Asia/Tokyo")), "ms": pa.array([1, None, -1, 0, 5], pa.timestamp("ms")),
        "dec": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.5"), decimal.Decimal(0), decimal.Decimal("99999.01")], pa.decimal128(9, 2)),
        "big": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.5"), decimal.Decimal(0), decimal.Decimal(1)], pa.decimal256(50, 2)),
        "null": pa.nulls(5), "bool": pa.array([True, None, False, True, True]), "int": pa.array([1, None, 3, 4, 5], pa.int16()),
        "chunks": pa.chunked_array([pa.array([1, 2]), pa.array([], pa.int64()), pa.array([None, 4, 5])])}
    table = pa.table(columns)
    sliced = pa.concat_tables([table] * 3).slice(3, 9)
    for whole in (table, sliced):
        feather.write_feather(whole, tmp_path / "in.feather", compression="zstd")
        with pa.ipc.new_stream(tmp_path / "in.arrow", whole.schema) as stream:
            stream.write_table(whole)
        pq.write_table(whole.drop_columns(["dictint"]), tmp_path / "in.parquet")
        for name in ("in.feather", "in.arrow", "in.parquet"):
            got = pq.read_table(through(tmp_path / "out.parquet", tmp_path / name))
            for column in got.column_names:
                want = whole[column].to_pylist()
                if column in ("dec", "big"):
                    want = [None if v is None else float(v) for v in want]
                if column in ("s", "ms"):
                    want = pa.compute.cast(whole[column], pa.timestamp("us", whole[column].type.tz)).to_pylist()
                if column == "ns":  # floor, also before 1970
                    want = [None if v is None else v // 1000 for v in whole[column].cast(pa.int64()).to_pylist()]
                    got = got.set_column(got.column_names.index("ns"), "ns", got["ns"].cast(pa.int64()))
                have = got[column].to_pylist()
                assert have == want, (name, column)


def test_pandas_index_is_left_out_but_keys_of_bars_are_kept(tmp_path):
    f = pd.DataFrame({"close": [1.0, 2.0]}, index=pd.Index([3, 4], name="row"))
    for index, expected in ((f.index, ["close"]), (pd.Index([7, 8]), ["close"]), (pd.Index(["A", "B"], name="symbol"), ["close", "symbol"])):
        f.set_index(index).to_parquet(tmp_path / "in.parquet")
        assert pq.read_schema(through(tmp_path / "out.parquet", tmp_path / "in.parquet")).names == expected


def test_what_is_no_flat_table_is_refused(tmp_path):
    pq.write_table(pa.table({"nested": [[1, 2], [3]]}), tmp_path / "in.parquet")
    assert "column 'nested' of type" in refused(tmp_path / "out.csv", tmp_path / "in.parquet")
    pq.write_table(pa.table({"raw": [b"\xff\xfe", b"x"]}), tmp_path / "in.parquet")
    assert "bytes that are not text" in refused(tmp_path / "out.csv", tmp_path / "in.parquet")


def test_polars_reads_growing_dictionaries(tmp_path):
    polars = pytest.importorskip("polars")
    rows = 200_000
    f = pd.DataFrame({"symbol": pd.Categorical.from_codes(np.arange(rows) // 500, [f"S{i:03}" for i in range(rows // 500)]), "x": np.arange(rows)})
    f.to_parquet(tmp_path / "in.parquet")
    for ext, read in (("parquet", polars.read_parquet), ("arrow", polars.read_ipc)):
        got = read(through(tmp_path / f"out.{ext}", tmp_path / "in.parquet"))
        assert got["symbol"].cast(polars.String).to_list() == list(f["symbol"].astype(str)), ext


def test_a_reader_that_went_away_is_no_defect(binary):
    reader, writer = os.pipe()
    os.close(reader)
    # A shell says 141 of both: ended by the signal, or with its number where it is ignored.
    assert subprocess.run([binary, "nothing"], stdout=writer, stderr=writer).returncode in (128 + signal.SIGPIPE, -signal.SIGPIPE)
    done = subprocess.run([binary, "operators"], stdout=writer, stderr=subprocess.PIPE, text=True)
    assert done.returncode in (128 + signal.SIGPIPE, -signal.SIGPIPE) and done.stderr == ""
    os.close(writer)


def test_texts_of_parquet_come_back_however_often_they_repeat(binary, tmp_path):
    """Those that repeat are handed to Parquet as codes; readers see text, and the bytes are the same for any number of workers."""
    random, rows = np.random.default_rng(0), 140_001

    def texts(values, missing=0.0):
        return pa.array([None if gone else value for value, gone in zip(values, random.random(rows) < missing)], pa.large_string())

    odd = ["", "a", "a\0", "\0", "a\0\0", "abcdefgh", "abcdefgi", "abcdefgh\0", "abcdefghi", "日本語の長い名前"]
    table = pa.table({
        "few": texts(random.choice(["x", "y"], rows)),
        "odd": texts([odd[i] for i in random.integers(0, len(odd), rows)], 0.3),
        "many": texts([f"a rather long name {i}" for i in random.integers(0, 20_000, rows)], 0.01),
        "grow": texts(["x" if i < 66_000 else f"{i} " * 12 for i in range(rows)]),
        "missing": pa.array([None] * rows, pa.large_string()),
        "late": pa.array([None] * 70_000 + ["z"] * (rows - 70_000), pa.large_string()),
        "unique": texts([str(i) for i in range(rows)]),
        "number": pa.array(random.normal(size=rows)),
    })
    feather.write_feather(table, tmp_path / "in.arrow", compression="uncompressed")
    for name in ["out.parquet", "out.zstd.parquet"]:
        written = set()
        for workers in ["1", "2"]:
            subprocess.run([binary, "convert", tmp_path / "in.arrow", tmp_path / name, "--workers", workers, "--quiet"], check=True)
            written.add((tmp_path / name).read_bytes())
        back = pq.read_table(tmp_path / name)
        assert len(written) == 1 and back.schema.equals(table.schema) and back.equals(table)
        group = pq.ParquetFile(tmp_path / name).metadata.row_group(0)
        assert "RLE_DICTIONARY" in group.column(1).encodings and group.column(1).statistics.null_count == back["odd"].slice(0, group.num_rows).null_count


@pytest.mark.parametrize("ext", ["csv", "json", "jsonl"])
def test_rows_with_few_values_in_many_columns(binary, tmp_path, ext):
    """They are written by what they have; so are those of a table whose columns are many and full."""
    random = np.random.default_rng(1)
    makers = [lambda: int(random.integers(10**9)), lambda: float(random.normal() * 10.0 ** random.integers(-5, 9)), lambda: bool(random.random() < 0.5),
              lambda: str(random.choice(["a,b", 'x"y', "", " s", "plain", "長い" * 9])), lambda: f"2024-01-{random.integers(10, 29)}"]
    rows = []
    for i in range(900):
        row = {"id": i, "name": f"r{i % 7}"}
        for column in sorted(random.choice(600, random.integers(0, 6), replace=False)):
            row[f"c{column}"] = makers[column % len(makers)]()
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    (tmp_path / "in.json").write_text(json.dumps(rows))
    out = tmp_path / f"out.{ext}"
    written = set()
    for workers in ["1", "2"]:
        subprocess.run([binary, "convert", tmp_path / "in.json", out, "--workers", workers, "--quiet"], check=True)
        written.add(out.read_bytes())
    assert len(written) == 1
    if ext == "csv":
        with open(out, newline="") as file:
            got = list(csv.reader(file))
        assert got[0] == names and len(got) == 901
        for row, cells in zip(rows, got[1:]):
            for name, cell in zip(names, cells):
                value = row.get(name, "")
                assert (float(cell) == value) if isinstance(value, float) else cell == (str(value).lower() if isinstance(value, bool) else str(value))
        assert b',"",' in out.read_bytes()  # an empty text is not missing
    else:
        got = json.loads(out.read_text()) if ext == "json" else [json.loads(line) for line in out.read_text().splitlines()]
        assert got == [{name: row.get(name) for name in names} for row in rows]


def test_records_with_names_of_their_own_cost_what_they_hold(binary, tmp_path):
    """5,000 of them, 25 MB of commas: 0.4 CPU s; every missing cell for itself took 1.8."""
    (tmp_path / "in.json").write_text(json.dumps([{f"n{i}": i} for i in range(5000)]))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([binary, "convert", tmp_path / "in.json", tmp_path / "out.csv", "--quiet"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[1] == "0" + "," * 4999 and lines[5000] == "," * 4999 + "4999"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.2


def test_keys_of_folders_of_parquet_files_can_be_chosen(hayate, tmp_path):
    for year, values in [(2023, [1, 2]), (2024, [3])]:
        (tmp_path / f"sales/year={year}/m=a b").mkdir(parents=True)
        pq.write_table(pa.table({"x": values, "y": ["p"] * len(values)}), tmp_path / f"sales/year={year}/m=a b/f.parquet")
    sales = tmp_path / "sales"
    assert hayate("convert", sales, "-", "--columns", "m,x,year", "--format", "csv").stdout == "m,x,year\na b,1,2023\na b,2,2023\na b,3,2024\n"
    assert hayate("convert", sales, "-", "--columns", "year", "--format", "csv").stdout == "year\n2023\n2023\n2024\n"
    sums = hayate("aggregate", "--input", sales, "--by", "year,m", "--agg", "count(),sum(x)", "--output", "-", "--format", "csv").stdout
    assert sums == "year,m,count(),sum(x)\n2023,a b,2,3\n2024,a b,1,3\n"


def decimals():
    """Columns of decimals, what is read of each, and whether that is rounded."""
    D = decimal.Decimal
    return {
        "cents": (pa.array([D("1.25"), None, D("-99999.01")], pa.decimal128(9, 2)), [1.25, None, -99999.01], False),
        "whole": (pa.array([D(999_999_999_999_999_999), None, D(-9007199254740993)], pa.decimal128(18, 0)), [999_999_999_999_999_999, None, -9007199254740993], False),
        "thousands": (pa.array([D(12_000), None, D(-1000)]).cast(pa.decimal128(9, -3), safe=False), [12_000, None, -1000], False),
        "wide": (pa.array([D("0.1"), D("123456789012345.6789"), None], pa.decimal128(38, 20)), [0.1, 123456789012345.6789, None], True),
        "fits": (pa.array([D("0.1"), D("0.30000000000000004"), D(2) ** 70], pa.decimal256(60, 20)), [0.1, 0.30000000000000004, 2.0**70], False),
        "ids": (pa.array([D(2**64), D(10**20 + 1), None], pa.decimal128(38, 0)), [2.0**64, 1e20, None], True)}


@pytest.mark.parametrize("ext", ["parquet", "arrow", "stream.arrow"])
def test_decimals_are_rounded_only_with_a_word(hayate, tmp_path, ext):
    columns = decimals()
    table = pa.table({name: column for name, (column, _, _) in columns.items() if ext != "parquet" or name != "thousands"})
    path = tmp_path / f"d.{ext}"
    if ext == "parquet":
        pq.write_table(table, path)
    else:
        with (pa.ipc.new_stream if "stream" in ext else pa.ipc.new_file)(path, table.schema) as file:
            file.write_table(table)
    told = hayate("convert", path, tmp_path / "o.parquet")
    got = pq.read_table(tmp_path / "o.parquet")
    for name in table.column_names:
        assert got[name].to_pylist() == columns[name][1], name
        assert (f"warning: column '{name}' of decimal" in told.stderr) == columns[name][2], (name, told.stderr)
    assert f"is rounded to float64, such as 123456789012345.67890000000000000000 in {path}; --types 'wide=text' keeps every digit" in told.stderr

    # Whoever names the type has every digit, or knows.
    exact = hayate("convert", path, "-", "--format", "jsonl", "--types", "wide=text,ids=text,cents=text,fits=float64", "--columns", "wide,ids,cents,fits")
    rows = [json.loads(line) for line in exact.stdout.splitlines()]
    assert [row["wide"] for row in rows] == ["0.10000000000000000000", "123456789012345.67890000000000000000", None]
    assert [row["ids"] for row in rows] == ["18446744073709551616", "100000000000000000001", None]
    assert [row["cents"] for row in rows] == ["1.25", None, "-99999.01"]
    assert "warning" not in exact.stderr
    told = hayate("head", path, "--types", "ids=uint64", exit=1)
    assert "'18446744073709551616' in column 'ids' is no uint64" in told.stderr
    # In chunks, for a group-by and for a description.
    assert "warning: column 'ids'" in hayate("describe", path, "--columns", "ids").stderr
    assert "warning: column 'wide'" in hayate("aggregate", "--input", path, "--agg", "sum(wide)", "--output", "-", "--format", "csv").stderr
    assert "warning" not in hayate("aggregate", "--input", path, "--agg", "sum(cents)", "--output", "-", "--format", "csv").stderr


def test_nanoseconds_are_cut_only_with_a_word(hayate, tmp_path):
    pq.write_table(pa.table({"even": pa.array([1_000, -5_000], pa.timestamp("ns")), "odd": pa.array([1_000, -5_001], pa.timestamp("ns"))}), tmp_path / "t.parquet")
    told = hayate("schema", tmp_path / "t.parquet").stderr
    assert told == f"warning: column 'odd' of nanoseconds is cut to microseconds, such as 1969-12-31 23:59:59.999994999 in {tmp_path}/t.parquet\n"


@pytest.mark.parametrize("ext", ["parquet", "arrow"])
def test_columns_of_one_name_can_all_be_reached(hayate, tmp_path, ext):
    table = pa.Table.from_arrays([pa.array([1, 2]), pa.array([3, 4]), pa.array([5, 6])], names=["a", "a", "a.1"])
    path = tmp_path / f"twice.{ext}"
    if ext == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    assert hayate("convert", path, "-", "--format", "csv").stdout == "a,a.1,a.1.1\n1,3,5\n2,4,6\n"
    assert hayate("aggregate", "--input", path, "--agg", "sum(a.1)", "--output", "-", "--format", "csv").stdout == "sum(a.1)\n7\n"


@pytest.mark.parametrize("limit", ["2GB", "60MB"])
def test_large_integers_become_floats_beside_other_files_only_with_a_word(hayate, tmp_path, limit):
    rows = 700_000
    pq.write_table(pa.table({"id": pa.array([2**53 + 1] + [1] * rows), "n": pa.array([2**53] + [1] * rows)}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": pa.array([0.5] * rows), "n": pa.array([0.5] * rows)}), tmp_path / "b.parquet")
    told = hayate("convert", tmp_path, "none", "--memory-limit", limit).stderr
    assert f"warning: column 'id' is int64 in one file and float64 with the others, such as 9007199254740993 in {tmp_path}/a.parquet; --types 'id=text'" in told
    assert "column 'n'" not in told


@pytest.mark.parametrize("size", [1, 4, 7, 12, 100])
def test_batches_of_any_length_keep_their_first_values(hayate, tmp_path, size):
    """The bits of missing values of one batch end in the middle of a byte that is the next batch's, too."""
    parts = [pa.array([None] * size, pa.int64()), pa.array(range(size)), pa.array(range(size)), pa.array([None] * size, pa.int64())]
    texts = [part.cast(pa.string()) for part in parts]
    for few in (parts[:2], parts[:3], parts):
        columns = [few, texts[:len(few)]]
        with pa.ipc.new_file(tmp_path / "t.arrow", pa.schema({"n": pa.int64(), "t": pa.string()})) as file:
            for batch in zip(*columns):
                file.write_batch(pa.record_batch(list(batch), names=["n", "t"]))
        hayate("convert", tmp_path / "t.arrow", tmp_path / "t.parquet")
        back = pq.read_table(tmp_path / "t.parquet")
        assert back["n"].to_pylist() == pa.chunked_array(columns[0]).to_pylist()
        assert back["t"].to_pylist() == pa.chunked_array(columns[1]).to_pylist()


def test_infinite_numbers_are_null_in_json_only_with_a_word(hayate, tmp_path):
    pq.write_table(pa.table({"a": [1.5, float("-inf")], "b": [0.5, 1.0]}), tmp_path / "t.parquet")
    for name in ("t.json", "t.jsonl", "-"):
        told = hayate("convert", "t.parquet", name, *(["--to", "jsonl"] if name == "-" else []), cwd=tmp_path).stderr
        assert "warning: column 'a' holds infinite numbers, which JSON does not have: they are written as null, such as inf in " in told and "'b'" not in told
    told = hayate("aggregate", "--input", "t.parquet", "--agg", "min(a),max(b)", "--output", "m.jsonl", cwd=tmp_path).stderr
    assert "column 'min(a)' holds infinite" in told
    assert "warning" not in hayate("convert", "t.parquet", "t.csv", cwd=tmp_path).stderr


@pytest.mark.parametrize("command", [("convert", "t.csv", "none"), ("head", "t.csv"), ("schema", "t.csv"), ("describe", "t.csv"),
                                     ("optimize", "--input", "t.csv", "--output", "none"), ("aggregate", "--input", "t.csv", "--agg", "count()", "--output", "none")])
def test_a_file_of_a_header_alone_gives_no_rows_with_a_word(hayate, tmp_path, command):
    (tmp_path / "t.csv").write_text("a,b\n")
    assert "t.csv is not empty and gives 0 rows\n" in hayate(*command, cwd=tmp_path).stderr
