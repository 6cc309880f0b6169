"""compare.py DATA EXPECTED ANSWER: is what was found as good on other rows? See problem.toml, tolerance."""
import json
import pathlib
import sys

import pandas as pd
from sklearn.ensemble import RandomForestClassifier

TOLERANCE = 0.01


def main(data, expected, answer):
    train, test = (pd.read_parquet(f"{data}/{name}.parquet") for name in ("train", "test"))

    def accuracy(folder):
        best = json.loads(pathlib.Path(folder, "best.json").read_text())
        forest = RandomForestClassifier(best["num_trees"], max_depth=best["max_depth"], random_state=0, n_jobs=2).fit(train.drop(columns="y").to_numpy(), train["y"])
        return forest.score(test.drop(columns="y").to_numpy(), test["y"]), best

    (reference, _), (own, best) = accuracy(expected), accuracy(answer)
    return own >= reference - TOLERANCE, f"accuracy {own:.4f} with {best['num_trees']} trees of depth {best['max_depth']}"


same, text = main(*sys.argv[1:4])
print(text)
sys.exit(not same)
