"""--learner linear and --learner logistic: the coefficients of scikit-learn, read back as predictions of the zero row and the unit rows."""
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROWS, WIDTH = 700, 8
NAMES = [f"f{i}" for i in range(WIDTH)]


def table(seed, missing=False):
    random = np.random.default_rng(seed)
    x = random.normal(size=(ROWS, WIDTH)) @ random.normal(size=(WIDTH, WIDTH)) + random.normal(size=WIDTH) * 5
    y = x @ random.normal(size=WIDTH) + 3 * random.normal(size=ROWS)
    if missing:
        x[random.uniform(size=x.shape) < 0.05] = np.nan
    return x.astype(np.float32).astype(float), y


@pytest.fixture
def fit(hayate, tmp_path):
    """fit(x, y, learner, params, weight) -> predict(x), the model of that."""
    def call(x, y, learner, params="", weight=None):
        frame = pd.DataFrame(x.astype(np.float32), columns=NAMES).assign(y=y)
        if weight is not None:
            frame["w"] = weight
        frame.to_parquet(tmp_path / "train.parquet")
        hayate("train", "--input", tmp_path / "train.parquet", "--label", "y", "--learner", learner, "--params", params, "--model", tmp_path / "m.hyt", "--quiet",
               *(["--weight", "w"] if weight is not None else []))

        def predict(rows):
            pd.DataFrame(rows.astype(np.float32), columns=NAMES).to_parquet(tmp_path / "rows.parquet")
            hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "rows.parquet", "--output", tmp_path / "p.parquet", "--quiet")
            out = pd.read_parquet(tmp_path / "p.parquet")
            return out[[c for c in out if c.startswith("probability_")]].to_numpy() if learner == "logistic" else out["prediction"].to_numpy()
        return predict
    return call


def coefficients(predict):
    at = predict(np.vstack([np.zeros(WIDTH), np.eye(WIDTH)]))
    return np.r_[at[0], at[1:] - at[0]]


def expected(model):
    return np.r_[model.intercept_, model.coef_.ravel()]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("params, peer", [
    ("", LinearRegression()),
    ("l2=50,standardize=false", Ridge(50, tol=1e-12, solver="cholesky")),
    ("l1=70,standardize=false", Lasso(70 / ROWS, tol=1e-14, max_iter=100_000)),
    ("l1=35,l2=20,standardize=false", ElasticNet(55 / ROWS, l1_ratio=35 / 55, tol=1e-14, max_iter=100_000)),
    ("l2=55,l1_ratio=0.4,standardize=false", ElasticNet(55 / ROWS, l1_ratio=0.4, tol=1e-14, max_iter=100_000)),
])
def test_linear_equals_scikit_learn(fit, params, peer, weighted):
    x, y = table(1)
    weight = np.random.default_rng(5).integers(0, 4, ROWS).astype(float) if weighted else None
    if weighted and not isinstance(peer, (LinearRegression, Ridge)):
        weight *= ROWS / weight.sum()   # Lasso divides by the sum of the weights
        weight = weight.astype(np.float32).astype(float)
    peer.fit(x, y, sample_weight=weight)
    np.testing.assert_allclose(coefficients(fit(x, y, "linear", params, weight)), expected(peer), rtol=1e-6, atol=1e-6)


def test_scalers_and_missing_values_are_of_the_training_rows(fit):
    x, y = table(2, missing=True)
    peer = make_pipeline(SimpleImputer(), StandardScaler(), Ridge(100, solver="cholesky")).fit(x[:500], y[:500])
    np.testing.assert_allclose(fit(x[:500], y[:500], "linear", "l2=100")(x[500:]), peer.predict(x[500:]), rtol=1e-6, atol=1e-6)


def test_dependent_features_share_as_the_shortest_solution_does(fit):
    x, y = table(3)
    x[:, 3], x[:, 5] = x[:, 1], 7.0
    peer = LinearRegression().fit(x, y)
    np.testing.assert_allclose(coefficients(fit(x, y, "linear", "standardize=false")), expected(peer), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("params, settings", [("l2=1", {"C": 1.0}), ("l2=40", {"C": 1 / 40}), ("l2=0.01", {"C": 100.0})])
def test_logistic_equals_scikit_learn(fit, classes, weighted, params, settings):
    x, y = table(4)
    x = (x / x.std(0)).astype(np.float32).astype(float)
    label = pd.qcut(y, classes, labels=False)
    weight = np.random.default_rng(5).integers(1, 4, ROWS).astype(float) if weighted else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = LogisticRegression(**settings, tol=1e-13, max_iter=200_000, solver="newton-cg").fit(x, label, sample_weight=weight)
    got = fit(x, label, "logistic", params + ",standardize=false", weight)
    np.testing.assert_allclose(got(x), peer.predict_proba(x), atol=1e-6)
    if classes == 2:
        p = got(np.vstack([np.zeros(WIDTH), np.eye(WIDTH)]))
        score = np.log(p[:, 1] / p[:, 0])
        np.testing.assert_allclose(np.r_[score[0], score[1:] - score[0]], expected(peer), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_sparse_logistic_equals_scikit_learn(fit, classes):
    x, y = table(6)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32).astype(float)
    label = pd.qcut(y, classes, labels=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = LogisticRegression(C=1 / 30, l1_ratio=1.0, penalty="elasticnet", tol=1e-10, max_iter=100_000, solver="saga").fit(x, label)
    np.testing.assert_allclose(fit(x, label, "logistic", "l1=30,l2=0,standardize=false")(x), peer.predict_proba(x), atol=1e-5)


def test_infinite_values_are_refused(hayate, tmp_path):
    x, y = table(7)
    frame = pd.DataFrame(x, columns=NAMES).assign(y=y)
    frame.loc[3, "f2"] = np.inf
    frame.to_parquet(tmp_path / "t.parquet")
    done = hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--learner", "linear", "--model", tmp_path / "m.hyt", exit=1)
    assert "infinite" in done.stderr and not (tmp_path / "m.hyt").exists()


def test_same_bytes_for_any_worker_count(hayate, tmp_path):
    random = np.random.default_rng(8)
    x = random.normal(size=(9000, WIDTH)).astype(np.float32)
    pd.DataFrame(x, columns=NAMES).assign(y=(x[:, 0] + random.normal(size=9000) > 0).astype(int)).to_parquet(tmp_path / "t.parquet")
    blobs = set()
    for workers in (1, 2, 5):
        hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--learner", "logistic", "--workers", workers, "--model", tmp_path / "m.hyt")
        blobs.add((tmp_path / "m.hyt").read_bytes())
    assert len(blobs) == 1


def test_logistic_of_many_unequal_classes(hayate, tmp_path):
    """120 classes, some with hundreds of rows and some with one: the probabilities of scikit-learn's penalised maximum."""
    rng = np.random.default_rng(2)
    classes, x = 120, rng.normal(size=(2000, 12)).astype(np.float32)
    y = np.minimum((rng.exponential(size=len(x)) * classes / 8).astype(int), classes - 1)
    y[:classes] = np.arange(classes)
    pd.DataFrame(x, columns=[f"f{i}" for i in range(12)]).assign(y=y).to_parquet(tmp_path / "t.parquet")
    hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--problem", "classification", "--learner", "logistic", "--params", "l2=1,standardize=false", "--model", tmp_path / "m.hyt")
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.parquet", "--output", tmp_path / "p.parquet")
    predicted = pd.read_parquet(tmp_path / "p.parquet")[[f"probability_{k}" for k in range(classes)]].to_numpy()
    theirs = LogisticRegression(C=1, tol=1e-8, max_iter=3000).fit(x.astype(float), y).predict_proba(x.astype(float))
    np.testing.assert_allclose(predicted, theirs, atol=1e-4)
    np.testing.assert_allclose(predicted.sum(0), np.bincount(y), atol=1e-6)   # what free intercepts make true at the maximum
