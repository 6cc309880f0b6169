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
    assert {r["feature"] for r in gain[:3]} == {"f0", "f1", "f2"} and all(r["std"] is None for r in gain)
    said = [hayate("importance", "--model", model, "--method", "permutation", "--input", tmp_path / "table.parquet", "--label", "two",
                   "--repeats", "3", "--seed", "4", "--plot", tmp_path / "p.svg", "--workers", w, "--json").stdout for w in (1, 3)]
    assert said[0] == said[1]
    assert {r["feature"] for r in json.loads(said[0])["importance"][:3]} == {"f0", "f1", "f2"}
    assert all(r["std"] >= 0 for r in json.loads(said[0])["importance"]) and json.loads(said[0])["importance"][0]["std"] > 0
    assert (tmp_path / "p.svg").read_text().count("<rect") > len(FEATURES)


def test_what_cannot_be_done_is_said(hayate, table, trained, tmp_path):
    model, _ = trained("two")
    assert "--input" in hayate("importance", "--model", model, "--method", "shap", exit=2).stderr
    given = ("--input", tmp_path / "table.parquet")
    for method, flags in (("gain", (*given, "--metric", "rmse")), ("permutation", (*given, "--label", "two", "--output", tmp_path / "rows.csv")), ("shap", (*given, "--pair")),
                          ("shap", (*given, "--metric", "roc_auc"))):
        said = hayate("importance", "--model", model, "--method", method, *flags, exit=2).stderr
        assert f"{method} has no use for --" in said and "--method" in said.split("try:")[1]
    assert "the table is not read" in hayate("importance", "--model", model, *given).stderr
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
    said = hayate("export", "--model", tmp_path / "m.hyt", "--to", to, "--output", tmp_path / "m.out").stderr
    assert ("3.5 is 3 there" in said) == (to == "lightgbm")
    x = frame[["town", "x"]].to_numpy(np.float32)
    if to == "onnx":
        onnxruntime = pytest.importorskip("onnxruntime")
        theirs = onnxruntime.InferenceSession(str(tmp_path / "m.out")).run(["probabilities"], {"input": x})[0][:, 1]
    else:
        lightgbm = pytest.importorskip("lightgbm")
        theirs = lightgbm.Booster(model_file=tmp_path / "m.out").predict(x.astype(np.float64))
    assert np.abs(theirs - ours).max() < 1e-6


@pytest.mark.parametrize("to", ["onnx", "lightgbm"])
def test_the_numbers_of_texts_are_said(hayate, tmp_path, to):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"town": rng.choice(["Osaka", "Kobe", "Nara"], 1500), "x": rng.normal(size=1500).astype(np.float32)})
    frame["y"] = ((frame["town"] == "Kobe") ^ (frame["x"] > 1)).astype(int)
    frame.to_parquet(tmp_path / "t.parquet")
    hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--learner", "boosting", "--params", "num_trees=20,categorical=town", "--model", tmp_path / "m.hyt")
    said = hayate("export", "--model", tmp_path / "m.hyt", "--to", to, "--output", tmp_path / "m.out").stderr
    assert "town (Kobe 0, Nara 1, Osaka 2)" in said
    frame.loc[::9, "town"] = "Tokyo"
    frame.to_parquet(tmp_path / "t.parquet")
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.parquet", "--output", tmp_path / "p.parquet")
    x = np.column_stack([frame["town"].map({"Kobe": 0, "Nara": 1, "Osaka": 2, "Tokyo": 9}), frame["x"]]).astype(np.float32)
    if to == "onnx":
        theirs = pytest.importorskip("onnxruntime").InferenceSession(str(tmp_path / "m.out")).run(["probabilities"], {"input": x})[0][:, 1]
    else:
        theirs = pytest.importorskip("lightgbm").Booster(model_file=tmp_path / "m.out").predict(x.astype(np.float64))
    assert np.abs(theirs - pd.read_parquet(tmp_path / "p.parquet")["probability_1"]).max() < 1e-6


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


# What is no category: unknown, negative, with digits behind the point, above all that bits are kept for.
STRANGE = np.array([-1, -2, -0.5, -0.999, -0.0, 0.5, 1.5, 3.25, 39.5, 71, 499.5, 500, 531, 564, 1e6, 2**24 + 2, 1e9], np.float32)


@pytest.fixture
def categories():
    """3,000 rows: a town of 500 and one of 7 among two numbers, missing values; labels; and the same rows with strange towns."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame({"town": rng.integers(0, 500, 3000), "kind": rng.integers(0, 7, 3000), "x": rng.normal(size=3000),
                          "z": rng.normal(size=3000)}).astype(np.float32)
    signal = rng.normal(size=500)[frame["town"].astype(int)] + np.isin(frame["kind"], [0, 3]) * frame["x"] + 0.3 * frame["z"]
    for column in frame:
        frame.loc[rng.random(3000) < 0.07, column] = np.nan
    strange = frame.copy()
    for column in ("town", "kind"):
        rows = rng.random(3000) < 0.2
        strange.loc[rows, column] = rng.choice(STRANGE, rows.sum())
    return frame, {"number": signal, "two": (signal > 0).astype(int), "three": np.digitize(signal, [-0.5, 0.5])}, strange


def imported(hayate, tmp_path, frame, source, path, label):
    """Predictions of the peer's model as hayate has it."""
    hayate("import", "--from", source, "--input", path, "--model", tmp_path / "m.hyt")
    frame.to_parquet(tmp_path / "rows.parquet")
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "rows.parquet", "--output", tmp_path / "p.parquet")
    out = pd.read_parquet(tmp_path / "p.parquet")
    return out["prediction"].to_numpy() if label == "number" else out["probability_1"].to_numpy() if label == "two" else out.filter(like="probability_").to_numpy()


def onnx_answers(hayate, tmp_path, frame, label):
    onnxruntime = pytest.importorskip("onnxruntime")
    hayate("export", "--model", tmp_path / "m.hyt", "--to", "onnx", "--output", tmp_path / "m.onnx")
    name = "prediction" if label == "number" else "probabilities"
    out = onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).run([name], {"input": frame.to_numpy(np.float32)})[0]
    return out[:, 0] if label == "number" else out[:, 1] if label == "two" else out


@pytest.mark.parametrize("label,objective", [("number", "regression"), ("two", "binary"), ("three", "multiclass")])
def test_lightgbm_categories_are_read(hayate, categories, tmp_path, label, objective):
    lightgbm = pytest.importorskip("lightgbm")
    frame, labels, strange = categories
    params = {"objective": objective, "verbose": -1, "num_leaves": 15, "num_threads": 1, "min_data_per_group": 5, "cat_smooth": 1, "max_cat_threshold": 200,
              **({"num_class": 3} if label == "three" else {})}
    booster = lightgbm.train(params, lightgbm.Dataset(frame, labels[label], categorical_feature=["town", "kind"]), 20)
    booster.save_model(tmp_path / "m.txt")
    theirs = booster.predict(strange.to_numpy(np.float64))
    ours = imported(hayate, tmp_path, strange, "lightgbm", tmp_path / "m.txt", label)
    assert np.abs(ours - theirs).max() < 1e-12
    assert np.abs(onnx_answers(hayate, tmp_path, strange, label) - ours).max() < 1e-6
    hayate("export", "--model", tmp_path / "m.hyt", "--to", "lightgbm", "--output", tmp_path / "back.txt")
    assert np.abs(lightgbm.Booster(model_file=tmp_path / "back.txt").predict(strange.to_numpy(np.float64)) - ours).max() < 1e-12


@pytest.mark.parametrize("most_one_hot", [4, 1000])
@pytest.mark.parametrize("label,objective", [("number", "reg:squarederror"), ("two", "binary:logistic"), ("three", "multi:softprob")])
def test_xgboost_categories_are_read(hayate, categories, tmp_path, label, objective, most_one_hot):
    """Sets of categories, and one against the others."""
    xgboost = pytest.importorskip("xgboost")
    frame, labels, strange = categories
    rows = lambda x, *y: xgboost.DMatrix(x.to_numpy(), *y, feature_names=list(x), feature_types=["c", "c", "q", "q"], enable_categorical=True)
    params = {"objective": objective, "max_depth": 5, "nthread": 1, "max_cat_to_onehot": most_one_hot, **({"num_class": 3} if label == "three" else {})}
    booster = xgboost.train(params, rows(frame, labels[label]), 15)
    booster.save_model(tmp_path / "m.json")
    ours, theirs = imported(hayate, tmp_path, strange, "xgboost", tmp_path / "m.json", label), booster.predict(rows(strange))
    assert np.abs(ours - theirs).max() < 2e-6
    assert np.abs(onnx_answers(hayate, tmp_path, strange, label) - ours).max() < 1e-6


@pytest.mark.parametrize("source", ["lightgbm", "xgboost"])
def test_pandas_categories_are_found_by_name(hayate, tmp_path, source):
    """Both keep what pandas called the categories: a table of texts is predicted as the data frame is."""
    peer = pytest.importorskip(source)
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"x": rng.normal(size=2000).astype(np.float32), "town": rng.choice(["Ōsaka" if source == "lightgbm" else "Osaka", "b c", "d,e", "f:g", "h"], 2000),
                          "size": rng.choice([10, 20, 30, -5], 2000)})
    y = frame["x"] + frame["town"].isin(["b c", "h"]) + 2 * (frame["size"] == 20)
    known = {column: pd.CategoricalDtype(sorted(frame[column].unique())) for column in ("town", "size")}
    as_known = lambda x: pd.DataFrame({c: pd.Categorical(x[c].where(x[c].isin(known[c].categories)), dtype=known[c]) if c in known else x[c] for c in x})
    if source == "lightgbm":
        booster = peer.train({"verbose": -1, "num_threads": 1}, peer.Dataset(as_known(frame), y), 10)
        booster.save_model(tmp_path / "m.txt")
        frame.loc[::9, "town"], frame.loc[::7, "size"] = "nobody", 77
        theirs = booster.predict(as_known(frame))
    else:
        booster = peer.train({"nthread": 1}, peer.DMatrix(as_known(frame), y, enable_categorical=True), 10)
        booster.save_model(tmp_path / "m.json")
        (tmp_path / "m.json").replace(tmp_path / "m.txt")
        frame.loc[::9, "town"] = None
        theirs = booster.predict(peer.DMatrix(as_known(frame), enable_categorical=True))
    assert np.abs(imported(hayate, tmp_path, frame, source, tmp_path / "m.txt", "number") - theirs).max() < 2e-6
    frame["town"] = 1.0  # a number for a text
    frame.to_parquet(tmp_path / "rows.parquet")
    said = hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "rows.parquet", "--output", tmp_path / "p.parquet", exit=1).stderr
    assert "'town'" in said and "categories such as" in said


def test_xgboost_dart_and_two_classes_with_two_scores_are_read(hayate, table, trained, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    rows = xgboost.DMatrix(table[FEATURES], table["two"])
    for params in ({"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.4}, {"objective": "multi:softprob", "num_class": 2}):
        booster = xgboost.train({"max_depth": 4, "nthread": 1, **params}, rows, 15)
        booster.save_model(tmp_path / "m.json")
        hayate("import", "--from", "xgboost", "--input", tmp_path / "m.json", "--model", tmp_path / "m.hyt")
        theirs = booster.predict(xgboost.DMatrix(table[FEATURES]))
        assert np.abs(trained.predicted(tmp_path / "m.hyt", "two")[:, 1] - (theirs if theirs.ndim == 1 else theirs[:, 1])).max() < 2e-6


def test_lightgbm_two_classes_with_two_scores_are_read(hayate, table, trained, tmp_path):
    lightgbm = pytest.importorskip("lightgbm")
    booster = lightgbm.train({"objective": "multiclass", "num_class": 2, "verbose": -1, "num_threads": 1}, lightgbm.Dataset(table[FEATURES], table["two"]), 15)
    booster.save_model(tmp_path / "m.txt")
    hayate("import", "--from", "lightgbm", "--input", tmp_path / "m.txt", "--model", tmp_path / "m.hyt")
    assert np.abs(trained.predicted(tmp_path / "m.hyt", "two") - booster.predict(table[FEATURES].to_numpy(np.float64))).max() < 1e-12


def test_peers_models_that_are_no_sums_of_trees_are_refused_by_name(hayate, table, tmp_path):
    lightgbm, xgboost = pytest.importorskip("lightgbm"), pytest.importorskip("xgboost")
    rows, numbers = table[FEATURES].fillna(0), np.column_stack([table["number"], table["number"]])
    path = tmp_path / "m"

    def said(source):
        out = hayate("import", "--from", source, "--input", path, "--model", tmp_path / "m.hyt", exit=1).stderr
        assert not (tmp_path / "m.hyt").exists()
        return out

    for params, words in (({"linear_tree": True}, "linear_tree=false"), ({"zero_as_missing": True}, "zero_as_missing=false"),
                          ({"objective": "regression", "reg_sqrt": True}, "reg_sqrt")):
        lightgbm.train({"verbose": -1, "num_threads": 1, **params}, lightgbm.Dataset(rows, table["number"]), 3).save_model(path)
        assert words in said("lightgbm")
    for params, label, words in (({"booster": "gblinear"}, table["number"], "'gblinear'"), ({"multi_strategy": "multi_output_tree"}, numbers, "2 numbers a row"),
                                 ({"multi_strategy": "multi_output_tree", "objective": "multi:softprob", "num_class": 3},
                                  table["three"].astype("category").cat.codes, "one_output_per_tree"),
                                 ({"objective": "survival:cox"}, table["number"].abs(), "reg:squarederror")):
        xgboost.train({"nthread": 1, **params}, xgboost.DMatrix(rows, label), 3).save_model(tmp_path / "m.json")
        (tmp_path / "m.json").replace(path)
        assert words in said("xgboost")
    xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, table["number"]), 3).save_model(tmp_path / "m.ubj")
    (tmp_path / "m.ubj").replace(path)
    assert "model.json" in said("xgboost")


def test_splits_of_one_feature_behind_each_other_stay_apart_in_onnx(hayate, tmp_path):
    """onnxruntime takes two tests of categories in a row for one set."""
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"town": rng.integers(0, 16, 3000), "x": rng.normal(size=3000)}).astype(np.float32)
    frame["y"] = np.where(rng.random(3000) < 0.2, rng.integers(0, 4, 3000), (rng.integers(0, 4, 16)[frame["town"].astype(int)] + (frame["x"] > 0)) % 4)
    frame.to_parquet(tmp_path / "t.parquet")
    hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--learner", "forest", "--params", "num_trees=20,max_depth=8,categorical=town",
           "--model", tmp_path / "m.hyt")
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.parquet", "--output", tmp_path / "p.parquet")
    hayate("export", "--model", tmp_path / "m.hyt", "--to", "onnx", "--output", tmp_path / "m.onnx")
    theirs = onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).run(["probabilities"], {"input": frame[["town", "x"]].to_numpy()})[0]
    assert np.abs(theirs - pd.read_parquet(tmp_path / "p.parquet").filter(like="probability_")).max(axis=None) < 1e-6


def test_trees_behind_xgboosts_best_round_are_told(hayate, table, trained, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    noise = np.random.default_rng(3).permutation(table["number"])
    model = xgboost.XGBRegressor(n_estimators=100, learning_rate=0.8, early_stopping_rounds=5, n_jobs=1)
    model.fit(table[FEATURES], table["number"], eval_set=[(table[FEATURES], noise)], verbose=False)
    model.save_model(tmp_path / "m.json")
    said = hayate("import", "--from", "xgboost", "--input", tmp_path / "m.json", "--model", tmp_path / "m.hyt").stderr
    assert f"--num-trees {model.best_iteration + 1}\n" in said
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "table.parquet", "--num-trees", model.best_iteration + 1, "--output", tmp_path / "p.parquet")
    assert np.abs(pd.read_parquet(tmp_path / "p.parquet")["prediction"] - model.predict(table[FEATURES])).max() < 5e-6


@pytest.mark.parametrize("params", ["num_trees=20", "num_trees=20,bins=exact"])
def test_lightgbm_takes_numbers_close_to_a_threshold_as_here(hayate, table, trained, tmp_path, params):
    """Doubles that float32 takes for the threshold itself."""
    lightgbm = pytest.importorskip("lightgbm")
    model, _ = trained("number", params=params)
    hayate("export", "--model", model, "--to", "lightgbm", "--output", tmp_path / "m.txt")
    booster = lightgbm.Booster(model_file=str(tmp_path / "m.txt"))
    cuts = booster.trees_to_dataframe()["threshold"].dropna()
    cuts = cuts[np.abs(cuts) < 1e30].to_numpy().astype(np.float32).astype(float)
    rng = np.random.default_rng(1)
    rows = rng.choice(cuts, (4000, len(FEATURES)))
    for side in (-np.inf, np.inf):
        near = np.nextafter(rows, side)
        rows = np.where(rng.random(rows.shape) < 0.3, near, rows)
        half = (rows + np.nextafter(rows.astype(np.float32), np.float32(side)).astype(float)) / 2
        rows = np.where(rng.random(rows.shape) < 0.3, np.nextafter(half, rng.choice([-9.0, 9.0], rows.shape)), rows)
    pd.DataFrame(rows, columns=FEATURES).to_parquet(tmp_path / "near.parquet")
    hayate("predict", "--model", model, "--input", tmp_path / "near.parquet", "--output", tmp_path / "p.parquet")
    assert np.abs(pd.read_parquet(tmp_path / "p.parquet")["prediction"] - booster.predict(rows)).max() < 1e-12
