"""Operators over the symbols of a date, label makers and processors, held against pandas."""
import json

import numpy as np
import pandas as pd
import pytest

SPEC = """[universe]
input = "{input}"
[features]
expressions = ["a = $close/Ref($close,5)-1", "b = Mean($volume,5)/$volume", "c = CSRank(Std($close/Ref($close,1)-1,10))"]
processors = [{processors}]
fit = "{fit}"
[label]
expression = "{label}"
normalize = "{normalize}"
[split]
train_days = 200
test_days = 60
[model]
scope = "{scope}"
params = {{ num_trees = 8, max_depth = 4 }}
"""
RESULTS = ("predictions.parquet", "model.hyt", "metrics.json")


@pytest.fixture
def bars(tmp_path):
    """Six random walks of 420 days; one starts late, one has holes; `sector` is a code."""
    random = np.random.default_rng(5)
    folder = tmp_path / "bars"
    folder.mkdir()
    dates = pd.bdate_range("2020-01-01", periods=420)
    for i in range(6):
        close = 100 * np.exp(np.cumsum(0.02 * random.standard_normal(420)))
        table = pd.DataFrame({"symbol": f"S{i}", "date": dates.strftime("%Y-%m-%d"), "open": close * 1.001, "high": close * 1.01, "low": close * 0.99,
                              "close": close, "volume": random.uniform(1e5, 1e6, 420), "sector": 45103010 + i % 2})
        if i == 1:
            table = table.iloc[100:]
        if i == 2:
            table = table[(np.arange(420) < 210) | (np.arange(420) > 216)]
        table.to_csv(folder / f"S{i}.csv", index=False)
    return folder


def all_bars(folder):
    table = pd.concat(pd.read_csv(path) for path in sorted(folder.glob("*.csv")))
    return table.sort_values(["symbol", "date"]).reset_index(drop=True)


@pytest.fixture
def features(hayate, bars, tmp_path):
    def call(*expressions, label=(), flags=(), output="out.parquet"):
        argv = [part for text in expressions for part in ("--expr", text)] + [part for text in label for part in ("--label", text)]
        hayate("features", "--input", bars, *argv, "--dtype", "float64", "--output", tmp_path / output, *flags)
        return pd.read_parquet(tmp_path / output)

    return call


def test_cross_sections_equal_pandas(features, bars):
    table = all_bars(bars)
    by_symbol, by_date = table.groupby("symbol"), table.groupby("date")
    mean = by_symbol["close"].rolling(5, min_periods=1).mean().reset_index(drop=True)
    got = features("rank=CSRank($close)", "z=CSZScore(Mean($close,5))", "flat=CSDemean($volume)", "sector=CSNeutralize($close,$sector)",
                   "deep=Mean(CSRank($close),3)", "both=CSRank(Mean(CSZScore($close),3))-1")
    np.testing.assert_allclose(got["rank"], by_date["close"].rank(pct=True), rtol=1e-12)
    grouped = mean.groupby(table["date"])
    np.testing.assert_allclose(got["z"], (mean - grouped.transform("mean")) / grouped.transform("std"), rtol=1e-9)
    np.testing.assert_allclose(got["flat"], table["volume"] - by_date["volume"].transform("mean"), rtol=1e-9)
    np.testing.assert_allclose(got["sector"], table["close"] - table.groupby(["date", "sector"])["close"].transform("mean"), rtol=1e-9, atol=1e-12)
    rank = by_date["close"].rank(pct=True)
    np.testing.assert_allclose(got["deep"], rank.groupby(table["symbol"]).rolling(3, min_periods=1).mean().reset_index(drop=True), rtol=1e-12)
    z = (table["close"] - by_date["close"].transform("mean")) / by_date["close"].transform("std")
    smooth = z.groupby(table["symbol"]).rolling(3, min_periods=1).mean().reset_index(drop=True)
    np.testing.assert_allclose(got["both"], smooth.groupby(table["date"]).rank(pct=True) - 1, rtol=1e-9)


def test_how_it_is_computed_changes_no_byte(features, tmp_path):
    texts = ("z=CSZScore(Mean($close,5))", "both=CSRank(Mean(CSZScore($close),3))")
    features(*texts, output="one.parquet", flags=("--workers", "1", "--batch-symbols", "1"))
    features(*texts, output="five.parquet", flags=("--workers", "5"))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "five.parquet").read_bytes()


def test_label_makers_equal_pandas(features, bars):
    table = all_bars(bars)
    got = features("x=$close", label=["r=ForwardReturn($close, horizon=5)", "hit=TripleBarrier($close, horizon=8, window=20, up=1.5, down=1)",
                                      "touch=TripleBarrier($close, horizon=8, window=20, up=1.5, down=1).touch"])
    r, hit, touch = [], [], []
    for _, one in table.groupby("symbol"):
        close = one["close"].to_numpy()
        r += list(pd.Series(close).shift(-5) / close - 1)
        volatility = pd.Series(close).pct_change().rolling(20, min_periods=2).std().to_numpy()
        for t in range(len(close)):
            if t + 8 >= len(close) or np.isnan(volatility[t]):
                hit.append(np.nan), touch.append(np.nan)
                continue
            change = close[t + 1:t + 9] / close[t] - 1
            up, down = np.flatnonzero(change >= 1.5 * volatility[t]), np.flatnonzero(change <= -volatility[t])
            first_up, first_down = (up[0] if len(up) else 99), (down[0] if len(down) else 99)
            hit.append(0.0 if first_up == first_down else 1.0 if first_up < first_down else -1.0)
            touch.append(float(min(first_up + 1, first_down + 1, 8)))
    np.testing.assert_allclose(got["r"], r, rtol=1e-12)
    np.testing.assert_array_equal(got["hit"], hit)
    np.testing.assert_array_equal(got["touch"], touch)
    assert set(np.unique(got["hit"].dropna())) == {-1.0, 0.0, 1.0}


def test_label_makers_are_no_features(hayate, bars):
    for text in ("x=ForwardReturn($close,5)", "x=TripleBarrier($close,5,20,2,2)", "x=CSRank(Ref($close,-1))"):
        said = hayate("features", "--input", bars, "--expr", text, "--output", "none", exit=2).stderr
        assert "looks ahead" in said and "^" in said


def test_too_little_memory_is_exit_4(hayate, bars):
    many = [part for i in range(1, 60) for part in ("--expr", f"x{i}=CSRank(Mean($close,{i}))")]
    said = hayate("features", "--input", bars, *many, "--output", "none", "--memory-limit", "30MB", exit=4).stderr
    assert "cross-sections" in said or "--memory-limit" in said


@pytest.fixture
def start(hayate, bars, tmp_path):
    def call(name, *flags, scope="symbol", processors="", fit="train", label="ForwardReturn($close,5)", normalize="none", input_=None, exit=0):
        spec = SPEC.format(input=input_ or bars, scope=scope, processors=processors, fit=fit, label=label, normalize=normalize)
        (tmp_path / f"{name}.toml").write_text(spec)
        hayate("run", tmp_path / f"{name}.toml", "--run-dir", tmp_path / name, "--cache", "off", *flags, exit=exit)
        return tmp_path / name

    return call


def predictions(folder):
    return pd.read_parquet(folder / "predictions.parquet").astype({"symbol": str})


CHAIN = '"cs_zscore", "robust_zscore", "winsorize(0.05)", "fillna(0)"'


AFTER = '"cs_zscore", "robust_zscore", "cs_rank", "winsorize(0.05)", "fillna(0)", "cs_zscore"'


@pytest.mark.parametrize("scope,processors", [("symbol", '"cs_rank"'), ("pooled", '"cs_rank"'), ("symbol", CHAIN), ("pooled", CHAIN), ("pooled", AFTER)])
def test_predict_scales_as_the_run_did(start, hayate, bars, tmp_path, scope, processors):
    folder = start("run", scope=scope, processors=processors)
    hayate("predict", "--run", folder, "--input", bars, "--output", tmp_path / "again.parquet")
    ran = predictions(folder)
    again = pd.read_parquet(tmp_path / "again.parquet").astype({"symbol": str})
    last = ran[ran["fold"] == ran.groupby("symbol")["fold"].transform("max")]
    both = last.merge(again, on=["symbol", "date"], suffixes=("", "_again"))
    assert len(both) == len(last) > 0
    np.testing.assert_array_equal(both["prediction"], both["prediction_again"])
    one = start("one", "--workers", "1", "--batch-symbols", "1", scope=scope, processors=processors)
    assert all((one / name).read_bytes() == (folder / name).read_bytes() for name in RESULTS)


def test_scaling_changes_nothing_but_what_the_training_rows_say(start, bars, tmp_path):
    """The last 30 days of volume change: earlier predictions stay to the bit with fit = "train", and move with fit = "all"."""
    other = tmp_path / "other"
    other.mkdir()
    for path in bars.glob("*.csv"):
        table = pd.read_csv(path)
        table.loc[table.index[-30:], "volume"] *= 50
        table.to_csv(other / path.name, index=False)
    end = sorted(all_bars(bars)["date"].unique())[-40]
    moved = {}
    for fit in ("train", "all"):
        a, b = (predictions(start(f"{name}_{fit}", scope="pooled", processors='"winsorize(0.2)"', fit=fit, input_=input_))
                for name, input_ in (("before", bars), ("after", other)))
        early = pd.to_datetime(a["date"]) < pd.Timestamp(end)
        moved[fit] = (a["prediction"][early] != b["prediction"][early]).sum()
    assert moved["train"] == 0 and moved["all"] > 0


def test_a_normalised_label_is_the_cross_section_of_the_label(start, bars):
    table = all_bars(bars)
    table["r"] = table.groupby("symbol")["close"].transform(lambda x: x.shift(-5) / x - 1)
    by_date = table.groupby("date")["r"]
    table["z"] = (table["r"] - by_date.transform("mean")) / by_date.transform("std")
    got = predictions(start("run", scope="pooled", normalize="cs_zscore"))
    got["date"] = got["date"].astype(str).str[:10]
    both = got.merge(table, on=["symbol", "date"])
    assert len(both) == len(got)
    np.testing.assert_allclose(both["label"], both["z"], rtol=1e-9)


def test_a_run_with_cross_sections_depends_on_every_symbol(start, hayate, bars, tmp_path):
    """A stored result is not reused when another symbol's bars change."""
    cache = tmp_path / "cache"
    toml = tmp_path / "run.toml"
    start("warm", "--cache", cache)
    toml.write_text((tmp_path / "warm.toml").read_text())
    hayate("run", toml, "--run-dir", tmp_path / "same", "--cache", cache)
    assert all(t["state"] == "reused" for t in json.loads(hayate("explain", tmp_path / "same", "--json").stdout)["tasks"])
    table = pd.read_csv(bars / "S5.csv")
    table.loc[50, "close"] *= 1.001
    table.to_csv(bars / "S5.csv", index=False)
    hayate("run", toml, "--run-dir", tmp_path / "other", "--cache", cache)
    assert all(t["state"] == "run" for t in json.loads(hayate("explain", tmp_path / "other", "--json").stdout)["tasks"])


def test_the_newest_rows_of_a_barrier_are_predicted(start):
    got = predictions(start("run", label="TripleBarrier($close, horizon=10, window=20, up=2, down=2)"))
    for _, mine in got.groupby("symbol"):
        assert mine["label"].tail(10).isna().all() and mine["label"].iloc[:-10].notna().all()
        assert np.isfinite(mine["prediction"]).all()
