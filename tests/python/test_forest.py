"""Forests against scikit-learn: one exact tree is the same tree; out-of-bag scores and class weights agree; and the flags around them."""
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

WHOLE = "num_trees=1,bootstrap=false,max_features=all,bins=exact"


def frame(x, y):
    return pd.DataFrame(np.asarray(x, dtype=np.float32), columns=[f"f{i}" for i in range(x.shape[1])]).assign(y=y)


@pytest.fixture
def train(hayate, tmp_path):
    """train(frame, params, flags...) -> what --json says; the model is model.hyt."""

    def call(table, params, *flags, model="model.hyt"):
        table.to_parquet(tmp_path / "train.parquet")
        return json.loads(hayate("train", "--input", tmp_path / "train.parquet", "--label", "y", "--learner", "forest", "--params", params, "--seed", "3",
                                 "--model", tmp_path / model, "--json", *flags).stdout)

    return call


@pytest.fixture
def predict(hayate, tmp_path):
    def call(table, *flags, model="model.hyt"):
        table.to_parquet(tmp_path / "test.parquet")
        hayate("predict", "--model", tmp_path / model, "--input", tmp_path / "test.parquet", "--output", tmp_path / "p.parquet", *flags)
        return pd.read_parquet(tmp_path / "p.parquet")

    return call


def numbers(seed, kind):
    r = np.random.default_rng(seed)
    x = r.normal(size=(400, 6)).astype(np.float32)
    y = x[:, 0] * 2 + np.abs(x[:, 1]) + 0.3 * r.normal(size=400)
    return x, np.floor(np.exp(y / 2)) if kind == "poisson" else y


@pytest.mark.parametrize("kind", ["squared_error", "absolute_error", "poisson"])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_exact_regression_tree_is_scikit_learns(train, predict, kind, seed):
    x, y = numbers(seed, kind)
    test, _ = numbers(seed + 10, kind)
    w = np.random.default_rng(seed).random(len(y)).astype(np.float32) + 0.5   # no two features have the same gain by chance
    for depth, leaf in ((1, 1), (3, 1), (6, 5)):
        params = f"{WHOLE},criterion={kind},max_depth={depth},min_samples_leaf={leaf},min_samples_split={2 * leaf}"
        train(frame(x, y.astype(float)).assign(w=w), params, "--weight", "w", "--problem", "regression")
        peer = DecisionTreeRegressor(criterion=kind, max_depth=depth, min_samples_leaf=leaf, random_state=0).fit(x, y, w)
        # Below the root on the training rows: two features that part these alike may part other rows differently.
        rows = test if depth == 1 else x
        np.testing.assert_allclose(predict(frame(rows, 0.0))["prediction"], peer.predict(rows), rtol=1e-6)


@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_digits])
def test_an_exact_classification_tree_is_scikit_learns(train, predict, load, criterion):
    x, y = load(return_X_y=True)
    w = np.random.default_rng(0).random(len(y)).astype(np.float32) + 0.5   # no two features have the same gain by chance
    x, _, y, _, w, _ = train_test_split(x, y, w, random_state=0)
    for depth in (1, 3):
        params = f"{WHOLE},criterion={criterion},max_depth={depth},min_samples_leaf=8,min_samples_split=16"
        train(frame(x, y).assign(w=w), params, "--weight", "w")
        peer = DecisionTreeClassifier(criterion=criterion, max_depth=depth, min_samples_leaf=8, random_state=0).fit(x, y, w)
        # On the training rows: two features that part them alike may part other rows differently.
        ours = predict(frame(x, 0))[[f"probability_{c}" for c in range(y.max() + 1)]].to_numpy()
        np.testing.assert_allclose(ours, peer.predict_proba(x), atol=1e-9)


def test_pruning_options_are_scikit_learns(train, predict):
    x, y = numbers(5, "squared_error")
    for ours, theirs in (("max_leaf_nodes=12", {"max_leaf_nodes": 12}), ("min_impurity_decrease=0.02", {"min_impurity_decrease": 0.02}), ("ccp_alpha=0.01", {"ccp_alpha": 0.01})):
        train(frame(x, y), f"{WHOLE},max_depth=0,min_samples_leaf=3,min_samples_split=6,{ours}", "--problem", "regression")
        peer = DecisionTreeRegressor(min_samples_leaf=3, random_state=0, **theirs).fit(x, y)
        np.testing.assert_allclose(predict(frame(x, y))["prediction"], peer.predict(x), rtol=1e-6)


def test_monotone_trees_are_scikit_learns(train, predict):
    x, y = numbers(6, "squared_error")
    train(frame(x, y), f"{WHOLE},max_depth=5,min_samples_leaf=5,min_samples_split=10,monotone=f0:-1;f1:1", "--problem", "regression")
    peer = DecisionTreeRegressor(max_depth=5, min_samples_leaf=5, monotonic_cst=[-1, 1, 0, 0, 0, 0], random_state=0).fit(x, y)
    np.testing.assert_allclose(predict(frame(x, y))["prediction"], peer.predict(x), rtol=1e-6)


def test_missing_values_go_where_scikit_learn_sends_them(train, predict):
    x, y = numbers(7, "squared_error")
    x[np.random.default_rng(1).random(x.shape) < 0.1] = np.nan
    y = y + np.where(np.isnan(x[:, 0]), 3, 0)
    train(frame(x, y), f"{WHOLE},max_depth=3,min_samples_leaf=5,min_samples_split=10", "--problem", "regression")
    peer = DecisionTreeRegressor(max_depth=3, min_samples_leaf=5, random_state=0).fit(x, y)
    np.testing.assert_allclose(predict(frame(x, y))["prediction"], peer.predict(x), rtol=1e-6)


@pytest.mark.parametrize("weight", ["balanced", "balanced_subsample", {0: 1.0, 1: 6.0}])
def test_class_weights_move_probabilities_as_in_scikit_learn(train, predict, weight):
    x, y = load_breast_cancer(return_X_y=True)
    keep = (y == 0) | (np.arange(len(y)) % 5 == 0)
    x, test, y, _ = train_test_split(x[keep], y[keep], random_state=0)
    text = weight if isinstance(weight, str) else ";".join(f"{c}:{w}" for c, w in weight.items())
    train(frame(x, y), f"num_trees=200,max_depth=3,class_weight={text}")
    peer = RandomForestClassifier(200, max_depth=3, class_weight=weight, random_state=0).fit(x, y)
    assert abs(predict(frame(test, 0))["probability_1"].mean() - peer.predict_proba(test)[:, 1].mean()) < 0.04


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_diabetes])
def test_out_of_bag_scores_are_scikit_learns(train, tmp_path, load):
    x, y = load(return_X_y=True)
    classes = load is not load_diabetes
    said = train(frame(x, y), "num_trees=200,max_depth=0,oob_score=true", "--problem", "classification" if classes else "regression", "--oob", tmp_path / "oob.parquet")
    peer = (RandomForestClassifier if classes else RandomForestRegressor)(200, oob_score=True, random_state=0, **({} if classes else {"max_features": 1 / 3})).fit(x, y)
    assert abs(said["oob_score"] - peer.oob_score_) < 0.03
    table = pd.read_parquet(tmp_path / "oob.parquet")
    score = (accuracy_score if classes else r2_score)(table["y"], table["prediction"])
    assert said["oob_rows"] == len(x) and abs(score - said["oob_score"]) < 1e-9


def test_extra_trees_learn_as_scikit_learns(train, predict):
    x, y = load_diabetes(return_X_y=True)
    x, test, y, test_y = train_test_split(x, y, random_state=1)
    for bins in ("64", "exact"):
        train(frame(x, y), f"num_trees=300,max_depth=0,splitter=random,bootstrap=false,max_features=all,min_samples_leaf=4,min_samples_split=8,bins={bins}", "--problem", "regression")
        ours = r2_score(test_y, predict(frame(test, 0.0))["prediction"])
        theirs = r2_score(test_y, ExtraTreesRegressor(300, min_samples_leaf=4, random_state=0).fit(x, y).predict(test))
        assert abs(ours - theirs) < 0.03


def test_text_categories_are_learnt_and_unknown_ones_predicted(train, predict, tmp_path, hayate):
    r = np.random.default_rng(2)
    sector = np.array(["Energy", "Bank, small", "Tech\n", "Häuser", "Food"])[r.integers(0, 5, 600)]
    table = pd.DataFrame({"sector": sector, "x": r.normal(size=600)}).assign(y=lambda t: np.isin(t["sector"], ["Bank, small", "Häuser"]) * 2.0 + 0.1 * t["x"])
    for bins in ("64", "exact"):
        train(table, f"num_trees=20,max_depth=4,categorical=sector,max_features=all,bins={bins}", "--problem", "regression")
        assert r2_score(table["y"], predict(table)["prediction"]) > 0.97
        unknown = predict(table.assign(sector="Never seen"))["prediction"]
        assert np.isfinite(unknown).all()
        np.testing.assert_array_equal(unknown, predict(table.assign(sector=pd.Series([None] * 600, dtype=object).astype("string")))["prediction"])
    assert "expected numbers" in hayate("train", "--input", tmp_path / "train.parquet", "--label", "y", "--learner", "forest", "--model", tmp_path / "n.hyt", exit=1).stderr


def test_warm_start_gives_the_bytes_of_one_training(train, tmp_path, hayate):
    x, y = load_wine(return_X_y=True)
    train(frame(x, y), "num_trees=10", model="ten.hyt")
    train(frame(x, y), "num_trees=25", model="cold.hyt")
    train(frame(x, y), "num_trees=25", "--warm-start", tmp_path / "ten.hyt", model="warm.hyt")
    assert (tmp_path / "warm.hyt").read_bytes() == (tmp_path / "cold.hyt").read_bytes()
    for flags, word in ((["--params", "num_trees=25,max_depth=3", "--seed", "3"], "params"), (["--params", "num_trees=25", "--seed", "4"], "seed"), (["--params", "num_trees=5", "--seed", "3"], "10 trees")):
        error = hayate("train", "--input", tmp_path / "train.parquet", "--label", "y", "--learner", "forest", "--model", tmp_path / "no.hyt", "--warm-start", tmp_path / "ten.hyt", *flags, exit=2).stderr
        assert word in error and not (tmp_path / "no.hyt").exists()


@pytest.mark.parametrize("params", ["num_trees=10", "num_trees=10,bins=exact", "num_trees=10,splitter=random", "num_trees=10,criterion=entropy"])
def test_the_order_of_columns_changes_nothing(train, predict, params):
    x, y = numbers(5, "squared_error")
    table = frame(x, (y > 1).astype(int)).rename(columns={"f2": "f10", "f4": "age"})
    other = table[["age", "y", "f3", "f10", "f0", "f5", "f1"]]
    train(table, params)
    one = predict(table)["probability_1"]
    train(other, params)
    assert (predict(other)["probability_1"] == one).all()


def test_leaves_and_keys(train, predict):
    x, y = load_breast_cancer(return_X_y=True)
    table = frame(x, y).assign(key=np.where(np.arange(len(y)) % 2, "odd", "even"))
    train(table, "num_trees=4,max_depth=3,oob_score=true", "--key", "key")
    leaves = predict(table, "--leaves")
    assert {"leaf_0", "leaf_3"} <= set(leaves.columns) and "leaf_4" not in leaves.columns
    for name in ("leaf_0", "leaf_3"):
        assert leaves.groupby(["key", name])["probability_1"].nunique().max() >= 1 and leaves[name].max() < 15
    assert roc_auc_score(y, leaves["probability_1"]) > 0.97


@pytest.mark.parametrize("learner, bins", [("forest", "64"), ("forest", "exact"), ("boosting", "255")])
@pytest.mark.parametrize("text", [False, True])
def test_of_too_many_categories_the_frequent_are_known(hayate, tmp_path, learner, bins, text):
    """300 categories with many rows or few: the frequent ones are learnt, the others are predicted as a missing or unknown one is."""
    rng = np.random.default_rng(1)
    code = np.concatenate([rng.integers(0, 200, 8000), rng.integers(200, 300, 300)])
    names = np.array([f"id{c}" for c in code]) if text else code * 3
    table = pd.DataFrame({"c": names, "x": rng.normal(size=len(code)), "y": rng.normal(size=300)[code] * (code < 200)})
    table.to_parquet(tmp_path / "t.parquet")
    done = hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--learner", learner, "--params", f"categorical=c,num_trees=100,bins={bins}", "--model", tmp_path / "m.hyt")
    assert "feature 'c' has 254 categories or more" in done.stderr

    def predicted(rows, name):
        rows.to_parquet(tmp_path / f"{name}.parquet")
        hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / f"{name}.parquet", "--output", tmp_path / f"{name}.out.parquet")
        return pd.read_parquet(tmp_path / f"{name}.out.parquet")["prediction"].to_numpy()

    frequent = code < 200
    assert r2_score(table["y"][frequent], predicted(table, "t")[frequent]) > 0.9
    counts = pd.Series(code).value_counts()
    rare = np.isin(code, counts.index[counts < np.sort(counts.to_numpy())[::-1][253]])
    assert 0 < rare.sum()
    new = table[rare].assign(c="nobody" if text else -7)
    missing = table[rare].assign(c=pd.array([None] * rare.sum(), dtype="string" if text else "float64"))
    assert (predicted(table[rare], "rare") == predicted(new, "new")).all() and (predicted(new, "new") == predicted(missing, "missing")).all()


@pytest.mark.parametrize("command", ["train", "tune"])
def test_categories_that_float32_takes_for_one_another_are_refused(hayate, tmp_path, command):
    """20 ids from a billion on are 1 or 2 different float32: as text they are learnt."""
    rng = np.random.default_rng(0)
    code = rng.integers(0, 20, 2000)
    table = pd.DataFrame({"id": code + 10**9, "x": rng.normal(size=2000), "y": rng.normal(size=20)[code]})
    table.to_parquet(tmp_path / "t.parquet")
    flags = [command, "--input", tmp_path / "t.parquet", "--label", "y", "--learner", "forest", "--params", "categorical=id"]
    flags += ["--model", tmp_path / "m.hyt"] if command == "train" else ["--space", "num_trees=choice(20,30)", "--trials", "2", "--output", tmp_path / "s"]
    said = hayate(*flags, exit=1).stderr
    assert "16777216" in said and "--types 'id=text'" in said
    hayate(*flags, "--types", "id=text")
    if command == "train":
        hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.parquet", "--types", "id=text", "--output", tmp_path / "p.parquet")
        assert r2_score(table["y"], pd.read_parquet(tmp_path / "p.parquet")["prediction"]) > 0.99
    table.assign(id=code * 1024 + 2**30).to_parquet(tmp_path / "t.parquet")  # float32 holds each of them
    hayate(*flags[:-1], str(flags[-1]) + "2")


@pytest.mark.parametrize("weight, shown", [(-1.0, "-1"), (np.inf, "inf"), (1e300, "1e+300")])
def test_weights_that_are_none_are_named(hayate, tmp_path, weight, shown):
    table = pd.DataFrame({"x": np.arange(50.0), "y": np.arange(50) % 2, "w": 1.0})
    table.loc[7, "w"] = weight
    table.loc[3, "w"] = np.nan
    table.to_parquet(tmp_path / "t.parquet")
    said = hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--learner", "boosting", "--weight", "w", "--model", tmp_path / "m.hyt", exit=1).stderr
    assert f"the weight 'w' of row 8 is {shown}" in said and "t.parquet" in said
