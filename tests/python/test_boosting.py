"""Boosting against LightGBM with the same parameters: real sets, and a ranking by date."""
import json

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import KFold

LIGHTGBM = {"num_leaves": 31, "learning_rate": 0.1, "min_data_in_leaf": 20, "min_sum_hessian_in_leaf": 1e-3, "verbose": -1, "num_threads": 2, "deterministic": True, "seed": 1}


@pytest.fixture
def ours(hayate, tmp_path):
    """ours(train, test, params, flags...) -> the predictions for test, a frame."""

    def call(train, test, params, *flags):
        train.to_parquet(tmp_path / "train.parquet")
        test.to_parquet(tmp_path / "test.parquet")
        hayate("train", "--input", tmp_path / "train.parquet", "--label", "y", "--learner", "boosting", "--params", params, "--model", tmp_path / "m.hyt", "--quiet", *flags)
        hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "test.parquet", "--output", tmp_path / "p.parquet", "--quiet")
        return pd.read_parquet(tmp_path / "p.parquet")

    return call


def frame(x, y):
    return pd.DataFrame(np.asarray(x, dtype=np.float32), columns=[f"f{i}" for i in range(x.shape[1])]).assign(y=y)


def auc(y, score):
    rank, ones = pd.Series(score).rank().to_numpy(), y == 1
    return (rank[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / (ones.sum() * (~ones).sum())


def auc_error(a, ones, zeros):
    """Standard error of an AUC (Hanley, McNeil 1982)."""
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    return np.sqrt((a * (1 - a) + (ones - 1) * (q1 - a * a) + (zeros - 1) * (q2 - a * a)) / (ones * zeros))


def out_of_fold(x, y, objective, num_classes, ours):
    """Out-of-fold predictions of both, on the same five folds."""
    columns = "prediction" if objective == "regression" else [f"probability_{c}" for c in range(num_classes)]
    mine, theirs = None, None
    for train, test in KFold(5, shuffle=True, random_state=0).split(x):
        got = ours(frame(x[train], y[train]), frame(x[test], y[test]), "num_trees=100,bins=255")[columns].to_numpy()
        params = LIGHTGBM | {"objective": objective} | ({"num_class": num_classes} if num_classes > 2 else {})
        want = lightgbm.train(params, lightgbm.Dataset(x[train], y[train]), 100).predict(x[test])
        if objective == "binary":
            want = np.column_stack([1 - want, want])
        if mine is None:
            mine, theirs = np.zeros((len(y), *got.shape[1:])), np.zeros((len(y), *want.shape[1:]))
        mine[test], theirs[test] = got, want
    return mine, theirs


@pytest.mark.parametrize("load, objective", [(load_breast_cancer, "binary"), (load_digits, "multiclass")])
def test_classes_of_a_real_set_are_found_as_lightgbm_finds_them(ours, load, objective):
    x, y = load(return_X_y=True)
    mine, theirs = out_of_fold(np.asarray(x, dtype=np.float32), y, objective, len(np.unique(y)), ours)
    rows = np.arange(len(y))
    losses = [-np.log(np.clip(p[rows, y], 1e-15, 1)) for p in (mine, theirs)]
    assert losses[0].mean() <= losses[1].mean() + losses[1].std() / np.sqrt(len(y))
    right = [(p.argmax(1) == y) for p in (mine, theirs)]
    assert right[0].mean() >= right[1].mean() - right[1].std() / np.sqrt(len(y))
    if objective == "binary":
        want = auc(y, theirs[:, 1])
        assert auc(y, mine[:, 1]) >= want - auc_error(want, (y == 1).sum(), (y == 0).sum())


def test_numbers_of_a_real_set_are_met_as_lightgbm_meets_them(ours):
    x, y = load_diabetes(return_X_y=True)
    mine, theirs = out_of_fold(np.asarray(x, dtype=np.float32), y, "regression", 0, ours)
    squares = [(p - y) ** 2 for p in (mine, theirs)]
    assert squares[0].mean() <= squares[1].mean() + squares[1].std() / np.sqrt(len(y))
    assert 1 - squares[0].mean() / y.var() > 0.3   # R2


def ndcg(grades, scores, at=10):
    discount = 1 / np.log2(np.arange(2, at + 2))
    gain = lambda order: ((2.0 ** grades[order[:at]] - 1) * discount[: len(order[:at])]).sum()
    return gain(np.argsort(-scores, kind="stable")) / gain(np.argsort(-grades, kind="stable"))


def dates_of_symbols(dates, seed):
    """40 symbols a date with grades 0 to 4 of a return that depends on two features and their product."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(dates * 40, 8))
    value = x[:, 0] + 0.7 * x[:, 1] * x[:, 2] + 0.5 * np.sin(2 * x[:, 3]) + 1.5 * random.normal(size=len(x))
    date = np.repeat(np.arange(dates), 40)
    rank = pd.Series(value).groupby(date).rank(pct=True).to_numpy()
    return frame(x, np.digitize(rank, [0.5, 0.75, 0.9, 0.975])).assign(date=date)


def test_a_ranking_is_as_good_as_lambdarank_of_lightgbm(ours):
    train, test = dates_of_symbols(250, 1), dates_of_symbols(250, 2)
    features = [f"f{i}" for i in range(8)]
    got = ours(train, test, "num_trees=60", "--problem", "ranking", "--by-date", "date", "--features", ",".join(features))["prediction"].to_numpy()
    data = lightgbm.Dataset(train[features], train["y"], group=train.groupby("date").size().to_numpy(), params={"max_bin": 64})
    want = lightgbm.train(LIGHTGBM | {"objective": "lambdarank", "max_bin": 64}, data, 60).predict(test[features])
    grades, per_date = test["y"].to_numpy(), [np.arange(i, i + 40) for i in range(0, len(test), 40)]
    mine, theirs = (np.array([ndcg(grades[rows], p[rows]) for rows in per_date]) for p in (got, want))
    difference = mine - theirs
    assert abs(difference.mean()) < 2 * difference.std() / np.sqrt(len(difference)) + 0.002, f"NDCG@10 {mine.mean():.4f}, LightGBM {theirs.mean():.4f}"
    assert mine.mean() > np.mean([ndcg(grades[rows], np.random.default_rng(3).normal(size=40)) for rows in per_date]) + 0.1


def test_names_of_few_rows_each_do_no_harm(ours):
    """A column of 1,500 names that say nothing: in deep leaves each of them has a row or two."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(24_000, 4))
    y = (x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(size=len(x)) > 0.5).astype(np.int64)
    table = frame(x, y).assign(name=[f"n{i}" for i in rng.zipf(1.3, len(x)) % 1500])
    train, test = table[:4000], table[4000:]
    mine = auc(test["y"].to_numpy(), ours(train, test, "num_trees=100,categorical=name")["probability_1"])
    coded = table.assign(name=table["name"].astype("category"))
    model = lightgbm.train(LIGHTGBM | {"objective": "binary"}, lightgbm.Dataset(coded[:4000].drop(columns="y"), train["y"]), 100)
    theirs = auc(test["y"].to_numpy(), model.predict(coded[4000:].drop(columns="y")))
    assert mine > theirs - auc_error(theirs, (test["y"] == 1).sum(), (test["y"] == 0).sum())
