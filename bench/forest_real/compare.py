"""compare.py DATA EXPECTED ANSWER: AUC or R2, mean over the seeds, held against that of EXPECTED. See problem.toml, tolerance."""
import json
import pathlib
import sys

import numpy as np

from forest.compare import auc

RESAMPLES = 100
data, expected, answer = map(pathlib.Path, sys.argv[1:4])


def score(p, y, classes):
    if classes == 0:
        return 1 - ((y - p[:, 0]) ** 2).mean() / y.var()
    if classes == 2:
        return auc(p[:, 0], y)
    return np.mean([auc(p[:, k], (y == k).astype(float)) for k in range(classes)])


worse = False
for folder in sorted(data.iterdir()):
    classes = json.loads((folder / "about.json").read_text())["classes"]
    y = np.fromfile(folder / "y.f32", "<f4")[np.fromfile(folder / "fold.f32", "<f4") >= 0]
    width = classes if classes > 2 else 1
    theirs, ours = (np.fromfile(answers / f"{folder.name}.f32", "<f4").reshape(-1, len(y), width) for answers in (expected, answer))
    want, got = (np.mean([score(p, y, classes) for p in seeds]) for seeds in (theirs, ours))
    random = np.random.default_rng(0)
    again = [random.integers(len(y), size=len(y)) for _ in range(RESAMPLES)]
    error = np.std([score(theirs[0][rows], y[rows], classes) for rows in again])
    worse |= want - got > error
    print(f"{folder.name}: {'AUC' if classes else 'R2'} {got:.4f} (standard error {error:.4f})")
sys.exit(int(worse))
