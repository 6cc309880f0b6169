"""The search with Optuna: each trial grows its forest by warm start and reports out-of-bag accuracy to a successive halving pruner."""
import json
import pathlib
import sys
import warnings

import optuna
import pandas as pd
import sklearn
from sklearn.ensemble import RandomForestClassifier

data, answer, threads, _ = sys.argv[1:5]
table = pd.read_parquet(f"{data}/train.parquet")
x, y = table.drop(columns="y").to_numpy(), table["y"].to_numpy()
warnings.filterwarnings("ignore", message="Some inputs do not have OOB scores")
optuna.logging.set_verbosity(optuna.logging.WARNING)


def objective(trial):
    trees, depth = trial.suggest_categorical("num_trees", [50, 100, 200]), trial.suggest_categorical("max_depth", [5, 10, 15])
    forest = RandomForestClassifier(max_depth=depth, oob_score=True, warm_start=True, random_state=0, n_jobs=int(threads))
    for step in (10, 20, 40, 80, 100):
        forest.set_params(n_estimators=trees * step // 100).fit(x, y)
        trial.report(forest.oob_score_, step)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return forest.oob_score_


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1),
                            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=10, reduction_factor=2))
study.optimize(objective, n_trials=20)
pathlib.Path(answer, "best.json").write_text(json.dumps(study.best_params))
print(json.dumps({"version": f"{optuna.__version__}, scikit-learn {sklearn.__version__}"}))
