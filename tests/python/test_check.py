"""`hayate check`: a clean spec passes, a planted leak of each kind is found, and named with feature and date."""
import json

import numpy as np
import pandas as pd
import pytest

SPEC = """[universe]
input = "{input}"
[features]
expressions = {features}
processors = {processors}
fit = "{fit}"
[label]
expression = "{label}"
[split]
train_days = 200
test_days = 60
purge_days = {purge}
[model]
scope = "{scope}"
params = {{ num_trees = 3 }}
"""
CLEAN = ["ma = Mean($close,5)/$close", "rsi = ta.RSI($close,timeperiod=7)", "rank = CSRank($volume)", "ema = EMA($close,12)/$close"]


@pytest.fixture
def bars(tmp_path):
    """Four random walks; `signal` is the return of the next five days, `smooth` a mean around today, `noise` is honest."""
    random = np.random.default_rng(2)
    folder = tmp_path / "bars"
    folder.mkdir()
    for i in range(4):
        close = pd.Series(100 * np.exp(np.cumsum(0.02 * random.standard_normal(420))))
        pd.DataFrame({
            "date": pd.bdate_range("2020-01-01", periods=420).strftime("%Y-%m-%d"), "open": close * 1.001, "high": close * 1.05,
            "low": close * 0.95, "close": close, "volume": random.uniform(1e5, 1e6, 420), "signal": close.shift(-5) / close - 1,
            "tomorrow": close.shift(-1), "noise": random.standard_normal(420), "centred": close.rolling(21, center=True).mean(),
            "middle": close.rolling(9, center=True).median(), "trailing": close.rolling(21).mean()
        }).to_csv(folder / f"S{i}.csv", index=False)
    return folder


@pytest.fixture
def check(hayate, bars, tmp_path):
    def call(*features, exit, processors=(), fit="train", label="ForwardReturn($close,5)", purge=-1, scope="symbol"):
        spec = SPEC.format(input=bars, features=json.dumps([*CLEAN, *features]), processors=json.dumps(list(processors)), fit=fit, label=label,
                           purge=purge, scope=scope)
        (tmp_path / "spec.toml").write_text(spec)
        answer = json.loads(hayate("check", "leakage", tmp_path / "spec.toml", "--json", exit=exit).stdout)
        assert answer["clean"] == (exit == 0) and len(answer["checks"]) == 7
        assert all(f["date"].startswith("202") and f["what"] for f in answer["findings"])
        return {(f["check"], f["feature"]) for f in answer["findings"]}

    return call


@pytest.mark.parametrize("scope", ["symbol", "pooled"])
def test_a_clean_spec_passes(check, scope):
    assert check("n = $noise", exit=0, scope=scope, processors=["cs_zscore", "robust_zscore", "winsorize(0.02)", "fillna(0)"]) == set()


@pytest.mark.parametrize("feature,kinds", [
    ("leak = Ref($close,-1)/$close", {"look_ahead", "future_cut", "label_equal"}),
    ("leak = Mean(Ref($volume,-2),5)", {"look_ahead", "future_cut"}),
    ("leak = ForwardReturn($close,5)", {"look_ahead", "future_cut", "label_equal"}),
    ("leak = Sum($volume,0)/$volume", {"moved_start"}),
    ("leak = -2*$signal", {"label_equal"}),
    ("leak = Sign($signal)", {"label_equal"}),
    ("leak = CSRank($signal)", {"label_equal"}),
])
def test_a_leaking_feature_is_found(check, feature, kinds):
    found = check(feature, exit=1)
    assert {kind for kind, name in found if name == "leak"} == kinds
    assert {name for _, name in found} <= {"leak", "$signal"}


def test_a_column_computed_from_the_future_is_found_under_any_label(check):
    label = "TripleBarrier($close,10,20,1,1)"
    assert check("a = $signal+1", exit=1, label=label) == {("label_equal", "a"), ("future_column", "$signal")}
    assert check("a = $tomorrow-$close", exit=1, label=label) == {("future_column", "$tomorrow")}


@pytest.mark.parametrize("feature,column", [("a = $centred/$close", "$centred"), ("a = $close/$centred-1", "$centred"), ("a = Std($middle,5)", "$middle")])
def test_a_column_of_centred_windows_is_found(check, feature, column):
    assert ("future_column", column) in check(feature, exit=1)


def test_columns_of_trailing_windows_pass(check):
    check("a = $trailing/$close", "b = Std($trailing,5)", exit=0)


@pytest.mark.parametrize("scope", ["symbol", "pooled"])
def test_a_processor_fitted_on_test_rows_is_found(check, scope):
    found = check(exit=1, processors=["robust_zscore"], fit="all", scope=scope)
    assert found == {("scaler_rows", text.split(" ")[0]) for text in CLEAN}


@pytest.mark.parametrize("scope", ["symbol", "pooled"])
def test_too_short_a_purge_is_found_here_and_refused_by_run(check, hayate, tmp_path, scope):
    assert check(exit=1, purge=0, scope=scope) == {("fold_overlap", "label")}
    hayate("run", tmp_path / "spec.toml", "--run-dir", tmp_path / "r", exit=2)
    check(exit=0, purge=5, scope=scope)


def test_the_page_for_people_names_feature_and_date(check, hayate, tmp_path):
    check("leak = Ref($close,-1)/$close", exit=1)
    said = hayate("check", "leakage", tmp_path / "spec.toml", exit=1).stdout
    assert "look_ahead     1 found" in said and "leak = Ref($close,-1)/$close reads 1 row ahead" in said and "moved_start    passed" in said


def test_check_data_says_what_run_would(hayate, bars, tmp_path):
    assert hayate("check", "data", bars, exit=0).stdout.endswith("4 can be used, 0 warnings\n")
    table = pd.read_csv(bars / "S1.csv")
    table.loc[7, "low"] = -1
    table.to_csv(bars / "S1.csv", index=False)
    answer = json.loads(hayate("check", "data", bars, "--json", exit=3).stdout)
    assert answer["symbols"] == 4 and answer["usable"] == 3
    assert [(f["symbol"], f["kind"], f["row"]) for f in answer["failures"]] == [("S1", "price_not_positive", 8)]
    (tmp_path / "spec.toml").write_text(f'[universe]\ninput = "{bars}/S1.csv"\n[features]\nset = "alpha158"\n')
    hayate("check", "data", tmp_path / "spec.toml", exit=1)
    hayate("check", "data", tmp_path / "nowhere", exit=1)
    hayate("check", "nothing", bars, exit=2)
    hayate("check", "leakage", bars, exit=2)
