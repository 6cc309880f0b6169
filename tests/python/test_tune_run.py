"""A [tune] section in the spec of a run: every fold searches on its own training rows."""
import json
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest

SPEC = """[universe]
input = "{input}"
[features]
expressions = ["a = $close/Ref($close,5)-1", "b = Mean($volume,5)/$volume", "c = Std($close/Ref($close,1)-1,10)"]
processors = [{processors}]
[label]
expression = "ForwardReturn($close,3)"
[split]
train_days = 200
test_days = 60
[model]
learner = "{learner}"
scope = "{scope}"
seed = 4
[tune]
{tune}
"""
FOREST = 'space = ["num_trees=choice(5,10,20)", "max_depth=int(2,5)"]\ntrials = 6'
RESULTS = ("predictions.parquet", "model.hyt", "metrics.json")


def write_bars(folder, tail=1.0):
    folder.mkdir()
    random = np.random.default_rng(9)
    for i in range(3):
        close = 100 * np.exp(np.cumsum(0.02 * random.standard_normal(400)))
        close[-60:] *= tail
        pd.DataFrame({"symbol": f"S{i}", "date": pd.bdate_range("2020-01-01", periods=400).strftime("%Y-%m-%d"), "open": close, "high": close * 1.01,
                      "low": close * 0.99, "close": close, "volume": random.uniform(1e5, 1e6, 400)}).to_csv(folder / f"S{i}.csv", index=False)
    return folder


@pytest.fixture
def start(hayate, tmp_path):
    bars = write_bars(tmp_path / "bars")

    def call(name, *flags, learner="forest", scope="symbol", tune=FOREST, processors="", input_=bars, exit=0):
        (tmp_path / f"{name}.toml").write_text(SPEC.format(input=input_, learner=learner, scope=scope, tune=tune, processors=processors))
        done = hayate("run", tmp_path / f"{name}.toml", "--run-dir", tmp_path / name, *(flags or ("--cache", "off")), exit=exit)
        return tmp_path / name if exit == 0 else done.stderr

    return call


def tuned(folder):
    return json.loads((folder / "metrics.json").read_text())["tuned"]


@pytest.mark.parametrize("scope", ["symbol", "pooled"])
@pytest.mark.parametrize("processors", ["", '"robust_zscore"'])
def test_every_fold_has_its_params_and_workers_change_nothing(start, tmp_path, scope, processors):
    one = start("one", "--workers", "1", "--cache", "off", scope=scope, processors=processors)
    found = tuned(one)
    assert len(found) == 4 * (3 if scope == "symbol" else 1)
    assert {row["symbol"] for row in found} == ({"S0", "S1", "S2"} if scope == "symbol" else {""})
    for row in found:
        assert set(part.split("=")[0] for part in row["params"].split(",")) == {"num_trees", "max_depth"} and row["rmse"] > 0
    three = start("three", "--workers", "3", "--cache", tmp_path / "cache", scope=scope, processors=processors)
    again = start("again", "--workers", "2", "--cache", tmp_path / "cache", scope=scope, processors=processors)
    for name in RESULTS:
        assert (one / name).read_bytes() == (three / name).read_bytes() == (again / name).read_bytes()
    assert "Params found" in (one / "report.html").read_text()


@pytest.mark.parametrize("scope", ["symbol", "pooled"])
def test_later_bars_do_not_reach_earlier_searches(start, tmp_path, scope):
    other = write_bars(tmp_path / "other", tail=1.5)
    before, after = tuned(start("before", scope=scope)), tuned(start("after", scope=scope, input_=other))
    early = [row for row in before if row["fold"] < 2]
    assert early and early == [row for row in after if row["fold"] < 2]
    assert before != after


@pytest.mark.parametrize("learner, tune", [
    ("forest", 'space = ["max_depth=choice(2,4)"]\nsampler = "grid"\nscore = "oob"\nmetric = "mae"'),
    ("boosting", 'space = { num_trees = "int(5,20)", learning_rate = "loguniform(0.02,0.3)" }\ntrials = 4\nscheduler = "asha"\nsampler = "tpe"'),
    ("linear", 'space = ["l2=loguniform(1e-3,1e3)"]\ntrials = 5\nfolds = 3\nmetric = "rank_ic"'),
])
def test_learners_samplers_and_scores(start, learner, tune):
    folder = start("run", learner=learner, scope="pooled", tune=tune)
    assert len(tuned(folder)) == 4


@pytest.mark.parametrize("tune, said", [
    ("trials = 3", "[tune] space is missing"),
    ('space = ["num_tree=choice(1,2)"]', "num_trees"),
    ('space = ["num_trees=chioce(1,2)"]', "choice"),
    ('space = ["num_trees=choice(0)"]', "num_trees must be between"),
    ('space = ["num_trees=choice(5)"]\nmetric = "accuracy"', "accuracy does not measure regression"),
    ('space = ["num_trees=choice(5)"]\nscore = "folds"', "score"),
    ('space = ["num_trees=choice(5)"]\ntrails = 3', "trials"),
])
def test_what_is_wrong_is_said(start, tune, said):
    stderr = start("bad", tune=tune, exit=2)
    assert said in stderr and stderr.count("\n") >= 3


def test_too_few_dates_are_a_failure_of_the_symbol(start):
    stderr = start("short", tune=FOREST + "\nfolds = 300", exit=1)
    assert "too few" in stderr


@pytest.mark.parametrize("scope", ["symbol", "pooled"])
def test_a_search_that_is_interrupted_goes_on(start, hayate, binary, tmp_path, scope):
    tune = 'space = ["min_samples_leaf=int(1,60)"]\ntrials = 40'
    began = time.monotonic()
    whole = start("whole", "--workers", "1", "--cache", "off", scope=scope, tune=tune)
    took = time.monotonic() - began
    broken = tmp_path / "broken"
    running = subprocess.Popen([binary, "run", tmp_path / "whole.toml", "--run-dir", broken, "--workers", "1", "--cache", "off"], stderr=subprocess.PIPE, text=True)
    while not (broken / "manifest").exists():
        time.sleep(0.005)
    time.sleep(took / 2)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=10)
    assert running.returncode == 143 and f"hayate resume {broken}" in said and not (broken / "model.hyt").exists()
    hayate("resume", broken)
    for name in RESULTS:
        assert (whole / name).read_bytes() == (broken / name).read_bytes()
