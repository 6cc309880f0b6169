"""Exported models in the programs they are for, and their models here: LightGBM, XGBoost and onnxruntime themselves."""
import json

import numpy as np
import pandas as pd
import pytest

FEATURES = [f"f{i}" for i in range(6)]


@pytest.fixture
def table(tmp_path):
    """2,000 rows with missing values: a number, two classes, three classes by name, and their files' folder."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, len(FEATURES))).astype(np.float32)
    signal = x[:, 0] * x[:, 1] + x[:, 2] + 0.3 * rng.normal(size=len(x))
    x[rng.random(x.shape) < 0.1] = np.nan
    frame = pd.DataFrame(x, columns=FEATURES)
    frame["number"] = signal
    frame["two"] = (signal > 0).astype(np.int64)
    frame["three"] = np.array(["low", "mid", "high"])[np.digitize(signal, [-0.5, 0.5])]
    frame.to_parquet(tmp_path / "table.parquet")
    return frame


@pytest.fixture
def trained(hayate, table, tmp_path):
    """trained(label, learner, params): the model file and its predictions (the classes' probabilities) of the table."""

    def train(label, learner="forest", params="num_trees=30,max_depth=6"):
        model = tmp_path / f"{learner}_{label}.hyt"
        hayate("train", "--input", tmp_path / "table.parquet", "--label", label, "--features", ",".join(FEATURES), "--learner", learner,
               "--params", params, "--model", model)
        return model, predicted(model, label)

    def predicted(model, label):
        hayate("predict", "--model", model, "--input", tmp_path / "table.parquet", "--output", tmp_path / "predicted.parquet")
        out = pd.read_parquet(tmp_path / "predicted.parquet")
        return out[["prediction"]].to_numpy() if label == "number" else out.filter(like="probability_").to_numpy()

    train.predicted = predicted
    return train


@pytest.mark.parametrize("label", ["number", "two", "three"])
def test_onnxruntime_predicts_the_same(hayate, table, trained, tmp_path, label):
    onnxruntime = pytest.importorskip("onnxruntime")
    model, ours = trained(label)
    hayate("export", "--model", model, "--to", "onnx", "--output", tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    assert [(i.name, i.shape[1]) for i in session.get_inputs()] == [("input", len(FEATURES))]
    out = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"input": table[FEATURES].to_numpy(np.float32)})))
    assert np.abs(out["prediction" if label == "number" else "probabilities"] - ours).max() < 1e-6
    if label != "number":
        classes = [0, 1] if label == "two" else ["high", "low", "mid"]
        certain = np.sort(ours)[:, -1] - np.sort(ours)[:, -2] > 1e-5
        assert (out["label"] == np.array(classes)[ours.argmax(axis=1)])[certain].all()


@pytest.mark.parametrize("label", ["number", "two", "three"])
def test_lightgbm_predicts_the_same(hayate, table, trained, tmp_path, label):
    lightgbm = pytest.importorskip("lightgbm")
    model, ours = trained(label)
    hayate("export", "--model", model, "--to", "lightgbm", "--output", tmp_path / "m.txt")
    theirs = lightgbm.Booster(model_file=str(tmp_path / "m.txt")).predict(table[FEATURES].to_numpy(np.float64))
    if label == "two":
        theirs = np.column_stack([1 - theirs, theirs])
    assert np.abs(theirs.reshape(ours.shape) - ours).max() < 1e-12


@pytest.mark.parametrize("label", ["number", "two", "three"])
def test_shap_values_equal_lightgbms(hayate, table, trained, tmp_path, label):
    lightgbm = pytest.importorskip("lightgbm")
    model, ours = trained(label, params="num_trees=10,max_depth=5")
    hayate("export", "--model", model, "--to", "lightgbm", "--output", tmp_path / "m.txt")
    theirs = lightgbm.Booster(model_file=str(tmp_path / "m.txt")).predict(table[FEATURES].to_numpy(np.float64)[:300], pred_contrib=True)
    out = json.loads(hayate("importance", "--model", model, "--method", "shap", "--input", tmp_path / "table.parquet", "--output",
                            tmp_path / "shap.parquet", "--json").stdout)
    shap = pd.read_parquet(tmp_path / "shap.parquet").to_numpy()
    # LightGBM adds up the trees of a mean; we average them.
    assert np.abs(theirs / 10 - shap[:300]).max() < 1e-6
    explained = ours if label == "three" else ours[:, -1:]
    parts = shap.reshape(len(shap), explained.shape[1], len(FEATURES) + 1)
    assert np.abs(parts.sum(axis=2) - explained).max() < 1e-12
    mean = np.abs(parts[:, :, :-1]).mean(axis=0).sum(axis=0)
    assert {r["feature"]: r["importance"] for r in out["importance"]} == pytest.approx(dict(zip(FEATURES, mean)))


@pytest.mark.parametrize("label,objective", [("number", "regression"), ("number", "poisson"), ("two", "binary"), ("three", "multiclass")])
@pytest.mark.parametrize("missing", [True, False])
def test_lightgbm_models_are_read(hayate, table, trained, tmp_path, label, objective, missing):
    lightgbm = pytest.importorskip("lightgbm")
    rows = table if missing else table.fillna(0.25)
    y = rows[label].astype("category").cat.codes if label == "three" else np.abs(rows[label]) if objective == "poisson" else rows[label]
    params = {"objective": objective, "verbose": -1, "num_leaves": 15, "num_threads": 1, "sigmoid": 0.7, **({"num_class": 3} if label == "three" else {})}
    booster = lightgbm.train(params, lightgbm.Dataset(rows[FEATURES], y), 20)
    booster.save_model(tmp_path / "m.txt")
    hayate("import", "--from", "lightgbm", "--input", tmp_path / "m.txt", "--model", tmp_path / "m.hyt")
    ours, theirs = trained.predicted(tmp_path / "m.hyt", label), booster.predict(table[FEATURES].to_numpy(np.float64))
    if label == "two":
        theirs = np.column_stack([1 - theirs, theirs])
    assert np.abs(ours - theirs.reshape(ours.shape)).max() < 1e-9


@pytest.mark.parametrize("label,objective", [("number", "reg:squarederror"), ("two", "binary:logistic"), ("three", "multi:softprob")])
def test_xgboost_models_are_read(hayate, table, trained, tmp_path, label, objective):
    xgboost = pytest.importorskip("xgboost")
    y = table[label].astype("category").cat.codes if label == "three" else table[label]
    params = {"objective": objective, "max_depth": 4, "nthread": 1, "tree_method": "exact", **({"num_class": 3} if label == "three" else {})}
    booster = xgboost.train(params, xgboost.DMatrix(table[FEATURES], y), 15)
    booster.save_model(tmp_path / "m.json")
    hayate("import", "--from", "xgboost", "--input", tmp_path / "m.json", "--model", tmp_path / "m.hyt")
    ours, theirs = trained.predicted(tmp_path / "m.hyt", label), booster.predict(xgboost.DMatrix(table[FEATURES]))
    if label == "two":
        theirs = np.column_stack([1 - theirs, theirs])
    assert np.abs(ours - theirs.reshape(ours.shape)).max() < 5e-6


def test_importance_finds_what_matters(hayate, table, trained, tmp_path):
    model, _ = trained("two", params="num_trees=100,max_depth=8")
    gain = json.loads(hayate("importance", "--model", model, "--json").stdout)["importance"]
    assert sum(r["importance"] for r in gain) == pytest.approx(1, abs=1e-9)
    assert {r["feature"] for r in gain[:3]} == {"f0", "f1", "f2"}
    said = [hayate("importance", "--model", model, "--method", "permutation", "--input", tmp_path / "table.parquet", "--label", "two",
                   "--repeats", "3", "--seed", "4", "--plot", tmp_path / "p.svg", "--workers", w, "--json").stdout for w in (1, 3)]
    assert said[0] == said[1]
    assert {r["feature"] for r in json.loads(said[0])["importance"][:3]} == {"f0", "f1", "f2"}
    assert (tmp_path / "p.svg").read_text().count("<rect") > len(FEATURES)


def test_what_cannot_be_done_is_said(hayate, table, trained, tmp_path):
    model, _ = trained("two")
    assert "--input" in hayate("importance", "--model", model, "--method", "shap", exit=2).stderr
    assert "roc_auc" in hayate("importance", "--model", model, "--method", "permutation", "--input", tmp_path / "table.parquet", "--label", "two",
                               "--metric", "roc_uac", exit=2).stderr
    (tmp_path / "no.txt").write_text("tree\nfeature_names=a\n")
    said = hayate("import", "--from", "lightgbm", "--input", tmp_path / "no.txt", "--model", tmp_path / "no.hyt", exit=1).stderr
    assert "error:" in said and "at:" in said and "try:" in said and not (tmp_path / "no.hyt").exists()


@pytest.mark.parametrize("learner,params", [("forest", "num_trees=20,max_depth=6"), ("boosting", "num_trees=20,num_leaves=8,min_samples_leaf=5")])
@pytest.mark.parametrize("to", ["onnx", "lightgbm"])
def test_categories_are_exported(hayate, tmp_path, learner, params, to):
    """Sets of categories, unknown ones and missing ones among the rows, on either side."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"town": rng.integers(0, 40, 1500).astype(np.float32), "x": rng.normal(size=1500).astype(np.float32)})
    frame["y"] = (np.isin(frame["town"], [1, 3, 4, 17, 33, 38]) ^ (frame["x"] > 1)).astype(int)
    frame.loc[rng.random(1500) < 0.1, "town"] = np.nan
    frame.to_parquet(tmp_path / "t.parquet")
    hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--learner", learner, "--params", params + ",categorical=town", "--model", tmp_path / "m.hyt")
    frame.loc[::7, "town"] = 77   # nobody has seen it
    frame.to_parquet(tmp_path / "t.parquet")
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.parquet", "--output", tmp_path / "p.parquet")
    ours = pd.read_parquet(tmp_path / "p.parquet")["probability_1"].to_numpy()
    hayate("export", "--model", tmp_path / "m.hyt", "--to", to, "--output", tmp_path / "m.out")
    x = frame[["town", "x"]].to_numpy(np.float32)
    if to == "onnx":
        onnxruntime = pytest.importorskip("onnxruntime")
        theirs = onnxruntime.InferenceSession(str(tmp_path / "m.out")).run(["probabilities"], {"input": x})[0][:, 1]
    else:
        lightgbm = pytest.importorskip("lightgbm")
        theirs = lightgbm.Booster(model_file=tmp_path / "m.out").predict(x.astype(np.float64))
    assert np.abs(theirs - ours).max() < 1e-6


def test_a_blend_is_exported_to_onnx(hayate, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(8)
    x = rng.normal(size=(1200, 6)).astype(np.float32)
    for label, y in (("two", (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)), ("three", np.digitize(x[:, 0] + x[:, 1], [-1, 1])), ("number", x[:, 0] * x[:, 1])):
        pd.DataFrame(x, columns=FEATURES).assign(y=y).to_parquet(tmp_path / "t.parquet")
        done = hayate("automl", "--input", tmp_path / "t.parquet", "--label", "y", "--budget", "3s", "--model", tmp_path / "m.hyt", "--json")
        hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.parquet", "--output", tmp_path / "p.parquet")
        out = pd.read_parquet(tmp_path / "p.parquet")
        ours = out[["prediction"]].to_numpy() if label == "number" else out.filter(like="probability_").to_numpy()
        hayate("export", "--model", tmp_path / "m.hyt", "--to", "onnx", "--output", tmp_path / "m.onnx")
        name = "prediction" if label == "number" else "probabilities"
        assert np.abs(onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).run([name], {"input": x})[0] - ours).max() < 2e-6, done.stdout
