"""`hayate evaluate` against scikit-learn: averages over classes and pairs, weights, intervals."""
import json

import numpy as np
import pandas as pd
import pytest

metrics = pytest.importorskip("sklearn.metrics")


def table(classes, rows=400, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.choice(len(classes), rows, p=np.arange(1, len(classes) + 1) / sum(range(1, len(classes) + 1)))
    p = rng.dirichlet(np.ones(len(classes)), rows) + 0.4 * np.eye(len(classes))[label]
    p = np.round(p / p.sum(axis=1, keepdims=True), 2)   # with ties
    p[:, -1] = 1 - p[:, :-1].sum(axis=1)
    names = np.array(classes)
    frame = pd.DataFrame({"y": names[label], "prediction": names[p.argmax(axis=1)], "w": rng.integers(1, 5, rows).astype(float)})
    return frame.assign(**{f"probability_{name}": p[:, k] for k, name in enumerate(classes)}), label, p


def evaluated(hayate, frame, tmp_path, *flags):
    frame.to_parquet(tmp_path / "t.parquet")
    return json.loads(hayate("evaluate", "--input", tmp_path / "t.parquet", "--label", "y", "--json", *flags).stdout)


@pytest.mark.parametrize("classes", [["no", "yes"], ["a", "b", "c"], ["0", "1", "2", "3", "4"]])
@pytest.mark.parametrize("weights", [False, True])
def test_averages_equal_scikit_learn(hayate, tmp_path, classes, weights):
    frame, label, p = table(classes)
    out = evaluated(hayate, frame, tmp_path, *(["--weight", "w"] if weights else []))
    ours, w = out["metrics"], frame["w"].to_numpy() if weights else None
    predicted = p.argmax(axis=1)
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        assert ours[f"{name}_weighted"] == pytest.approx(score(label, predicted, average="weighted", sample_weight=w, zero_division=0), abs=1e-9)
    auc = lambda **how: metrics.roc_auc_score(label, p[:, 1] if len(classes) == 2 else p, **how)
    assert ours["roc_auc"] == pytest.approx(auc(multi_class="ovr", average="macro", sample_weight=w), abs=1e-9)
    assert ours["roc_auc_ovr_weighted"] == pytest.approx(auc(multi_class="ovr", average="weighted", sample_weight=w), abs=1e-9)
    for name, average in (("roc_auc_ovo", "macro"), ("roc_auc_ovo_weighted", "weighted")):
        if weights and len(classes) > 2:   # scikit-learn refuses
            assert ours[name] is None and "weights" in out["conventions"][name]
        else:
            assert ours[name] == pytest.approx(auc(multi_class="ovo", average=average, sample_weight=w), abs=1e-9)
    assert np.allclose(ours["confusion_matrix"], metrics.confusion_matrix(label, predicted, sample_weight=w))


def test_intervals_hold_the_metric_and_narrow_with_rows(hayate, tmp_path):
    widths = []
    for rows in (200, 3200):
        out = evaluated(hayate, table(["a", "b", "c"], rows)[0], tmp_path, "--bootstrap", "400")
        assert out["resamples"] == 400 and "confusion_matrix" not in out["intervals"]
        for name, interval in out["intervals"].items():
            assert interval[0] <= out["metrics"][name] <= interval[1], name
        widths.append(np.subtract(*out["intervals"]["accuracy"][::-1]))
    assert widths[1] == pytest.approx(widths[0] / 4, rel=0.25)
    accuracy = out["metrics"]["accuracy"]
    assert widths[1] == pytest.approx(2 * 1.96 * np.sqrt(accuracy * (1 - accuracy) / 3200), rel=0.15)
    said = hayate("evaluate", "--input", tmp_path / "t.parquet", "--label", "y", "--bootstrap", "100").stdout
    assert "accuracy" in said and "[0." in said


@pytest.mark.parametrize("label, names", [([True, False, True], ["True", "False"]), ([1.0, 0.0, 1.0], ["1.0", "0.0"]), ([1, 0, 1], ["1", "sum"]), ([1, 0, 1], ["True", "other"])])
def test_probabilities_are_found_as_pandas_spells_them(hayate, tmp_path, label, names):
    """Two classes stay two: a name that is spelt otherwise, or is none, does not make a third one, which would turn precision into a mean of three."""
    frame = pd.DataFrame({"y": label, "prediction": label, f"probability_{names[0]}": [0.8, 0.3, 0.6], f"probability_{names[1]}": [0.2, 0.7, 0.4]})
    frame.loc[2, "prediction"] = frame["y"][1]
    out = evaluated(hayate, frame, tmp_path, "--problem", "classification")["metrics"]
    assert np.shape(out["confusion_matrix"]) == (2, 2) and out["precision"] == 1 and out["recall"] == 0.5 and out["roc_auc"] == 1
    assert out["brier"] == pytest.approx(np.mean([0.2 ** 2, 0.3 ** 2, 0.4 ** 2]))


def test_text_classes_keep_their_names(hayate, tmp_path):
    frame = pd.DataFrame({"y": ["1.0", "True", "1.0"], "prediction": ["1.0", "True", "True"], "probability_1.0": [0.8, 0.3, 0.4], "probability_True": [0.2, 0.7, 0.6]})
    out = evaluated(hayate, frame, tmp_path)["metrics"]
    assert np.shape(out["confusion_matrix"]) == (2, 2) and out["accuracy"] == pytest.approx(2 / 3) and out["roc_auc"] == 1


def test_classes_written_as_floats_are_classes_where_probabilities_name_them(hayate, tmp_path):
    """An integer label with missing values is float64 in pandas; so is what a model of classes predicts for it."""
    rng = np.random.default_rng(2)
    p = rng.random(400)
    table = pd.DataFrame({"y": (rng.random(400) < p).astype(float), "prediction": (p > 0.5).astype(int), "probability_0": 1 - p, "probability_1": p})
    table.loc[::7, "y"] = np.nan

    def metrics(rows):
        rows.to_csv(tmp_path / "p.csv", index=False)
        return json.loads(hayate("evaluate", "--input", tmp_path / "p.csv", "--label", "y", "--json").stdout)

    assert "roc_auc" in str(metrics(table)) and "rmse" not in str(metrics(table))
    for other in (table.assign(y=rng.normal(size=400)), table.assign(prediction=p), table.drop(columns="probability_0")):
        assert "rmse" in str(metrics(other)) and "roc_auc" not in str(metrics(other))


@pytest.mark.parametrize("first", [2**53, -2**62, 2**63])
def test_huge_integers_are_classes_of_their_own(hayate, tmp_path, first):
    """Ids that lie together far beyond what a double tells apart, from the label to the prediction and its metrics."""
    rng = np.random.default_rng(6)
    code = rng.integers(0, 3, 900)
    label = np.array([first + int(c) for c in code], dtype=np.uint64 if first > 2**62 else np.int64)
    pd.DataFrame({"x": code + 0.05 * rng.normal(size=900), "y": label}).to_parquet(tmp_path / "t.parquet")
    done = hayate("train", "--input", tmp_path / "t.parquet", "--label", "y", "--learner", "forest", "--params", "num_trees=10", "--model", tmp_path / "m.hyt")
    assert "3 different integers" in done.stderr
    hayate("predict", "--model", tmp_path / "m.hyt", "--input", tmp_path / "t.parquet", "--output", tmp_path / "p.parquet")
    said = pd.read_parquet(tmp_path / "p.parquet")
    assert (said["prediction"].astype(str) == pd.Series(label).astype(str)).mean() > 0.95
    assert {f"probability_{first + k}" for k in range(3)} <= set(said.columns)
    found = json.loads(hayate("evaluate", "--input", tmp_path / "p.parquet", "--label", "y", "--json").stdout)
    assert found.get("metrics", found)["accuracy"] > 0.95 and "roc_auc" in str(found)
