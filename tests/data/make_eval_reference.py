"""Writes metrics_reference.txt and splits_reference.txt, the values that src/eval is tested against.

Usage: make_eval_reference.py METRICS.json SPLITS.json
The JSON files hold inputs and values of scikit-learn 1.9.1, scipy 1.17.1, pandas 3.1.1 and skfolio 1.12.2. Values that they
lack (several classes) are computed here with scikit-learn. One case per block of the output, one column or value a line.
"""
import json
import pathlib
import sys

import numpy as np
import sklearn.metrics as skm

HERE = pathlib.Path(__file__).parent
NAMES = {"accuracy_score": "accuracy", "balanced_accuracy_score": "balanced_accuracy", "matthews_corrcoef": "matthews_corrcoef",
         "cohen_kappa_score": "cohen_kappa", "roc_auc_score": "roc_auc", "average_precision_score": "average_precision", "log_loss": "log_loss",
         "brier_score_loss": "brier", "r2_score": "r2", "mean_absolute_error": "mae", "mean_squared_error": "mse",
         "root_mean_squared_error": "rmse", "mean_absolute_percentage_error": "mape", "median_absolute_error": "median_absolute_error",
         "explained_variance_score": "explained_variance", "root_mean_squared_log_error": "rmsle", "scipy.pearsonr": "pearson", "scipy.spearmanr": "spearman"}
AVERAGED = {"precision_score": "precision", "recall_score": "recall", "f1_score": "f1"}


def line(name, values):
    return " ".join([name, *(str(v) for v in np.ravel(values))])


def name_of(result, kind):
    """The metric's name here; None when scikit-learn's variant is not one of ours."""
    kwargs = result["kwargs"]
    if result["metric"] in AVERAGED:
        return AVERAGED[result["metric"]] if kwargs == {"average": "binary" if kind == "binary" else "macro"} else None
    if kwargs == {"multi_class": "ovr", "average": "macro"}:
        return "roc_auc"
    return NAMES.get(result["metric"]) if not kwargs else None


def value_of(result):
    value = result.get("value")
    return value if isinstance(value, (int, float)) else "undefined"


def curves(case, weighted):
    for result in case["results"]:
        if result["weighted"] == weighted and "curve" in result["metric"] and "one_class" not in case["name"] and "value" in result:
            first, second, thresholds = result["value"]
            names = ("roc_x", "roc_y", "roc_threshold") if result["metric"].startswith("roc") else ("pr_y", "pr_x", "pr_threshold")
            yield from (line(name, values) for name, values in zip(names, (first, second, thresholds)))


def metric_blocks(cases):
    for case in cases:
        data, kind = case["data"], case["kind"]
        if not data["y"] or "pred" not in data or case["name"] in ("regression_nan_y", "regression_negative_msle"):
            continue
        for weighted in sorted({r["weighted"] for r in case["results"]}):
            values = {name_of(r, kind): value_of(r) for r in case["results"] if r["weighted"] == weighted and name_of(r, kind)}
            weights = data["weight"] if weighted else None
            if kind == "multiclass" and "roc_auc" in values and values["roc_auc"] != "undefined":
                y, p = np.array(data["y"]), np.array(data["proba"])
                values["average_precision"] = skm.average_precision_score(np.eye(p.shape[1])[y], p, sample_weight=weights)
                values["brier"] = skm.brier_score_loss(y, p, sample_weight=weights)
            if case["name"].startswith(("binary_one_class", "multiclass_absent")):  # scikit-learn refuses log_loss unless it is told the classes
                scores = data["score"] if kind == "binary" else data["proba"]
                values["log_loss"] = skm.log_loss(data["y"], scores, labels=range(2 if kind == "binary" else len(scores[0])), sample_weight=weights)
            yield "\n".join([f"case {case['name']}{' weighted' if weighted else ''}", f"kind {kind}", line("label", data["y"]), line("prediction", data["pred"]),
                             *([line("probability_1", data["score"])] if "score" in data else []),
                             *([line(f"probability_{k}", np.array(data["proba"])[:, k]) for k in range(len(data["proba"][0]))] if "proba" in data else []),
                             *([line("weight", weights)] if weighted else []),
                             *(f"{name} {value}" for name, value in values.items()), *curves(case, weighted)])


def ic_block(ic):
    data, pearson, rank = ic["data"], ic["summary_pearson"], ic["summary_spearman"]
    days = sorted(set(data["date"]))
    return "\n".join(["case by_date", "kind by_date", line("date", [days.index(d) for d in data["date"]]), line("label", data["label"]), line("prediction", data["pred"]),
                      line("daily_ic", [d["pearson"] for d in ic["daily"]]), line("daily_rank_ic", [d["spearman"] for d in ic["daily"]]),
                      f"ic {pearson['mean']}", f"icir {pearson['icir_ddof1']}", f"rank_ic {rank['mean']}", f"rank_icir {rank['icir_ddof1']}"])


def ranges(indices):
    """[0, 1, 2, 5] -> 0-3 5-6, ends excluded; a list of lists is joined first."""
    flat = sorted(i for part in indices for i in part) if indices and isinstance(indices[0], list) else indices
    out = []
    for i in flat:
        if out and out[-1][1] == i:
            out[-1][1] = i + 1
        else:
            out.append([i, i + 1])
    return " ".join(f"{a}-{b}" for a, b in out)


def split_blocks(splits):
    for split in splits:
        params = split["params"]
        if split["class"] not in ("WalkForward", "CombinatorialPurgedCV") or "freq" in params or not split.get("folds"):
            continue
        yield "\n".join([f"split {split['class']} num_dates={split['n']} " + " ".join(f"{k}={int(v)}" for k, v in params.items()),
                         *(f"{ranges(f['train'])} | {ranges(f['test'])}" for f in split["folds"])])


metrics, splits = (json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:3])
note = "# Made by make_eval_reference.py with {}.\n\n"
(HERE / "metrics_reference.txt").write_text(note.format("scikit-learn 1.9.1, scipy 1.17.1, pandas 3.1.1") + "\n\n".join([*metric_blocks(metrics["cases"]), ic_block(metrics["ic"])]) + "\n")
(HERE / "splits_reference.txt").write_text(note.format("skfolio 1.12.2") + "\n\n".join(split_blocks(splits["splits"])) + "\n")
