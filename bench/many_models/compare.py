"""compare.py DATA EXPECTED ANSWER: AUC over the rows of the symbols that all do. See problem.toml, tolerance."""
import sys

import pandas as pd

from forest.compare import auc

data, expected, answer = sys.argv[1:4]
symbols = pd.read_feather(f"{data}/train.arrow", columns=["symbol"]).symbol.unique()[::25]


def score(folder):
    truth = pd.read_feather(f"{data}/test.arrow", columns=["symbol", "y"])
    told = pd.read_parquet(f"{folder}/predictions.parquet")
    if len(told) < len(truth):
        truth = truth[truth.symbol.isin(symbols)]
    own = truth.assign(p=told.probability_1.to_numpy())
    own = own[own.symbol.isin(symbols)]
    return sum(auc(rows.p.to_numpy(), rows.y.to_numpy()) for _, rows in own.groupby("symbol")) / len(symbols)


want, got = score(expected), score(answer)
print(f"AUC {got:.4f}")
sys.exit(want - got > 0.01)
