"""Calibrated probabilities against scikit-learn's formulas on the same predictions, which must be of rows left out of training."""
import warnings

import numpy as np
import pandas as pd
import pytest

sklearn_calibration = pytest.importorskip("sklearn.calibration")
from sklearn.isotonic import IsotonicRegression

FEATURES = [f"f{i}" for i in range(5)]


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1500, len(FEATURES))).astype(np.float32)
    signal = x[:, 0] * x[:, 1] + x[:, 2] + rng.normal(size=len(x))
    frame = pd.DataFrame(x, columns=FEATURES)
    frame["two"] = np.where(signal > 0.5, "yes", "no")
    frame["three"] = np.digitize(signal, [-0.8, 0.8])
    frame["number"] = signal
    frame["w"] = rng.integers(1, 4, len(x)).astype(float)
    frame["day"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 60, len(x))), unit="D")
    frame["row"] = np.arange(len(x))
    frame.to_parquet(tmp_path / "table.parquet")
    return frame


@pytest.fixture
def fitted(hayate, table, tmp_path):
    """fitted(rows, name, label, learner, ...): the model trained on some rows, and fitted.predict(model, rows)."""

    def train(rows, name, label, learner, params, *flags, exit=0):
        rows.to_parquet(tmp_path / f"{name}.parquet")
        hayate("train", "--input", tmp_path / f"{name}.parquet", "--label", label, "--features", ",".join(FEATURES), "--learner", learner, "--params",
               params, "--problem", "classification", "--model", tmp_path / f"{name}.hyt", *flags, exit=exit)
        return tmp_path / f"{name}.hyt"

    def predict(model, rows):
        rows.to_parquet(tmp_path / "rows.parquet")
        hayate("predict", "--model", model, "--input", tmp_path / "rows.parquet", "--output", tmp_path / "out.parquet")
        return pd.read_parquet(tmp_path / "out.parquet").filter(like="probability_").to_numpy()

    train.predict = predict
    return train


def maps(method, inputs, classes, weights=None):
    """What scikit-learn fits to each column: functions."""
    out = []
    for k in range(inputs.shape[1]):
        positive = (classes == (k if inputs.shape[1] > 1 else 1)).astype(float)
        if method == "platt":
            out.append(sklearn_calibration._SigmoidCalibration().fit(inputs[:, k], positive, weights).predict)
        else:
            out.append(IsotonicRegression(out_of_bounds="clip").fit(inputs[:, k], positive, weights).predict)
    return out


def calibrated(functions, inputs):
    p = np.stack([function(inputs[:, k]) for k, function in enumerate(functions)], axis=1)
    return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p / p.sum(axis=1, keepdims=True)


def scores(probabilities):
    return np.log(probabilities[:, 1:] / probabilities[:, :1])


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize("label", ["two", "three"])
@pytest.mark.parametrize("weight", [False, True])
def test_a_forest_is_calibrated_out_of_the_bag(fitted, table, tmp_path, method, label, weight):
    """...for the model itself is the one without calibration, and the maps are scikit-learn's of its out-of-bag shares."""
    flags = ["--weight", "w"] if weight else []
    params = "num_trees=60,max_depth=6"
    plain = fitted(table, "plain", label, "forest", params + ",oob_score=true", "--oob", tmp_path / "oob.parquet", *flags)
    ours = fitted.predict(fitted(table, "calibrated", label, "forest", params, "--calibration", method, *flags), table)
    share = pd.read_parquet(tmp_path / "oob.parquet").filter(like="probability_").to_numpy()
    one = lambda p: p[:, 1:] if p.shape[1] == 2 else p
    classes = np.unique(table[label], return_inverse=True)[1]
    known = ~np.isnan(share[:, 0])
    functions = maps(method, one(share)[known], classes[known], table["w"].to_numpy()[known] if weight else None)
    expected = calibrated(functions, one(fitted.predict(plain, table)))
    assert np.abs(ours - expected).max() < (2e-5 if method == "platt" else 1e-9)   # scikit-learn's search for the sigmoid stops at 1e-5


@pytest.mark.parametrize("learner,params", [("boosting", "num_trees=20,num_leaves=7"), ("logistic", "")])
@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize("by_date", [False, True])
def test_others_are_calibrated_on_rows_left_out(fitted, table, learner, params, method, by_date):
    """Five parts with the classes spread evenly, or six spans of dates of which each but the first is predicted by a model of those before."""
    classes = (table["two"] == "yes").to_numpy().astype(int)
    if by_date:
        days = np.unique(table["day"])
        part = np.searchsorted(days, table["day"]) * 6 // len(days) - 1
    else:
        part = np.zeros(len(table), int)
        for c in (0, 1):
            part[classes == c] = np.arange((classes == c).sum()) % 5
    inputs = np.full((len(table), 1), np.nan)
    for k in range(5):
        model = fitted(table[part < k if by_date else part != k], f"part{k}", "two", learner, params)
        inputs[part == k] = scores(fitted.predict(model, table[part == k]))
    known = ~np.isnan(inputs[:, 0])
    assert known.all() != by_date
    functions = maps(method, inputs[known], classes[known])
    plain = fitted(table, "plain", "two", learner, params)
    ours = fitted.predict(fitted(table, "own", "two", learner, params, "--calibration", method, *(["--by-date", "day"] if by_date else [])), table)
    assert np.abs(ours - calibrated(functions, scores(fitted.predict(plain, table)))).max() < (5e-5 if method == "platt" else 1e-8)


def test_calibration_is_refused_where_there_is_none(fitted, hayate, table, tmp_path):
    table.to_parquet(tmp_path / "t.parquet")
    said = hayate("train", "--input", tmp_path / "t.parquet", "--label", "number", "--features", "f0", "--learner", "forest", "--model", tmp_path / "m.hyt",
                  "--calibration", "platt", exit=2).stderr
    assert "regression" in said and "--calibration" in said
    fitted(table.assign(two=["yes"] + ["no"] * (len(table) - 1)), "rare", "two", "boosting", "num_trees=3", "--calibration", "isotonic", exit=None)


@pytest.mark.parametrize("label", ["two", "three"])
def test_sigmoids_are_exported(fitted, hayate, table, tmp_path, label):
    onnxruntime = pytest.importorskip("onnxruntime")
    for learner, params in (("forest", "num_trees=20,max_depth=5"), ("boosting", "num_trees=20,num_leaves=7"), ("logistic", "")):
        model = fitted(table, "m", label, learner, params, "--calibration", "platt")
        hayate("export", "--model", model, "--to", "onnx", "--output", tmp_path / "m.onnx")
        far = table.assign(f0=table["f0"].where(table["row"] % 9 > 0, 1e30))  # no map says more than 0
        said = onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).run(["probabilities"], {"input": far[FEATURES].to_numpy(np.float32)})[0]
        assert np.abs(said - fitted.predict(model, far)).max() < 1e-6


@pytest.mark.parametrize("label", ["two", "three"])
@pytest.mark.parametrize("learner, params", [("forest", "num_trees=20,max_depth=5"), ("forest", "num_trees=1,bootstrap=true"), ("boosting", "num_trees=60,num_leaves=7"),
                                             ("boosting", "num_trees=2,num_leaves=2"), ("logistic", "")])
def test_steps_are_exported(fitted, hayate, table, tmp_path, learner, params, label):
    """Isotonic maps jump: scores must agree to more digits than float32 has, on the training rows, where the knots are, as well."""
    onnxruntime = pytest.importorskip("onnxruntime")
    model = fitted(table, "m", label, learner, params, "--calibration", "isotonic")
    hayate("export", "--model", model, "--to", "onnx", "--output", tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    rng = np.random.default_rng(8)
    new = pd.DataFrame(rng.normal(size=(20_000, len(FEATURES))).astype(np.float32), columns=FEATURES)
    new.iloc[::50, 0] = np.nan
    new.iloc[1::50, 1] = 1e30
    for rows in (table, new, table[:1]):
        names, said = session.run(["label", "probabilities"], {"input": rows[FEATURES].to_numpy(np.float32)})
        own = fitted.predict(model, rows)
        assert np.abs(said - own).max() < 1e-6
        sure = np.sort(own, axis=1)[:, -1] - np.sort(own, axis=1)[:, -2] > 1e-6
        assert (names[sure] == (np.array(["no", "yes"]) if label == "two" else np.arange(3))[own.argmax(axis=1)][sure]).all()


def test_calibrations_that_a_format_cannot_say_are_refused(fitted, hayate, table, tmp_path):
    for label, method in (("two", "isotonic"), ("three", "isotonic"), ("three", "platt")):
        model = fitted(table, "m", label, "forest", "num_trees=5", "--calibration", method)
        said = hayate("export", "--model", model, "--to", "lightgbm", "--output", tmp_path / "m.out", exit=2).stderr
        assert "calibration" in said and "--to onnx" in said


def test_infinite_features_are_no_crash(fitted, table):
    """A logistic model of infinite features has scores that are no numbers; they have no place between knots."""
    model = fitted(table, "m", "two", "logistic", "", "--calibration", "isotonic")
    own = fitted.predict(model, table[:4].assign(f0=np.inf, f1=-np.inf, f2=[np.inf, -np.inf] * 2, f3=[np.inf, np.inf, -np.inf, -np.inf]))
    assert np.isnan(own).any() or ((own >= 0) & (own <= 1)).all()


def test_same_bytes_for_any_workers(fitted, table):
    for learner in ("forest", "boosting", "logistic"):
        one, many = (fitted(table, f"w{n}", "three", learner, "", "--calibration", "isotonic", "--workers", n).read_bytes() for n in (1, 8))
        assert one == many
