"""What files hold and tables do not is said."""
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def test_times_of_nanoseconds_in_hdf5_are_said_to_be_cut(hayate, tmp_path):
    (tmp_path / "t.csv").write_text("when\n2024-01-05 09:30:00.123456\n2024-01-05 09:31:00\n")
    hayate("convert", tmp_path / "t.csv", tmp_path / "t.h5")
    raw = (tmp_path / "t.h5").read_bytes()
    time = int(np.datetime64("2024-01-05T09:30:00.123456", "us").astype(np.int64))
    assert raw.count(time.to_bytes(8, "little")) == 1 and raw.count(b"datetime64[us]") == 1
    raw = raw.replace(time.to_bytes(8, "little"), (1000 * time + 789).to_bytes(8, "little")).replace(b"datetime64[us]", b"datetime64[ns]")
    (tmp_path / "t.h5").write_bytes(raw)
    done = hayate("convert", "t.h5", "-", "--format", "csv", cwd=tmp_path)
    assert "2024-01-05 09:30:00.123456" in done.stdout or "2024-01-05T09:30:00.123456" in done.stdout
    assert "column 'when' of nanoseconds is cut to microseconds, such as 2024-01-05" in done.stderr and "and 789 ns in t.h5" in done.stderr


def test_bars_of_more_digits_than_float64_has_are_said(hayate, tmp_path):
    days = [str(day)[:10] for day in pd.date_range("2024-01-01", periods=9)]
    price = pa.array([decimal.Decimal("123456789012345678.1234")] * 9, pa.decimal128(38, 4))
    pq.write_table(pa.table({"symbol": ["A"] * 9, "date": days, "close": price}), tmp_path / "bars.parquet")
    done = hayate("features", "--input", "bars.parquet", "--expr", "x=$close", "--output", "x.csv", cwd=tmp_path)
    assert "warning: column 'close' of decimal128(38, 4) is rounded to float64, such as 123456789012345678.1234 in bars.parquet\n" in done.stderr
