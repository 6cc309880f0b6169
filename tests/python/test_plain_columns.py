"""Arrow and Parquet files of other programs whose columns are read straight to their place: odd batches, nulls, offsets, widths, and what must go another way."""
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

ROWS = 3_001


def every_column(rows=ROWS):
    random = np.random.default_rng(7)
    holes = random.random(rows) < 0.2
    words = np.array(["", "a", "zwölf", "日本", "a longer text than most"])[random.integers(0, 5, rows)]
    columns = {
        "whole": pa.array(random.integers(-2**62, 2**62, rows), mask=holes), "dense": pa.array(np.arange(rows)), "small": pa.array(random.integers(-128, 128, rows), pa.int8()),
        "byte": pa.array(random.integers(0, 256, rows), pa.uint8(), mask=~holes), "short": pa.array(random.integers(-30000, 30000, rows), pa.int16()),
        "wide": pa.array(random.integers(0, 2**64, rows, dtype="u8")), "real": pa.array(random.standard_normal(rows), mask=holes), "float": pa.array(random.standard_normal(rows).astype("f4")),
        "day": pa.array(random.integers(0, 20000, rows).astype("i4"), pa.date32(), mask=holes), "time": pa.array(random.integers(0, 2**50, rows), pa.timestamp("us", "UTC")),
        "second": pa.array(random.integers(0, 2**30, rows), pa.timestamp("s")), "text": pa.array(words.tolist(), pa.string()), "large": pa.array(words.tolist(), pa.large_string(), mask=holes),
        "flag": pa.array(random.random(rows) < 0.5, mask=holes), "few": pa.array(words.tolist()).dictionary_encode(), "holes": pa.array(words.tolist(), mask=holes).dictionary_encode(),
    }
    # A dictionary with a null in it: rows that point there are null themselves.
    columns["null name"] = pa.DictionaryArray.from_arrays(pa.array(random.integers(0, 3, rows), pa.int32()), pa.array(["x", None, "y"]))
    return pa.table(columns)


def as_read(table):
    """What hayate makes of it, in types that compare."""
    out = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.large_string())
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz))
        out[name] = column.cast(pa.large_string()) if pa.types.is_string(column.type) else column
    return pa.table(out)


def check(hayate, path, want, tmp_path, workers=2):
    hayate("convert", path, tmp_path / "back.parquet", "--workers", workers)
    got, want = as_read(pq.read_table(tmp_path / "back.parquet")), as_read(want)
    assert got.column_names == want.column_names
    for name in want.column_names:
        assert got[name].to_pylist() == want[name].to_pylist(), name


@pytest.mark.parametrize("batch", [1, 7, 8, 1000, 1024, 100_000])
def test_arrow_in_batches(hayate, tmp_path, batch):
    table = every_column()
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as out:
        out.write_table(table, max_chunksize=batch)
    check(hayate, tmp_path / "t.arrow", table, tmp_path)


def test_arrow_of_slices(hayate, tmp_path):
    """Batches whose offsets do not begin at 0 and whose bits do not begin at a byte, and one without rows."""
    table = every_column()
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as out:
        for begin, end in [(0, 1003), (1003, 1003), (1003, 1011), (1011, ROWS)]:
            for batch in table.slice(begin, end - begin).to_batches():
                out.write_batch(batch)
    check(hayate, tmp_path / "t.arrow", table, tmp_path, workers=1)


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather(hayate, tmp_path, compression):
    table = every_column()
    pa.feather.write_feather(table, tmp_path / "t.feather", compression=compression, chunksize=640)
    check(hayate, tmp_path / "t.feather", table, tmp_path)


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, {"row_group_size": 97}, {"data_page_version": "2.0", "compression": "zstd"}, {"data_page_size": 500},
                                     {"dictionary_pagesize_limit": 64}, {"use_dictionary": False, "column_encoding": {"real": "BYTE_STREAM_SPLIT", "whole": "DELTA_BINARY_PACKED", "text": "DELTA_LENGTH_BYTE_ARRAY",
                                                                                                                     "large": "DELTA_BYTE_ARRAY"}}])
def test_parquet(hayate, tmp_path, options):
    table = every_column().drop_columns(["null name"])   # pyarrow writes none to Parquet
    pq.write_table(table, tmp_path / "t.parquet", **options)
    check(hayate, tmp_path / "t.parquet", table, tmp_path)


def test_parquet_without_nulls_allowed(hayate, tmp_path):
    table = every_column().select(["dense", "small", "wide", "float", "text"])
    required = pa.schema([pa.field(f.name, f.type, nullable=False) for f in table.schema])
    pq.write_table(table.cast(required), tmp_path / "t.parquet", row_group_size=500)
    check(hayate, tmp_path / "t.parquet", table, tmp_path)


def test_text_cut_within_a_character(hayate, tmp_path):
    """Bytes that are UTF-8 as a whole, but not each text."""
    offsets = pa.py_buffer(np.array([0, 1, 2], "i4").tobytes())
    text = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer("é".encode())])
    for name, write in (("t.arrow", lambda t, p: pa.feather.write_feather(t, p, compression="uncompressed")), ("t.parquet", pq.write_table)):
        write(pa.table({"text": text}), str(tmp_path / name))
        assert "UTF" in hayate("convert", tmp_path / name, tmp_path / "out.csv", exit=1).stderr


def test_codes_outside_their_dictionary(hayate, tmp_path):
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 5, 1], pa.int32()), pa.array(["x", "y"]), safe=False)
    with pa.ipc.new_file(tmp_path / "t.arrow", pa.schema({"c": codes.type})) as out:
        out.write_batch(pa.record_batch({"c": codes}))
    hayate("convert", tmp_path / "t.arrow", tmp_path / "out.csv", exit=1)


def test_a_long_text_in_every_row_is_refused_not_taken(hayate, tmp_path):
    """A dictionary of one text of a megabyte, 20,000 rows: 20 GB when it is written out."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000, "i4")), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"text": text}), tmp_path / "t.parquet", store_schema=False)
    assert hayate("head", tmp_path / "t.parquet", "--memory-limit", "200MB", exit=None).returncode in (0, 4)
