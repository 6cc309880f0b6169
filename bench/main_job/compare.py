"""compare.py DATA EXPECTED ANSWER: are two runs of the main job the same but for the forests' random numbers? See problem.toml, tolerance."""
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd

from pandas_alpha158 import alpha158
from walk_forward import read_bars

RELATIVE, ABSOLUTE, CELLS, RMSE, CORRELATION = 1e-4, 1e-5, 1e-4, 0.02, 0.6


def share_of_features_that_differ(universe, data):
    """hayate's features against those computed by pandas."""
    out = pathlib.Path(data, "features.parquet")
    if not out.exists():
        bars = pathlib.Path(data, "bars_of_peers.parquet")
        pd.concat(universe.values()).to_parquet(bars, index=False)
        subprocess.run(["build/release/hayate", "features", "--input", bars, "--set", "alpha158", "--output", out, "--quiet"], check=True)
    ours = pd.read_parquet(out)
    theirs = pd.concat([alpha158(universe[str(symbol)]) for symbol in ours.symbol.astype(str).unique()], ignore_index=True)
    assert list(ours.columns[2:]) == list(theirs.columns) and len(ours) == len(theirs), "other features or rows"
    a, b = ours[theirs.columns].to_numpy(float), theirs.to_numpy(float)
    return 1 - np.isclose(a, b, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True).mean()


def read(folder):
    predictions = pd.read_parquet(f"{folder}/predictions.parquet").dropna(subset=["label"])
    return predictions.assign(symbol=predictions.symbol.astype(str), date=pd.to_datetime(predictions.date))


def main(data, expected, answer):
    universe = read_bars(f"{data}/bars.parquet")   # the symbols that the peers do
    if (cells := share_of_features_that_differ(universe, data)) > CELLS:
        return False, f"{cells:.2%} of the features differ"
    a, b = (own[own.symbol.isin(universe)] for own in (read(expected), read(answer)))
    both = a.merge(b, on=["symbol", "date"])
    if not len(both) == len(a) == len(b) or not len(both):
        return False, f"rows differ: {len(a)}, {len(b)}, in both {len(both)}"
    if not np.allclose(both.label_x, both.label_y, rtol=1e-5, atol=1e-7):
        return False, "labels differ"
    own = both.groupby("symbol")
    rmse = [np.sqrt(own.apply(lambda rows: ((rows[p] - rows.label_x) ** 2).mean(), include_groups=False)).mean() for p in ("prediction_x", "prediction_y")]
    correlation = own.apply(lambda rows: rows.prediction_x.corr(rows.prediction_y), include_groups=False).mean()
    same = abs(rmse[1] / rmse[0] - 1) <= RMSE and correlation >= CORRELATION
    return same, f"RMSE {rmse[1]:.5f}" + (f", correlation with hayate's {correlation:.2f}" if expected != answer else "")


same, text = main(*sys.argv[1:4])
print(text)
sys.exit(not same)
