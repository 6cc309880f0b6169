"""peers.py DATA ANSWER THREADS REPEATS scikit-learn | lightgbm: forests of 100 trees on the sets of data.py, as bench/forest sets them."""
import json
import pathlib
import sys
import time

import lightgbm
import numpy as np
import sklearn
from sklearn import ensemble

from forest.cases import cpu_seconds

data, answer, threads, repeats, peer = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]


def scikit_learn(x, y, about, seed):
    kind = ensemble.RandomForestClassifier if about["classes"] else ensemble.RandomForestRegressor
    forest = kind(n_estimators=100, max_depth=about["depth"] or None, max_features="sqrt", random_state=seed, n_jobs=threads).fit(x, y)
    return forest.predict_proba if about["classes"] else lambda rows: forest.predict(rows)[:, None]


def light_gbm(x, y, about, seed):
    objective = {0: {"objective": "regression"}, 2: {"objective": "binary"}}.get(about["classes"], {"objective": "multiclass", "num_class": about["classes"]})
    params = objective | {"boosting": "rf", "num_leaves": 1024, "max_depth": about["depth"] or -1, "bagging_freq": 1, "bagging_fraction": 0.632,
                          "feature_fraction_bynode": x.shape[1] ** -0.5, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0, "max_bin": 255, "seed": seed,
                          "num_threads": threads, "force_col_wise": True, "verbose": -1}
    booster = lightgbm.train(params, lightgbm.Dataset(x, y), num_boost_round=100)
    return lambda rows: booster.predict(rows).reshape(len(rows), -1)


train = {"scikit-learn": scikit_learn, "lightgbm": light_gbm}[peer]
cases = {}
for folder in sorted(data.iterdir()):
    about = json.loads((folder / "about.json").read_text())
    x = np.ascontiguousarray(np.fromfile(folder / "x.f32", "<f4").reshape(about["features"], -1).T)
    y, fold = np.fromfile(folder / "y.f32", "<f4"), np.fromfile(folder / "fold.f32", "<f4")
    kept = about["classes"] if about["classes"] > 2 else 1
    walls, cpus, answers = [], [], []
    for seed in range(repeats):
        out = np.zeros((len(y), kept), "<f4")
        seconds = np.zeros(2)
        for number in range(int(fold.max()) + 1):
            begin = np.array([time.perf_counter(), cpu_seconds()])
            predict = train(x[fold != number], y[fold != number], about, seed)
            seconds += np.array([time.perf_counter(), cpu_seconds()]) - begin
            out[fold == number] = predict(x[fold == number])[:, -kept:]
        answers.append(out[fold >= 0])
        walls.append(seconds[0])
        cpus.append(seconds[1])
    np.array(answers, "<f4").tofile(answer / f"{folder.name}.f32")
    cases[folder.name] = {"wall_s": walls, "cpu_s": cpus}
print(json.dumps({"version": {"scikit-learn": sklearn, "lightgbm": lightgbm}[peer].__version__, "cases": cases}))
