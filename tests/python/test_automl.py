"""hayate automl: inside its budget, a model from the start, a blend that predicts, a report on rows that took no part."""
import json
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(3)
    x = random.normal(size=(4000, 8)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + random.normal(size=4000) > 0).astype(int)
    frame = pd.DataFrame(x, columns=[f"f{i}" for i in range(8)]).assign(y=y, r=np.exp(x[:, 0] + 0.3 * random.normal(size=4000)), k=pd.qcut(x[:, 2] + random.normal(size=4000), 3, labels=["a", "b", "c"]).astype(str),
                                                                       date=np.repeat(pd.date_range("2024-01-01", periods=400).date, 10),
                                                                       part=random.choice(["train", "validate", "test"], size=4000, p=[0.7, 0.1, 0.2]))
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    return path


FEATURES = ("--features", ",".join(f"f{i}" for i in range(8)))


@pytest.mark.parametrize("label, objective, more", [
    ("y", "maximize-au-prc", ()), ("y", "maximize-au-roc", ("--split", "part")), ("y", "maximize-precision-at-recall", ("--at", "0.8")),
    ("y", "maximize-recall-at-precision", ("--at", "0.8")), ("k", "minimize-log-loss", ()), ("r", "minimize-rmsle", ()), ("r", "minimize-mae", ("--by-date", "date", "--purge-days", "3")),
    ("r", "minimize-rmse", ())])
def test_objectives_inside_the_budget(hayate, table, tmp_path, label, objective, more):
    began = time.monotonic()
    done = hayate("automl", "--input", table, "--label", label, *FEATURES, "--objective", objective, "--budget", "2s", "--model", tmp_path / "m.hyt", "--json", *more)
    assert time.monotonic() - began < 3   # half a second for the process itself, on a busy machine
    report = json.loads(done.stdout)
    assert report["seconds"] <= 2.2 and report["first_model_s"] < 0.5
    board = report["leaderboard"]
    values = [row["value"] for row in board]
    assert len(board) >= 2 and values == sorted(values, reverse=objective.startswith("maximize"))
    assert sum(row["weight"] for row in board) == pytest.approx(1)
    assert report["train_rows"] + report["test_rows"] in (4000, 3970)
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", table, "--output", tmp_path / "p.parquet")
    p = pd.read_parquet(tmp_path / "p.parquet")
    probabilities = p[[c for c in p if c.startswith("probability_")]].to_numpy()
    if label != "r":
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-9)
    metric = {"y": "roc_auc", "k": "roc_auc", "r": "pearson"}[label]
    assert report["test"][metric]["value"] > 0.7


def test_a_slow_learner_leaves_the_others_their_time(hayate, tmp_path):
    """A logistic model of 12 classes and 80 features takes several times the budget: trees are tried all the same."""
    random = np.random.default_rng(4)
    x = random.normal(size=(30_000, 80)).astype(np.float32)
    label = pd.qcut(x[:, 0] + x[:, 1] * x[:, 2] + random.normal(size=len(x)), 12, labels=False)
    pd.DataFrame(x).rename(columns=str).assign(y=label).to_parquet(tmp_path / "t.parquet")
    done = hayate("automl", "--input", tmp_path / "t.parquet", "--label", "y", "--budget", "4s", "--model", tmp_path / "m.hyt", "--json")
    assert "forest" in {row["learner"] for row in json.loads(done.stdout)["leaderboard"]}


def test_test_rows_take_no_part(hayate, table, tmp_path):
    """The test part of a split column: its report is that of predicting these rows with the model."""
    done = hayate("automl", "--input", table, "--label", "y", *FEATURES, "--split", "part", "--budget", "1s", "--model", tmp_path / "m.hyt", "--json")
    frame = pd.read_parquet(table)
    frame[frame.part == "test"].to_parquet(tmp_path / "test.parquet")
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "test.parquet", "--output", tmp_path / "p.parquet")
    report = json.loads(hayate("evaluate", "--input", tmp_path / "p.parquet", "--label", "y", "--json").stdout)["metrics"]
    for name, row in json.loads(done.stdout)["test"].items():
        assert row["value"] == pytest.approx(report[name], abs=1e-6)


def test_killed_leaves_a_model(hayate, binary, table, tmp_path):
    running = subprocess.Popen([binary, "automl", "--input", table, "--label", "y", *FEATURES, "--budget", "100s", "--model", tmp_path / "m.hyt", "--quiet"])
    while not (tmp_path / "m.hyt").exists():
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", table, "--output", tmp_path / "p.parquet")


def test_the_best_so_far_is_in_the_file(hayate, binary, table, tmp_path):
    """While the search goes on, candidates that are better than every learner's defaults are written too."""
    running = subprocess.Popen([binary, "automl", "--input", table, "--label", "r", *FEATURES, "--budget", "100s", "--model", tmp_path / "m.hyt", "--quiet"])
    seen, began = set(), time.monotonic()
    while len(seen) < 4 and time.monotonic() - began < 30:
        if (tmp_path / "m.hyt").exists():
            seen.add(json.loads(hayate("model", tmp_path / "m.hyt", "--json").stdout)["params"])
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert len(seen) >= 4   # a first model and the best of the defaults are two; a learner after another may add two more
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", table, "--output", tmp_path / "p.parquet")


def test_without_time_for_a_candidate_the_first_model_stays_and_it_is_said(hayate, tmp_path):
    random = np.random.default_rng(4)
    x = random.normal(size=(150_000, 40)).astype(np.float32)
    pd.DataFrame(x, columns=[f"f{i}" for i in range(40)]).assign(y=pd.qcut(x[:, 0] * x[:, 1] + x[:, 2], 4, labels=list("abcd")).astype(str)).to_parquet(tmp_path / "t.parquet")
    done = hayate("automl", "--input", tmp_path / "t.parquet", "--label", "y", "--budget", "0.4s", "--model", tmp_path / "m.hyt")
    if "no candidate ended in time" in done.stderr:
        assert "--budget" in done.stderr
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.parquet", "--output", tmp_path / "p.parquet")


@pytest.fixture(scope="module")
def long_table(tmp_path_factory):
    random = np.random.default_rng(5)
    x = random.normal(size=(600_000, 12)).astype(np.float32)
    path = tmp_path_factory.mktemp("long") / "t.parquet"
    pd.DataFrame(x, columns=[f"f{i}" for i in range(12)]).assign(y=(x[:, 0] * x[:, 1] + x[:, 2] + random.normal(size=len(x)) > 0).astype(int)).to_parquet(path)
    return path


def test_a_budget_that_ends_while_the_table_is_read_ends_there(hayate, long_table, tmp_path):
    began = time.monotonic()
    done = hayate("automl", "--input", long_table, "--label", "y", "--budget", "0.02s", "--model", tmp_path / "m.hyt", exit=4)
    assert time.monotonic() - began < 0.6   # the whole of it takes most of a second
    assert "before the table was read" in done.stderr and "--budget" in done.stderr and not (tmp_path / "m.hyt").exists()


def test_a_long_table_is_tried_on_a_sample(hayate, long_table, tmp_path):
    """All rows would leave no candidate in time; the report says what was learnt from."""
    done = hayate("automl", "--input", long_table, "--label", "y", "--budget", "2s", "--model", tmp_path / "m.hyt", "--json")
    report = json.loads(done.stdout)
    assert report["seconds"] < 2.3 and report["first_model_s"] < 1 and 4500 <= report["searched_rows"] < report["train_rows"]
    assert len(report["leaderboard"]) >= 1 and report["test"]["roc_auc"]["value"] > 0.78
    assert "candidates learnt from" in done.stderr


def test_a_long_table_with_categories_is_no_worse_than_a_default_on_all_rows(hayate, tmp_path):
    """A default model of all rows takes a small part of the budget: what is searched leaves it the time."""
    random = np.random.default_rng(6)
    rows = 240_000
    towns, lines, x = random.integers(0, 120, rows), random.integers(0, 16, rows), random.normal(size=(rows, 6)).astype(np.float32)
    score = random.normal(size=120)[towns] * x[:, 0] + random.normal(size=16)[lines] * x[:, 1] + np.sin(3 * x[:, 2]) * x[:, 3]
    frame = pd.DataFrame(x, columns=[f"f{i}" for i in range(6)]).assign(town=np.char.add("t", towns.astype(str)), line=np.char.add("l", lines.astype(str)), y=(score + random.normal(size=rows) > 0.8).astype(int),
                                                                       part=np.where(np.arange(rows) % 4 == 0, "test", "train"))
    for name, part in (("t", frame), ("train", frame[frame.part == "train"]), ("test", frame[frame.part == "test"])):
        part.to_parquet(tmp_path / f"{name}.parquet")
    features = ("--features", "f0,f1,f2,f3,f4,f5,town,line")
    began = time.monotonic()
    hayate("train", "--input", tmp_path / "train.parquet", "--label", "y", *features, "--learner", "boosting", "--params", "categorical=town;line", "--model", tmp_path / "d.hyt")
    took = time.monotonic() - began
    hayate("predict", "--model", tmp_path / "d.hyt", "--input", tmp_path / "test.parquet", "--output", tmp_path / "p.parquet")
    default = json.loads(hayate("evaluate", "--input", tmp_path / "p.parquet", "--label", "y", "--json").stdout)["metrics"]["roc_auc"]
    budget = max(4, 4 * took)
    done = hayate("automl", "--input", tmp_path / "t.parquet", "--label", "y", *features, "--split", "part", "--budget", f"{budget:.1f}s", "--model", tmp_path / "m.hyt", "--json")
    report = json.loads(done.stdout)
    assert report["test"]["roc_auc"]["value"] > default - 0.01 and report["seconds"] < budget + 0.3


@pytest.mark.parametrize("flags, words", [
    (("--objective", "minimize-rmse"), "maximize-au-roc"), (("--objective", "maximize-auroc"), "maximize-au-roc"), (("--objective", "maximize-precision-at-recall"), "--at"),
    (("--split", "0.5,0.6,0.1"), "0.8,0.1,0.1"), (("--split", "nothing"), "--split"), (("--budget", "soon"), "budget")])
def test_refusals(hayate, table, tmp_path, flags, words):
    done = hayate("automl", "--input", table, "--label", "y", *FEATURES, "--model", tmp_path / "m.hyt", *flags, exit=2)
    assert "error:" in done.stderr and "try:" in done.stderr and words in done.stderr and not (tmp_path / "m.hyt").exists()


def test_logarithms_of_negative_labels_are_refused(hayate, table, tmp_path):
    frame = pd.read_parquet(table)
    frame.assign(r=frame.r - 3).to_parquet(table)
    done = hayate("automl", "--input", table, "--label", "r", *FEATURES, "--objective", "minimize-rmsle", "--model", tmp_path / "m.hyt", exit=1)
    assert "logarithms" in done.stderr and "minimize-mae" in done.stderr and not (tmp_path / "m.hyt").exists()


def test_a_printed_spec_is_read(hayate, table, tmp_path):
    """60s is text in TOML."""
    flags = ("--input", table, "--label", "y", "--budget", "90s", "--model", tmp_path / "m.hyt", "--print-spec")
    (tmp_path / "s.toml").write_text(hayate("automl", *flags).stdout)
    assert 'budget = "90s"' in hayate("automl", "--spec", tmp_path / "s.toml", "--print-spec").stdout == (tmp_path / "s.toml").read_text()
