"""qlib's folders of .bin files, by a second reader: numpy, and pyqlib itself where it is installed."""
import numpy as np
import pandas as pd
import pytest

FIELDS = ["open", "high", "low", "close", "volume"]


@pytest.fixture
def bars(tmp_path):
    """Float32 bars of three symbols with listings, halts, empty rows and single gaps."""
    days = pd.bdate_range("2021-01-04", periods=80)
    random = np.random.default_rng(5)
    parts = []
    for i, symbol in enumerate(("AAA", "BRK.B", "CON")):
        part = pd.DataFrame({"symbol": symbol, "date": days[7 * i : len(days) - 3 * i]})
        for field in FIELDS:
            part[field] = random.uniform(1, 1e6, len(part)).astype(np.float32)
        part = part[random.random(len(part)) > 0.1]
        part.loc[random.random(len(part)) < 0.05, FIELDS] = np.nan
        part.loc[random.random(len(part)) < 0.05, "volume"] = np.nan
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table["date"] = table["date"].dt.date
    table.to_parquet(tmp_path / "bars.parquet")
    return table


def read_values(folder, calendar, symbol, field):
    raw = np.fromfile(folder / "features" / symbol / f"{field}.day.bin", dtype="<f4")
    first = int(raw[0])
    return pd.Series(raw[1:], index=calendar[first : first + len(raw) - 1])


def test_values_lie_where_the_layout_says(hayate, bars, tmp_path):
    folder = tmp_path / "data"
    hayate("convert", tmp_path / "bars.parquet", folder, "--format", "qlib")
    calendar = (folder / "calendars/day.txt").read_text().split()
    assert calendar == sorted({str(day) for day in bars["date"]})
    spans = [line.split("\t") for line in (folder / "instruments/all.txt").read_text().splitlines()]
    for symbol, first, last in spans:
        own = bars[bars["symbol"] == symbol].set_index(bars[bars["symbol"] == symbol]["date"].astype(str))
        assert (first, last) == (own.index.min(), own.index.max())
        name = {"AAA": "aaa", "BRK.B": "brk.b", "CON": "_qlib_con"}[symbol]
        for field in FIELDS:
            values = read_values(folder, calendar, name, field)
            np.testing.assert_array_equal(values.to_numpy(), own[field].reindex(values.index).to_numpy())


def test_a_table_comes_back_as_it_went(hayate, bars, tmp_path):
    hayate("convert", tmp_path / "bars.parquet", tmp_path / "data/", "--format", "qlib")
    hayate("convert", tmp_path / "data", tmp_path / "back.parquet")
    back = pd.read_parquet(tmp_path / "back.parquet")
    back["symbol"] = back["symbol"].astype(str)
    pd.testing.assert_frame_equal(back[bars.columns], bars)
    hayate("features", "--input", tmp_path / "data", "--set", "alpha158", "--output", tmp_path / "a.parquet")
    hayate("features", "--input", tmp_path / "bars.parquet", "--set", "alpha158", "--output", tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_run_takes_a_folder(hayate, prices, tmp_path):
    hayate("convert", prices, tmp_path / "data", "--columns", "date,open,high,low,close,volume", "--format", "qlib")
    (tmp_path / "run.toml").write_text(
        f'[universe]\ninput = "{tmp_path / "data"}"\n[features]\nindicators = ["rsi", "macd", "bbands(20, 2)"]\n[model]\nparams = {{ num_trees = 3 }}\n'
    )
    hayate("run", tmp_path / "run.toml", "--run-dir", tmp_path / "out")
    predictions = pd.read_parquet(tmp_path / "out/predictions.parquet")
    assert predictions["symbol"].nunique() == 4 and predictions["prediction"].notna().any()


def test_qlib_reads_what_is_exported(hayate, bars, tmp_path):
    qlib = pytest.importorskip("qlib")
    from qlib.data import D

    hayate("convert", tmp_path / "bars.parquet", tmp_path / "data", "--format", "qlib")
    qlib.init(provider_uri=str(tmp_path / "data"), region="us", logging_level=40, kernels=1, joblib_backend=None)
    read = D.features(D.instruments("all"), [f"${field}" for field in FIELDS], freq="day").reset_index()
    read = read.rename(columns={"instrument": "symbol", "datetime": "date", **{f"${field}": field for field in FIELDS}})
    read["date"] = read["date"].dt.date
    merged = bars.merge(read, on=["symbol", "date"], how="left", suffixes=("", "_qlib"), indicator=True)
    assert (merged["_merge"] == "both").all()
    for field in FIELDS:
        np.testing.assert_array_equal(merged[field].to_numpy(np.float32), merged[f"{field}_qlib"].to_numpy(np.float32))
