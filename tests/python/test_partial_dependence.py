"""Partial dependence against scikit-learn's, computed with the same model: an estimator whose predictions are the command's."""
import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn")
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.inspection import partial_dependence

FEATURES = ["a", "b", "few"]


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(300, 2)).astype(np.float32), columns=["a", "b"])
    frame["few"] = rng.integers(0, 4, len(frame)).astype(np.float32)
    signal = frame["a"] * frame["b"] + frame["few"] + 0.2 * rng.normal(size=len(frame))
    frame["number"], frame["two"], frame["three"] = signal, (signal > 1).astype(int), np.digitize(signal, [0.5, 2])
    frame.to_parquet(tmp_path / "table.parquet")
    return frame


def estimator(hayate, folder, label):
    class Command((RegressorMixin if label == "number" else ClassifierMixin), BaseEstimator):
        def fit(self, x, y):
            return self

        def __sklearn_is_fitted__(self):
            return True

        def answer(self, x):
            pd.DataFrame(np.asarray(x, np.float32), columns=FEATURES).to_parquet(folder / "x.parquet")
            hayate("predict", "--model", folder / "m.hyt", "--input", folder / "x.parquet", "--output", folder / "p.parquet")
            return pd.read_parquet(folder / "p.parquet")

    if label == "number":
        Command.predict = lambda self, x: self.answer(x)["prediction"].to_numpy()
    else:
        Command.predict_proba = lambda self, x: self.answer(x).filter(like="probability_").to_numpy()
        Command.classes_ = np.arange(2 if label == "two" else 3)
    return Command()


@pytest.mark.parametrize("label", ["number", "two", "three"])
@pytest.mark.parametrize("learner", ["forest", "boosting"])
def test_equals_scikit_learn(hayate, table, tmp_path, label, learner):
    hayate("train", "--input", tmp_path / "table.parquet", "--label", label, "--features", ",".join(FEATURES), "--learner", learner, "--params",
           "num_trees=10,max_depth=4", "--model", tmp_path / "m.hyt")
    ask = lambda *flags: json.loads(hayate("importance", "--model", tmp_path / "m.hyt", "--method", "partial_dependence", "--input",
                                           tmp_path / "table.parquet", "--grid", 6, "--json", *flags).stdout)
    command, x = estimator(hayate, tmp_path, label), table[FEATURES].to_numpy(np.float64)
    alone = ask()
    assert alone["outputs"] == {"number": [""], "two": ["1"], "three": ["0", "1", "2"]}[label]
    for place, one in enumerate(alone["dependence"]):
        expected = partial_dependence(command, x, [place], grid_resolution=6, method="brute", kind="average")
        assert one["features"] == [FEATURES[place]]
        assert np.allclose(one["grid"][0], expected["grid_values"][0], rtol=1e-12)
        assert np.allclose(one["mean"], expected["average"][-len(one["mean"]):], atol=1e-9)   # of two classes the second one's
    assert [one["feature"] for one in alone["importance"]][-1] in FEATURES
    pair = ask("--features", "few,a", "--pair")["dependence"][0]
    expected = partial_dependence(command, x, [2, 0], grid_resolution=6, method="brute", kind="average")
    assert np.allclose(pair["mean"], expected["average"][-len(pair["mean"]):].reshape(len(pair["mean"]), -1), atol=1e-9)


def test_plot_table_workers_and_errors(hayate, table, tmp_path):
    hayate("train", "--input", tmp_path / "table.parquet", "--label", "number", "--features", ",".join(FEATURES), "--learner", "forest", "--params",
           "num_trees=10", "--model", tmp_path / "m.hyt")
    call = lambda *flags, exit=0: hayate("importance", "--model", tmp_path / "m.hyt", "--method", "partial_dependence", "--input",
                                         tmp_path / "table.parquet", *flags, exit=exit)
    one, many = (call("--json", "--workers", n, "--output", tmp_path / f"{n}.csv", "--plot", tmp_path / f"{n}.svg").stdout for n in (1, 8))
    assert one == many
    assert (tmp_path / "1.svg").read_text().count("<title") >= 3
    points = pd.read_csv(tmp_path / "1.csv")
    assert list(points.columns) == ["feature", "value", "mean"] and len(points) == 100 + 100 + 4
    call("--features", "a,few", "--pair", "--output", tmp_path / "pair.csv", "--grid", 5, "--plot", tmp_path / "pair.svg")
    assert list(pd.read_csv(tmp_path / "pair.csv").columns) == ["feature_1", "value_1", "feature_2", "value_2", "mean"]
    assert "did you mean 'few'" in call("--features", "fwe", exit=2).stderr
    assert "--pair" in call("--features", "a", "--pair", exit=2).stderr
